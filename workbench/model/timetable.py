"""When a schedule fires: cron lines, single times and intervals in a time zone, and the same in words.

Cron is read as Debian's cron reads it, crontab(5) and cron(8): where day of month and day of week are both restricted
either may match; a fixed time that a clock change skips fires once right after, one that it repeats fires once; a line
whose minute or hour begins with `*` follows the clock.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice, takewhile
from zoneinfo import ZoneInfo

from workbench.errors import Refused
from workbench.model import cron
from workbench.model.clocks import exists, first_change, instant, offset_at, zone
from workbench.model.cron import parse_cron
from workbench.model.schedule import ScheduleSpec
from workbench.text import plural

__all__ = ["Timetable", "of", "parse_cron", "timetable", "zone"]

SHORTEST = 60.0  # seconds: cron's own grain, and so that of `every`
YEARS = (1970, 9998)  # in which a time of any zone is one in UTC too
_WALL = re.compile(r"(\d{4})-(\d\d)-(\d\d)(?:[ T](\d\d):(\d\d)(?::(\d\d))?)?", re.ASCII)


@dataclass(frozen=True)
class Timetable:
    """The times of one schedule: `cron` (checked, five fields), or `once` (naive), or `every` (seconds), in `zone`.

    None is before `start` or after `end` (naive, on the clock of `zone`); `every` counts from `start` where there is one.
    """

    zone: ZoneInfo
    cron: str = ""
    once: datetime | None = None
    every: float = 0.0
    start: datetime | None = None
    end: datetime | None = None

    def after(self, moment: datetime) -> datetime | None:
        """The first time after `moment` (aware), in UTC; None where there is none any more."""
        return next(self.times(moment), None)

    def times(self, moment: datetime) -> Iterator[datetime]:
        """All times after `moment` (aware), in order, in UTC."""
        start = moment.astimezone(UTC)
        if self.start:
            start = max(start, instant(self.start, self.zone) - timedelta(microseconds=1))
        last = self.last
        found = self._times(start)
        return takewhile(lambda due: due <= last, found) if last else found

    @property
    def last(self) -> datetime | None:
        """When `end` is, the second where it comes twice; None without one."""
        if self.end is None:
            return None
        if not exists(self.end, self.zone):
            return instant(self.end, self.zone) - timedelta(microseconds=1)
        return self.end.replace(tzinfo=self.zone, fold=1).astimezone(UTC)

    def due_between(self, after: datetime, until: datetime, limit: int = 1000) -> list[datetime]:
        """Times after `after` up to and with `until`, oldest first, at most `limit`: the rest follows the last one."""
        found = []
        for moment in islice(self.times(after), limit):
            if moment > until:
                break
            found.append(moment)
        return found

    def next_times(self, count: int, after: datetime) -> list[datetime]:
        """The next `count` times after `after` in the schedule's own zone; fewer where there are no more."""
        return [moment.astimezone(self.zone) for moment in islice(self.times(after), count)]

    def words(self) -> str:
        """What a person reads: `At 06:30 on Monday through Friday, Europe/Berlin time`."""
        zone = "UTC" if self.zone.key == "UTC" else f"{self.zone.key} time"
        zone += f", from {_day_words(self.start)}" if self.start else ""
        zone += f", until {_day_words(self.end, last=True)}" if self.end else ""
        if self.once:
            return f"Once, on {self.once:%A} {self.once.day} {self.once:%B %Y} at {_clock_words(self.once)}, {zone}"
        if self.every:
            return f"Every {_interval_words(self.every)}, {zone}"
        return f"{cron.words(self.cron)}, {zone}"

    def warnings(self, after: datetime) -> list[str]:
        """What a person would not expect of its next time: that a clock change moves or repeats it, or it is over."""
        if (last := self.last) and last <= after:
            return [f"it ended at {self.end:%Y-%m-%d %H:%M} in {self.zone.key}: it will not fire"]
        if self.once:
            if instant(self.once, self.zone) <= after:
                return [f"{self.once:%Y-%m-%d %H:%M} is over in {self.zone.key}: it will not fire"]
            if not exists(self.once, self.zone):
                moved = instant(self.once, self.zone).astimezone(self.zone)
                return [f"the clocks of {self.zone.key} skip {self.once:%H:%M} that day: it fires at {moved:%H:%M}"]
            if (
                self.once.replace(tzinfo=self.zone, fold=1).utcoffset()
                != self.once.replace(tzinfo=self.zone).utcoffset()
            ):
                return [f"{self.once:%H:%M} comes twice that day in {self.zone.key}: it fires at the first"]
        return []

    def _times(self, start: datetime) -> Iterator[datetime]:
        if self.once:
            single = instant(self.once, self.zone)
            return iter([single] if single > start else [])
        return self._interval(start) if self.every else self._cron(start)

    def _interval(self, start: datetime) -> Iterator[datetime]:
        """Whole intervals since its start, else since midnight of 1970-01-01 in the zone: the same after any restart."""
        origin = instant(self.start or datetime(1970, 1, 1), self.zone)  # noqa: DTZ001 - wall time
        step = timedelta(seconds=self.every)
        moment = origin + ((start - origin) // step + 1) * step
        while True:
            yield moment
            moment += step

    @property
    def follows_clock(self) -> bool:
        """Whether it is due whenever the clocks show a time that matches: a line whose minute or hour begins with `*`."""
        minute, hour, *_ = (self.cron or "0 0").split()
        return minute.startswith("*") or hour.startswith("*")

    def _cron(self, start: datetime) -> Iterator[datetime]:
        return self._by_the_clock(start) if self.follows_clock else self._fixed(start)

    def _fixed(self, start: datetime) -> Iterator[datetime]:
        """Each wall time once, however the clocks change."""
        newest = start
        wall = start.astimezone(self.zone).replace(tzinfo=None)
        if offset_at(start - timedelta(days=1), self.zone) != offset_at(start, self.zone):
            # Before `start` too: a day is more than any clock is ever put back.
            wall -= timedelta(days=1)
        for found in cron.walls(self.cron, wall):
            moment = instant(found, self.zone)
            if moment > newest:
                newest = moment
                yield moment

    def _by_the_clock(self, start: datetime) -> Iterator[datetime]:
        """Whenever the clocks show a time that matches: none in a gap, twice in a fold."""
        moment, fresh = start, False
        while True:
            known = moment  # until here the offset holds
            offset = offset_at(moment, self.zone)
            wall = moment.replace(tzinfo=None) + offset
            # From a change on, the time that the clocks then show counts itself.
            for found in cron.walls(self.cron, wall - timedelta(seconds=1) if fresh else wall):
                due = found.replace(tzinfo=UTC) - offset
                if due > known:
                    ahead = max(due, known + timedelta(days=7))
                    change = first_change(known, ahead, self.zone)
                    if change and change <= due:
                        moment, fresh = change, True
                        break
                    known = change - timedelta(seconds=1) if change else ahead
                yield due
            else:
                return


def of(spec: ScheduleSpec) -> Timetable:
    """The timetable of a declared schedule. Raises `Refused` where what it says is no time."""
    return timetable(spec.timezone, cron=spec.cron, once=spec.once, every=spec.every, start=spec.start, end=spec.end)


def timetable(
    timezone: str,
    *,
    cron: str | None = None,
    once: str | None = None,
    every: float | None = None,
    start: str | None = None,
    end: str | None = None,
) -> Timetable:
    """Check what a person wrote; exactly one of `cron`, `once` (wall time) and `every` (seconds). Raises `Refused`."""
    given = [name for name, value in (("cron", cron), ("once", once), ("every", every)) if value is not None]
    if len(given) != 1:
        raise Refused(
            "a schedule needs one of cron, once and every" + (f", not {' and '.join(given)}" if given else ""),
            hint='As cron: "30 6 * * mon-fri", or once: 2026-01-02 06:30, or every: 2h.',
        )
    place = zone(timezone)
    first = wall("start", start) if start is not None else None
    last = wall("end", end, last=True) if end is not None else None
    if first and last and last < first:
        raise Refused(f"end: {end} is before its start, {start}", hint="Nothing would ever be due.")
    if once is not None:
        if first or last:
            raise Refused(f"{'start' if first else 'end'}: has no meaning beside once:", hint="Leave it out.")
        return Timetable(place, once=wall("once", once, hours=True))
    if every is not None:
        if not SHORTEST <= every <= 366 * 86400:
            raise Refused("every: needs a span from 1m to 366d", hint="As every: 30m, every: 2h or every: 1d.")
        return Timetable(place, every=every, start=first, end=last)
    return Timetable(place, cron=parse_cron(cron or ""), start=first, end=last)


def wall(key: str, text: str, *, last: bool = False, hours: bool = False) -> datetime:
    """A time on the wall (naive) as people write it. Of a day alone its first moment, or its `last`; `hours`: not so.

    Raises `Refused`, naming the `key` it is of.
    """
    example = f"As {key}: 2026-01-02 06:30{'' if hours else ', or a day alone'}."
    found = _WALL.fullmatch(text.strip())
    if not found or (hours and not found[4]):
        offset = re.search(r"(Z|[+-]\d\d:?\d\d)$", text.strip())
        extra = " The offset is left out: the schedule's timezone says it." if offset and found is None else ""
        raise Refused(f"{key}: {text!r} is no time", hint=f"{example}{extra}")
    try:
        moment = datetime(*(int(part or 0) for part in found.groups()))  # type: ignore[arg-type]  # noqa: DTZ001
    except ValueError as error:
        raise Refused(f"{key}: {text!r} is no time: {error}", hint=example) from error
    if not YEARS[0] <= moment.year <= YEARS[1]:
        raise Refused(f"{key}: {text!r} is in no year from {YEARS[0]} to {YEARS[1]}", hint=example)
    return moment if found[4] or not last else moment.replace(hour=23, minute=59, second=59)


def _clock_words(moment: datetime) -> str:
    return f"{moment:%H:%M:%S}" if moment.second else f"{moment:%H:%M}"


def _day_words(moment: datetime, *, last: bool = False) -> str:
    """A day, with its time of day where that says more."""
    whole = f"{moment:%H:%M:%S}" == ("23:59:59" if last else "00:00:00")
    return f"{moment.day} {moment:%B %Y}{'' if whole else f' {_clock_words(moment)}'}"


def _interval_words(seconds: float) -> str:
    whole = int(seconds)
    parts = []
    for noun, length in (("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1)):
        count, whole = divmod(whole, length)
        if count:
            parts.append(plural(count, noun))
    return " and ".join(parts).removeprefix("1 ") if len(parts) == 1 else " and ".join(parts)
