"""Timetables against a model that walks every minute of a year, and against what people write wrongly."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import crontab_model
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workbench.errors import NotFound, Refused
from workbench.model.clocks import instant, zone
from workbench.model.timetable import Timetable, parse_cron, timetable

YEAR = 2026
ZONES = (
    "Europe/Helsinki",
    "America/New_York",
    "Australia/Lord_Howe",  # half an hour
    "America/Nuuk",  # changes across midnight
    "Africa/Cairo",  # changes at midnight
    "America/Havana",
    "Asia/Kolkata",
    "UTC",
)
LINES = (
    "30 2 * * *",
    "*/15 * * * *",
    "0 3 * * 0",
    "15 1,2,3 * * *",
    "0,30 2 * * *",
    "*/30 2 * * *",
    "5 * * * *",
    "30 23 * * 6",
    "*/20 0,23 * * *",
    "0 0 * * *",
    "30 0 * * 5",
    "0 0 13 * fri",
    "0 0 */2 * mon",
    "17 4 29 2 *",
    "45 1 1-7 * *",
    "* 2 29 3 *",
)


def model(line: str, name: str) -> list[datetime]:
    """All times of the year by the model."""
    start = datetime(YEAR, 1, 1, tzinfo=UTC)
    return crontab_model.times(line, name, start, start + timedelta(days=365))


def found(line: str, name: str) -> list[datetime]:
    """The same by the timetable."""
    start = datetime(YEAR, 1, 1, tzinfo=UTC) - timedelta(minutes=1)
    end = datetime(YEAR, 1, 1, tzinfo=UTC) + timedelta(days=365)
    return [moment for moment in timetable(name, cron=line).due_between(start, end, 600_000) if moment < end]


@pytest.mark.parametrize("name", ["Europe/Helsinki", "Australia/Lord_Howe", "Africa/Cairo"])
@pytest.mark.parametrize("line", [line for line in LINES if line != "*/15 * * * *"])
def test_a_year_agrees_with_cron(line: str, name: str) -> None:
    """Over a whole year in each zone, with its clock changes, the due times are those of Debian's cron."""
    assert found(line, name) == model(line, name)


@pytest.mark.soak
@pytest.mark.parametrize("name", ZONES)
@pytest.mark.parametrize("line", LINES)
def test_a_year_agrees_with_cron_everywhere(line: str, name: str) -> None:
    """The same over every line and zone of this file."""
    assert found(line, name) == model(line, name)


@pytest.mark.parametrize("name", ["Europe/Helsinki", "America/New_York", "Australia/Lord_Howe", "America/Nuuk", "UTC"])
def test_counts_of_a_year(name: str) -> None:
    """A daily time fires once on each of 365 days, a weekly one 52 times, a quarter at every quarter of real time."""
    assert len(found("30 2 * * *", name)) == 365
    assert len(found("0 3 * * 0", name)) == 52
    assert len(found("*/15 1-3 * * *", name)) == {"UTC": 4380}.get(name, len(model("*/15 1-3 * * *", name)))
    spring = datetime(YEAR, 9, 27, tzinfo=UTC)
    week = timetable(name, cron="*/15 * * * *").due_between(spring, spring + timedelta(days=40), 10_000)
    assert week == [spring + timedelta(minutes=15 * n) for n in range(1, 40 * 96 + 1)]


field = {
    "minute": st.sampled_from(["*", "*/7", "0", "30", "5-55/10", "0,15,45", "59"]),
    "hour": st.sampled_from(["*", "*/3", "0", "1", "2", "3", "1-3", "0,23", "22-23"]),
    "day": st.sampled_from(["*", "*/2", "1", "13", "29", "28-31", "1,15"]),
    "month": st.sampled_from(["*", "3", "10,11", "3-4", "*/2"]),
    "week": st.sampled_from(["*", "0", "7", "1-5", "fri", "sat,0", "*/2"]),
}


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    line=st.builds(lambda *parts: " ".join(parts), *field.values()),
    name=st.sampled_from(ZONES),
)
def test_any_line_agrees_with_cron(line: str, name: str) -> None:
    """Lines put together at random have the due times that the minute-by-minute model has."""
    assert found(line, name) == model(line, name)


