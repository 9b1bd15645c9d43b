"""Ends of a run in bad company: an engine that is away, a lock that was moved, text that is none, a fault of our own."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from attempts import Desk, code, desk, notebook

from workbench import locks
from workbench.errors import EngineDown, Refused
from workbench.execution import fence, publishing, warden
from workbench.execution.course import Course, Stop
from workbench.execution.job import Job, read_job, write_job
from workbench.execution.journal import Journal
from workbench.execution.result import read_result
from workbench.execution.runner import Runner
from workbench.execution.verdict import Verdict, judge
from workbench.model.run import RunState
from workbench.notebooks import parameters
from workbench.supervisor.queue.endings import Endings

__all__ = ["desk"]


class Away:
    """A host whose kernel lives while its engine does not answer."""

    process = None

    def poll(self) -> None:
        """It lives, as far as anybody knows."""

    def send_signal(self, number: int) -> None:
        """Nobody takes it."""
        raise EngineDown(f"no engine answers to signal {number}")

    def kill(self) -> None:
        """As a signal."""
        self.send_signal(9)


class Calm:
    """A notebook that has nothing to save, and a manager that interrupts through the host."""

    def save_if_due(self) -> None:
        """Nothing."""

    async def interrupt_kernel(self) -> None:
        """As jupyter_client does."""
        Away().send_signal(2)


def watched(job: Job, folder: Path, notebook: Any) -> Course:
    """The course of a run that would go on for ever, once its warden ended it."""
    journal = Journal(folder)
    course = Course(job, journal)
    course.launched = True
    course.enter("running")

    async def go() -> None:
        ward = warden.Warden(course, Away(), notebook)  # type: ignore[arg-type]
        ward.manager = Calm()
        run = asyncio.ensure_future(asyncio.Event().wait())
        watch = asyncio.ensure_future(ward.watch(run))  # type: ignore[arg-type]
        try:
            await asyncio.wait_for(asyncio.wait({run}), 20)
            assert run.cancelled()
        finally:
            await asyncio.gather(watch, return_exceptions=True)

    asyncio.run(go())
    journal.close()
    return course


def test_a_limit_holds_while_the_engine_is_away(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each step that the engine cannot take is noted, and the run ends at the top of the ladder in any case."""
    monkeypatch.setattr(warden, "PAUSE", 0.1)
    attempt = desk.write(notebook("1"), timeout=0.01)
    course = watched(attempt.job, attempt.folder, Calm())
    assert course.stop is Stop.TIMED_OUT
    assert judge(course, None, None).state is RunState.TIMED_OUT
    notes = [event["text"] for event in attempt.events("note") if "could not be told to end" in event["text"]]
    assert [note.rpartition(" ")[2] for note in notes] == ["2", "15", "9"]


def test_a_run_does_not_outlive_its_warden(desk: Desk) -> None:
    """Whatever ends the watch ends the run: without it nothing would notice a limit or a death."""

    class Broken(Calm):
        def save_if_due(self) -> None:
            raise RuntimeError("a fault of our own")

    attempt = desk.write(notebook("1"))
    assert watched(attempt.job, attempt.folder, Broken()).stop is None


def test_a_lock_that_was_moved_is_not_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever opened a lock before its folder was moved away or made anew does not get it: two would run one attempt."""
    folder = tmp_path / "1"
    folder.mkdir()
    take = locks.fcntl.flock
    for again in (False, True):

        def moved(descriptor: int, how: int, again: bool = again) -> None:
            folder.rename(tmp_path / f"moved-{again}")
            if again:
                folder.mkdir()
                (folder / "lock").touch()
            take(descriptor, how)

        monkeypatch.setattr(locks.fcntl, "flock", moved)
        assert fence.hold(folder) is None
        monkeypatch.setattr(locks.fcntl, "flock", take)
        assert not fence.is_held(tmp_path / f"moved-{again}")
        folder.mkdir(exist_ok=True)
    lock = fence.hold(folder)
    assert lock is not None
    os.close(lock)


def test_an_engine_that_left_does_not_take_the_result_along(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that had to stop while its engine is away has its own result, not that of a runner that was killed."""
    attempt = desk.write(notebook("1"))
    runner = quiet_runner(attempt.folder, attempt.job, monkeypatch)
    runner.host = Away()  # type: ignore[assignment]
    monkeypatch.setattr(runner, "execute", lambda: runner.course.end(Stop.CANCELLED))
    runner.run()
    assert attempt.ended
    assert attempt.ended.state is RunState.CANCELLED


