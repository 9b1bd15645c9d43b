"""Many runs, several supervisors, a held database, a flooded socket, an absence: nothing is lost and nothing doubled."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest
import world
from waiting import until

from workbench.model.run import ENDED, RunState
from workbench.model.schedule import LATE, DueState
from workbench.paths import open_home
from workbench.services import environments, runs, schedules
from workbench.services.bench import Bench
from workbench.services.supervision import control
from workbench.store import schedules as schedule_rows

FAST = "print('one')"


def counting(bench: Bench, name: str = "counts.ipynb") -> tuple[str, Path]:
    """A notebook that appends its parameter to a file: how often it really ran."""
    file = bench.home.root / "ran.txt"
    text = f"with open({str(file)!r}, 'a') as f:\n    f.write(f'{{number}}\\n')"
    return world.notebook(bench, name, text, parameters="number = 0"), file


def test_twenty_runs_on_two_places(bench: Bench) -> None:
    """Twenty runs queued at once on two places: each runs once and ends once, never more than two at a time."""
    path, file = counting(bench)
    numbers = world.together([lambda n=n: world.submit(bench, path, number=n) for n in range(20)])
    most = 0

    def all_ended() -> bool:
        nonlocal most
        most = max(most, len(world.active(bench)))
        return all(run.state in ENDED for run in runs.page(bench))

    until(all_ended, "all to end", seconds=150, every=0.1)
    assert [runs.get(bench, number).state for number in numbers] == [RunState.SUCCEEDED] * 20
    assert sorted(map(int, file.read_text().split())) == list(range(20))
    assert all(len(world.ends_of(bench, number)) == 1 for number in numbers)
    assert most == 2
    until(lambda: not world.processes(bench, "ipykernel"), "kernels to be gone")
    left = [str(path) for path in bench.home.state.rglob(".*") if path.is_file()]
    assert left == []
    assert bench.store.integrity() == []


@pytest.mark.parametrize("stale", [False, True])
def test_of_ten_supervisors_one_wins(bench: Bench, stale: bool) -> None:
    """Ten started at once: one has the home, the others say so and end; a stale card that names a stranger is no hindrance."""
    if stale:
        stranger = subprocess.Popen(["sleep", "600"])
        control.card_path(bench.home).write_text(f'{{"pid": {stranger.pid}, "version": "0.0.1", "start": 1}}')
        assert not control.status(bench).alive
        assert not control.stop(bench)
    started = [
        subprocess.Popen(
            [*control.command(bench.home, "foreground")],
            env={**os.environ, **control.environment()}, stderr=subprocess.PIPE, start_new_session=True,
        )
        for _ in range(10)
    ]  # fmt: skip
    until(lambda: sum(process.poll() is not None for process in started) == 9, "nine to end", seconds=60)
    losers = [process for process in started if process.poll() is not None]
    winner = next(process for process in started if process.poll() is None)
    assert {process.returncode for process in losers} == {control.ALREADY}
    assert all(b"runs already" in process.communicate()[1] for process in losers)
    assert until(lambda: control.status(bench).pid == winner.pid, "the card")
    control.stop(bench)
    assert winner.wait(10) == 0
    assert winner.stderr
    winner.stderr.close()
    if stale:
        assert stranger.poll() is None
        stranger.kill()
        stranger.wait()


def test_one_that_is_told_to_end_while_it_begins_ends_as_asked(bench: Bench) -> None:
    """From the moment on that it has the home, `stop` ends it in order, and the next one begins."""
    for _ in range(3):
        process = world.start(bench, WB_CRASH_AT="0")  # by hand, and at no point
        assert process
        until(lambda process=process: control.card(bench.home).get("pid") == process.pid, "it", every=0.001)  # type: ignore[misc]
        assert control.stop(bench)
        assert process.wait(15) == 0
    assert "ended; runs and sessions go on" in bench.home.supervisor_log.read_text()
    assert not world.leftovers(bench)


def test_many_clients_start_one(bench: Bench) -> None:
    """Ten clients that all find none start exactly one between them."""
    world.together([lambda: control.ensure(bench)] * 10)
    assert control.held(bench.home)
    until(lambda: len(world.processes(bench, "workbench.supervisor")) == 1, "one to be left")


def test_a_flood_on_the_wake_socket_does_nothing(bench: Bench) -> None:
    """Garbage and floods: bounded memory, no effect but looks at the store, and a run that is queued still runs."""
    world.start(bench)
    target = str(until(lambda: control.card(bench.home).get("wake"), "the socket"))
    assert Path(target).stat().st_mode & 0o777 == 0o600
    process = world.supervisor(bench)
    path = world.notebook(bench, "one.ipynb", FAST)
    number = world.submit(bench, path)
    before = process.memory_info().rss
    world.together([lambda: world.flood(target, 30_000)] * 4)
    assert world.ended(bench, number).state is RunState.SUCCEEDED
    assert process.memory_info().rss < before + 40_000_000
    assert process.is_running()


def test_a_removed_socket_is_made_again(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where logout removed the socket the supervisor is reached again after its slow tick; meanwhile it looks itself."""
    world.start(bench)
    target = Path(str(until(lambda: control.card(bench.home).get("wake"), "the socket")))
    target.unlink()
    until(target.exists, "the socket to be back", seconds=40)


