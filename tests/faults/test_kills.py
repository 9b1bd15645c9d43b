"""kill -9 of every process of ours, at every moment: each run ends once, in its true state, and nothing is left."""

from __future__ import annotations

import json
import os
import signal
import time
from datetime import UTC, datetime

import psutil
import pytest
import world
from waiting import until

from workbench.model.run import RunState
from workbench.model.schedule import DueState
from workbench.services import runs, schedules
from workbench.services.bench import Bench
from workbench.services.supervision import control
from workbench.store.rows import stamp
from workbench.supervisor.queue.places import Places

SLEEPER = (
    "import time\nfor _ in range(600):\n    if __import__('pathlib').Path('go').exists(): break\n    time.sleep(0.05)"
)


def let_go(bench: Bench) -> None:
    """Let every notebook that waits for it go on."""
    folder = world.projects.get(bench, world.PROJECT).path / "notebooks"
    (folder / "go").touch()


def test_a_run_survives_its_supervisor(bench: Bench) -> None:
    """kill -9 of the supervisor during runs: the next one adopts them, and each ends once as what it was."""
    waits = world.notebook(bench, "waits.ipynb", SLEEPER, "print('after')")
    fails = world.notebook(bench, "fails.ipynb", SLEEPER, "1 / 0")
    good, bad = world.submit(bench, waits), world.submit(bench, fails)
    behind = world.submit(bench, waits)
    for number in (good, bad):
        world.in_cell(bench, number, 1)
    first = world.runner_pid(bench, good)
    world.kill_supervisor(bench)
    assert psutil.pid_exists(first)
    full = Places().take(2)
    assert str(full) == "2 of 2 taken", "runners hold their places of the machine, whoever looks after them"
    world.start(bench)
    world.in_state(bench, good, RunState.RUNNING)
    let_go(bench)
    assert world.ended(bench, good).state is RunState.SUCCEEDED
    failed = world.ended(bench, bad)
    assert (failed.state, failed.failure and failed.failure.error) == (RunState.FAILED, "ZeroDivisionError")
    assert world.ended(bench, behind).state is RunState.SUCCEEDED
    for number in (good, bad, behind):
        assert len(world.ends_of(bench, number)) == 1
        assert len(runs.attempts(bench, number)) == 1
    assert world.runner_pid(bench, good) == first
    place = until(lambda: isinstance(found := Places().take(1), int) and found, "places that are free again")
    os.close(place)


def test_a_run_that_ended_meanwhile_is_taken_over(bench: Bench) -> None:
    """A run that ends while no supervisor lives has its result, and the next supervisor takes it over as it is: first of
    all, so that the next due time of its schedule finds it ended."""
    key, year = f"{world.PROJECT}/yearly", datetime.now(UTC).year
    waits = world.notebook(bench, "waits.ipynb", SLEEPER)
    schedules.add(bench, world.PROJECT, "yearly", notebook=waits, cron="0 0 1 1 *", timezone="UTC")
    until(lambda: schedules.get(bench, key).row, "the schedule")
    control.stop(bench)
    with bench.store.write() as connection:
        connection.execute("UPDATE schedules SET evaluated_until = ?", (stamp(datetime(year - 1, 6, 1, tzinfo=UTC)),))
    world.start(bench)
    number = until(lambda: (lines := schedules.ledger(bench, key)) and lines[0].run, "its run")
    world.in_cell(bench, number, 1)
    world.kill_supervisor(bench)
    let_go(bench)
    folder = bench.home.attempt_folder(number, 1)
    until((folder / "result.json").exists, "the result")
    assert runs.get(bench, number).state in (RunState.RUNNING, RunState.STARTING)
    with bench.store.write() as connection:  # as if that was a year ago
        connection.execute("UPDATE due_times SET due = ?", (stamp(datetime(year - 1, 1, 1, tzinfo=UTC)),))
        connection.execute("UPDATE schedules SET evaluated_until = ?", (stamp(datetime(year - 1, 6, 1, tzinfo=UTC)),))
    world.start(bench)
    assert world.ended(bench, number).state is RunState.SUCCEEDED
    assert len(world.ends_of(bench, number)) == 1
    line = until(lambda: (lines := schedules.ledger(bench, key))[1:] and lines[0], "the next due time")
    assert line.state is DueState.FIRED, line.reason
    assert world.ended(bench, line.run or 0).state is RunState.SUCCEEDED


