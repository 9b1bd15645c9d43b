"""`${due - 1 day}` in parameters: times and numbers that are known when a run is asked for, written as the person asks.

${due}                            2026-01-02, the day it is due in the schedule's zone
${due - 1 day}                    the day before; units: minute hour day week month year
${due:%Y-%m-%dT%H:%M}             written by strftime(3)
${due - 1 month:%Y-%m}            both
${month_start}  ${month_end}      first and last day of the month of the due time; also week, quarter and year
${previous_success | 2024-01-01}  the due time of the last success, and what stands where there is none
${today}  ${now}                  when it is asked for
${run}                            the run's id
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from difflib import get_close_matches
from typing import Any, TypeVar

from workbench.errors import Refused
from workbench.text import one_line

UNITS = ("minute", "hour", "day", "week", "month", "year")
STARTS = ("week_start", "month_start", "quarter_start", "year_start")
ENDS = {"week_end": 7, "month_end": 1, "quarter_end": 3, "year_end": 12}  # days of a week, else months
NAMES = ("due", "today", "now", *STARTS, *ENDS, "previous_success", "run")
D = TypeVar("D", bound=date)
DAY, MOMENT = "%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"
_MARK = re.compile(r"\$\{([^{}]*)\}")
_INSIDE = re.compile(
    rf"\s*([A-Za-z_]\w*)\s*(?:([+-])\s*(\d{{1,5}})\s*({'|'.join(UNITS)})s?\s*)?(?::([^|]*))?(?:\|(.*))?",
    re.ASCII | re.DOTALL,
)
_HINT = 'As "${due}", "${due - 1 day}" or "${due - 1 month:%Y-%m}".'


@dataclass(frozen=True)
class Moments:
    """What `${…}` may name; times are aware. `at` is the due time, or the present where a person asks, in the zone that
    is meant. `now` is when it is asked for, `at` where that is None. `scheduled` False: there is no due time."""

    at: datetime
    now: datetime | None = None
    previous: datetime | None = None
    run: int = 0
    scheduled: bool = True


def expanded(parameters: Mapping[str, Any], moments: Moments, *, texts: Container[str] = ()) -> dict[str, Any]:
    """`parameters` with every reference in their texts written out.

    A value that is `${run}` and nothing else is a number, except for the names in `texts`. `$${` stays as `${`. Raises
    `Refused` for `${…}` that is nothing.
    """
    return {
        name: moments.run if _only_run(value) and name not in texts else _value(value, moments, name)
        for name, value in parameters.items()
    }


def alone(value: Any) -> bool:
    """Whether it is one reference and nothing else."""
    return isinstance(value, str) and _MARK.fullmatch(value.strip()) is not None


def escaped(value: Any) -> Any:
    """`value` so that `expanded` gives it back as it is."""
    if isinstance(value, str):
        return value.replace("${", "$${")
    if isinstance(value, Mapping):
        return {key: escaped(item) for key, item in value.items()}
    return [escaped(item) for item in value] if isinstance(value, list | tuple) else value


def named(value: Any) -> Iterator[str]:
    """The names that references in `value` have, also unknown ones."""
    if isinstance(value, str):
        for mark in _MARK.finditer("".join(value.split("$${"))):
            found = _INSIDE.fullmatch(mark[1])
            yield found[1] if found else mark[1]
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from named(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from named(item)


def _only_run(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(r"\$\{\s*run\s*\}", value) is not None


def _value(value: Any, moments: Moments, name: str) -> Any:
    if isinstance(value, str):
        parts = value.split("$${")
        _closed(parts, name)
        return "${".join(_MARK.sub(lambda mark: _written(mark[1], moments, name), part) for part in parts)
    if isinstance(value, Mapping):
        return {key: _value(item, moments, name) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_value(item, moments, name) for item in value]
    return value


def _closed(parts: list[str], name: str) -> None:
    """Raise `Refused` for a `${` without its `}`: as text it would be a value that nobody meant."""
    open_ = next((part for part in parts if "${" in _MARK.sub("", part)), None)
    if open_ is not None:
        raise Refused(
            f"parameter {name}: in {one_line(open_, 60)!r} a ${{ is not closed",
            hint=f"{_HINT} Text that is meant as it stands has $${{ there.",
        )


def _written(inside: str, moments: Moments, name: str) -> str:
    found = _INSIDE.fullmatch(inside)
    if not found:
        raise Refused(f"parameter {name}: ${{{one_line(inside, 60)}}} cannot be read", hint=_HINT)
    what, sign, count, unit, form, default = found.groups()
    if what not in NAMES:
        close = get_close_matches(what, NAMES, n=1)
        hint = f"Did you mean ${{{close[0]}}}? " if close else ""
        raise Refused(
            f"parameter {name}: ${{{one_line(what, 60)}}} is nothing that is known",
            hint=f"{hint}There are: {', '.join(NAMES)}. Text that is meant as it stands: $${{{one_line(what, 60)}}}",
        )
    if what == "run":
        if sign or form or default:
            raise Refused(
                f"parameter {name}: ${{{one_line(inside, 60)}}}: the run's id is a number", hint='As "${run}".'
            )
        return str(moments.run)
    moment = _moment(what, moments, name)
    if moment is None:
        if default is not None:
            return default.strip()
        raise Refused(
            f"parameter {name}: ${{{what}}}: no run of this schedule has succeeded yet",
            hint=f'Say what stands for it until then: "${{{what} | 2024-01-01}}".',
        )
    if sign:
        try:
            moment = _shifted(what, moment, int(count) * (-1 if sign == "-" else 1), unit)
        except (OverflowError, ValueError) as error:
            raise Refused(f"parameter {name}: ${{{inside}}} is outside of the calendar", hint=_HINT) from error
    form = form.rstrip() if form and default is not None else form
    return moment.strftime(form or (MOMENT if what == "now" else DAY))


def _moment(what: str, moments: Moments, name: str) -> datetime | None:
    at = moments.at
    if what in ("today", "now"):
        return (moments.now or at).astimezone(at.tzinfo)
    if what == "previous_success":
        return moments.previous.astimezone(at.tzinfo) if moments.previous else None
    if what == "due":
        if not moments.scheduled:
            raise Refused(
                f"parameter {name}: ${{due}} is for schedules: this run has no due time",
                hint='Write "${today}" or "${now}".',
            )
        return at
    midnight = at.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    if what.startswith("week"):
        start = midnight - timedelta(days=midnight.weekday())
        return _real(start + timedelta(days=6) if what in ENDS else start)
    months = ENDS.get(what) or {"month_start": 1, "quarter_start": 3, "year_start": 12}[what]
    start = midnight.replace(month=(at.month - 1) // months * months + 1, day=1)
    return _real(_last_day(_months(start, months - 1)) if what in ENDS else start)


def _shifted(what: str, moment: datetime, number: int, unit: str) -> datetime:
    """Days and more by the calendar, hours and minutes by the clock's own run; the end of a month stays one."""
    if unit in ("hour", "minute"):
        seconds = number * (3600 if unit == "hour" else 60)
        return datetime.fromtimestamp(moment.timestamp() + seconds, moment.tzinfo)
    shifted = moved(moment, number, unit)
    return _real(_last_day(shifted) if what in ENDS and what != "week_end" and unit in ("month", "year") else shifted)


def moved(day: D, number: int, unit: str) -> D:
    """A day, or a time of it, so many days, weeks, months or years on; a month on from the 31st is the last of the next."""
    if unit in ("day", "week"):
        return day + timedelta(days=number * (7 if unit == "week" else 1))
    return _months(day, number * (12 if unit == "year" else 1))


def _months(moment: D, number: int) -> D:
    year, month = divmod(moment.year * 12 + moment.month - 1 + number, 12)
    return moment.replace(year=year, month=month + 1, day=min(moment.day, calendar.monthrange(year, month + 1)[1]))


def _last_day(moment: datetime) -> datetime:
    return moment.replace(day=calendar.monthrange(moment.year, moment.month)[1])


def _real(moment: datetime) -> datetime:
    """The same day where the clock has no such time, right after the gap: a shifted 02:30 may be in one."""
    return datetime.fromtimestamp(moment.timestamp(), moment.tzinfo)
