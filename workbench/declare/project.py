"""A project out of its folder and `project.yaml`."""

from __future__ import annotations

import re
from pathlib import Path

from workbench.declare import mounts
from workbench.declare.problem import DeclarationError, Problem, Reading
from workbench.declare.reader import Document, read
from workbench.declare.schema import DataKeys, ProjectKeys
from workbench.declare.schema.keep import keep_of
from workbench.declare.schema.notify import notify_of
from workbench.declare.schema.port import ports_of
from workbench.declare.schema.terms import terms_of
from workbench.declare.taken import taken
from workbench.declare.validation import validate
from workbench.errors import Refused
from workbench.model.names import SLUG_RULE, is_slug
from workbench.model.project import Mount, Project

FILE = "project.yaml"


def load_project(
    folder: Path, *, name: str | None = None, linked: bool = False, state: Path | None = None
) -> Reading[Project]:
    """The project in `folder`, which need not have a `project.yaml`.

    `name` is the folder's where it is not given; folders of `state` may not be shown in it as data.
    """
    name = folder.name if name is None else name
    path = folder / FILE
    problems: list[Problem] = []
    if not is_slug(name):
        problems.append(Problem(folder, 0, 0, f"{name!r} is no name for a project", SLUG_RULE))
    if not path.exists() and not path.is_symlink():
        return Reading(None if problems else Project(name=name, path=folder, linked=linked), tuple(problems))
    try:
        document = read(path)
    except DeclarationError as error:
        return Reading(None, (*problems, *error.problems))
    reading = validate(document, ProjectKeys)
    problems += reading.problems
    keys = reading.value
    if keys is None:
        return Reading(None, tuple(problems))
    environment = _environment(document, keys.environment, name, folder, problems)
    takes = taken(document, keys.parameters, problems)
    data = _data(document, keys.data, state, problems)
    if problems:
        return Reading(None, tuple(problems))
    return Reading(
        Project(
            name=name,
            path=folder,
            linked=linked,
            environment=environment,
            data=data,
            parameters=takes,
            description=keys.description,
            warm=keys.warm,
            concurrency=keys.concurrency,
            idle_stop=keys.idle_stop,
            restart_at_boot=keys.restart == "boot",
            notify=notify_of(keys.notify),
            keep=keep_of(keys.keep),
            keep_kernel=keys.keep_kernel,
            inputs=tuple(keys.inputs),
            timeout=keys.timeout.run if keys.timeout else None,
            terms=terms_of(keys.timeout, keys.retries),
            retries=keys.retries.count if keys.retries else None,
            priority=keys.priority,
            ports=ports_of(keys.ports),
        )
    )


def _environment(document: Document, said: str | None, name: str, folder: Path, problems: list[Problem]) -> str | None:
    """The environment's name: as it is, or `<project>/<file>` for a file of the project."""
    if said is None or is_slug(said):
        return said
    if not re.search(r"/|\.(ya?ml|txt)$", said):
        problems.append(document.problem(("environment",), f"{said!r} is no name of an environment", SLUG_RULE))
        return None
    try:
        root = folder.resolve()
        real = (folder / said).resolve(strict=True)
    except (OSError, RuntimeError, ValueError):
        problems.append(document.problem(("environment",), f"{said} is not in the project"))
        return None
    if not real.is_relative_to(root) or Path(said).is_absolute():
        hint = "name a file of the project, as ./environment.yaml"
        problems.append(document.problem(("environment",), f"{said} leads out of the project", hint))
        return None
    if not real.is_file():
        problems.append(document.problem(("environment",), f"{said} is not a file"))
        return None
    return f"{name}/{Path(said).as_posix()}"


def _data(document: Document, items: list[DataKeys], state: Path | None, problems: list[Problem]) -> tuple[Mount, ...]:
    found: dict[str, Mount] = {}
    for number, item in enumerate(items):
        place = ("data", number, "path")
        try:
            real = mounts.folder(item.path, state)
        except Refused as error:
            problems.append(document.problem(place, error.message, error.hint))
            continue
        target = item.as_ or real.name
        if "/" in target or target in (".", "..") or len(target.encode()) > 255:
            problems.append(document.problem(("data", number, "as"), f"{target!r} is no name of a folder"))
        elif target in found:
            hint = "give one of them another name with `as:`"
            problems.append(document.problem(place, f"two folders would be data/{target}", hint))
        else:
            found[target] = Mount(real, target, item.write)
    return tuple(found.values())
