"""`start`, `end` and `jitter`; what files said is kept; many at once; a project that is away."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from schedule_world import NOTEBOOK, START, World

from workbench.declare import load_schedule
from workbench.errors import Refused
from workbench.model.schedule import DueState
from workbench.model.timetable import timetable
from workbench.services import projects, runs, schedules
from workbench.services.asking import requests
from workbench.services.scheduling.files import ScheduleFiles
from workbench.store import declared, events
from workbench.supervisor.due.schedules import Schedules

FIRED, SKIPPED, MISSED = DueState.FIRED, DueState.SKIPPED, DueState.MISSED


def test_nothing_is_due_outside_of_start_and_end() -> None:
    """Wall time in the zone; a day alone is all of it; the words say both."""
    table = timetable("Europe/Berlin", cron="0 */6 * * *", start="2026-03-01", end="2026-03-01 12:00")
    found = table.next_times(10, START.replace(year=2020))
    assert [f"{moment:%d %H:%M}" for moment in found] == ["01 00:00", "01 06:00", "01 12:00"]
    assert table.words().endswith("Europe/Berlin time, from 1 March 2026, until 1 March 2026 12:00")
    whole = timetable("Europe/Berlin", cron="59 23 * * *", end="2026-03-01")
    assert len(whole.next_times(9, START.replace(month=2, day=27))) == 3
    assert "it ended at 2026-03-01 23:59" in whole.warnings(START)[0]


def test_every_counts_from_its_start() -> None:
    """The first time is the start itself."""
    found = timetable("Europe/Berlin", every=90000.0, start="2026-05-04 12:00").next_times(2, START - timedelta(days=9))
    assert [f"{moment:%d %H:%M}" for moment in found] == ["04 12:00", "05 13:00"]


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ("cron: 0 6 * * *\nstart: 2026-05-01\nend: 2026-04-01", "is before its start"),
        ("cron: 0 6 31 * *\nstart: 2026-06-01\nend: 2026-06-30", "no due time between start and end"),
        ("once: 2026-05-01 06:00\nstart: 2026-05-01", "no meaning beside once"),
        ("cron: 0 6 * * *\nstart: soon", "is no time"),
        ("every: 10m\njitter: 15m", "jitter is longer than from one due time to the next"),
        ("cron: 0,5 6 * * *\njitter: 6m", "as near as 5m"),
    ],
)
def test_a_window_that_cannot_be_is_refused_at_its_key(keys: str, told: str) -> None:
    """What would never run, or would be fired after the next, is a problem of the file with its line."""
    reading = load_schedule(f"notebook: a.ipynb\ntimezone: UTC\n{keys}\n")
    (problem,) = reading.problems
    assert told in str(problem)
    assert problem.line >= 3


def test_a_window_is_kept_by_the_supervisor(world: World) -> None:
    """Nothing fires before `start` or after `end`; then the schedule is done."""
    world.write(cron="0 * * * *", start="2026-05-04 12:00", end="2026-05-04 13:00", overlap="allow")
    world.at(START)
    for _ in range(5):
        world.at(timedelta(hours=1))
    assert world.ledger() == [("04 12:00", FIRED), ("04 13:00", FIRED)]
    assert schedules.get(world.bench, "s").state == "done"


def test_jitter_delays_and_restarts_do_not_change_it(world: World) -> None:
    """The delay is the schedule's and the time's own: below its bound, other for others; the due time stays what it is."""
    world.write("a", cron="0 * * * *", jitter="10m", overlap="allow")
    world.write("b", cron="0 * * * *", jitter="10m", overlap="allow")
    world.at(START)
    spec = schedules.get(world.bench, "p/a").spec
    other = schedules.get(world.bench, "p/b").spec
    assert spec
    assert other
    due = START.replace(hour=11, minute=0, second=0)
    delay = spec.delay(due)
    assert timedelta() <= delay < timedelta(minutes=10)
    assert len({one.delay(due + timedelta(hours=hour)) for one in (spec, other) for hour in range(24)}) > 24
    world.at(due + delay - timedelta(seconds=1))
    assert world.ledger("p/a") == []
    world.part = Schedules(world.desk, world.clock)
    world.at(due + delay)
    assert world.ledger("p/a") == [("04 11:00", FIRED)]
    (run,) = [run for run in runs.page(world.bench) if run.schedule == "p/a"]
    assert run.due == due
    assert schedules.ledger(world.bench, "p/a")[0].late is None or delay > timedelta(minutes=1)


def test_a_schedule_that_is_removed_in_its_delay_has_its_line(world: World) -> None:
    """Due, but delayed by its jitter when its file goes: it does not fire, and the ledger says why."""
    world.write(cron="0 * * * *", jitter="10m")
    world.at(START)
    spec = schedules.get(world.bench, "p/s").spec
    assert spec
    hours = (START.replace(minute=0, second=0) + timedelta(hours=hour) for hour in range(1, 24))
    due = next(moment for moment in hours if spec.delay(moment) > timedelta(minutes=1))
    world.at(due)
    spec.source.unlink()
    world.at(timedelta(minutes=1))
    (line, *_) = schedules.ledger(world.bench, "p/s")
    assert (line.due, line.state, line.run) == (due, SKIPPED, None)
    assert line.reason == "the schedule was removed before it was fired"
    count = len(world.ledger())
    world.write(cron="0 * * * *", jitter="10m")
    world.at(timedelta(minutes=20))
    assert len(world.ledger()) == count


def test_a_bad_file_at_the_start_falls_back_to_what_it_said(world: World) -> None:
    """Edited badly while nothing watched, the next supervisor fires by the last good declaration, and says what is wrong;
    also where that had values that only its text can say."""
    path = projects.get(world.bench, "p").path / "schedules" / "s.yaml"
    world.write(cron="0 * * * *", overlap="queue", keep={"last": 3})
    world.at(START)
    good = schedules.get(world.bench, "s").spec
    path.write_text("notebook: [")
    world.bench.memory.clear()
    world.part = Schedules(world.desk, world.clock)
    world.at(timedelta(hours=1)).at(timedelta(hours=1))
    assert [state for _, state in world.ledger()] == [FIRED, FIRED]
    view = schedules.get(world.bench, "s")
    assert (view.state, view.spec) == ("active", good)
    assert view.problem
    assert view.row
    assert view.row.problem == view.problem
    world.write(cron="0 * * * *", overlap="queue")
    world.at(timedelta(minutes=1))
    assert schedules.get(world.bench, "s").problem == ""


def test_an_edit_that_spoils_a_file_before_it_was_ever_read(world: World) -> None:
    """What was added by a command is known at once: spoilt before the supervisor looked, it fires as it was added."""
    spec = schedules.add(world.bench, "p", "s", notebook=NOTEBOOK, cron="0 * * * *", timezone="UTC")
    spec.source.write_text("cron: [")
    world.bench.memory.clear()
    world.at(START).at(timedelta(hours=1))
    assert world.ledger() == [("04 11:00", FIRED)]
    assert schedules.get(world.bench, "s").problem


def test_a_project_that_is_away_goes_on_and_says_so(world: World, tmp_path: Path) -> None:
    """Its folder was linked from a disk that is not there now: due times have their rows, and it all holds again."""
    elsewhere = tmp_path / "elsewhere"
    link = world.bench.home.projects / "p"
    link.rename(elsewhere)
    link.symlink_to(elsewhere)
    world.write(cron="0 * * * *", overlap="allow")
    world.at(START)
    elsewhere.rename(tmp_path / "away")
    world.at(timedelta(hours=1))
    assert world.ledger() == [("04 11:00", MISSED)]
    assert "could not be queued" in schedules.ledger(world.bench, "p/s")[0].reason
    assert "cannot be looked at" in schedules.get(world.bench, "s").problem
    world.part = Schedules(world.desk, world.clock)  # and a supervisor that never saw it
    world.at(timedelta(hours=1))
    (tmp_path / "away").rename(elsewhere)
    world.at(timedelta(hours=1))
    assert [state for _, state in world.ledger()] == [MISSED, MISSED, FIRED]
    assert schedules.get(world.bench, "s").problem == ""


def test_what_was_due_before_its_times_changed_is_told(world: World) -> None:
    """Due while nothing watched, and given other times before anything looked: missed by the old ones, with that reason."""
    key = world.write(cron="0 * * * *", overlap="allow")
    world.at(START).at(timedelta(hours=1))
    world.now += timedelta(hours=2, minutes=40)  # nothing looks
    world.write(cron="30 8 * * *", overlap="allow")
    changed = world.now.timestamp()
    os.utime(projects.get(world.bench, "p").path / "schedules" / "s.yaml", (changed, changed))
    world.part = Schedules(world.desk, world.clock)
    world.at(timedelta(seconds=5))
    assert world.ledger() == [("04 11:00", FIRED), ("04 12:00", MISSED), ("04 13:00", MISSED)]
    assert schedules.ledger(world.bench, key)[0].reason == "its times were changed before it was fired"
    world.at(timedelta(days=1))
    assert world.ledger()[-1] == ("05 08:30", FIRED)


def test_what_was_due_before_a_removal_is_told(world: World) -> None:
    """A file that went while nothing watched leaves its due times up to then as missed, with why; those after it are none."""
    key = world.write(cron="0 * * * *", overlap="allow")
    world.at(START).at(timedelta(hours=1))
    folder = projects.get(world.bench, "p").path / "schedules"
    (folder / "s.yaml").unlink()
    world.now += timedelta(hours=2, minutes=40)
    os.utime(folder, (world.now.timestamp(), world.now.timestamp()))
    world.part = Schedules(world.desk, world.clock)
    world.at(timedelta(hours=5))
    assert world.ledger() == [("04 11:00", FIRED), ("04 12:00", MISSED), ("04 13:00", MISSED)]
    assert schedules.lines(world.bench)[0].reason == (
        "workbench did not run then; when it looked again, the schedule's file was gone"
    )
    world.part = Schedules(world.desk, world.clock)
    world.at(timedelta(days=1))
    assert len(world.ledger()) == 3
    with world.bench.store.read() as connection:
        assert declared.get(connection, key) is None


def test_removed_by_command_before_it_was_looked_at(world: World) -> None:
    """`schedules remove` after a time at which nothing looked: what was due is missed, what was just about to be fired is
    skipped, and both say so."""
    key = world.write(cron="0 * * * *", overlap="allow")
    world.at(START).at(timedelta(hours=1))
    world.now += timedelta(hours=2)
    schedules.remove(world.bench, key)
    world.at(timedelta(hours=3))
    assert world.ledger() == [("04 11:00", FIRED), ("04 12:00", MISSED), ("04 13:00", SKIPPED)]
    assert {line.reason for line in schedules.lines(world.bench)[:2]} == {
        "the schedule was removed before it was fired"
    }


def test_known_files_are_not_read_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A new supervisor, or a command, reads only files that differ from what the store knows; what they say is the same."""
    for number in range(5):
        world.write(f"s{number}", cron=f"{number} * * * *", parameters={"day": "${due}"}, jitter="30s")
    world.at(START)
    before = dict(world.part.known)
    world.write("s3", cron="30 * * * *")
    read: list[str] = []
    real = ScheduleFiles._read

    def counted(files: ScheduleFiles, key: str, *rest: Any) -> Any:
        read.append(key)
        return real(files, key, *rest)

    monkeypatch.setattr(ScheduleFiles, "_read", counted)
    files, changed = ScheduleFiles(world.bench).look()
    assert read == ["p/s3"]
    assert len(changed) == 5
    assert {key: file.spec for key, file in files.items() if key != "p/s3"} == {
        key: file.spec for key, file in before.items() if key != "p/s3"
    }
    os.unlink(before["p/s1"].path)
    world.at(timedelta(minutes=1))
    with world.bench.store.read() as connection:
        assert declared.get(connection, "p/s1") is None


