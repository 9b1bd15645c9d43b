"""Settings of a home that a verb writes into `workbench.yaml`."""

from __future__ import annotations

from workbench.errors import Refused
from workbench.services.bench import Bench


def set_timezone(bench: Bench, zone: str) -> None:
    """Choose the time zone that schedules of this home go by. Raises `Refused` where there is none of that name."""
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    from workbench.declare.writer import create, update

    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise Refused(f"{zone!r} is no time zone", hint="Zones are named as Europe/Berlin.") from error
    path = bench.home.settings_file
    if path.exists() or path.is_symlink():
        update(path, "settings", {("timezone",): zone})
    else:
        create(path, "settings", {"timezone": zone}, home=bench.home.root)
