"""The clocks of a time zone: IANA names, what they show, and when they change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from workbench.errors import NotFound


@lru_cache(maxsize=256)
def zone(name: str) -> ZoneInfo:
    """The IANA time zone `name`. Raises `NotFound` with the nearest; short names such as EST5 are refused."""
    try:
        found = ZoneInfo(name) if name == "UTC" or "/" in name else None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        found = None
    if found is None:
        known = {zone for zone in available_timezones() if "/" in zone} | {"UTC"}
        same_city = sorted(zone for zone in known if name and zone.lower().rpartition("/")[2] == name.lower())
        hint = f"Did you mean {same_city[0]}?" if same_city else ""
        raise NotFound("time zone", name, known, hint=hint or _zone_hint(name, known))
    return found


def exists(wall: datetime, place: ZoneInfo) -> bool:
    """Whether the clocks of `place` ever show `wall` (naive)."""
    aware = wall.replace(tzinfo=place)
    return aware.astimezone(UTC).astimezone(place).replace(tzinfo=None) == wall


def instant(wall: datetime, place: ZoneInfo) -> datetime:
    """When the clocks of `place` first show `wall` (naive), in UTC; right after the gap where they skip it."""
    if exists(wall, place):
        return wall.replace(tzinfo=place, fold=0).astimezone(UTC)
    # In a gap fold=1 counts with the offset after it, fold=0 with the one before: the change lies between the two.
    low, high = (wall.replace(tzinfo=place, fold=fold).astimezone(UTC) for fold in (1, 0))
    return first_change(low, high, place) or high


def offset_at(moment: datetime, place: ZoneInfo) -> timedelta:
    """How far the clocks of `place` are from UTC at `moment` (aware)."""
    return moment.astimezone(place).utcoffset() or timedelta(0)


def first_change(after: datetime, until: datetime, place: ZoneInfo) -> datetime | None:
    """The first instant after `after` and up to `until` from which another offset holds; None where it stays."""
    before = offset_at(after, place)
    low = after
    while low < until:
        high = min(low + timedelta(days=1), until)
        if offset_at(high, place) != before:
            low = low.replace(microsecond=0)
            while high - low > timedelta(seconds=1):
                middle = low + timedelta(seconds=int((high - low).total_seconds()) // 2)
                low, high = (middle, high) if offset_at(middle, place) == before else (low, middle)
            return high
        low = high
    return None


def _zone_hint(name: str, known: set[str]) -> str:
    if not name:
        return "Name one, as Europe/Berlin or UTC."
    from difflib import get_close_matches

    close = get_close_matches(name, sorted(known), n=1)
    return f"Did you mean {close[0]}?" if close else "IANA names have a region and a city, as Europe/Berlin; or UTC."
