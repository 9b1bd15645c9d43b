"""What crontab(5) and Debian's cron(8) say, found by looking at every minute: a model that shares no code with workbench.

`test_crontab_model.py` holds it to what Debian's cron itself did.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import groupby
from zoneinfo import ZoneInfo

MINUTE = timedelta(minutes=1)
CORRECTION = timedelta(hours=3)  # a clock that jumps by more was set, says cron(8): what was between is forgotten

Hours = list[tuple[datetime, list[tuple[int, datetime]]]]


@cache
def hours(name: str, follows: bool, start: datetime, end: datetime) -> Hours:
    """The time from `start` to `end`: hours as the clocks show them, each with its minutes and when they are due.

    Where the clocks are followed a minute is due whenever they show it. Else each minute is due once: when it is first
    shown, or, where it is skipped, together with the first one after it.
    """
    place = ZoneInfo(name)
    moment = start.astimezone(UTC).replace(second=0, microsecond=0)
    newest = (moment - timedelta(days=1)).astimezone(place).replace(tzinfo=None)  # the latest the clocks have shown
    pairs: list[tuple[datetime, datetime]] = []
    moment -= timedelta(days=1)  # what the clocks have shown before it may be shown again after it
    while moment < end:
        wall = moment.astimezone(place).replace(tzinfo=None)
        if abs(wall - newest) > CORRECTION:
            newest = wall - MINUTE
        if follows:
            pairs.append((wall, moment))
            newest = max(newest, wall)
        while newest < wall:
            newest += MINUTE
            pairs.append((newest, moment))
        moment += MINUTE
    kept = [(wall, moment) for wall, moment in pairs if moment >= start]
    return [
        (hour, [(wall.minute, moment) for wall, moment in group])
        for hour, group in groupby(kept, lambda pair: pair[0].replace(minute=0))
    ]


def values(field: str, low: int, high: int, names: str = "") -> set[int]:
    """What a field of a cron line matches."""
    words = {name: number for number, name in enumerate(names.split())}
    found: set[int] = set()
    for part in field.split(","):
        span, _, step = part.partition("/")
        if span == "*":
            first, last = low, high
        elif "-" in span:
            first, last = (words.get(end) if end in words else int(end) for end in span.split("-"))  # type: ignore[misc]
        else:
            first = words[span] if span in words else int(span)
            last = high if step else first
        found.update(range(first, last + 1, int(step or 1)))
    return found


def times(line: str, name: str, start: datetime, end: datetime) -> list[datetime]:
    """All times of a cron line in zone `name` from `start` on and before `end`; two at the same moment are one."""
    minute, hour, day, month, weekday = line.split()
    hits = (values(minute, 0, 59), values(hour, 0, 23), values(day, 1, 31), values(month, 1, 12))
    week = {number % 7 for number in values(weekday, 0, 7, "sun mon tue wed thu fri sat")}

    def day_matches(wall: datetime) -> bool:
        in_month, in_week = wall.day in hits[2], (wall.weekday() + 1) % 7 in week
        return in_month and in_week if day[0] == "*" or weekday[0] == "*" else in_month or in_week

    due = {
        moment
        for wall, minutes in hours(name, minute[0] == "*" or hour[0] == "*", start, end)
        if wall.hour in hits[1] and wall.month in hits[3] and day_matches(wall)
        for number, moment in minutes
        if number in hits[0]
    }
    return sorted(due)
