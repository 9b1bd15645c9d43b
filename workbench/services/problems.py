"""What is wrong in the files of a home, from all services that read some."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.services import environments, projects, schedules
from workbench.services.bench import Bench

if TYPE_CHECKING:
    from workbench.declare.problem import Problem


def problems_of(bench: Bench) -> tuple[Problem, ...]:
    """Every fault, in the order of files and lines; what is only worth knowing is left to `workbench check`."""
    from workbench.declare import load_settings

    found = [
        *load_settings(bench.home.settings_file).problems,
        *environments.problems(bench),
        *projects.problems(bench),
        *schedules.problems(bench),
    ]
    return tuple(sorted({problem.labelled(bench.home.root) for problem in found if not problem.notice}))
