"""Due times become rows: on time, late, overlapping, paused, with the clock set, under every policy; and what people write."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from schedule_world import NOTEBOOK, START, World

from workbench.errors import NotFound, Refused, StoreError
from workbench.model.run import PENDING, Request, RunState
from workbench.model.schedule import CatchUp, DueState, ScheduleSpec
from workbench.model.variables import variables
from workbench.services import groups, projects, runs, schedules
from workbench.services.asking import checking
from workbench.services.asking.requests import Checked
from workbench.services.bench import Bench
from workbench.services.scheduling.files import ScheduleFiles
from workbench.services.supervision import control
from workbench.services.supervision import tonight as tonight_module
from workbench.services.supervision.tonight import Surroundings, told
from workbench.store import events
from workbench.store import runs as run_rows
from workbench.store import schedules as rows
from workbench.supervisor.due.schedules import PIECE, Schedules


def test_a_due_time_fires_once(world: World) -> None:
    """Looking often changes nothing; each time has one row and one run with its due time."""
    world.write(cron="*/10 * * * *")
    world.at(START)
    for _ in range(40):
        world.at(timedelta(seconds=30))
    assert world.ledger() == [("04 10:10", DueState.FIRED), ("04 10:20", DueState.SKIPPED)]
    (run,) = runs.page(world.bench)
    assert run.due == START.replace(minute=10, second=0)
    assert (run.schedule, run.origin, run.name) == ("p/s", "schedule", "s")


def test_a_new_file_starts_at_now(world: World) -> None:
    """Nothing before a file was there is due, and a changed time starts anew."""
    world.write(cron="0 * * * *")
    world.at(START).at(timedelta(hours=1))
    assert world.ledger() == [("04 11:00", DueState.FIRED)]
    world.write(cron="30 * * * *")
    world.at(timedelta(minutes=1))
    assert len(world.ledger()) == 1


@pytest.mark.parametrize(
    ("policy", "fired", "missed"),
    [({}, 1, 71), ({"catch_up": "none"}, 0, 72), ({"catch_up": "all"}, 72, 0),
     ({"catch_up": "all", "catch_up_window": "5h"}, 5, 67), ({"catch_up_window": "10m"}, 0, 72)],
)  # fmt: skip
def test_three_days_away(world: World, policy: dict[str, Any], fired: int, missed: int) -> None:
    """An hourly schedule that nobody watched for three days: by default the latest fires, the rest is written down."""
    world.write(cron="0 * * * *", **policy)
    world.at(START).at(timedelta(days=3, minutes=15))
    states = [state for _, state in world.ledger()]
    assert (states.count(DueState.FIRED), states.count(DueState.MISSED)) == (fired, missed)
    assert len(runs.page(world.bench)) == fired
    if fired == 1:
        assert states[-1] is DueState.FIRED
    for row in schedules.ledger(world.bench, "p/s"):
        assert row.state is not DueState.MISSED or "did not run then" in row.reason


def test_a_year_of_minutes_is_worked_off(world: World) -> None:
    """A long absence of a frequent schedule is done in pieces, and its end is the same."""
    world.write(cron="* * * * *")
    world.at(START).at(timedelta(minutes=2 * PIECE + 7))
    ledger = world.ledger()
    assert len(ledger) == 2 * PIECE + 7
    assert [state for _, state in ledger].count(DueState.FIRED) == 1
    assert ledger[-1][1] is DueState.FIRED


@pytest.mark.parametrize(
    ("overlap", "states", "asked"),
    [("skip", ["fired", "skipped"], 0), ("queue", ["fired", "fired"], 0), ("allow", ["fired", "fired"], 0),
     ("replace", ["fired", "fired"], 1)],
)  # fmt: skip
def test_overlap(world: World, overlap: str, states: list[str], asked: int) -> None:
    """At a due time while the run before is still there: as the file says, and always written down with its reason."""
    world.write(cron="0 * * * *", overlap=overlap)
    world.at(START).at(timedelta(hours=1)).at(timedelta(hours=1))
    assert [state for _, state in world.ledger()] == states
    assert sum(run.cancel_asked for run in runs.page(world.bench)) == asked
    if overlap == "skip":
        assert schedules.ledger(world.bench, "p/s")[0].reason == "run 1 was still queued"
        world.end(1)
        world.at(timedelta(hours=1))
        assert world.ledger()[-1][1] is DueState.FIRED


def test_a_pause_is_not_made_up_for(world: World) -> None:
    """What is due in a pause does not fire, then or later, and has its row with who paused it and why."""
    world.write(cron="0 * * * *")
    world.at(START)
    assert schedules.pause(world.bench, "p/s", "holiday")
    world.at(timedelta(hours=2))
    assert world.ledger() == [("04 11:00", DueState.SKIPPED), ("04 12:00", DueState.SKIPPED)]
    assert schedules.ledger(world.bench, "p/s")[0].reason == f"paused by {world.bench.actor.by}: holiday"
    assert schedules.get(world.bench, "s").state == "paused"
    assert schedules.resume(world.bench, "s")
    world.at(timedelta(minutes=1))
    assert len(world.ledger()) == 2
    world.at(timedelta(hours=1))
    assert world.ledger()[-1] == ("04 13:00", DueState.FIRED)
    assert len(runs.page(world.bench)) == 1


def test_off_is_off(world: World) -> None:
    """`enabled: false` fires nothing, and what was due then is not made up for."""
    world.write(cron="0 * * * *", enabled=False)
    world.at(START).at(timedelta(hours=5))
    world.write(cron="0 * * * *")
    world.at(timedelta(minutes=1))
    assert world.ledger() == []


def test_a_clock_that_is_set_fires_nothing_twice(world: World) -> None:
    """Three hours on and back again: what fired fires no second time, and the schedule goes on from the right time."""
    world.write(cron="0 * * * *", overlap="allow", catch_up="all")
    world.at(START).at(timedelta(hours=3))
    assert [due for due, _ in world.ledger()] == ["04 11:00", "04 12:00", "04 13:00"]
    world.at(timedelta(hours=-3))
    for _ in range(8):
        world.at(timedelta(minutes=30))
    assert [due for due, _ in world.ledger()] == ["04 11:00", "04 12:00", "04 13:00", "04 14:00"]
    assert len(runs.page(world.bench)) == 4


def test_a_clock_that_was_years_ahead_costs_no_due_time(world: World) -> None:
    """Two years on for a moment, as of a machine that starts with a wrong clock: what did not fire then is still to come,
    what fired does not fire again, and the schedule's history says so."""
    key = world.write(cron="0 6 * * *")
    world.at(START).at(timedelta(days=730))
    assert len(world.ledger()) == 730
    assert world.ledger()[-1] == ("03 06:00", DueState.FIRED)
    world.now = START + timedelta(minutes=1)
    world.part.reset()  # as the loop does where the clock jumped
    world.at(world.now)
    assert world.ledger() == [("03 06:00", DueState.FIRED)]
    with world.bench.store.read() as connection:
        told = [line for line in events.after(connection, 0, 100) if line.what == "taken back"]
    assert [line.detail for line in told] == ["729 due times that the clock was ahead of"]
    world.end(runs.page(world.bench)[0].id)
    for day in range(5, 8):
        world.at(datetime(2026, 5, day, 6, 0, 1, tzinfo=UTC))
    assert [state for _, state in world.ledger(key)[:3]] == [DueState.FIRED, DueState.SKIPPED, DueState.SKIPPED]


