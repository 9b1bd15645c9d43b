"""Things as the command line names them (`41`, `s7`, `b3`, `@last`, names), and their completion in the shell."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from workbench.cli.invocation import Invocation
from workbench.errors import NotFound, WorkbenchError

if TYPE_CHECKING:
    from workbench.model.session import Session
    from workbench.services.bench import Bench

LARGEST = 2**63 - 1  # what the store can look for; no id comes near it
Completer = Callable[[click.Context, click.Parameter, str], list[str]]


@dataclass(frozen=True)
class Target:
    """What an id names: `kind` is run, group, session or build."""

    kind: str
    id: int

    def __str__(self) -> str:
        return {"run": "", "group": "g", "session": "s", "build": "b"}[self.kind] + str(self.id)


def target(bench: Bench, text: str, *, removed: bool = False) -> Target:
    """The run (`41`, `@last`), group (`g7`), session (`s7`, its name) or build (`b3`) that `text` names. Raises `NotFound`.

    `removed`: also a session that was taken from the lists, by its number.
    """
    from workbench.services import environments, sessions

    found = re.fullmatch(r"([sbg]?)(\d+)", text)
    if text == "@last" or (found and not found[1]):
        return Target("run", run_id(bench, text))
    if found and found[1] == "g":
        return Target("group", group_id(bench, text))
    if found and found[1] == "b":
        return Target("build", environments.get_build(bench, number(found[2])).id)
    try:
        if found and removed:
            return Target("session", sessions.get(bench, number(found[2])).id)
        return Target("session", sessions.find(bench, text).id)
    except NotFound as error:
        raise NotFound(
            "run, session or build", text, hint=error.hint or "Runs are 41, sessions s7 or their name, builds b3."
        ) from error


def session(bench: Bench, text: str) -> Session:
    """The session that `s7`, its name or `@last` names. Raises `NotFound`."""
    from workbench.services import sessions

    try:
        return sessions.find(bench, text)
    except NotFound as error:
        raise NotFound("session", text, hint=error.hint or "See what there is: workbench sessions") from error


def number(digits: str) -> int:
    """The id that is written so, or one that nothing has."""
    return min(int(digits[:20]), LARGEST)


def run_id(bench: Bench, text: str) -> int:
    """The run that `41` or `@last` names, which exists. Raises `NotFound`."""
    from workbench.services import runs

    if text == "@last":
        return runs.last(bench).id
    if not text.isdecimal():
        if re.fullmatch(r"g\d+", text):
            raise NotFound("run", text, hint=f"It is a group of them: workbench runs --group {text}")
        raise NotFound("run", text, hint="A run is a number, as 41, or @last. See: workbench runs")
    return runs.get(bench, number(text)).id


def group_id(bench: Bench, text: str) -> int:
    """The group that `g7` names, which exists. Raises `NotFound`."""
    from workbench.services import groups

    if not re.fullmatch(r"g\d+", text):
        raise NotFound("group", text, hint="A group is g and a number, as g7. See: workbench runs")
    return groups.get(bench, number(text[1:])).id


def _completer(names: Callable[[Bench], list[str]]) -> Completer:
    def complete(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
        call = context.find_object(Invocation) or Invocation()
        try:
            return [name for name in names(call.reading()) if name.startswith(incomplete)]
        except (WorkbenchError, OSError):
            return []  # a shell that completes has nowhere to show an error

    return complete


def _projects(bench: Bench) -> list[str]:
    from workbench.services import projects

    return [project.name for project in projects.listing(bench)]


def _environments(bench: Bench) -> list[str]:
    from workbench.services import environments

    return [spec.name for spec in environments.specs(bench)]


def _sessions(bench: Bench) -> list[str]:
    from workbench.services import sessions

    return [session.name for session in sessions.listing(bench)]


def _schedules(bench: Bench) -> list[str]:
    from workbench.services import schedules

    return [view.key for view in schedules.listing(bench)]


def _revisions(bench: Bench) -> list[str]:
    from workbench.services import environments, revisions

    return [view.id for spec in environments.specs(bench) for view in revisions.listing(bench, spec.name)]


def _secrets(bench: Bench) -> list[str]:
    from workbench.services import secrets

    return [view.name for view in secrets.listing(bench)]


def _ides(bench: Bench) -> list[str]:
    from workbench.services import ides

    return [view.name for view in ides.listing(bench)]


def _runs(bench: Bench) -> list[str]:
    from workbench.services import runs

    return ["@last", *(str(run.id) for run in runs.page(bench, limit=30))]


def _groups(bench: Bench) -> list[str]:
    from workbench.services import groups

    return [group.label for group, _ in groups.newest(bench, limit=30)]


group_names = _completer(_groups)
project_names = _completer(_projects)
environment_names = _completer(_environments)
session_names = _completer(_sessions)
schedule_names = _completer(_schedules)
revision_names = _completer(_revisions)
secret_names = _completer(_secrets)
ide_names = _completer(_ides)
run_names = _completer(_runs)
target_names = _completer(lambda bench: [*_runs(bench), *_sessions(bench)])
editable_names = _completer(
    lambda bench: [
        *_projects(bench),
        *_environments(bench),
        *_schedules(bench),
        *(f"ides/{name}" for name in _ides(bench)),
        "settings",
    ]
)
