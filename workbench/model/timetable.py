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
from functools import lru_cache
from itertools import islice
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from workbench.errors import Refused
from workbench.model.clocks import exists, first_change, instant, offset_at, zone
from workbench.model.schedule import ScheduleSpec
from workbench.text import one_line, plural

__all__ = ["Timetable", "of", "parse_cron", "timetable", "zone"]

SHORTEST = 60.0  # seconds: cron's own grain, and so that of `every`
LONGEST_LINE = 200
YEARS = (1970, 9998)  # in which a time of any zone is one in UTC too
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
_ONCE = re.compile(r"(\d{4})-(\d\d)-(\d\d)[ T](\d\d):(\d\d)(?::(\d\d))?", re.ASCII)


@dataclass(frozen=True)
class Timetable:
    """The times of one schedule: `cron` (checked, five fields), or `once` (naive), or `every` (seconds), in `zone`."""

    zone: ZoneInfo
    cron: str = ""
    once: datetime | None = None
    every: float = 0.0

    def after(self, moment: datetime) -> datetime | None:
        """The first time after `moment` (aware), in UTC; None where there is none any more."""
        return next(self.times(moment), None)

    def times(self, moment: datetime) -> Iterator[datetime]:
        """All times after `moment` (aware), in order, in UTC."""
        start = moment.astimezone(UTC)
        if self.once:
            single = instant(self.once, self.zone)
            return iter([single] if single > start else [])
        return self._interval(start) if self.every else self._cron(start)

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
        if self.once:
            clock = f"{self.once:%H:%M:%S}" if self.once.second else f"{self.once:%H:%M}"
            return f"Once, on {self.once:%A} {self.once.day} {self.once:%B %Y} at {clock}, {zone}"
        if self.every:
            return f"Every {_interval_words(self.every)}, {zone}"
        return f"{_cron_words(self.cron)}, {zone}"

    def warnings(self, after: datetime) -> list[str]:
        """What a person would not expect of its next time: that a clock change moves or repeats it, or it is over."""
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

    def _interval(self, start: datetime) -> Iterator[datetime]:
        """Whole intervals since midnight of 1970-01-01 in the zone: the same after any restart."""
        origin = datetime(1970, 1, 1, tzinfo=self.zone).astimezone(UTC)
        step = timedelta(seconds=self.every)
        moment = origin + ((start - origin) // step + 1) * step
        while True:
            yield moment
            moment += step

    def _cron(self, start: datetime) -> Iterator[datetime]:
        minute, hour, *_ = self.cron.split()
        follows = minute.startswith("*") or hour.startswith("*")
        return self._by_the_clock(start) if follows else self._fixed(start)

    def _fixed(self, start: datetime) -> Iterator[datetime]:
        """Each wall time once, however the clocks change."""
        newest = start
        # Before `start` too: a day is more than any clock is ever put back.
        wall = start.astimezone(self.zone).replace(tzinfo=None) - timedelta(days=1)
        for found in CronSim(self.cron, wall):
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
            for found in CronSim(self.cron, wall - timedelta(seconds=1) if fresh else wall):
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
    return timetable(spec.timezone, cron=spec.cron, once=spec.once, every=spec.every)


def timetable(
    timezone: str, *, cron: str | None = None, once: str | None = None, every: float | None = None
) -> Timetable:
    """Check what a person wrote; exactly one of `cron`, `once` (wall time) and `every` (seconds). Raises `Refused`."""
    given = [name for name, value in (("cron", cron), ("once", once), ("every", every)) if value is not None]
    if len(given) != 1:
        raise Refused(
            "a schedule needs one of cron, once and every" + (f", not {' and '.join(given)}" if given else ""),
            hint='As cron: "30 6 * * mon-fri", or once: 2026-01-02 06:30, or every: 2h.',
        )
    place = zone(timezone)
    if once is not None:
        return Timetable(place, once=_once(once))
    if every is not None:
        if not SHORTEST <= every <= 366 * 86400:
            raise Refused("every: needs a span from 1m to 366d", hint="As every: 30m, every: 2h or every: 1d.")
        return Timetable(place, every=every)
    return Timetable(place, cron=parse_cron(cron or ""))


@lru_cache(maxsize=256)
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


def _once(text: str) -> datetime:
    found = _ONCE.fullmatch(text.strip())
    if not found:
        offset = re.search(r"(Z|[+-]\d\d:?\d\d)$", text.strip())
        extra = " The offset is left out: the schedule's timezone says it." if offset else ""
        raise Refused(f"once: {text!r} is no time", hint=f"As once: 2026-01-02 06:30.{extra}")
    try:
        moment = datetime(*(int(part or 0) for part in found.groups()))  # type: ignore[arg-type]  # noqa: DTZ001
    except ValueError as error:
        raise Refused(f"once: {text!r} is no time: {error}", hint="As once: 2026-01-02 06:30.") from error
    if not YEARS[0] <= moment.year <= YEARS[1]:
        raise Refused(f"once: {text!r} is in no year from {YEARS[0]} to {YEARS[1]}", hint="As once: 2026-01-02 06:30.")
    return moment


def _cron_words(line: str) -> str:
    text = CronSim(line, datetime(2024, 1, 1, tzinfo=UTC)).explain()
    # Both restricted: either may match, which "and" does not say.
    text = text.replace(" day of month and on ", " day of month as well as on ")
    text = re.sub(r"(?<=[Ee]very )second (?=minute|hour|day|month)", "2nd ", text)
    text = re.sub(r"(?<=[Ee]very )(\d+)(?:th|nd) (minute|hour)(?! from)", _steps, text)
    text = re.sub(r"(?<=minutes) of every hour", "", text)
    return re.sub(r"\b(\d*[02-9])?([123])th\b", lambda found: f"{found[1] or ''}{_ENDINGS[found[2]]}", text)


def _steps(found: re.Match[str]) -> str:
    """`every 15th minute` as `every 15 minutes` where the steps go on evenly over the hour or the day."""
    whole = 60 if found[2] == "minute" else 24
    return f"{found[1]} {found[2]}s" if whole % int(found[1]) == 0 else found[0]


_ENDINGS = {"1": "1st", "2": "2nd", "3": "3rd"}


def _interval_words(seconds: float) -> str:
    whole = int(seconds)
    parts = []
    for noun, length in (("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1)):
        count, whole = divmod(whole, length)
        if count:
            parts.append(plural(count, noun))
    return " and ".join(parts).removeprefix("1 ") if len(parts) == 1 else " and ".join(parts)
