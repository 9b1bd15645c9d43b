"""The nursery: it forks runners, outlives nothing it should not, and its death costs no run."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from attempts import Desk, desk, notebook, processes_of
from waiting import until

from workbench.execution.fence import hold, is_held
from workbench.execution.nursery import Nursery
from workbench.execution.result import Result, write_result
from workbench.model.run import RunState

__all__ = ["desk"]

SLEEP = "import time\nprint('sleeping', flush=True)\ntime.sleep(1.5)\nprint('woke')"


@pytest.fixture
def nursery(desk: Desk) -> Iterator[Nursery]:
    """A nursery of that home, which is gone after the test."""
    nursery = Nursery(desk.home)
    yield nursery
    process = nursery.process
    nursery.close()
    if process:
        assert process.wait(20) in {0, -signal.SIGKILL}


def test_a_forked_runner_holds_its_lock_before_the_answer(desk: Desk, nursery: Nursery) -> None:
    """When `run` returns, the runner lives in a session of its own and the lock is held; the run ends as ever."""
    attempt = desk.write(notebook(SLEEP))
    pid = nursery.run(attempt.folder)
    assert pid is not None
    assert is_held(attempt.folder)
    assert os.getsid(pid) == pid
    assert attempt.result().state is RunState.SUCCEEDED
    assert attempt.events("started")[0]["pid"] == pid


def test_the_nursery_stays_fit_to_fork(desk: Desk, nursery: Nursery) -> None:
    """Also after runs it has one thread, no socket but its line, and no child left."""
    for _ in range(2):
        attempt = desk.write(notebook("1"))
        nursery.run(attempt.folder)
        assert attempt.result().state is RunState.SUCCEEDED
    assert nursery.process
    own = Path(f"/proc/{nursery.process.pid}")
    assert [path.name for path in (own / "task").iterdir()] == [str(nursery.process.pid)]
    until(lambda: not (own / "task" / own.name / "children").read_text(), "the nursery to take leave of its children")
    links = [os.readlink(path) for path in (own / "fd").iterdir()]
    assert sum(link.startswith("socket:") for link in links) == 1
    assert not any("eventpoll" in link for link in links)


def test_a_run_survives_the_nursery(desk: Desk, nursery: Nursery) -> None:
    """`kill -9` of the nursery while a run lives: the run ends right, and the next gets a new nursery."""
    attempt = desk.write(notebook(SLEEP))
    nursery.run(attempt.folder)
    attempt.until_output("sleeping")
    assert nursery.process
    first = nursery.process
    first.kill()
    first.wait()
    assert not nursery.alive()
    assert is_held(attempt.folder)
    assert attempt.result().state is RunState.SUCCEEDED
    assert "woke" in attempt.said()
    following = desk.write(notebook("1"))
    nursery.run(following.folder)
    assert nursery.process is not first
    assert following.result().state is RunState.SUCCEEDED


def test_a_nursery_without_supervisor_ends_after_its_last_run(desk: Desk) -> None:
    """When its supervisor goes, it takes no new work and leaves once its children did."""
    nursery = Nursery(desk.home)
    attempt = desk.write(notebook(SLEEP))
    nursery.run(attempt.folder)
    process = nursery.process
    assert process
    nursery.close()
    attempt.until_output("sleeping")
    assert process.poll() is None
    assert attempt.result().state is RunState.SUCCEEDED
    assert process.wait(10) == 0


def test_killing_a_runner_leaves_no_kernel(desk: Desk, nursery: Nursery) -> None:
    """`kill -9` of a runner: its kernel goes with it, its lock is free, the supervisor is woken, and there is no result."""
    attempt = desk.write(notebook("import time\nprint('sleeping', flush=True)\ntime.sleep(300)"))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as bell:
        bell.bind(str(desk.home.wake_socket))
        bell.settimeout(20)
        pid = nursery.run(attempt.folder)
        attempt.until_output("sleeping")
        assert pid
        os.kill(pid, signal.SIGKILL)
        assert bell.recv(16) == b""
    until(lambda: not is_held(attempt.folder), "the lock to be free")
    until(lambda: not processes_of(desk), "the kernel to be gone", seconds=10)
    assert attempt.ended is None


def test_an_attempt_that_is_taken_is_not_run_twice(desk: Desk, nursery: Nursery) -> None:
    """Where the lock is held, or a result is there, nothing runs."""
    held, done = desk.write(notebook("open('ran', 'w')")), desk.write(notebook("open('ran', 'w')"))
    lock = hold(held.folder)
    assert lock is not None
    write_result(done.folder, Result(RunState.CANCELLED, "t"))
    assert nursery.run(held.folder) is None
    nursery.run(done.folder)
    until(lambda: not is_held(done.folder), "the second runner to leave")
    os.close(lock)
    assert not (desk.project / "ran").exists()
    assert held.events() == done.events() == []


def test_a_run_needs_no_nursery(desk: Desk) -> None:
    """Where the nursery cannot live a plain runner does the same."""
    nursery = Nursery(desk.home)
    nursery._ask = lambda *_: None  # type: ignore[method-assign]
    attempt = desk.write(notebook("1"))
    pid = nursery.run(attempt.folder)
    assert pid is not None
    assert attempt.result().state is RunState.SUCCEEDED
    until(lambda: not nursery.alive() and not nursery.others, "the runner to exit and to be taken leave of")


def test_a_folder_without_a_job_is_an_error_of_that_run_only(desk: Desk, nursery: Nursery) -> None:
    """A job that cannot be read is told, and the nursery goes on."""
    from workbench.errors import WorkbenchError

    broken = desk.write(notebook("1"))
    (broken.folder / "job.json").write_text("{}")
    with pytest.raises(WorkbenchError, match="could not be started"):
        nursery.run(broken.folder)
    attempt = desk.write(notebook("1"))
    nursery.run(attempt.folder)
    assert attempt.result().state is RunState.SUCCEEDED