def test_what_was_due_before_a_pause_has_its_row(world: World) -> None:
    """Due while nothing watched, and paused before it looked again: missed, with that reason, and fired no more."""
    key = world.write(cron="0 * * * *", catch_up="all", overlap="allow")
    world.at(START).at(timedelta(hours=1))
    assert world.ledger() == [("04 11:00", DueState.FIRED)]
    world.now += timedelta(hours=2)  # nothing looks
    assert schedules.pause(world.bench, key)
    world.at(timedelta(hours=1))
    schedules.resume(world.bench, key)
    world.at(timedelta(hours=1))
    assert world.ledger() == [
        ("04 11:00", DueState.FIRED),
        ("04 12:00", DueState.MISSED),
        ("04 13:00", DueState.MISSED),
        ("04 14:00", DueState.SKIPPED),
        ("04 15:00", DueState.FIRED),
    ]
    assert "was paused before it could be fired" in schedules.ledger(world.bench, key)[-2].reason


def test_a_link_that_leads_nowhere_is_not_gone(world: World, tmp_path: Path) -> None:
    """Where the disk that a linked file is on is away the schedule goes on as it was, and says so; so does a new program."""
    key = world.write(cron="0 * * * *")
    path = schedules.get(world.bench, key).path
    kept = tmp_path / "elsewhere.yaml"
    path.rename(kept)
    path.symlink_to(kept)
    world.at(START)
    kept.rename(tmp_path / "away.yaml")
    world.part = Schedules(world.desk, world.clock)
    world.at(timedelta(hours=1))
    assert world.ledger() == [("04 11:00", DueState.FIRED)]
    assert schedules.get(world.bench, key).problem == "cannot be read: no such file or directory"
    (problem,) = schedules.problems(world.bench)
    assert str(problem) == "projects/p/schedules/s.yaml: cannot be read: no such file or directory"


