"""Folders from elsewhere that become projects: which may, and how they are called."""

from __future__ import annotations

import os
import re
from pathlib import Path

from workbench.errors import Refused
from workbench.model.names import SLUG_RULE, is_slug
from workbench.paths import MARKER
from workbench.services.bench import Bench
from workbench.store import pauses, schedules
from workbench.text import one_line


def name_for_folder(folder: Path) -> str:
    """A name by the rule, made of a folder's."""
    name = re.sub(r"[^a-z0-9]+", "-", folder.name.lower()).strip("-")[:63].rstrip("-")
    if not is_slug(name):
        raise Refused(f"no name can be made of {one_line(folder.name)!r}", hint=f"Give one with --name: {SLUG_RULE}.")
    return name


def hold_schedules(bench: Bench, name: str, folder: Path) -> None:
    """Pause every schedule that a repository brings along, before it becomes the project `name`: a stranger's shall not
    run by itself."""
    found = sorted(path.stem for path in (folder / "schedules").glob("*.yaml"))
    now = bench.now()
    with bench.store.write() as connection:
        for stem in found:
            key = f"{name}/{stem}"
            schedules.notice(
                connection,
                key=key,
                project=name,
                name=stem,
                digest="",
                timing="",
                problem="",
                at=now,
                actor=bench.actor,
            )
            pauses.begin(connection, key, at=now, actor=bench.actor, reason="it came with a cloned repository")


def folder_to_link(bench: Bench, path: Path) -> Path:
    """The real folder at `path`. Raises `Refused` for what cannot be a project."""
    shown = one_line(str(path))
    try:
        real = path.resolve(strict=True)
        is_folder = real.is_dir()
    except (OSError, RuntimeError, ValueError) as error:
        why = getattr(error, "strerror", None) or "no such path"
        raise Refused(f"{shown} cannot be added: {why.lower()}") from error
    if not is_folder:
        raise Refused(f"{shown} is a file, a project is a folder", hint=f"Add its folder: {one_line(str(real.parent))}")
    inner, person = bench.home.projects.resolve(), Path.home().resolve()
    if inner.is_relative_to(real) or real.is_relative_to(bench.home.state.resolve()) or MARKER in real.parts:
        raise Refused(f"{shown} holds the home of workbench or its state", hint="Add one folder with notebooks.")
    if person.is_relative_to(real):
        raise Refused(f"{shown} holds your whole home folder", hint="Add one folder with notebooks.")
    if not os.access(real, os.R_OK | os.W_OK | os.X_OK):
        raise Refused(
            f"{shown} cannot be read and written by this account", hint="Runs are published in the project's folder."
        )
    return real
