"""Time zones as people choose them: the machine's, and names that are near what was typed."""

from __future__ import annotations

import os
from difflib import get_close_matches
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from workbench.errors import Refused

LOCALTIME = Path("/etc/localtime")
TIMEZONE = Path("/etc/timezone")


def machine_zone() -> str:
    """The IANA name of the machine's zone: TZ, else what /etc/localtime links to, else /etc/timezone, else UTC."""
    candidates = [os.environ.get("TZ", "").removeprefix(":")]
    if LOCALTIME.is_symlink():
        candidates.append(str(LOCALTIME.resolve()).partition("/zoneinfo/")[2])
    if TIMEZONE.is_file():
        candidates.append(TIMEZONE.read_text(errors="replace").strip())
    return next((name.removeprefix("posix/") for name in candidates if is_zone(name)), "UTC")


def is_zone(name: str) -> bool:
    """Whether `name` is a zone of the tz database."""
    if not name or name.startswith("/"):
        return False
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def checked_zone(name: str) -> str:
    """`name` where it is a zone. Raises `Refused` with the nearest one: also by its city, as `berlin`."""
    if is_zone(name):
        return name
    known = sorted(available_timezones())
    by_city = [zone for zone in known if zone.rpartition("/")[2].lower() == name.lower().replace(" ", "_")]
    near = by_city[:1] or get_close_matches(name, known, n=1)
    raise Refused(
        f"{name!r} is no time zone",
        hint=f"Did you mean {near[0]}?" if near else "Zones are named as Europe/Berlin or America/New_York.",
    )
