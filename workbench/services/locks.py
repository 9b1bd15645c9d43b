"""Exact versions: locking an environment, what an update would change, building it elsewhere."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path

from workbench.errors import NotFound, WorkbenchError
from workbench.model.lock import Change
from workbench.model.pinning import Kind, Task, TaskState
from workbench.services import environments
from workbench.services.bench import Bench
from workbench.services.declared import catalogue
from workbench.services.supervision import control
from workbench.store import pinning as rows

TICK = 0.1  # seconds between looks
RENEW = 5.0  # seconds between making sure that somebody works on it


def lock(bench: Bench, name: str) -> Path:
    """Write the lock file of what is built; where it is. Raises `WorkbenchError` with what is in the way."""
    return Path(_ended(bench, _request(bench, Kind.LOCK, name)).result)


def outdated(bench: Bench, name: str) -> list[Change]:
    """What a forced build would change. Raises as `lock`."""
    return [Change(**one) for one in json.loads(_ended(bench, _request(bench, Kind.OUTDATED, name)).result)]


def export(bench: Bench, name: str, folder: Path | str) -> Path:
    """Write what another machine can build it from into a new folder. Raises as `lock`."""
    return Path(_ended(bench, _request(bench, Kind.EXPORT, name, Path(folder).expanduser().absolute())).result)


def lock_file(bench: Bench, name: str) -> Path | None:
    """The lock file of an environment where there is one."""
    path = catalogue.lock_file(bench, environments.spec(bench, name))
    return path if path.is_file() else None


def unlock(bench: Bench, name: str) -> Path | None:
    """Take the lock away; where it is kept, None where there was none."""
    path = lock_file(bench, name)
    if path is None:
        return None
    kept = bench.home.state / "removed" / f"{path.name}-{bench.now():%Y%m%dT%H%M%S%f}"
    kept.parent.mkdir(mode=0o700, exist_ok=True)
    shutil.move(path, kept)
    return kept


def relock(bench: Bench, name: str, kept: Path | None) -> None:
    """Put a lock back that was taken away, where none has come in its place."""
    path = catalogue.lock_file(bench, environments.spec(bench, name))
    if kept is not None and not path.exists():
        shutil.move(kept, path)


def _request(bench: Bench, kind: Kind, name: str, folder: Path | None = None) -> int:
    spec = environments.spec(bench, name)
    with bench.store.write() as connection:
        number = rows.request(connection, kind, spec.name, str(folder or ""), at=bench.now(), actor=bench.actor)
    control.tell(bench)
    return number


def _ended(bench: Bench, number: int) -> Task:
    looked = time.monotonic()
    while True:
        with bench.store.read() as connection:
            task = rows.get(connection, number)
        if task is None:
            raise NotFound("task", str(number))
        if task.state is TaskState.DONE:
            return task
        if task.state is TaskState.FAILED:
            raise WorkbenchError(task.reason, title=f"{task.kind} of {task.environment}", hint=task.hint)
        time.sleep(TICK)
        if time.monotonic() - looked > RENEW:
            looked = time.monotonic()
            control.ensure(bench)
