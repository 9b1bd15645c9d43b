"""The lab: what any line means before it is trusted, with clock changes, overlaps and everything crontab(5) does otherwise."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice, takewhile

import pytest
from schedule_world import NOTEBOOK, START, World

from workbench.errors import Refused
from workbench.model import cron, outlook
from workbench.model.run import RunState
from workbench.model.schedule import Overlap
from workbench.model.timetable import timetable
from workbench.services import schedules

NOW = datetime(2026, 1, 1, tzinfo=UTC)
NEXT_MARCH = "28 March 2027"


@pytest.mark.parametrize(
    ("zone", "line", "spring", "autumn"),
    [
        ("Europe/Helsinki", "30 3 * * *", "03:30 does not exist in Europe/Helsinki: it fires at 04:00",
         "03:30 comes twice in Europe/Helsinki: it fires at the first"),
        ("Europe/Berlin", "0,30 2 * * *", "02:00 and 02:30 do not exist in Europe/Berlin: it fires at 03:00",
         "02:00 and 02:30 come twice in Europe/Berlin: it fires at the first"),
        ("Europe/Berlin", "*/30 * * * *", "there is no 02:00 to 03:00 in Europe/Berlin, and nothing is due in it",
         "02:00 to 03:00 comes twice in Europe/Berlin, and it is due in both"),
        ("Australia/Lord_Howe", "15 2 * * *", "02:15 does not exist in Australia/Lord_Howe: it fires at 02:30", ""),
        ("Europe/Berlin", "30 6 * * *", "", ""),
        ("UTC", "30 2 * * *", "", ""),
    ],
)  # fmt: skip
def test_clock_changes_are_named(zone: str, line: str, spring: str, autumn: str) -> None:
    """Each change of the next year that touches it, with the day and what happens; none that does not."""
    told = [change.text.partition(": ")[2] for change in outlook.clock_changes(timetable(zone, cron=line), NOW)]
    for text in filter(None, (spring, autumn)):
        assert text in told
    if not spring and not autumn:
        assert told == []


@pytest.mark.parametrize("zone", ["Europe/Helsinki", "America/New_York", "Australia/Lord_Howe", "UTC"])
@pytest.mark.parametrize("line", ["30 2 * * *", "*/20 2 * * *", "15 1,2,3 * * *", "0 * * * *"])
def test_what_is_named_is_what_happens(zone: str, line: str) -> None:
    """The times that a change is said to move or repeat are due times of the table, and lie at that change."""
    table = timetable(zone, cron=line)
    due = set(islice(table.times(NOW), 12_000))
    for change in outlook.clock_changes(table, NOW):
        for moment in change.due:
            assert moment in due, change.text
            assert abs(moment - change.at) <= timedelta(hours=3)


@pytest.mark.parametrize(
    ("line", "often"),
    [("0 6 * * *", "once a day"), ("*/30 * * * *", "48 times a day"),
     ("30 6 * * mon-fri", "once a day on 261 days a year, about 5 a week"),
     ("0 0 1 * *", "once a day on 12 days a year, about 1 a month"),
     ("0 */6 29 2 *", "4 times a day on one day every 4 years")],
)  # fmt: skip
def test_how_often(line: str, often: str) -> None:
    """In numbers that a person can check, and that agree with a year of due times."""
    table = timetable("UTC", cron=line)
    assert outlook.often(table) == often
    times, days = cron.often(cron.parse_cron(line))
    year = list(takewhile(lambda moment: moment.year == 2026, table.times(NOW - timedelta(seconds=1))))
    assert len(year) == times * days


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("@daily", "@daily is 0 0 * * *"),
        ("0 0 13 * fri", "either is enough"),
        ("0 0 */2 * fri", "both have to match"),
        ("0 0 * * 7", "weekday 7 is Sunday"),
        ("*/7 * * * *", "begins anew with each hour"),
        ("0 0 31 * *", "not due in February, April, June, September, November"),
        ("0 0 29 2 *", "not due in February but in leap years"),
    ],
)
def test_what_one_may_not_expect_of_a_line(line: str, told: str) -> None:
    """What crontab(5) makes of a line is said where people commonly think otherwise."""
    assert any(told in note for note in cron.notes(line)), cron.notes(line)


@pytest.mark.parametrize("line", ["30 6 * * mon-fri", "*/15 * * * *", "0 0 1 * *", "0 0 * * *"])
def test_plain_lines_have_no_notes(line: str) -> None:
    """Nothing is said of what means what it looks like."""
    assert cron.notes(line) == []


@pytest.mark.parametrize(
    ("line", "usual", "long", "told"),
    [
        ("0 * * * *", 600, 1200, "over before the next is due, 1h00m later at the nearest"),
        ("*/15 * * * *", 1200, 1300, "always: overlap: skip leaves those out"),
        ("0,10 * * * *", 900, 900, "the run before would still go on"),
        ("*/15 * * * *", 600, 1200, "at 499 of 499 due times a long run before would still go on"),
    ],
)
def test_overlaps_are_foreseen(line: str, usual: float, long: float, told: str) -> None:
    """From how long runs take: whether the next is due before the one before is over, how often, and what happens."""
    lasting = outlook.Lasting(usual, long, "measured")
    assert told in outlook.overlaps(timetable("UTC", cron=line), NOW, lasting, Overlap.SKIP)


def test_the_lengths_of_runs_are_measured(world: World) -> None:
    """Median and the length that nine of ten stay below, of the schedule's own successes, else of its notebook's."""
    key = world.write(cron="0 * * * *", overlap="allow")
    world.at(START)
    assert schedules.measured(world.bench, "p", NOTEBOOK, key) is None
    for _ in range(10):
        world.at(timedelta(hours=1))
    with world.bench.store.write() as connection:
        connection.execute("UPDATE runs SET state = ?, seconds = id * 60.0", (RunState.SUCCEEDED,))
    found = schedules.measured(world.bench, "p", NOTEBOOK, key)
    assert found == outlook.Lasting(360.0, 540.0, "median of the last 10")
    assert schedules.measured(world.bench, "p", NOTEBOOK, "p/new") == found
    spec = schedules.get(world.bench, key).spec
    assert spec
    assert "overlap: allow" in schedules.of_schedule(world.bench, spec, lasts=4000).overlap


def test_any_line_is_read_as_typed() -> None:
    """`every` and `once` are said by their word, everything else is cron; what never comes is an error with its reason."""
    assert schedules.read_line("every 2h") == {"every": "2h"}
    assert schedules.read_line("once: 2026-01-02 06:30") == {"once": "2026-01-02 06:30"}
    assert schedules.read_line(" 30 2 * * mon-fri ") == {"cron": "30 2 * * mon-fri"}
    with pytest.raises(Refused, match="never comes"):
        timetable("UTC", cron="0 0 31 2 *")
