"""Files of environments in a home: written, copied to be edited, taken away."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workbench.errors import Conflict, Refused, WorkbenchError
from workbench.model.build import ENDED
from workbench.model.environment import EnvironmentSpec
from workbench.model.names import SLUG_RULE, is_slug
from workbench.paths import shipped
from workbench.services import environments, projects
from workbench.services.bench import Bench
from workbench.services.declared import catalogue
from workbench.services.supervision import control
from workbench.store import builds as build_rows
from workbench.store import environments as rows
from workbench.store import kept as kept_kernels
from workbench.text import one_line


def create(bench: Bench, name: str, keys: Mapping[str, Any]) -> EnvironmentSpec:
    """Write `environments/<name>.yaml` with `keys` as the file has them.

    Raises `Refused` for a name outside of the rule, `Conflict` where the file exists, `DeclarationError`.
    """
    from workbench.declare import load_environment, writer

    if not is_slug(name):
        raise Refused(f"{one_line(name, 80)!r} is no name for an environment", hint=f"{SLUG_RULE}.".capitalize())
    # Read with what it extends before it is written: nothing that cannot hold reaches the disk.
    load_environment(writer.dump(keys), name=name, shelf=catalogue.shelf(bench), sizes=bench.settings.sizes).get()
    writer.create(bench.home.environments / f"{name}.yaml", "environment", keys, home=bench.home.root)
    return environments.spec(bench, name)


def own_copy(bench: Bench, name: str) -> Path:
    """The file to edit: the declaration's own, or for a shipped one a copy of it in the home, made now."""
    from workbench.declare import writer

    found = environments.spec(bench, name)
    if not found.shipped or found.source is None:
        if found.source is None:
            raise Refused(f"environment {name} has no file of its own")
        return found.source
    path = bench.home.environments / found.source.name
    text = writer.with_schema_line(found.source.read_text(encoding="utf-8"), path, "environment", bench.home.root)
    writer.create_text(path, "environment", text, home=bench.home.root)
    return path


def remove(bench: Bench, name: str) -> Path:
    """Take an environment of the home away; its file is kept at the path returned, and its lock beside that.

    Raises `Refused` for a shipped one or a project's own, `Conflict` while a project uses it or a build is open.
    """
    path = bench.home.environments / f"{name}.yaml"
    if not is_slug(name) or not path.exists():
        found = environments.spec(bench, name)
        where = "comes with the program" if found.shipped else f"is declared by {found.source}"
        raise Refused(f"environment {name} {where}", hint="Only those in environments/ of the home can be removed.")
    if not (shipped("environments") / path.name).exists():
        users = [project.name for project in projects.listing(bench) if project.environment == name]
        if users:
            raise Conflict(f"environment {name} is used by {', '.join(users)}", hint="Change their project.yaml first.")
    with bench.store.read() as connection:
        newest = build_rows.newest(connection, name)
    if newest and newest.state not in ENDED:
        raise Conflict(f"build b{newest.id} of {name} is {newest.state}", hint=f"workbench stop b{newest.id}")
    kept = bench.home.state / "removed" / f"{name}-{bench.now():%Y%m%dT%H%M%S%f}.yaml"
    lock = _lock_of(bench, name)
    try:
        kept.parent.mkdir(mode=0o700, exist_ok=True)
        shutil.move(path, kept)
        if lock is not None:  # else the next environment of that name would be built by it
            shutil.move(lock, kept.with_suffix(".lock"))
    except OSError as error:
        raise Refused(f"{path} cannot be removed: {error.strerror}") from error
    with bench.store.write() as connection:
        rows.forget(connection, name, at=bench.now(), actor=bench.actor)
        kept_kernels.ask_release(connection, at=bench.now(), actor=bench.actor, environment=name)
    control.wake(bench)
    return kept


def _lock_of(bench: Bench, name: str) -> Path | None:
    """The lock of an environment of the home; None where there is none, or its declaration cannot be read."""
    try:
        path = catalogue.lock_file(bench, environments.spec(bench, name))
    except WorkbenchError:
        return None
    return path if path.is_file() else None
