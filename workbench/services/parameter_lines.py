"""The parameters and the sweep of a schedule as lines for people, with what references will stand for at its next time."""

from __future__ import annotations

from datetime import datetime

from workbench.errors import WorkbenchError
from workbench.model import sweep
from workbench.model.parameter import shown
from workbench.model.schedule import ScheduleSpec
from workbench.services import given, groups, schedules
from workbench.services.bench import Bench


def of(bench: Bench, spec: ScheduleSpec, due: datetime | None) -> list[str]:
    """`day = ${due - 1 day}, next 2026-01-01`, a line for each; a sweep with the runs that it becomes."""
    request = schedules.request(spec, due or bench.now())
    coming = given.previewed(bench, request)
    lines = [
        f"{name} = {shown(value)}{f', next {coming[name]}' if name in coming else ''}"
        for name, value in spec.parameters.items()
    ]
    if spec.sweep:
        try:
            lines.append(sweep.told(groups.preview(bench, request)))
        except WorkbenchError as error:
            lines.append(f"sweep: {error.message}")
    return lines