def test_a_file_that_ends_in_yml_is_told(world: World) -> None:
    """It is no schedule, and nobody waits for it without knowing."""
    key = world.write(cron="0 * * * *")
    path = schedules.get(world.bench, key).path
    path.rename(path.with_suffix(".yml"))
    (problem,) = schedules.problems(world.bench)
    assert str(problem) == "projects/p/schedules/s.yml: is not read: the name ends in .yml: rename it to end in .yaml"


def test_a_bad_edit_keeps_the_last_good_one(world: World) -> None:
    """A file that cannot be read is told with its place; what it said before goes on, also for a new supervisor."""
    key = world.write(cron="0 * * * *")
    world.at(START)
    path = schedules.get(world.bench, key).path
    path.write_text("notebook: notebooks/n.ipynb\ncorn: 0 * * * *\n")
    world.at(timedelta(seconds=10))
    view = schedules.get(world.bench, key)
    assert "corn" in view.problem
    assert view.row
    assert view.row.problem
    world.part = Schedules(world.desk, world.clock)
    world.at(timedelta(hours=1))
    assert world.ledger() == [("04 11:00", DueState.FIRED)]


def test_a_notebook_that_is_gone_is_a_missed_time_with_its_reason(world: World) -> None:
    """What cannot be queued is written down as such; the schedule goes on."""
    world.write(cron="0 * * * *")
    world.at(START)
    notebook = projects.get(world.bench, "p").path / NOTEBOOK
    kept = notebook.read_text()
    notebook.unlink()
    world.at(timedelta(hours=1))
    (row,) = schedules.ledger(world.bench, "p/s")
    assert row.state is DueState.MISSED
    assert "could not be queued" in row.reason
    notebook.write_text(kept)
    world.at(timedelta(hours=1))
    assert world.ledger()[-1][1] is DueState.FIRED