def test_runs_survive_the_nursery(bench: Bench) -> None:
    """kill -9 of the nursery: runs that it forked go on, and the next run gets a new one."""
    waits = world.notebook(bench, "waits.ipynb", SLEEPER)
    number = world.submit(bench, waits)
    world.in_cell(bench, number, 1)
    for process in world.processes(bench, "workbench.execution.nursery"):
        if process.pid != world.runner_pid(bench, number):
            process.kill()
    after = world.submit(bench, waits)
    world.in_cell(bench, after, 1)
    let_go(bench)
    assert world.ended(bench, number).state is RunState.SUCCEEDED
    assert world.ended(bench, after).state is RunState.SUCCEEDED


def test_a_killed_runner_is_a_crash_and_its_kernel_goes(bench: Bench) -> None:
    """kill -9 of a runner: `crashed`, the cell named, and its kernel is gone within ten seconds."""
    number = world.submit(
        bench, world.notebook(bench, "waits.ipynb", "x = 1", "import os\nprint(os.getpid(), flush=True)\n" + SLEEPER)
    )
    run = world.in_cell(bench, number, 2)
    said = until(
        lambda: [e["text"] for e in world.events_of(bench, number) if e["kind"] == "output"], "the kernel's pid"
    )
    kernel = int(said[0])
    begun = time.monotonic()
    world.kill_runner(bench, run)
    crashed = world.ended(bench, number)
    assert (crashed.state, crashed.reason) == (RunState.CRASHED, "its runner was killed in cell 2")
    until(lambda: not psutil.pid_exists(kernel), "the kernel to be gone", seconds=10)
    assert time.monotonic() - begun < 12
    assert len(world.ends_of(bench, number)) == 1
    until(lambda: not bench.home.kernel_records(f"{number}.1"), "what was kept of it to be swept")


def test_the_length_of_a_run_whose_end_nobody_saw(bench: Bench) -> None:
    """A runner that died while no supervisor lived: how long it ran is not known, and when it was heard of is said."""
    number = world.submit(bench, world.notebook(bench, "waits.ipynb", SLEEPER))
    run = world.in_cell(bench, number, 1)
    world.kill_supervisor(bench)
    world.kill_runner(bench, run)
    world.start(bench)
    crashed = world.ended(bench, number)
    assert crashed.state is RunState.CRASHED
    assert "its runner was killed in cell 1, heard of last at " in crashed.reason
    assert crashed.seconds is None
    until(lambda: not bench.home.kernel_records(f"{number}.1"), "what was kept of it to be swept")


def test_a_killed_kernel_is_told_within_five_seconds(bench: Bench) -> None:
    """kill -9 of a kernel in mid cell: `crashed` within 5 s, with the cell; later cells were not run."""
    text = "import os, signal, time\nprint('now', flush=True)\ntime.sleep(0.5)\nos.kill(os.getpid(), signal.SIGKILL)"
    number = world.submit(bench, world.notebook(bench, "dies.ipynb", "x = 1", text, "print('never')"))
    until(lambda: any(e.get("text", "").strip() == "now" for e in world.events_of(bench, number)), "the cell")
    begun = time.monotonic()
    run = world.ended(bench, number)
    assert time.monotonic() - begun < 5.5
    assert run.state is RunState.CRASHED
    assert "SIGKILL" in run.reason
    assert run.failure
    assert run.failure.cell == 2
    left = runs.artifacts(bench, number).notebook
    assert left
    cells = json.loads(left.read_text())["cells"]
    assert not cells[-1]["outputs"]


