"""Cron lines: read as Debian's cron reads them, crontab(5), said in words, and the wall times that they match."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import takewhile

from cronsim import CronSim, CronSimError

from workbench.errors import Refused
from workbench.text import one_line

LONGEST_LINE = 200
_FIELDS = (
    ("minute", "0 to 59"),
    ("hour", "0 to 23"),
    ("day-of-month", "1 to 31"),
    ("month", "1 to 12, or jan to dec"),
    ("day-of-week", "0 to 7 with Sunday as 0 and 7, or sun to sat"),
)
_NAMED = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_CRON_HINT = "Five fields: minute hour day-of-month month day-of-week, as 30 6 * * mon-fri."


@lru_cache(maxsize=4096)
def parse_cron(text: str) -> str:
    """A cron line as five fields in lower case. Raises `Refused` saying which field is wrong and what it may hold."""
    line = " ".join(text.split()).lower()
    if line.startswith("@"):
        if line not in _NAMED:
            raise Refused(f"cron: {text.strip()} is not known", hint=f"There are: {', '.join(_NAMED)}")
        return _NAMED[line]
    fields = line.split()
    if len(line) > LONGEST_LINE:
        raise Refused(f"cron: a line has at most {LONGEST_LINE} characters, this has {len(line)}", hint=_CRON_HINT)
    if len(fields) != len(_FIELDS):
        seconds = " Seconds and years are not part of cron." if len(fields) in (6, 7) else ""
        raise Refused(f"cron: a line has five fields, this has {len(fields)}", hint=_CRON_HINT + seconds)
    # A range may end the week with Sunday: mon-sun is 1-7.
    last = re.sub(r"(?<=-)(sun|0)(?=$|[,/])", "7", fields[4])
    for number, field in enumerate(fields):
        _check_field(number, last if number == 4 else field, written=field)
    line = " ".join((*fields[:4], last))
    try:
        # Asked in a zone of its own so that clock changes have no say in whether there is any time at all.
        next(CronSim(line, datetime(2024, 1, 1, tzinfo=UTC)))
    except (StopIteration, CronSimError):
        raise Refused(f"cron: {line} never comes", hint="No month of those named has that day.") from None
    return line


def _check_field(number: int, field: str, *, written: str) -> None:
    name, allowed = _FIELDS[number]
    line = ["*"] * len(_FIELDS)
    line[number] = field
    try:
        CronSim(" ".join(line), datetime(2024, 1, 1, tzinfo=UTC))
    except (CronSimError, ValueError, AssertionError, TypeError):
        why = f"{name} may hold {allowed}; several with commas, ranges as 1-5, steps as */15"
        if re.search(r"/0+(,|$)", field):
            why = f"a step of 0 never moves: {name} may hold */1 and more"
        elif re.search(r"\d-\d|[a-z]-[a-z]", field):
            why += ". A range goes from the smaller to the larger"
        raise Refused(f"cron: {name} cannot be {one_line(written, 40)!r}", hint=f"{why}.") from None


def walls(line: str, after: datetime) -> Iterator[datetime]:
    """Wall times (naive) after `after` that a checked line matches, in order, as if the clocks never changed."""
    # The library takes a line apart each time it is given one; a copy of what it made of it starts where we want.
    found = copy.copy(_parsed(line))
    found.dt = after.replace(microsecond=0)
    return found


@lru_cache(maxsize=4096)
def _parsed(line: str) -> CronSim:
    return CronSim(line, datetime(2024, 1, 1))  # noqa: DTZ001 - wall time


def words(line: str) -> str:
    """A checked line in plain English."""
    text = CronSim(_said(line), datetime(2024, 1, 1, tzinfo=UTC)).explain()
    # Both restricted: either may match, which "and" does not say.
    text = text.replace(" day of month and on ", " day of month as well as on ")
    text = re.sub(r"(?<=[Ee]very )second (?=minute|hour|day|month)", "2nd ", text)
    text = re.sub(r"(?<=[Ee]very )(\d+)(?:th|nd) (minute|hour)(?! from)", _steps, text)
    text = re.sub(r"(?<=minutes) of every hour", "", text)
    return re.sub(r"\b(\d*[02-9])?([123])th\b", lambda found: f"{found[1] or ''}{_ENDINGS[found[2]]}", text)


def _said(line: str) -> str:
    """The line to be said: where either day is enough and one of them is any day, it comes every day."""
    minute, hour, day, month, weekday = line.split()
    parsed = _parsed(line)
    whole = parsed.days >= set(range(1, 32)) or {one % 7 for one in parsed.weekdays if isinstance(one, int)} == set(
        range(7)
    )
    either = not (day.startswith("*") or weekday.startswith("*"))
    return f"{minute} {hour} * {month} *" if either and whole else line


def _steps(found: re.Match[str]) -> str:
    """`every 15th minute` as `every 15 minutes` where the steps go on evenly over the hour or the day."""
    whole = 60 if found[2] == "minute" else 24
    return f"{found[1]} {found[2]}s" if whole % int(found[1]) == 0 else found[0]


_ENDINGS = {"1": "1st", "2": "2nd", "3": "3rd"}


def often(line: str, years: int = 1) -> tuple[int, int]:
    """How many times a checked line comes on a day on which it is due, and on how many days of the `years` from 2026 on."""
    _, _, *days = line.split()
    parsed = _parsed(line)
    start = datetime(2026, 1, 1)  # noqa: DTZ001 - wall time
    end = start.replace(year=start.year + years)
    whole = takewhile(lambda day: day < end, walls(" ".join(("0", "0", *days)), start - timedelta(seconds=1)))
    return len(parsed.minutes) * len(parsed.hours), sum(1 for _ in whole)


def notes(text: str) -> list[str]:
    """What somebody who reads a line (as it was written) may not expect, a sentence each."""
    written = " ".join(text.split()).lower()
    line = parse_cron(text)
    minute, hour, day, _, weekday = line.split()
    found = [f"{written} is {line}"] if written.startswith("@") else []
    if day != "*" and weekday != "*":
        if day.startswith("*") or weekday.startswith("*"):
            found.append("day of month and day of week both have to match, because one of them begins with *")
        else:
            found.append("day of month and day of week: either is enough, as crontab(5) has it")
    if re.search(r"\b7\b", weekday) and not written.startswith("@") and re.search(r"\b7\b", written.split()[4]):
        found.append("weekday 7 is Sunday, as 0 is")
    for field, whole, unit in ((minute, 60, "hour"), (hour, 24, "day")):
        step = re.fullmatch(r"\*/(\d+)", field)
        if step and whole % int(step[1]):
            found.append(f"{field} begins anew with each {unit}: the last step of it is shorter")
    return found + _missing_days(line)


def _missing_days(line: str) -> list[str]:
    """Of a line for the end of months: that some months have no such day."""
    parsed = _parsed(line)
    numbers = [day for day in parsed.days if day > 0]
    if line.split()[4] != "*" or not numbers or len(numbers) < len(parsed.days) or min(numbers) < 29:
        return []
    lacking = [month for month in sorted(parsed.months) if _LONGEST[month - 1] < min(numbers)]
    february = 2 in parsed.months and min(numbers) == 29
    names = ", ".join(_MONTHS[month - 1] for month in lacking) + ("February but in leap years" if february else "")
    return [f"it is not due in {names}: there is no day {min(numbers)} then"] if names else []


_LONGEST = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
