"""Kernels of a home that nobody owns any more are removed: their containers by label, their folders by name."""

from __future__ import annotations

import shutil
from pathlib import Path

from workbench.engines.base import LABEL
from workbench.engines.docker.connection import Connection, NoSuchThing
from workbench.engines.docker.kernel import ROLE, records
from workbench.engines.waiting import GOING, SPARE
from workbench.engines.waiting.records import name, of, withdraw
from workbench.paths import Home

YOUNG = 2.0  # seconds after which a sweep trusts that the run of a kernel was known to its caller


def sweep(connection: Connection, home: Home, labelled: str, living: frozenset[str], now: float) -> int:
    """Remove kernels of the home `labelled` whose run is not in `living`, and their folders; how many.

    A spare is in it by the name of its record, and is kept also where a run has taken it meanwhile, for that may have
    begun since. One made within the last seconds may be of a run that `living` could not have yet.
    """
    count = 0
    own = labelled == home.id
    with connection.api() as api:
        filters = {"label": [f"{LABEL}home={labelled}", f"{LABEL}role={ROLE}"]}
        for entry in api.containers(all=True, filters=filters):
            run, mark = (entry["Labels"].get(f"{LABEL}{key}", "") for key in ("run", "mark"))
            if name(mark) in living:
                continue
            record = _withdrawn(records(home), mark) if run == SPARE and own else None
            run = record.name.rpartition("@")[0] if record else run
            if run in living or now - float(entry["Created"]) < YOUNG or (record and _young(record, now)):
                continue
            try:
                api.remove_container(entry["Id"], force=True, v=True)
            except NoSuchThing:
                continue
            count += 1
    if own:
        _sweep_folders(records(home), living, now)
    return count


def _withdrawn(folder: Path, mark: str) -> Path | None:
    """The record of what was a spare and is nobody's, or of a run that has taken it; from now on no other can."""
    return withdraw(folder, mark) or of(folder, mark)


def _young(record: Path, now: float) -> bool:
    """Made or renamed this instant, by a run that `living` may not have had yet."""
    try:
        facts = record.stat()
    except OSError:
        return False
    renamed = facts.st_ctime if not record.name.startswith(f"{GOING}@") else 0.0
    return now - max(facts.st_mtime, renamed) < YOUNG


def _sweep_folders(folder: Path, living: frozenset[str], now: float) -> None:
    try:
        found = sorted(folder.iterdir())
    except OSError:
        return
    for record in found:
        run, _, mark = record.name.rpartition("@")
        try:
            if run in living or name(mark) in living or _young(record, now):
                continue
            sockets = Path((record / "sockets").read_text())
        except OSError:
            continue
        if sockets.is_absolute() and sockets.name.startswith("k"):
            shutil.rmtree(sockets, ignore_errors=True)
        shutil.rmtree(record, ignore_errors=True)