@settings(max_examples=60, deadline=None)
@given(
    line=st.sampled_from(LINES),
    name=st.sampled_from(ZONES),
    cuts=st.lists(st.integers(0, 40 * 86400), min_size=1, max_size=8),
)
def test_looking_often_or_seldom_gives_the_same_times(line: str, name: str, cuts: list[int]) -> None:
    """However an interval is cut into looks, each due time comes exactly once: also when a look falls into a fold."""
    start = datetime(YEAR, 10, 1, 0, 0, 30, tzinfo=UTC)
    marks = [start, *sorted(start + timedelta(seconds=cut, microseconds=cut % 1000) for cut in cuts)]
    table = timetable(name, cron=line)
    pieces = [time for a, b in pairwise(marks) for time in table.due_between(a, b, 100_000)]
    assert pieces == table.due_between(start, marks[-1], 100_000)


def test_the_limit_keeps_the_oldest() -> None:
    """A long absence is worked off in pieces: the limit cuts at the end, so that the next piece follows on."""
    table = timetable("UTC", cron="* * * * *")
    start = datetime(2026, 1, 1, tzinfo=UTC)
    first = table.due_between(start, start + timedelta(hours=2), 50)
    assert len(first) == 50
    assert first[-1] == start + timedelta(minutes=50)
    assert table.due_between(first[-1], start + timedelta(hours=2), 1000)[0] == start + timedelta(minutes=51)


def test_a_skipped_time_fires_right_after_and_a_repeated_one_at_its_first() -> None:
    """`once` in a gap fires at the gap's end, in a fold at the first of the two; both are said beforehand."""
    place = ZoneInfo("Europe/Berlin")
    before = datetime(2026, 1, 1, tzinfo=UTC)
    gap = timetable("Europe/Berlin", once="2026-03-29 02:30")
    assert gap.after(before) == datetime(2026, 3, 29, 1, 0, tzinfo=UTC)
    assert "fires at 03:00" in gap.warnings(before)[0]
    fold = timetable("Europe/Berlin", once="2026-10-25 02:30")
    assert fold.after(before) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert "comes twice" in fold.warnings(before)[0]
    assert instant(datetime.fromisoformat("2026-07-01 12:00"), place) == datetime(2026, 7, 1, 10, tzinfo=UTC)
    assert instant(datetime.fromisoformat("2011-12-30 12:00"), ZoneInfo("Pacific/Apia")) == datetime(
        2011, 12, 30, 10, tzinfo=UTC
    )


def test_once_is_over_when_it_is_over() -> None:
    """A single time has exactly one due time, and none after it."""
    table = timetable("UTC", once="2026-05-01 12:00:05")
    when = datetime(2026, 5, 1, 12, 0, 5, tzinfo=UTC)
    assert table.due_between(when - timedelta(days=1), when) == [when]
    assert table.after(when) is None
    assert "is over" in table.warnings(when)[0]


def test_intervals_do_not_move_with_restarts() -> None:
    """`every` counts from a fixed origin: whoever looks, and when, sees the same times."""
    table = timetable("Europe/Berlin", every=7200)
    start = datetime(2026, 1, 1, tzinfo=UTC)
    times = table.due_between(start, start + timedelta(days=2))
    assert len(times) == 24
    assert all(table.after(moment - timedelta(seconds=1)) == moment for moment in times)
    assert {moment.astimezone(ZoneInfo("Europe/Berlin")).hour % 2 for moment in times} == {0}


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("* * * *", "five fields, this has 4"),
        ("* * * * * *", "Seconds and years are not part of cron"),
        ("", "five fields, this has 0"),
        ("60 * * * *", "0 to 59"),
        ("* 24 * * *", "0 to 23"),
        ("* * 0 * *", "1 to 31"),
        ("* * * 13 *", "jan to dec"),
        ("* * * * 8", "Sunday as 0 and 7"),
        ("0 0 31 2 *", "never comes"),
        ("0 0 30 feb *", "never comes"),
        ("0 0 31 4,6,9,11 *", "never comes"),
        ("0 0 * * mon-sun/0", "step of 0"),
        ("*/0 * * * *", "step of 0"),
        ("30-10 * * * *", "from the smaller to the larger"),
        ("0 0 * * fri-mon", "from the smaller to the larger"),
        ("x * * * *", "minute cannot be 'x'"),
        ("1,,2 * * * *", "minute"),
        ("@reboot", "@daily"),
        ("@dayly", "@daily"),
        ("9" * 5000 + " * * * *", "at most 200"),
        ("² * * * *", "minute"),
    ],
)
def test_what_is_no_cron_line_is_explained(line: str, told: str) -> None:
    """A wrong line is refused with the field and what it may hold; one that never comes is an error too."""
    with pytest.raises(Refused) as caught:
        parse_cron(line)
    assert told in str(caught.value)
    assert caught.value.hint