def test_a_held_database_loses_nothing(bench: Bench) -> None:
    """Another program holds the database while a run ends: its result is recorded afterwards, by the same supervisor."""
    text = "import time\nprint('in', flush=True)\ntime.sleep(1)"
    number = world.submit(bench, world.notebook(bench, "short.ipynb", text))
    world.in_cell(bench, number, 1)
    process = world.supervisor(bench)
    holder = sqlite3.connect(bench.home.database, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    folder = bench.home.attempt_folder(number, 1)
    until((folder / "result.json").exists, "the run to end")
    time.sleep(3)  # the hold itself is the fault
    holder.execute("ROLLBACK")
    holder.close()
    assert world.ended(bench, number).state is RunState.SUCCEEDED
    assert process.is_running()
    assert len(world.ends_of(bench, number)) == 1


def test_a_removed_home_ends_its_supervisor(bench: Bench) -> None:
    """Where the home is removed its supervisor ends, and one for a new home at the same place begins."""
    world.start(bench)
    old = world.supervisor(bench)
    shutil.rmtree(bench.home.state)
    sockets = Path(bench.home.wake_socket).parent
    until(lambda: not old.is_running() or old.status() == psutil.STATUS_ZOMBIE, "it to end", seconds=40)
    assert not sockets.exists()
    bench.close()
    del bench.__dict__["store"]
    open_home(bench.home.root)
    control.ensure(bench)
    number = world.submit(bench, world.notebook(bench, "one.ipynb", FAST))
    assert world.ended(bench, number).state is RunState.SUCCEEDED


def test_due_times_of_an_absence(bench: Bench) -> None:
    """Nobody watched for three days of an hourly schedule: one catch-up, the rest written down as missed."""
    path, file = counting(bench)
    spec = schedules.add(bench, world.PROJECT, "hourly", notebook=path, cron="0 * * * *", parameters={"number": 7})
    control.stop(bench)
    start = datetime.now(UTC) - timedelta(days=3)
    with bench.store.write() as connection:
        row = schedule_rows.get(connection, spec.key)
        assert row
        assert schedule_rows.evaluated(connection, spec.key, row.evaluated_until, start)
    world.start(bench)
    ledger = until(
        lambda: rows if (rows := schedules.ledger(bench, spec.key)) and rows[0].state == "fired" else None, "it to fire"
    )
    newest = ledger[0]
    assert newest.state is DueState.FIRED
    assert {row.state for row in ledger[1:]} == {DueState.MISSED}
    assert len(ledger) in (72, 73)
    assert all("did not run then" in row.reason for row in ledger[1:])
    assert newest.run
    assert world.ended(bench, newest.run).state is RunState.SUCCEEDED
    control.restart(bench)
    until(lambda: control.status(bench).alive, "the next supervisor")
    assert len(schedules.ledger(bench, spec.key)) == len(ledger)
    assert file.read_text().split() == ["7"]


def test_a_schedule_fires_at_its_time_and_only_once(bench: Bench) -> None:
    """`once` a few seconds ahead: it fires on time and not before, exactly once, with its parameters written out."""
    control.ensure(bench)  # how long that takes is not what is asked here
    path = world.notebook(bench, "day.ipynb", "print(day)", parameters="day = ''")
    due = (datetime.now(UTC) + timedelta(seconds=3)).replace(microsecond=0)
    spec = schedules.add(
        bench, world.PROJECT, "soon", notebook=path, once=f"{due:%Y-%m-%d %H:%M:%S}", timezone="UTC",
        parameters={"day": "${due - 1 day}"},
    )  # fmt: skip
    row = until(lambda: (schedules.ledger(bench, spec.key) or [None])[0], "the due time")
    assert row.run
    run = world.ended(bench, row.run)
    assert run.state is RunState.SUCCEEDED
    assert run.due == due
    assert timedelta() <= run.created - due < LATE
    assert run.parameters == {"day": f"{due - timedelta(days=1):%Y-%m-%d}"}
    assert (run.origin, run.schedule) == ("schedule", spec.key)
    control.restart(bench)
    assert len(schedules.ledger(bench, spec.key)) == 1


def test_an_edited_schedule_is_read_live(bench: Bench) -> None:
    """A file that is edited holds at once; a bad edit is told, and the last good one goes on, also after a restart."""
    path = world.notebook(bench, "one.ipynb", FAST)
    schedules.add(bench, world.PROJECT, "night", notebook=path, cron="0 3 * * *")
    file = schedules.get(bench, "night").path
    good = file.read_text()
    file.write_text(good.replace("0 3 * * *", "0 4 * * *"))
    until(lambda: "0 4 * * *" in (view.row.timing if (view := schedules.get(bench, "night")).row else ""), "the edit")
    file.write_text("notebook: x.ipynb\ncron: 61 * * * *\n")
    problem = until(lambda: (row := schedules.get(bench, "night").row) and row.problem, "the problem")
    assert "61" in problem
    control.restart(bench)
    row = schedules.get(bench, "night").row
    assert row
    assert "0 4 * * *" in row.timing
    file.unlink()
    until(lambda: _row(bench, "lab/night").present is False, "the removal")


def test_a_failed_build_fails_its_runs_with_its_reason(bench: Bench) -> None:
    """A run whose environment cannot be built fails with the build's reason; nothing waits for ever."""
    declaration = "engine: process\npython: {packages: [no-such-package-of-ours==0.0.1]}\nides: []\n"
    (bench.home.environments / "bare.yaml").write_text(declaration)
    number = world.submit(bench, world.notebook(bench, "one.ipynb", FAST))
    run = world.ended(bench, number)
    assert run.state is RunState.FAILED
    assert "no-such-package-of-ours" in run.reason
    build = environments.builds(bench, "bare")[0]
    assert build.state == "failed"
    again = world.submit(bench, "notebooks/one.ipynb")
    assert world.ended(bench, again).state is RunState.FAILED
    assert len(environments.builds(bench, "bare")) == 2


def test_renewal_keeps_the_lock_and_the_runs(bench: Bench) -> None:
    """An older supervisor is asked to go on as new code, by several: same process, lock never free, runs adopted."""
    text = "import time\ntime.sleep(3)"
    number = world.submit(bench, world.notebook(bench, "short.ipynb", text))
    world.in_cell(bench, number, 1)
    before = control.status(bench)
    control.ask_renewal(bench.home)

    def renewed() -> control.SupervisorStatus | None:
        control.signal_it(bench.home, signal.SIGHUP)  # others ask for it at every moment of it
        status = control.status(bench)
        return status if status.since != before.since and status.alive else None

    after = until(renewed, "the renewal", every=0.0)
    until(lambda: control.card(bench.home).get("wake"), "it to listen")
    assert after.pid == before.pid
    assert not control.renewal_path(bench.home).exists()
    assert world.ended(bench, number).state is RunState.SUCCEEDED
    assert len(world.ends_of(bench, number)) == 1


def test_a_supervisor_that_cannot_start_says_why(bench: Bench) -> None:
    """A newer schema is refused, and the client is told with the end of the log."""
    with bench.store.write() as connection:
        (known,) = connection.execute("PRAGMA user_version").fetchone()
        connection.execute("PRAGMA user_version=99")
    bench.store.close()
    with pytest.raises(Exception, match="newer workbench"):
        control.ensure(bench)
    database = sqlite3.connect(bench.home.database)
    database.execute(f"PRAGMA user_version={known}")
    database.commit()
    database.close()


def test_signals_reach_only_the_supervisor(bench: Bench) -> None:
    """A card that names a process with another start time is not believed: nothing is signalled."""
    world.start(bench)
    card = control.card(bench.home)
    stranger = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    path = control.card_path(bench.home)
    good = path.read_text()
    path.write_text(good.replace(f'"pid": {card["pid"]}', f'"pid": {stranger.pid}'))
    control.signal_it(bench.home, signal.SIGTERM)
    path.write_text(good)
    control.stop(bench)
    assert stranger.poll() is None
    stranger.kill()
    stranger.wait()


def _row(bench: Bench, key: str) -> schedule_rows.Schedule:
    with bench.store.read() as connection:
        found = schedule_rows.get(connection, key)
    assert found
    return found