def test_a_run_of_another_boot_is_interrupted(bench: Bench) -> None:
    """After a restart of the machine a run is `interrupted`; a process that has its number now is left alone."""
    number = world.submit(bench, world.notebook(bench, "waits.ipynb", SLEEPER))
    run = world.in_cell(bench, number, 1)
    world.kill_supervisor(bench)
    world.kill_runner(bench, run)
    folder = bench.home.attempt_folder(number, 1)
    (folder / "boot").write_text("another-start-of-the-machine")
    pid = os.getpid()
    events = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]
    events[0]["pid"] = pid  # reused: us
    (folder / "events.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events))
    asked = runs.cancel(bench, number)
    assert asked
    ended = world.ended(bench, number)
    assert ended.state is RunState.INTERRUPTED
    assert "restarted" in ended.reason
    until(lambda: not world.processes(bench, "ipykernel"), "its kernel to be swept", seconds=15)
    until(lambda: not bench.home.kernel_records(f"{number}.1"), "what was kept of it to be swept")


@pytest.mark.parametrize("moment", ["queued", "starting", "running", "in C"])
def test_cancel_at_every_moment(bench: Bench, moment: str) -> None:
    """A cancel ends a run as `cancelled` within 20 s wherever it is, and leaves no process."""
    text = (
        SLEEPER
        if moment != "in C"
        else "import signal, time\nsignal.pthread_sigmask(signal.SIG_BLOCK, {2, 15})\ntime.sleep(600)"
    )
    number = world.submit(bench, world.notebook(bench, "waits.ipynb", text))
    if moment == "starting":
        world.in_state(bench, number, RunState.STARTING)
    elif moment != "queued":
        world.in_cell(bench, number, 1)
    begun = time.monotonic()
    assert runs.cancel(bench, number)
    assert not runs.cancel(bench, number)
    run = world.ended(bench, number)
    assert run.state is RunState.CANCELLED
    assert time.monotonic() - begun < 20
    until(lambda: not world.active(bench), "the runner to be gone", seconds=20)
    assert len(world.ends_of(bench, number)) == 1


def test_a_cancel_survives_the_supervisor(bench: Bench) -> None:
    """A cancel that was asked for while no supervisor lived is done by the next one."""
    number = world.submit(bench, world.notebook(bench, "waits.ipynb", SLEEPER))
    world.in_cell(bench, number, 1)
    world.kill_supervisor(bench)
    runs.cancel(bench, number)
    assert world.ended(bench, number).state is RunState.CANCELLED


def test_sigterm_leaves_everything_running(bench: Bench) -> None:
    """SIGTERM ends the supervisor within 5 s; its run goes on and is found again."""
    number = world.submit(bench, world.notebook(bench, "waits.ipynb", SLEEPER))
    world.in_cell(bench, number, 1)
    process = world.supervisor(bench)
    begun = time.monotonic()
    process.send_signal(signal.SIGTERM)
    until(lambda: not control.held(bench.home), "the supervisor to end", seconds=6)
    assert time.monotonic() - begun < 5
    assert world.active(bench)
    world.start(bench)
    let_go(bench)
    assert world.ended(bench, number).state is RunState.SUCCEEDED


def test_retries_only_where_asked(bench: Bench) -> None:
    """A run with one retry is tried twice, each try with its own outcome; without retries once."""
    path = world.notebook(bench, "fails.ipynb", "1 / 0")
    twice = runs.submit(bench, runs.Request(world.PROJECT, path, retries=1))
    once = world.submit(bench, path)
    assert world.ended(bench, once).state is RunState.FAILED
    run = world.ended(bench, twice)
    assert run.state is RunState.FAILED
    assert [attempt.state for attempt in runs.attempts(bench, twice)] == [RunState.FAILED, RunState.FAILED]
    assert len(runs.attempts(bench, once)) == 1
    assert "retrying" in world.states_of(bench, twice)
