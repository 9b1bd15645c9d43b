"""The parameters and the sweep of a schedule as lines for people, with what references will stand for at its next time."""

from __future__ import annotations

from datetime import datetime

from workbench.errors import WorkbenchError
from workbench.model import sweep
from workbench.model.parameter import shown
from workbench.model.schedule import ScheduleSpec
from workbench.services.asking import given, sweeps
from workbench.services.bench import Bench
from workbench.services.scheduling import views


def of(bench: Bench, spec: ScheduleSpec, due: datetime | None) -> list[str]:
    """`day = ${due - 1 day}, next 2026-01-01`, a line for each; a sweep with the runs that it becomes."""
    request = views.request(spec, due or bench.now())
    then = coming(bench, spec, due or bench.now())
    lines = [
        f"{name} = {shown(value)}{f', next {then[name]}' if name in then else ''}"
        for name, value in spec.parameters.items()
    ]
    if spec.sweep:
        try:
            lines.append(sweep.told(sweeps.preview(bench, request)))
        except WorkbenchError as error:
            lines.append(f"sweep: {error.message}")
    return lines


def coming(bench: Bench, spec: ScheduleSpec, due: datetime) -> dict[str, str]:
    """What the parameters that hold references stand for at a due time, by name; or why they cannot."""
    found, wrong = given.previewed(bench, views.request(spec, due))
    return {**found, **wrong}
