"""A runner that takes another run: only after one that left nothing, and each of its runs ends by itself."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from attempts import Attempt, Desk, desk, notebook
from waiting import until

from workbench.execution.fence import is_held
from workbench.execution.nursery import Nursery
from workbench.model.run import RunState

__all__ = ["desk"]

SLEEP = "import time\nprint('sleeping', flush=True)\ntime.sleep(300)"
TELL = "import os\nprint(os.getpid(), 'x' in dir(), flush=True)"


@dataclass
class Line:
    """A nursery, and runs that are given to it one after the other."""

    desk: Desk
    nursery: Nursery

    def begin(self, attempt: Attempt, place: int | None = None) -> int:
        """Have it run; the process that does."""
        pid = self.nursery.run(attempt.folder, place)
        assert pid
        return pid

    def run(self, content: dict[str, Any], **changes: Any) -> tuple[Attempt, int]:
        """The same, to its end."""
        attempt = self.desk.write(content, **changes)
        pid = self.begin(attempt)
        attempt.result()
        return attempt, pid

    def two(self, one: dict[str, Any], other: dict[str, Any]) -> tuple[Attempt, Attempt, int]:
        """Two runs of one process, of which the second may not be over; its id. On a busy machine the first may have gone
        before it was given the second: then two others."""
        for _ in range(20):
            first, pid = self.run(one)
            second = self.desk.write(other)
            taker = self.begin(second)
            if taker == pid:
                return first, second, pid
            with contextlib.suppress(ProcessLookupError):
                os.kill(taker, signal.SIGKILL)
        raise AssertionError("no runner took a second run")


@pytest.fixture
def line(desk: Desk) -> Iterator[Line]:
    """A nursery that is gone after the test, with all its runners."""
    nursery = Nursery(desk.home)
    yield Line(desk, nursery)
    nursery.close()
    assert nursery.process
    assert nursery.process.wait(30) in {0, -signal.SIGKILL}


def test_a_runner_takes_another_run_and_keeps_them_apart(line: Line) -> None:
    """One process executes both, each with a kernel, a log and an end of its own; cancelling the second changes nothing of
    the first, and is the end of that runner."""
    first, second, pid = line.two(notebook("x = 1", TELL), notebook(TELL, SLEEP))
    second.until_output("sleeping")
    assert second.events("started")[0]["pid"] == first.events("started")[0]["pid"] == pid
    assert second.said().split()[1] == "False"
    assert second.said().split()[0] != first.said().split()[0]
    assert Path(f"/proc/{pid}/fd/2").readlink().parent == second.folder
    before = (first.folder / "result.json").read_bytes()
    os.kill(pid, signal.SIGTERM)
    assert second.result().state is RunState.CANCELLED
    assert (first.folder / "result.json").read_bytes() == before
    assert first.result().state is RunState.SUCCEEDED
    until(lambda: not Path(f"/proc/{pid}").exists(), "the runner to be gone")


def test_a_runner_gives_its_places_back_after_each_run(line: Line) -> None:
    """A place of the machine is free once the run is over, though its runner waits for another."""
    reader, writer = os.pipe()
    attempt = line.desk.write(notebook("1"))
    line.begin(attempt, writer)
    os.close(writer)
    attempt.result()
    with os.fdopen(reader, "rb") as place:
        assert place.read() == b""


def test_only_a_success_without_secrets_is_followed_by_another(line: Line) -> None:
    """A run that failed, or that had a secret, is the last of its runner."""
    secret = line.desk.home.state / "TOKEN"
    secret.write_text("hush-hush")
    secret.chmod(0o600)
    guarded = replace(line.desk.space, secrets={"TOKEN": secret})
    failed, one = line.run(notebook("1/0"))
    had, other = line.run(notebook("1"), workspace=guarded)
    until(lambda: not any(map(os.path.exists, (f"/proc/{one}", f"/proc/{other}"))), "both runners to be gone")
    assert (failed.result().state, had.result().state) == (RunState.FAILED, RunState.SUCCEEDED)
    assert one != other


def test_a_runner_that_is_killed_in_its_second_run_costs_that_alone(line: Line) -> None:
    """`kill -9`: the second run has no result, the first keeps its own, and the next gets another runner."""
    first, second, pid = line.two(notebook("1"), notebook(SLEEP))
    second.until_output("sleeping")
    os.kill(pid, signal.SIGKILL)
    until(lambda: not is_held(second.folder), "the lock to be free")
    assert second.ended is None
    assert first.result().state is RunState.SUCCEEDED
    third, other = line.run(notebook("1"))
    assert third.result().state is RunState.SUCCEEDED
    assert other != pid


def test_a_runner_that_waits_ends_with_its_nursery(line: Line) -> None:
    """`kill -9` of the nursery: who waits for another run goes; the next run gets a new nursery."""
    _, pid = line.run(notebook("1"))
    assert line.nursery.process
    line.nursery.process.kill()
    line.nursery.process.wait()
    until(lambda: not Path(f"/proc/{pid}").exists(), "the runner to be gone")
    _, other = line.run(notebook("1"))
    assert other != pid