def test_many_due_at_once_are_one_transaction(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """What they share is read once, each has its run and its own frozen copy, and the store commits once."""
    for number in range(30):
        world.write(f"s{number}", cron="0 * * * *")
    world.at(START)
    asked: list[str] = []
    state = requests.git_state
    monkeypatch.setattr(requests, "git_state", lambda project: asked.append(project.name) or state(project))
    written = world.bench.store.write
    transactions: list[int] = []
    monkeypatch.setattr(world.bench.store, "write", lambda: transactions.append(1) or written())
    world.at(timedelta(hours=1))
    assert len(transactions) == 1
    assert asked == ["p"]
    made = runs.page(world.bench)
    assert len({run.schedule for run in made}) == 30
    frozen = [runs.artifacts(world.bench, run.id).frozen for run in made]
    assert len({path.read_bytes() for path in frozen if path}) == 1
    assert len({path.stat().st_ino for path in frozen if path}) == 1
    world.end(made[0].id)
    runs.remove(world.bench, made[0].id)
    assert all(path.is_file() for path in frozen[1:] if path)


def test_what_is_read_ahead_is_read_again_where_it_changed(world: World) -> None:
    """A notebook that is saved in the last second is the one that runs."""
    world.write(cron="0 * * * *")
    world.at(START)
    world.at(START.replace(hour=10, minute=59, second=59))
    path = projects.get(world.bench, "p").path / NOTEBOOK
    world.part.preparation._read(
        START.replace(hour=11, minute=0, second=0), [file.spec for file in world.part.known.values() if file.spec]
    )
    path.write_text(path.read_text().replace("day = ''", "day = 'new'"))
    world.at(START.replace(hour=11, minute=0, second=0))
    (run,) = runs.page(world.bench)
    frozen = runs.artifacts(world.bench, run.id).frozen
    assert frozen
    assert "day = 'new'" in frozen.read_text()


def test_the_ledger_of_all(world: World) -> None:
    """All schedules together, newest first; narrowed by state and time; late ones say how late."""
    world.write("a", cron="0 * * * *")
    world.write("b", cron="30 * * * *", catch_up="none")
    world.at(START).at(timedelta(hours=3, minutes=10))
    lines = schedules.lines(world.bench)
    assert [line.due for line in lines] == sorted((line.due for line in lines), reverse=True)
    assert {line.schedule for line in lines} == {"p/a", "p/b"}
    missed = schedules.lines(world.bench, states=[MISSED], since=START + timedelta(hours=2))
    assert {(line.state, line.due >= START + timedelta(hours=2)) for line in missed} == {(MISSED, True)}
    (late,) = [line for line in lines if line.state is FIRED]
    assert late.late == timedelta(minutes=10, seconds=30)
    assert late.why == "10m late: workbench did not run at its time"


def test_the_newest_events_say_what_happened(world: World) -> None:
    """The journal has the file's arrival and each change of it, once."""
    world.write(cron="0 * * * *")
    world.at(START).at(timedelta(minutes=1))
    world.write(cron="0 * * * *", retries=1)
    world.at(timedelta(minutes=1)).at(timedelta(minutes=1))
    with world.bench.store.read() as connection:
        assert [event.what for event in events.of(connection, "schedule", "p/s")] == ["added", "changed"]


def test_a_time_that_is_no_time_is_refused(world: World) -> None:
    """Of a run by hand too: nothing is queued."""
    key = world.write(cron="0 * * * *")
    world.at(START)
    with pytest.raises(Refused, match="is no time"):
        schedules.now(world.bench, key, due="yesterday")
    assert runs.page(world.bench) == []
