"""Parameters of a schedule changed in its file, comments kept; from its next due time on they hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from workbench.errors import Refused
from workbench.model.schedule import ScheduleSpec
from workbench.services import control
from workbench.services.asking import requests
from workbench.services.bench import Bench
from workbench.services.scheduling import views as schedule_views
from workbench.text import one_line

KEEP: Any = object()  # the sweep stays as it is


def change_parameters(
    bench: Bench, key: str, given: Mapping[str, Any], *, unset: Sequence[str] = (), sweep: Any = KEEP
) -> ScheduleSpec:
    """Set and take away single parameters; `sweep` None takes that away. Raises `Refused`, and then nothing is written,
    also where the notebook could not be run with them. A run that is queued already has what it was asked for with."""
    from workbench.declare import load_schedule, writer

    view = schedule_views.get(bench, key)
    spec = view.spec
    if spec is None or view.problem:
        raise Refused(view.problem, title=view.key, hint="Mend the file first.")
    lacking = [name for name in unset if name not in spec.parameters]
    if lacking:
        there = f"It has: {', '.join(spec.parameters)}." if spec.parameters else "It has none."
        raise Refused(f"{one_line(', '.join(lacking), 120)}: not set", title=view.key, hint=there)
    parameters = {name: value for name, value in {**spec.parameters, **given}.items() if name not in unset}
    wanted = replace(spec, parameters=parameters, sweep=spec.sweep if sweep is KEEP else sweep)
    requests.check(bench, schedule_views.request(wanted, view.next_due or bench.now()), ahead=True)
    changes: dict[tuple[str, ...], Any] = {("parameters", name): value for name, value in given.items()}
    changes |= {("parameters", name): None for name in unset}
    if not parameters or None in given.values():  # a null is no value to the writer
        changes = {("parameters",): parameters or None}
    if sweep is not KEEP:
        changes["sweep",] = sweep
    writer.update(view.path, "schedule", changes)
    written = load_schedule(view.path, project=view.project, timezone=bench.settings.timezone or "UTC").get()
    with bench.store.write() as connection:
        schedule_views.notice(connection, written, bench.now(), bench.actor)
    control.tell(bench)
    return written