def test_a_fault_of_one_schedule_hits_no_other(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """What nobody thought of: that due time is missed with its reason, the next one comes, and the others fire."""
    world.write("bad", cron="0 * * * *")
    world.write("good", cron="0 * * * *", overlap="allow")
    world.at(START)
    check = checking.check

    def fails(bench: Bench, request: Request, **more: Any) -> Checked:
        if request.schedule == "p/bad":
            raise RuntimeError("nobody thought of it")
        return check(bench, request, **more)

    monkeypatch.setattr(checking, "check", fails)
    world.at(timedelta(hours=1)).at(timedelta(hours=1))
    assert world.ledger("p/bad") == [("04 11:00", DueState.MISSED), ("04 12:00", DueState.MISSED)]
    assert "RuntimeError: nobody thought of it" in schedules.ledger(world.bench, "p/bad")[0].reason
    assert world.ledger("p/good") == [("04 11:00", DueState.FIRED), ("04 12:00", DueState.FIRED)]
    monkeypatch.undo()
    monkeypatch.setattr(control, "ensure", lambda bench: None)
    world.at(timedelta(hours=1))
    assert world.ledger("p/bad")[-1] == ("04 13:00", DueState.FIRED)


def test_a_file_that_breaks_the_reader_hits_no_other(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault in reading one file is its problem, its last good text goes on, and the other files are read."""
    world.write("bad", cron="0 * * * *")
    world.at(START)
    read = ScheduleFiles._read

    def fails(files: ScheduleFiles, key: str, *rest: Any) -> Any:
        if key == "p/bad":
            raise RuntimeError("broken")
        return read(files, key, *rest)

    monkeypatch.setattr(ScheduleFiles, "_read", fails)
    world.write("bad", cron="0 * * * *", retries=1)
    world.write("good", cron="0 * * * *", overlap="allow")
    world.at(timedelta(minutes=1))
    world.at(timedelta(hours=1))
    assert world.ledger("p/good") == world.ledger("p/bad") == [("04 11:00", DueState.FIRED)]
    with world.bench.store.read() as connection:
        row = rows.get(connection, "p/bad")
    assert row
    assert "RuntimeError: broken" in row.problem


def test_a_link_to_itself_beside_the_projects_stops_nothing(world: World) -> None:
    """An entry that cannot even be looked at is passed over."""
    (world.bench.home.projects / "loop").symlink_to("loop")
    world.write(cron="0 * * * *")
    world.at(START).at(timedelta(hours=1))
    assert len(world.ledger()) == 1


def refuse_writes(world: World, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Have the store refuse every write, as on a full disk."""

    @contextmanager
    def full() -> Iterator[Any]:
        raise StoreError("the disk is full")
        yield

    with monkeypatch.context() as patched:
        patched.setattr(world.bench.store, "write", full)
        with pytest.raises(StoreError):
            world.part.look(woken=False)


def test_an_edit_outlives_a_full_disk(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """An edit that could not be written down is taken in as soon as it can be."""
    world.write(cron="0 * * * *")
    world.at(START)
    world.write(cron="30 * * * *")
    refuse_writes(world, monkeypatch)
    world.part.look(woken=False)
    with world.bench.store.read() as connection:
        row = rows.get(connection, "p/s")
    assert row
    assert row.timing.startswith("30 ")


def test_a_due_time_outlives_a_full_disk(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A due time that could not be written down fires as soon as it can be, without anybody waking the supervisor."""
    world.write(cron="0 * * * *")
    world.at(START)
    world.now += timedelta(minutes=59, seconds=40)
    refuse_writes(world, monkeypatch)
    world.part.look(woken=False)
    assert world.ledger() == [("04 11:00", DueState.FIRED)]


def test_a_pause_in_the_last_moment_wins(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Paused while its due time was being looked at: nothing fires, and that is written down."""
    world.write(cron="0 * * * *")
    world.at(START)
    check = checking.check

    def paused(bench: Bench, request: Request, **more: Any) -> Checked:
        schedules.pause(bench, "p/s")
        return check(bench, request, **more)

    monkeypatch.setattr(checking, "check", paused)
    world.at(timedelta(hours=1))
    assert world.ledger() == [("04 11:00", DueState.MISSED)]
    assert runs.page(world.bench) == []


def test_a_removed_file_is_off_and_its_history_stays(world: World) -> None:
    """Removing the file ends it; its due times are there for ever."""
    key = world.write(cron="0 * * * *")
    world.at(START).at(timedelta(hours=1))
    schedules.remove(world.bench, key)
    world.at(timedelta(hours=5))
    assert len(world.ledger()) == 1
    with world.bench.store.read() as connection:
        row = rows.get(connection, key)
    assert row
    assert not row.present
    with pytest.raises(NotFound):
        schedules.get(world.bench, key)


def test_a_file_removed_while_nothing_watched_is_off(world: World) -> None:
    """Also where it was the only one: the next supervisor finds it gone, and its row says so; after that nothing was due."""
    key = world.write(cron="0 * * * *")
    world.at(START)
    folder = projects.get(world.bench, "p").path / "schedules"
    (folder / "s.yaml").unlink()
    os.utime(folder, (START.timestamp(), START.timestamp()))
    world.part = Schedules(world.desk, world.clock)
    world.at(timedelta(hours=2))
    with world.bench.store.read() as connection:
        row = rows.get(connection, key)
    assert row
    assert not row.present
    assert world.ledger() == []


def test_once_fires_once(world: World) -> None:
    """A single time fires, and is done."""
    world.write(once="2026-05-04 11:00")
    world.at(START).at(timedelta(hours=1)).at(timedelta(days=400))
    assert world.ledger() == [("04 11:00", DueState.FIRED)]
    assert schedules.get(world.bench, "s").state == "done"


def test_run_now_is_beside_the_due_times(world: World) -> None:
    """Run now queues a run of the schedule and no due time; its placeholders are of now."""
    key = world.write(cron="0 * * * *", parameters={"day": "${due}"})
    world.at(START)
    number = schedules.now(world.bench, key)
    run = runs.get(world.bench, number)
    assert (run.schedule, run.due, run.parameters) == (key, None, {"day": "2026-05-04"})
    assert world.ledger() == []


def test_add_writes_a_file_that_a_person_would(world: World) -> None:
    """The file has what was said and no more, and is read back the same."""
    spec = schedules.add(
        world.bench, "p", "nightly", notebook=NOTEBOOK, cron="30 6 * * mon-fri", timezone="Europe/Berlin",
        parameters={"day": "${due - 1 day}"}, timeout=2700, retries=1, overlap="queue",
    )  # fmt: skip
    text = spec.source.read_text()
    assert text.startswith("# yaml-language-server: $schema=")
    assert "timeout: 45m" in text
    assert "catch_up" not in text
    assert (spec.timezone, spec.timeout, spec.retries, spec.overlap) == ("Europe/Berlin", 2700.0, 1, "queue")
    view = schedules.get(world.bench, "nightly")
    assert view.row
    assert view.row.evaluated_until == START
    assert view.next_due == datetime(2026, 5, 5, 4, 30, tzinfo=UTC)


def test_the_machines_zone_is_kept_where_none_was_chosen(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without `init` a schedule means the clock on the wall: the machine's zone, written down once, for all to come."""
    monkeypatch.setenv("TZ", "America/Lima")
    assert schedules.preview(world.bench, cron="30 6 * * *", n=1).times[0].tzname() == "-05"
    elsewhere = schedules.add(world.bench, "p", "berlin", notebook=NOTEBOOK, cron="@daily", timezone="Europe/Berlin")
    assert (elsewhere.timezone, world.bench.settings.timezone) == ("Europe/Berlin", None)
    with pytest.raises(NotFound):
        schedules.add(world.bench, "p", "bad", notebook="notebooks/none.ipynb", cron="@daily")
    assert world.bench.settings.timezone is None
    spec = schedules.add(world.bench, "p", "nightly", notebook=NOTEBOOK, cron="30 6 * * *")
    assert (spec.timezone, world.bench.settings.timezone) == ("America/Lima", "America/Lima")
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    assert schedules.add(world.bench, "p", "other", notebook=NOTEBOOK, cron="@daily").timezone == "America/Lima"


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ({"cron": "61 * * * *"}, "minute"),
        ({"cron": "0 0 31 2 *"}, "never comes"),
        ({"once": "2020-01-01 00:00"}, "is over"),
        ({"every": "10s"}, "1m"),
        ({"cron": "@daily", "timezone": "EST5"}, "time zone"),
        ({"cron": "@daily", "notebook": "notebooks/none.ipynb"}, "none.ipynb"),
        ({"cron": "@daily", "parameters": {"daze": "x"}}, "daze"),
        ({"cron": "@daily", "parameters": {"day": "${dew}"}}, "mean ${due}"),
        ({}, "cron"),
    ],
)
def test_what_is_refused_writes_nothing(world: World, keys: dict[str, Any], told: str) -> None:
    """A schedule that could not run is refused before anything is written."""
    with pytest.raises((Refused, NotFound)) as caught:
        schedules.add(world.bench, "p", "bad", **{"notebook": NOTEBOOK, **keys})
    assert told in str(caught.value)
    assert not (projects.get(world.bench, "p").path / "schedules" / "bad.yaml").exists()


def test_a_preview_says_words_and_both_times(world: World) -> None:
    """What a person sees before saving."""
    shown = schedules.preview(world.bench, cron="30 6 * * mon-fri", timezone="Europe/Berlin", n=3)
    assert shown.words.startswith("At 06:30 on Monday through Friday")
    assert [f"{moment:%a %H:%M}" for moment in shown.times] == ["Tue 06:30", "Wed 06:30", "Thu 06:30"]
    assert [f"{moment:%H:%M}" for moment in shown.utc] == ["04:30"] * 3
    gap = schedules.preview(world.bench, once="2027-03-28 02:30", timezone="Europe/Berlin")
    assert "skip" in gap.warnings[0]


def test_what_references_stood_for_is_kept_with_the_run(world: World) -> None:
    """The last success and the run's id are written out when it fires; running it again gives the same, env included."""
    world.write(
        cron="0 6 * * *", timezone="Europe/Berlin",
        parameters={"day": "${due} after ${previous_success | nothing} as ${run}"},
    )  # fmt: skip
    world.at(START)
    world.at(START.replace(day=5))
    first = runs.page(world.bench)[0]
    assert first.parameters == {"day": f"{first.due:%Y-%m-%d} after nothing as {first.id}"}
    world.end(first.id, RunState.STARTING)
    with world.bench.store.write() as connection:
        connection.execute("UPDATE runs SET state = 'succeeded' WHERE id = ?", (first.id,))
    world.at(START.replace(day=6))
    second = runs.page(world.bench)[0]
    assert second.parameters == {"day": f"{second.due:%Y-%m-%d} after {first.due:%Y-%m-%d} as {second.id}"}
    third = runs.get(world.bench, runs.again(world.bench, second.id))
    assert third.parameters == second.parameters
    with world.bench.store.read() as connection:
        kept = [run_rows.record(connection, run.id)["references"] for run in (second, third)]
    assert kept[0] == kept[1]
    found = variables(third, 1, "/p", kept[1])
    assert found["WORKBENCH_DUE"].endswith("T06:00:00+02:00")
    assert found["WORKBENCH_PREVIOUS_SUCCESS"] < found["WORKBENCH_DUE"]
    assert (found["WORKBENCH_SCHEDULE"], found["WORKBENCH_RUN"]) == ("p/s", str(third.id))
    assert found["WORKBENCH_PARAM_day"] == third.parameters["day"]


def test_a_sweep_of_a_schedule_is_a_group_each_time(world: World) -> None:
    """A due time fires one run for each combination, all of one group; while any of it goes on it overlaps the next."""
    world.write(cron="0 6 * * *", sweep={"day": ["${due}", "${due - 1 day}", "${run}"]})
    world.at(START)
    world.at(START.replace(day=5))
    made = runs.page(world.bench)
    group = groups.of_run(world.bench, made[0].id)
    assert group
    assert (len(made), group.size, group.schedule, f"{group.due:%d}") == (3, 3, "p/s", "05")
    values = [run.parameters["day"] for run in groups.members(world.bench, group.id)]
    assert values == ["2026-05-05", "2026-05-04", str(made[0].id)]
    [due] = [one for one in schedules.ledger(world.bench, "p/s") if one.state is DueState.FIRED]
    assert due.run == made[-1].id
    world.end(made[0].id)
    world.at(START.replace(day=6))
    assert world.ledger()[-1][1] is DueState.SKIPPED
    groups.cancel(world.bench, group.id)
    assert all(run.cancel_asked for run in groups.members(world.bench, group.id, PENDING))
    with pytest.raises(Refused, match="mean day"):
        schedules.add(world.bench, "p", "bad", notebook=NOTEBOOK, cron="@daily", sweep={"dya": [1, 2]})


def test_tonight_tells_the_truth() -> None:
    """Every way in which tonight's run may not happen has its line and its remedy."""
    good = Surroundings(
        alive=True, starts_with_machine=True, starts_with_login=True, systemd=True, logout_kills=False, laptop=False,
        container=False, wsl=False, cron=True, account="ann", root="/home/ann/workbench",
    )  # fmt: skip
    assert told(good) == ["It will run tonight: it is up, stays up after logout, and starts with the machine."]

    def lines(**changes: bool) -> str:
        return "\n".join(told(Surroundings(**{**good.__dict__, **changes})))

    assert "Asleep" in lines(laptop=True)
    assert "loginctl enable-linger ann" in lines(logout_kills=True)
    assert "service install" in lines(starts_with_machine=False, starts_with_login=False)
    assert "crontab -e" in lines(starts_with_machine=False, starts_with_login=False, systemd=False)
    assert "enable-linger" in lines(starts_with_machine=False)
    assert "This is a container" in lines(container=True, starts_with_machine=False)
    assert "will not run" in lines(alive=False)
    assert "WSL" in lines(wsl=True)


def test_what_sleep_costs_is_what_the_schedule_says() -> None:
    """The line about sleeping promises only what `catch_up` of that schedule does."""
    asleep = Surroundings(
        alive=True, starts_with_machine=True, starts_with_login=True, systemd=True, logout_kills=False, laptop=True,
        container=False, wsl=False, cron=True, account="ann", root="/home/ann/workbench",
    )  # fmt: skip

    def line(**keys: Any) -> str:
        return told(asleep, ScheduleSpec("p", "s", Path("s.yaml"), "n.ipynb", "UTC", cron="@daily", **keys))[1]

    assert "the last time missed is made up for after waking." in line()
    assert "made up for after waking within 2h00m." in line(catch_up_window=7200.0)
    assert "every time missed is made up for" in line(catch_up=CatchUp.ALL)
    assert "not made up for (catch_up: none)" in line(catch_up=CatchUp.NONE)
    assert "as each schedule's catch_up says" in told(asleep)[1]


def test_a_battery_of_a_mouse_is_no_laptop(tmp_path: Path) -> None:
    """Only the machine's own battery says that it sleeps."""
    mouse = tmp_path / "hidpp_battery_0"
    mouse.mkdir()
    (mouse / "type").write_text("Battery\n")
    (mouse / "scope").write_text("Device\n")
    assert not tonight_module._has_battery(tmp_path)
    own = tmp_path / "BAT0"
    own.mkdir()
    (own / "type").write_text("Battery\n")
    assert tonight_module._has_battery(tmp_path)
    assert not tonight_module._has_battery(tmp_path / "none")
