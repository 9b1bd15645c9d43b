"""What a timetable will bring: how often, what clock changes do to it, and whether its runs would overlap."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice, pairwise

from workbench.model import cron
from workbench.model.clocks import first_change, instant, offset_at
from workbench.model.schedule import Overlap
from workbench.model.timetable import Timetable
from workbench.text import duration, plural

AHEAD = timedelta(days=400)  # for which clock changes are told: each of a year, with what comes before
YEARS = 28  # after which days of the month and of the week come together again
SAMPLE = 500  # due times looked at for overlaps


@dataclass(frozen=True)
class ClockChange:
    """What a change of the clocks does to a timetable: `text` for people; `due` the times that it moves or repeats."""

    at: datetime
    text: str
    due: tuple[datetime, ...] = ()


@dataclass(frozen=True)
class Lasting:
    """How long runs take, in seconds: `usual` (median) and `long` (of ten, nine are shorter); `of` says where from."""

    usual: float
    long: float
    of: str


def often(table: Timetable) -> str:
    """How often it comes: `24 a day`, `once a day on 261 days a year, 5 a week`."""
    if table.once:
        return "once"
    if table.every:
        a_day = 86400 / table.every
        return f"{_number(a_day)} a day" if a_day >= 1 else f"{_number(a_day * 7)} a week"
    times, days = cron.often(table.cron)
    a_day_text = "once" if times == 1 else f"{times} times"
    if days == 365:
        return f"{a_day_text} a day"
    if not days:  # the 29th of February
        _, rare = cron.often(table.cron, YEARS)
        each = f"every {YEARS / rare:g} years" if rare else f"in {YEARS} years"
        return f"{a_day_text} a day on {'one day' if rare else 'no day'} {each}"
    a_week = times * days / 365 * 7
    rate = f"{_number(a_week)} a week" if a_week >= 1 else f"{_number(times * days / 12)} a month"
    return f"{a_day_text} a day on {plural(days, 'day')} a year, about {rate}"


def clock_changes(table: Timetable, after: datetime) -> list[ClockChange]:
    """What the clock changes of the next year do to its times, in order."""
    found = []
    moment, end = after, after + AHEAD
    while moment < end and (change := first_change(moment, end, table.zone)):
        before, behind = offset_at(change - timedelta(seconds=1), table.zone), offset_at(change, table.zone)
        told = _told(table, change, before, behind)
        if told:
            found.append(told)
        moment = change
    return found


def overlaps(table: Timetable, after: datetime, lasting: Lasting, overlap: Overlap) -> str:
    """Whether runs of such length would still be going at the next due time, and what happens then."""
    coming = list(islice(table.times(after), SAMPLE))
    steps = [(behind - before).total_seconds() for before, behind in pairwise(coming)]
    length = f"runs take {duration(lasting.usual)}" + (
        f", nine of ten up to {duration(lasting.long)}" if lasting.long > lasting.usual else ""
    )
    begin = f"{length} ({lasting.of})"
    if not steps:
        return begin
    usual = sum(step < lasting.usual for step in steps)
    long = sum(step < lasting.long for step in steps)
    if not long:
        return f"{begin}: over before the next is due, {duration(min(steps))} later at the nearest"
    then = _THEN[overlap]
    if usual == len(steps):
        return f"{begin}: longer than from one due time to the next, always: {then}"
    if usual:
        return f"{begin}: at {usual} of {plural(len(steps), 'due time')} the run before would still go on: {then}"
    return f"{begin}: at {long} of {plural(len(steps), 'due time')} a long run before would still go on: {then}"


_THEN = {
    Overlap.SKIP: "overlap: skip leaves those out",
    Overlap.QUEUE: "overlap: queue has them wait",
    Overlap.REPLACE: "overlap: replace ends the run before",
    Overlap.ALLOW: "overlap: allow runs them side by side",
}


def _told(table: Timetable, change: datetime, before: timedelta, behind: timedelta) -> ClockChange | None:
    gap = behind > before
    # Naive: what the clocks skip, or show twice.
    first = (change + (before if gap else behind)).replace(tzinfo=None)
    last = (change + (behind if gap else before)).replace(tzinfo=None)
    day, zone = f"{first.day} {first:%B %Y}", table.zone.key
    if not _in_force(table, change):
        return None
    if table.every:
        earlier_or_later = "later" if gap else "earlier"
        moved = duration(abs((behind - before).total_seconds()))
        return ClockChange(
            change, f"{day}: every counts real time, so on the clock it comes {moved} {earlier_or_later}"
        )
    if table.once:
        return None  # told by its own warnings
    walls = list(_between(table.cron, first, last))
    if not walls:
        return None
    if table.follows_clock:
        stretch = f"{first:%H:%M} to {last:%H:%M}"
        if gap:
            return ClockChange(change, f"{day}: there is no {stretch} in {zone}, and nothing is due in it")
        twice = tuple((wall - behind).replace(tzinfo=change.tzinfo) for wall in walls)
        return ClockChange(change, f"{day}: {stretch} comes twice in {zone}, and it is due in both", twice)
    due = instant(walls[0], table.zone)
    shown = due.astimezone(table.zone)
    named = " and ".join(f"{wall:%H:%M}" for wall in walls[:3]) + (" …" if len(walls) > 3 else "")
    if gap:
        verb = "does not exist" if len(walls) == 1 else "do not exist"
        return ClockChange(change, f"{day}: {named} {verb} in {zone}: it fires at {shown:%H:%M}", (due,))
    verb = "comes" if len(walls) == 1 else "come"
    firsts = tuple(instant(wall, table.zone) for wall in walls)
    return ClockChange(change, f"{day}: {named} {verb} twice in {zone}: it fires at the first", firsts)


def _between(line: str, first: datetime, last: datetime) -> Iterator[datetime]:
    for wall in cron.walls(line, first - timedelta(seconds=1)):
        if wall >= last:
            return
        yield wall


def _in_force(table: Timetable, change: datetime) -> bool:
    started = table.start is None or instant(table.start, table.zone) <= change + timedelta(hours=3)
    return started and (table.last is None or change <= table.last)


def _number(value: float) -> str:
    return f"{value:.1f}".rstrip("0").rstrip(".")


def lasting(seconds: Sequence[float], of: str) -> Lasting | None:
    """Of measured lengths, their median and the length that nine of ten stay below; None of none."""
    if not seconds:
        return None
    known = sorted(seconds)
    return Lasting(known[len(known) // 2], known[min(len(known) - 1, -(-9 * len(known) // 10) - 1)], of)
