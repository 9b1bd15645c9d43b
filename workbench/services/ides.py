"""IDEs: what is declared, by name, and which of them an environment or a project has."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.errors import NotFound, WorkbenchError
from workbench.model.environment import EnvironmentSpec
from workbench.model.ide import Ide
from workbench.services import catalogue
from workbench.services.bench import Bench
from workbench.text import one_line

if TYPE_CHECKING:
    from workbench.declare import Problem


@dataclass(frozen=True)
class IdeView:
    """An IDE for lists: its declaration, None where that cannot be read, and then the problems."""

    name: str
    source: Path
    ide: Ide | None
    shipped: bool
    problems: tuple[Problem, ...] = ()


def listing(bench: Bench) -> list[IdeView]:
    """All declared IDEs, of the home and shipped, by name."""
    ides = catalogue.ides(bench)
    found = []
    for name, path in ides.files().items():
        reading = ides.reading(name)
        if reading:
            problems = tuple(problem.labelled(bench.home.root) for problem in reading.problems)
            found.append(IdeView(name, path, reading.value, path.parent != bench.home.ides, problems))
    return found


def named(bench: Bench, name: str) -> Ide:
    """The IDE of that name. Raises `NotFound` with the nearest, `DeclarationError`."""
    ides = catalogue.ides(bench)
    reading = ides.reading(name)
    if reading is None:
        raise NotFound("IDE", one_line(name, 80), ides.files())
    return reading.get()


def problems(bench: Bench) -> list[Problem]:
    """Everything wrong in declarations of IDEs, with paths as seen from the home."""
    return [problem for view in listing(bench) for problem in view.problems]


def fitting(spec: EnvironmentSpec, file: str = "") -> Ide | None:
    """The first IDE of an environment, or the first that opens `file`; None where there is none."""
    return next((tool for tool in spec.tools if not file or tool.can_open(file)), None)


def title(bench: Bench, name: str) -> str:
    """What people call it; its name where it is not declared any more."""
    try:
        return named(bench, name).title
    except WorkbenchError:
        return name
