"""What is wrong in the files of a home, from all services that read some."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.services import environments, foresight, ides, projects, schedules
from workbench.services.bench import Bench

if TYPE_CHECKING:
    from workbench.declare.problem import Problem


def problems_of(bench: Bench) -> tuple[Problem, ...]:
    """Every fault, in the order of files and lines; what is only worth knowing is left to `remarks_of`."""
    return tuple(problem for problem in remarks_of(bench) if not problem.notice)


def remarks_of(bench: Bench) -> list[Problem]:
    """Every fault and every notice, in the order of files and lines, with paths as seen from the home."""
    from workbench.declare import load_settings

    settings = load_settings(bench.home.settings_file)
    found = [
        *settings.problems,
        *settings.notices,
        *environments.problems(bench),
        *ides.problems(bench),
        *projects.problems(bench),
        *schedules.problems(bench),
        *foresight.problems(bench),
    ]
    return sorted({problem.labelled(bench.home.root) for problem in found})
