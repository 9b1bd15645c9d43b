"""Settings of a home that a verb writes into `workbench.yaml`."""

from __future__ import annotations

from workbench.errors import Refused
from workbench.model.environment import EngineName
from workbench.services.bench import Bench
from workbench.store import environments as rows
from workbench.store import revisions


def set_timezone(bench: Bench, zone: str) -> None:
    """Choose the time zone that schedules of this home go by. Raises `Refused` where there is none of that name."""
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise Refused(f"{zone!r} is no time zone", hint="Zones are named as Europe/Berlin.") from error
    _set(bench, "timezone", zone)


def set_engine(bench: Bench, engine: EngineName) -> None:
    """Choose the engine of environments that name none and were never built.

    Where a first build failed, what it had chosen is forgotten: nothing stands on it.
    """
    _set(bench, "engine", str(engine))
    with bench.store.write() as connection:
        for name in rows.all_chosen(connection):
            if not revisions.every(connection, name):
                rows.forget(connection, name, at=bench.now(), actor=bench.actor)


def _set(bench: Bench, key: str, value: str) -> None:
    from workbench.declare.writer import create, update

    path = bench.home.settings_file
    if path.exists() or path.is_symlink():
        update(path, "settings", {(key,): value})
    else:
        create(path, "settings", {key: value}, home=bench.home.root)
