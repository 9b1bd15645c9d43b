"""What a project brings along in standard files: what is made of them, and what is not read."""

from __future__ import annotations

from collections.abc import Mapping
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

    @property
    def lines(self) -> list[str]:
        """As people read it."""
        lines = [f"{name}: {what}" for name, what in self.given.items()]
        lines += [f"! {problem}" for problem in self.problems]
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

    notebooks = tuple(projects.notebooks(bench, project))
    lead = leading(project.path)
    if lead is None:
        return Found(notebooks=notebooks, left=standard_files(project.path))
    name = f"{project.name}/{lead}"
    if lead == "environment.yaml" and _is_ours(project.path / lead):
        return Found(name, {lead: "a declaration of this program's own kind"}, notebooks=notebooks)
    made = combination.combined(project.path, project.path / lead, name)
    return Found(
        name,
        made.given,
        tuple(one.labelled(project.path) for one in made.reading.notices),
        tuple(one.labelled(project.path) for one in made.reading.problems),
        notebooks,
    )


def _is_ours(path: Path) -> bool:
    from workbench.declare.problem import DeclarationError
    from workbench.declare.reader import read
    from workbench.declare.standard.conda_file import is_conda

    try:
        return not is_conda(read(path))
    except DeclarationError:
        return True