def test_a_fault_of_our_own_is_told_as_one(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where saving and publishing break in a way nobody thought of, there is a result all the same, and it says so."""
    attempt = desk.write(notebook("1"))
    runner = quiet_runner(attempt.folder, attempt.job, monkeypatch)
    monkeypatch.setattr(runner, "outcome", lambda: Verdict(RunState.SUCCEEDED))
    monkeypatch.setattr("workbench.execution.runner.publish", lambda *_: {}["never"])
    runner.run()
    assert attempt.ended
    assert attempt.ended.state is RunState.CRASHED
    assert attempt.ended.reason == "the runner itself failed: KeyError: 'never'"
    assert attempt.ended.token == attempt.job.token


def quiet_runner(folder: Path, job: Job, monkeypatch: pytest.MonkeyPatch) -> Runner:
    """A runner in this process that leaves its signals alone."""
    monkeypatch.setattr("workbench.execution.runner.signal.signal", lambda *_: None)
    return Runner(folder, job)


def test_half_a_character_is_no_fault(desk: Desk) -> None:
    """A cell with a byte that was no text runs and is told of; half a surrogate pair is named as what cannot be sent."""
    _, result = desk.run(notebook("# \udce9\nraise ValueError('x')"), name="\udce9")
    assert result.state is RunState.FAILED
    assert result.reason == "ValueError: x (cell 1)"
    assert result.failure
    assert result.failure.source.startswith("# ?\n")
    assert result.published
    assert '"# ?' in (Path(result.output) / "record.json").read_text(encoding="utf-8")
    _, result = desk.run(notebook("'\ud83d'"))
    assert (result.state, result.reason) == (RunState.FAILED, "half of a character in cell 1 `'?'`")
    assert "delete it" in result.hint


def test_a_parameter_that_is_no_text_is_refused(desk: Desk) -> None:
    """An argument in another encoding is refused with its name where it is given; a job that has one is still a job."""
    declared = parameters.Parameters(declared=(), language="python", has_cell=True, known=False)
    for value in ("\udce9", ["\udce9"], {"\udce9": 1}):
        with pytest.raises(Refused, match=r"name: is no text: .*UTF-8"):
            parameters.check(declared, {"name": value})
    attempt = desk.write(notebook(code("name = ''", "parameters"), "print(ascii(name))"))
    odd = replace(attempt.job, parameters={"name": "\udce9"})
    write_job(attempt.folder, odd)
    assert read_job(attempt.folder) == odd
    assert read_result(attempt.folder) is None


def test_what_a_dead_runner_hid_is_removed(desk: Desk) -> None:
    """Killed while it published, it leaves no hidden folder in the person's project; what was there before stays."""
    attempt = desk.write(notebook("1"))
    assert attempt.job.published
    runs = attempt.job.published.parent
    hidden = runs / publishing._hidden(attempt.job)
    for name in (hidden.name, ".other.token", "2026-01-01T0000-t-1"):
        (runs / name).mkdir(parents=True)
    (hidden / "output.ipynb").touch()
    (runs / f".latest.{attempt.job.token[:8]}").symlink_to("x")
    now = datetime.now(UTC)
    run = SimpleNamespace(state=RunState.RUNNING, cancel_asked=False, started=now, cells=1, cells_done=1)
    endings = Endings(SimpleNamespace(now=lambda: now))  # type: ignore[arg-type] - all that it is asked
    ended = endings.of_a_dead_runner(run, attempt.folder, attempt.job.token, cell=None, rebooted=False, heard=None)  # type: ignore[arg-type]
    assert ended
    assert attempt.ended == ended
    assert sorted(path.name for path in runs.iterdir()) == [".other.token", "2026-01-01T0000-t-1"]
