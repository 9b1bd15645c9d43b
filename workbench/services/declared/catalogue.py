"""Which environments are declared, and where: in the home, shipped, and in the folders of projects."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.errors import NotFound, WorkbenchError
from workbench.model.environment import EngineName, EnvironmentSpec
from workbench.model.project import Project
from workbench.paths import shipped
from workbench.services import projects
from workbench.services.bench import Bench
from workbench.store import contained
from workbench.store.events import Actor
from workbench.text import one_line

if TYPE_CHECKING:
    from workbench.declare import Ides, Problem, Reading, Shelf


def shelf(bench: Bench) -> Shelf:
    """The folders in which names of environments are looked up."""
    from workbench.declare import Shelf

    return Shelf((bench.home.environments, shipped("environments")), ides(bench))


def ides(bench: Bench) -> Ides:
    """The folders in which names of IDEs are looked up."""
    from workbench.declare import Ides

    return Ides((bench.home.ides, shipped("ides")))


def readings(bench: Bench) -> dict[str, Reading[EnvironmentSpec]]:
    """Every declared environment as it could be read, by name."""
    names = sorted([*shelf(bench).files(), *of_projects(bench)])
    found = {name: reading(bench, name) for name in names}
    return {name: one for name, one in found.items() if one is not None}


def reading(bench: Bench, name: str) -> Reading[EnvironmentSpec] | None:
    """The declaration of that name, `python` or `<project>/<file>`; None where there is none."""
    found = _declared(bench, name)
    if found is None or found.value is None:
        return found
    from workbench.declare.lock import locked

    return locked(found, lock_file(bench, found.value))


def lock_file(bench: Bench, spec: EnvironmentSpec) -> Path:
    """Where the lock of an environment stands: beside its file, for what ships in the home.

    It is never a file of another tool: not `uv.lock`, nor what the declaration itself names.
    """
    if spec.source is None or spec.shipped:
        return bench.home.environments / f"{spec.name}.lock"
    path = spec.source.with_suffix(".lock")
    named = {part.lock.path for part in (spec.python, spec.r) if part and part.lock}
    named |= {spec.python.requirements} if spec.python and spec.python.requirements else set()
    if spec.source.suffix == ".yaml" and path not in named:
        return path
    return spec.source.with_name(f"{spec.source.name}.workbench.lock")


def _declared(bench: Bench, name: str) -> Reading[EnvironmentSpec] | None:
    from workbench.declare import load_environment, load_standard

    folders = shelf(bench)
    owner, slash, file = name.partition("/")
    if not slash:
        path = folders.find(name)
        own = path is not None and path.parent != bench.home.environments
        return load_environment(path, shelf=folders, sizes=bench.settings.sizes, shipped=own) if path else None
    try:
        project = projects.get(bench, owner)
        path = project.path / file
        if not path.is_file():
            return None
    except (NotFound, OSError, ValueError):
        return None
    return load_standard(path, project=owner, folder=project.path, shelf=folders, sizes=bench.settings.sizes)


def unknown(bench: Bench, name: str) -> NotFound:
    """That there is no environment of that name, with the nearest; where it is a project's, the one that project uses."""
    hint = ""
    try:
        project = projects.get(bench, name)
        hint = "" if project.problem else f"The project {name} uses {name_for(bench, project)}."
    except (WorkbenchError, ValueError):
        pass
    return NotFound("environment", one_line(name, 80), [*shelf(bench).files(), *of_projects(bench)], hint=hint)


def file_of(bench: Bench, name: str) -> Path | None:
    """The file that declares it, whether it can be read or not; None where there is none."""
    owner, slash, file = name.partition("/")
    if not slash:
        return shelf(bench).find(name)
    try:
        return projects.get(bench, owner).path / file
    except NotFound:
        return None


def of_projects(bench: Bench) -> list[str]:
    """Names of the environments that projects declare in their own folders."""
    with bench.store.read() as connection:
        settled = contained.every(connection)
    names = (_own(project, settled.get(project.name)) for project in projects.listing(bench) if not project.problem)
    return sorted({name for name in names if "/" in name})


def name_for(bench: Bench, project: Project) -> str:
    """The environment a project uses: what it names, else its standard files, else the home's default.

    Code in a container can make and remove such files: after the first one they decide no more, but `project.yaml` does,
    which cannot be written there.
    """
    if project.environment:
        return project.environment
    with bench.store.read() as connection:
        settled = contained.environment_of(connection, project.name)
    return _own(project, settled) or bench.settings.default_environment


def settle(bench: Bench, connection: sqlite3.Connection, project: Project, engine: EngineName, actor: Actor) -> None:
    """Code of the project is about to run: where that is in a container, what it uses now is what it uses from then on."""
    if engine is EngineName.DOCKER:
        own, named = project.environment or standard(project) or "", project.environment is not None
        contained.note(connection, project.name, own, named=named, at=bench.now(), actor=actor)


def unsettled(bench: Bench, project: Project) -> Problem | None:
    """That the project's folder has what would be another environment, had code in containers not run in it."""
    from workbench.declare import Problem

    if project.environment or project.problem:
        return None
    with bench.store.read() as connection:
        settled = contained.environment_of(connection, project.name)
    found = standard(project) or ""
    if settled is None or settled == found:
        return None
    place = project.path / (found.partition("/")[2] or "project.yaml")
    said = f"./{found.partition('/')[2]}" if found else bench.settings.default_environment
    what = "is not used" if found else f"{settled} is not there any more"
    return Problem(
        place, 0, 0,
        f"{what}: {project.name} has run in containers in {settled or 'the default environment'}, and code in them could"
        f" have {'made this file' if found else 'removed it'}",
        f"if it is yours, say `environment: {said}` in project.yaml", notice=bool(found),
    )  # fmt: skip


def _own(project: Project, settled: str | None) -> str:
    """The environment that the project has by itself; empty for the home's default."""
    return project.environment or ((standard(project) or "") if settled is None else settled)


def standard(project: Project) -> str | None:
    """`<project>/<file>` for the standard file that gives the environment its name; None where there is none."""
    from workbench.declare.standard import leading

    found = leading(project.path)
    return f"{project.name}/{found}" if found else None


def wrong_suffix(bench: Bench) -> list[Problem]:
    """Files that look like declarations and are not read as such."""
    from workbench.declare import Problem

    return [
        Problem(path, 0, 0, "is not read: the name ends in .yml", "rename it to end in .yaml").labelled(bench.home.root)
        for path in sorted(bench.home.environments.glob("*.yml"))
    ]
