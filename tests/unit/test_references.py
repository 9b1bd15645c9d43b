"""References: what `${…}` in parameters stands for, on the calendar of its zone, and what of it a kernel finds."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from workbench.errors import Refused
from workbench.model.placeholder import Moments, escaped, expanded, named

DUE = datetime(2026, 3, 1, 6, 30, tzinfo=UTC)
MOMENTS = Moments(DUE, now=DUE.replace(day=4, hour=23), previous=DUE.replace(month=2, day=27), run=41)


def written(text: Any, moments: Moments = MOMENTS) -> Any:
    """What it stands for."""
    return expanded({"x": text}, moments)["x"]


@pytest.mark.parametrize(
    ("text", "stands_for"),
    [
        ("${due}", "2026-03-01"),
        ("${due - 1 day}", "2026-02-28"),
        ("${ due + 2 weeks }", "2026-03-15"),
        ("${due - 1 month:%Y-%m}", "2026-02"),
        ("${due - 1 year}", "2025-03-01"),
        ("${due:%d.%m.%Y}", "01.03.2026"),
        ("from ${due - 7 days} to ${due}", "from 2026-02-22 to 2026-03-01"),
        ("${due:%H:%M}", "06:30"),
        ("${due + 90 minutes:%H:%M}", "08:00"),
        ("${today} ${now}", "2026-03-04 2026-03-04T23:30:00"),
        ("${month_start}", "2026-03-01"),
        ("${month_start - 1 day}", "2026-02-28"),
        ("${month_end}", "2026-03-31"),
        ("${month_end - 1 month}", "2026-02-28"),
        ("${month_end + 1 month:%d}", "30"),
        ("${week_start} ${week_end}", "2026-02-23 2026-03-01"),
        ("${quarter_start - 1 month:%Y-%m} ${quarter_end}", "2025-12 2026-03-31"),
        ("${year_start} ${year_end}", "2026-01-01 2026-12-31"),
        ("${previous_success}", "2026-02-27"),
        ("${previous_success:%d.%m. | never}", "27.02."),
        ("${run}", 41),
        ("run ${run}", "run 41"),
        ("$${due}", "${due}"),
        ("plain {due} $due", "plain {due} $due"),
    ],
)
def test_references(text: str, stands_for: Any) -> None:
    """Times moved and written as asked, also in lists and mappings; everything else stays."""
    assert written(text) == stands_for
    assert expanded({"x": 3, "l": [f"{text} "], "m": {"a": [f"{text} "]}}, MOMENTS) == {
        "x": 3,
        "l": [f"{stands_for} "],
        "m": {"a": [f"{stands_for} "]},
    }


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("${due - day}", "cannot be read"),
        ("${due - 1 fortnight}", "cannot be read"),
        ("${__import__('os')}", "cannot be read"),
        ("${due - 99999 months}", "outside of the calendar"),
        ("${month_stat}", "Did you mean ${month_start}?"),
        ("${HOME}", "$${HOME}"),
        ("${run - 1 day}", "is a number"),
        ("until ${due - 1 day", "is not closed"),
        ("${due:${run}}", "is not closed"),
    ],
)
def test_what_is_no_reference_is_refused(text: str, told: str) -> None:
    """What is not known is refused, with the nearest and a way to have it as text."""
    with pytest.raises(Refused, match="parameter x") as caught:
        written(text)
    assert told in f"{caught.value.message} {caught.value.hint}"


def test_there_may_be_no_last_success() -> None:
    """Without one its alternative stands; without an alternative it is an error that says how to give one."""
    first = Moments(DUE)
    assert written("${previous_success | 2024-01-01}", first) == "2024-01-01"
    with pytest.raises(Refused, match="has succeeded yet") as caught:
        written("${previous_success}", first)
    assert "previous_success | " in caught.value.hint


def test_by_hand_there_is_no_due_time() -> None:
    """A person who runs a notebook has a today and a month, and no due time."""
    by_hand = Moments(DUE, scheduled=False)
    assert written("${today} ${month_end}", by_hand) == "2026-03-01 2026-03-31"
    with pytest.raises(Refused, match="for schedules"):
        written("${due}", by_hand)


@pytest.mark.parametrize(
    ("at", "text", "stands_for"),
    [
        ("2026-03-30T02:30", "${due - 1 day:%m-%dT%H:%M%z}", "03-29T03:30+0200"),  # 02:30 is in the gap of that night
        ("2026-03-29T12:00", "${due - 24 hours:%m-%dT%H:%M}", "03-28T11:00"),
        ("2026-03-29T12:00", "${due - 1 day:%m-%dT%H:%M}", "03-28T12:00"),
        ("2026-10-25T12:00", "${month_start:%Y-%m-%dT%H:%M%z}", "2026-10-01T00:00+0200"),
        ("2026-11-01T00:30", "${month_start - 1 day}", "2026-10-31"),
    ],
)
def test_days_are_of_the_calendar_over_a_change_of_clocks(at: str, text: str, stands_for: str) -> None:
    """A day before is the day before, however long it was; a time that does not exist is the one right after."""
    due = datetime.fromisoformat(at).replace(tzinfo=ZoneInfo("Europe/Berlin"))
    assert written(text, Moments(due)) == stands_for


def test_what_is_escaped_comes_back_as_it_was() -> None:
    """Values that are no references, as those of an older run, pass through unharmed."""
    value = {"a": ["${due}", "$${x}", 1], "b": "plain"}
    assert expanded({"x": escaped(value)}, MOMENTS) == {"x": value}
    assert set(named({"a": ["${due - 1 day} ${run}"], "b": "$${now}"})) == {"due", "run"}


def test_the_runs_id_is_text_where_text_is_declared() -> None:
    """`${run}` alone is a number, but for a parameter that is text."""
    assert expanded({"a": "${run}", "b": "${run}"}, MOMENTS, texts={"b"}) == {"a": 41, "b": "41"}