@given(st.text(alphabet="0123456789*/-,LW#@ monsufrijadec\x00é", max_size=40))
@settings(max_examples=60, deadline=None)
def test_no_text_breaks_the_reader(text: str) -> None:
    """Whatever is typed is either a line with a next time and words, or refused."""
    try:
        line = parse_cron(text)
    except Refused:
        return
    table = Timetable(zone("Europe/Berlin"), cron=line)
    assert table.after(datetime(2026, 1, 1, tzinfo=UTC)) is not None
    assert table.words().endswith("Europe/Berlin time")


@pytest.mark.parametrize(
    ("name", "told"),
    [("EST5", ""), ("", "Name one"), ("berlin", "Europe/Berlin"), ("Europe/Brlin", "Europe/Berlin"), ("../etc/x", "")],
)
def test_only_iana_zones(name: str, told: str) -> None:
    """A zone is an IANA name; the nearest is offered."""
    with pytest.raises(NotFound) as caught:
        zone(name)
    assert told in caught.value.hint


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("2026-02-30 10:00", "day"),
        ("tomorrow", "As once"),
        ("2026-01-01", "As once"),
        ("2026-01-01T06:30Z", "timezone says it"),
        ("2026-01-01 06:30+01:00", "timezone says it"),
    ],
)
def test_once_is_wall_time(text: str, told: str) -> None:
    """A single time is written without an offset; what is none is refused."""
    with pytest.raises(Refused, match=told):
        timetable("UTC", once=text)


def test_exactly_one_of_the_three() -> None:
    """A schedule has one of cron, once and every."""
    with pytest.raises(Refused, match="one of cron"):
        timetable("UTC")
    with pytest.raises(Refused, match="cron and every"):
        timetable("UTC", cron="@daily", every=60)
    with pytest.raises(Refused, match="1m to 366d"):
        timetable("UTC", every=1)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("30 6 * * mon-fri", "At 06:30 on Monday through Friday, Europe/Berlin time"),
        ("*/15 * * * *", "Every 15 minutes, Europe/Berlin time"),
        ("@daily", "At 00:00 every day, Europe/Berlin time"),
        ("0 3 * * 7", "At 03:00 on Sunday, Europe/Berlin time"),
        ("0 0 13 * fri", "At 00:00 on the 13th day of month as well as on Friday, Europe/Berlin time"),
        ("0 0 1 * 0-6", "At 00:00 every day, Europe/Berlin time"),  # either is enough
        ("0 0 1-31 2 mon", "At 00:00 every day in February, Europe/Berlin time"),
        ("0 0 21 * *", "At 00:00 on the 21st day of every month, Europe/Berlin time"),
        ("@hourly", "At the start of every hour, Europe/Berlin time"),
    ],
)
def test_words(line: str, words: str) -> None:
    """A line is said in plain English with its zone."""
    assert timetable("Europe/Berlin", cron=line).words() == words


def test_words_of_the_others() -> None:
    """A single time and an interval are said too."""
    assert timetable("UTC", once="2026-05-01 12:00").words() == "Once, on Friday 1 May 2026 at 12:00, UTC"
    assert timetable("UTC", every=5400).words() == "Every 1 hour and 30 minutes, UTC"
    assert timetable("UTC", every=86400).words() == "Every day, UTC"


def test_next_times_are_local() -> None:
    """A preview shows the schedule's own clock."""
    times = timetable("America/New_York", cron="30 2 * * *").next_times(3, datetime(2026, 3, 7, tzinfo=UTC))
    assert [f"{time:%a %H:%M %z}" for time in times] == ["Sat 02:30 -0500", "Sun 03:00 -0400", "Mon 02:30 -0400"]
