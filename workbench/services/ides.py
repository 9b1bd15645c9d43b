"""IDEs: what is declared, by name, and which of them an environment or a project has."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.errors import NotFound, Refused, WorkbenchError
from workbench.model.environment import EnvironmentSpec
from workbench.model.ide import Ide, UserRule
from workbench.model.project import Project
from workbench.model.session import Session
from workbench.paths import shipped
from workbench.services import projects
from workbench.services.bench import Bench
from workbench.services.declared import catalogue
from workbench.text import one_line

if TYPE_CHECKING:
    from workbench.declare import Ides, Problem

FOLDER = "ides"  # of a project, and of a home


@dataclass(frozen=True)
class IdeView:
    """An IDE for lists: its declaration, None where that cannot be read, and then the problems."""

    name: str
    source: Path
    ide: Ide | None
    shipped: bool
    problems: tuple[Problem, ...] = ()


def listing(bench: Bench, project: Project | None = None) -> list[IdeView]:
    """All declared IDEs, of the home, shipped, and of a project, by name."""
    ides = catalogue.ides(bench)
    if project:
        ides = _with(ides, project)
    found = []
    for name, path in ides.files().items():
        reading = ides.reading(name)
        if reading:
            problems = tuple(problem.labelled(bench.home.root) for problem in reading.problems)
            found.append(IdeView(name, path, reading.value, path.parent == shipped(FOLDER), problems))
    return found


def named(bench: Bench, name: str, project: str = "") -> Ide:
    """The IDE of that name, of the home or shipped, else of `project`. Raises `NotFound` with the nearest,
    `DeclarationError`."""
    ides = catalogue.ides(bench)
    reading = ides.reading(name)
    if reading is None and project:
        ides = _with(ides, projects.get(bench, project))
        reading = ides.reading(name)
        if reading and reading.value and reading.value.user is UserRule.ROOT:
            raise Refused(f"IDE {name} of {project} wants to be root: only the home's own files may say so")
    if reading is None:
        raise NotFound("IDE", one_line(name, 80), ides.files())
    return reading.get()


def of_session(bench: Bench, session: Session) -> Ide:
    """What a session runs. Raises `NotFound`, `DeclarationError` where it is not declared any more."""
    return named(bench, session.ide, session.project)


def offered(bench: Bench, project: Project, spec: EnvironmentSpec) -> list[Ide]:
    """Those a session of the project can hold: the environment's, then those of the project's own folder `ides`, which
    take what is in the environment as it is."""
    own = _of(project)
    known = {tool.name for tool in spec.tools}
    more = [tool for name in own.files() if name not in known and (tool := _own(bench, project, name))]
    return [*spec.tools, *more]


def own_copy(bench: Bench, name: str) -> Path:
    """The file to edit: the home's own, or for a shipped one a copy of it there, made now."""
    from workbench.declare import writer

    path = bench.home.ides / f"{name}.yaml"
    if path.exists():
        return path
    source = catalogue.ides(bench).files()[name]
    text = writer.with_schema_line(source.read_text(encoding="utf-8"), path, "ide", bench.home.root)
    writer.create_text(path, "ide", text, home=bench.home.root)
    return path


def _of(project: Project) -> Ides:
    from workbench.declare import Ides

    return Ides((project.path / FOLDER,))


def _with(ides: Ides, project: Project) -> Ides:
    return replace(ides, folders=(*ides.folders, *_of(project).folders))


def _own(bench: Bench, project: Project, name: str) -> Ide | None:
    """An IDE of a project, where the home and what ships have none of that name."""
    try:
        return named(bench, name, project.name) if name not in catalogue.ides(bench).files() else None
    except WorkbenchError:
        return None


def problems(bench: Bench) -> list[Problem]:
    """Everything wrong in declarations of IDEs, of projects too, with paths as seen from the home."""
    found = [problem for view in listing(bench) for problem in view.problems]
    for project in projects.listing(bench):
        own = _of(project)
        for reading in map(own.reading, own.files()):
            found += reading.problems if reading else ()
    return [problem.labelled(bench.home.root) for problem in found]


def fitting(tools: Iterable[Ide], file: str = "") -> Ide | None:
    """The first of `tools`, or the first that opens `file`; None where there is none."""
    return next((tool for tool in tools if not file or tool.can_open(file)), None)


def title(bench: Bench, name: str) -> str:
    """What people call it; its name where it is not declared any more."""
    try:
        return named(bench, name).title
    except WorkbenchError:
        return name


def how_to_have(spec: EnvironmentSpec, *names: str) -> str:
    """What to write so that an environment has these: standard files, as requirements.txt, cannot say it."""
    said = f"ides: [{', '.join(names)}]"
    if not spec.read:
        return f"Add it to its declaration: {said}"
    files = sorted(path.name for path in spec.read)
    again = f" and `python: {{requirements: {files[0]}}}`" if files == ["requirements.txt"] else ""
    return (
        f"{', '.join(files[:3])} cannot say it: write environment.yaml in the project with `{said}`{again}, and"
        " `environment: ./environment.yaml` in project.yaml"
    )
