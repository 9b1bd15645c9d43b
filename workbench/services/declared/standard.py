"""What a project brings along in standard files: what is made of them, and what is not read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.model.project import Project
from workbench.services import projects
from workbench.services.bench import Bench
from workbench.text import plural

if TYPE_CHECKING:
    from workbench.declare import Problem


@dataclass(frozen=True)
class Found:
    """What was found in a project. `environment` is the name of what its files declare, None where none does.

    `given` says by file what it gives; `notices` and `problems` say what is not read, and why.
    """

    environment: str | None = None
    given: Mapping[str, str] = field(default_factory=dict)
    notices: tuple[Problem, ...] = ()
    problems: tuple[Problem, ...] = ()
    notebooks: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    asks: tuple[str, ...] = ()  # what its own declarations want of this machine, or would do by themselves

    @property
    def lines(self) -> list[str]:
        """As people read it."""
        lines = [f"{name}: {what}" for name, what in self.given.items()]
        lines += [f"! {text}" for text in (*self.problems, *self.asks)]
        lines += [f"- {notice}" for notice in self.notices]
        lines += [f"- {name} is not read" for name in self.left]
        count = len(self.notebooks)
        return (
            [*lines, f"{plural(count, 'notebook')}: {', '.join(self.notebooks[:5])}{' …' if count > 5 else ''}"]
            if count
            else lines
        )


def found(bench: Bench, project: Project) -> Found:
    """Look through a project's folder; nothing in it is run."""
    from workbench.declare.standard import combination, leading, standard_files

    notebooks, asks = tuple(projects.notebooks(bench, project)), tuple(_asks(bench, project))
    if project.environment:
        said = {"project.yaml": f"environment {project.environment}"}
        return Found(project.environment, said, notebooks=notebooks, asks=asks)
    lead = leading(project.path)
    if lead is None:
        return Found(notebooks=notebooks, left=standard_files(project.path), asks=asks)
    name = f"{project.name}/{lead}"
    if lead == "environment.yaml" and _is_ours(project.path / lead):
        return Found(name, {lead: "a declaration of this program's own kind"}, notebooks=notebooks, asks=asks)
    made = combination.combined(project.path, project.path / lead, name)
    return Found(
        name,
        made.given,
        tuple(one.labelled(project.path) for one in made.reading.notices),
        tuple(one.labelled(project.path) for one in made.reading.problems),
        notebooks,
        asks=asks,
    )


def _asks(bench: Bench, project: Project) -> Iterator[str]:
    """Folders of this machine that it wants to see, and schedules."""
    from workbench.services import schedules

    if project.problem:
        yield project.problem
    for mount in project.data:
        yield f"project.yaml asks for {mount.path}{', to write in it' if mount.write else ''}: seen as data/{mount.target}"
    for view in schedules.listing(bench, project.name):
        how = f"paused; workbench schedules resume {view.key}" if view.paused else "it will run by itself"
        yield f"schedule {view.key}: {how}"


def _is_ours(path: Path) -> bool:
    from workbench.declare.problem import DeclarationError
    from workbench.declare.reader import read
    from workbench.declare.standard.conda_file import is_conda

    try:
        return not is_conda(read(path))
    except DeclarationError:
        return True
