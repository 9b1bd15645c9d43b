"""All actions, and which of them each screen has."""

from __future__ import annotations

from collections.abc import Mapping

from textual.binding import Binding, BindingType

from workbench.ui.actions import LISTS, LOGS, PROGRAM, Action
from workbench.ui.acts import (
    comparison,
    continuing,
    disk,
    environments,
    groups,
    locks,
    logs,
    notices,
    ports,
    program,
    projects,
    reports,
    retention,
    revisions,
    runs,
    schedules,
    sessions,
    tags,
    view,
)

ACTIONS: tuple[Action, ...] = (
    *projects.ACTIONS,
    *environments.ACTIONS,
    *revisions.ACTIONS,
    *disk.ACTIONS,
    *locks.ACTIONS,
    *sessions.ACTIONS,
    *ports.ACTIONS,
    *runs.ACTIONS,
    *continuing.ACTIONS,
    *groups.ACTIONS,
    *tags.ACTIONS,
    *retention.ACTIONS,
    *notices.ACTIONS,
    *reports.ACTIONS,
    *comparison.ACTIONS,
    *schedules.ACTIONS,
    *logs.ACTIONS,
    *view.ACTIONS,
    *program.ACTIONS,
)
BY_ID: Mapping[str, Action] = {action.id: action for action in ACTIONS}


def of(mode: str) -> tuple[Action, ...]:
    """What the screen of `mode` can do; what logs can do is bound to the log itself."""
    return tuple(action for action in ACTIONS if action.area in (mode, LISTS, PROGRAM))


def of_logs() -> tuple[Action, ...]:
    """What a log can do."""
    return tuple(action for action in ACTIONS if action.area == LOGS)


def bindings(actions: tuple[Action, ...]) -> list[BindingType]:
    """Their keys; check_action decides which are live."""
    return [
        Binding(action.key, f"screen.act('{action.id}')", action.verb, id=action.id, show=False) for action in actions
    ]
