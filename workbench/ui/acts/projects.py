"""What can be done with a project."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

from workbench.errors import WorkbenchError
from workbench.model.run import ACTIVE, ENDED, PENDING, Run
from workbench.model.session import ENDED as SESSION_ENDED
from workbench.model.session import Session
from workbench.services.bench import Bench
from workbench.ui.actions import Action, Purpose
from workbench.ui.acts.opening import open_when_ready
from workbench.ui.commands import words
from workbench.ui.desk import Desk, names
from workbench.ui.nouns.projects import ProjectRow

AREA = "projects"


def _readable(row: ProjectRow) -> bool:
    return not row.project.problem


async def sound_projects(desk: Desk, title: str, chosen: str = "") -> list[str]:
    """Names of those that can be worked with. Raises where there is none, or where `chosen` is none of them."""
    from workbench.services import projects

    found = await desk.call(projects.listing, desk.bench)
    known = [one.name for one in found if not one.problem]
    if chosen and chosen not in known:
        problem = next((one.problem for one in found if one.name == chosen), "")
        hint = "Press 1 and e on it to see its file." if problem else "Was it removed?"
        raise WorkbenchError(f"{chosen}: {problem or 'there is no such project any more'}", title=title, hint=hint)
    if not known:
        raise WorkbenchError("There is no project yet.", title=title, hint="Make one: press 1, then n.")
    return known


async def new(desk: Desk, items: list[Any]) -> None:
    """The form; the new project is selected afterwards, and what was found in it is shown."""
    from workbench.services import environments, projects
    from workbench.services.declared import standard
    from workbench.ui.modals.project import ProjectForm

    del items
    examples = await desk.call(projects.examples)
    known = [spec.name for spec in await desk.call(environments.specs, desk.bench) if "/" not in spec.name]
    form = ProjectForm(desk.bench, examples, known)
    name = await desk.form(form)
    if not name:
        return
    desk.say(f"Made {name}. o opens it, r runs a notebook of it.")
    desk.look()
    desk.go(AREA, name)
    if form.brought:
        project = await desk.call(projects.get, desk.bench, name)
        found = await desk.call(standard.found, desk.bench, project)
        if found.given or found.problems or found.left or found.asks:
            await desk.show(f"Found in {name}", "\n".join(found.lines))


async def open_it(desk: Desk, rows: list[ProjectRow]) -> None:
    """The first IDE of its environment, started where it is not up."""
    from workbench.services import sessions

    session = await desk.call(sessions.start, desk.bench, rows[0].project.name)
    desk.look()
    await open_when_ready(desk, session)


async def run(desk: Desk, rows: list[ProjectRow]) -> None:
    """The form, with this project."""
    from workbench.ui.acts.runs import run_form

    await run_form(desk, project=rows[0].project.name)


async def start(desk: Desk, rows: list[ProjectRow]) -> None:
    """The form, with this project."""
    from workbench.ui.acts.sessions import session_form

    await session_form(desk, rows[0].project.name)


async def schedule(desk: Desk, rows: list[ProjectRow]) -> None:
    """The form, with this project."""
    from workbench.ui.acts.schedules import schedule_form

    await schedule_form(desk, rows[0].project.name)


def shell(desk: Desk, rows: list[ProjectRow]) -> None:
    """The person's shell in the project's folder."""
    desk.run_over([os.environ.get("SHELL") or "/bin/sh"], cwd=rows[0].project.path)


def edit(desk: Desk, rows: list[ProjectRow]) -> None:
    """Its project.yaml, at the line of its first problem."""
    path = rows[0].project.path / "project.yaml"
    desk.edit(path, desk.line_of(path))


async def remove(desk: Desk, rows: list[ProjectRow]) -> None:
    """A link goes and its folder stays; a folder of the home is moved away after its name was typed.

    What runs in it is looked for first, and stopping it is part of the question.
    """
    from workbench.services import projects
    from workbench.ui.modals.confirm import Answer, Confirm, Question

    project = rows[0].project
    runs, sessions = await desk.call(_busy, desk.bench, project.name)
    effect = (
        f"Its files stay in {project.path}." if project.linked else f"{project.path} is moved to the home's trash."
    ) + " Its runs stay in the history."
    label = "Remove" if project.linked else "Remove with files"
    if runs or sessions:
        going = [*(f"run {run.id} ({run.state})" for run in runs), *(f"{one.name} ({one.state})" for one in sessions)]
        effect = f"Stopped first: {names(going, str)}. {effect}"
        label = "Stop and remove"
    steps = (*ending(runs), *((words("sessions", "stop", *(one.name for one in sessions)),) if sessions else ()))
    question = Question(
        f"Remove project {project.name} from this home?"
        if project.linked
        else f"Remove project {project.name} with its files?",
        effect,
        (Answer("remove", label, (*steps, _remove(rows[0]))),),
        type_name="" if project.linked else project.name,
    )
    if not await desk.form(Confirm(question)):
        return
    desk.screen.pane.wait_for(rows, "removing")
    await _end(desk, runs, sessions)
    kept = await desk.call(projects.remove, desk.bench, project.name, delete_files=not project.linked)
    desk.say(f"Removed {project.name}" + (f"; its files are in {kept}" if kept else ""))
    desk.look()


def _busy(bench: Bench, project: str) -> tuple[list[Run], list[Session]]:
    """Runs that go on or wait in a project, and its sessions that have not ended."""
    from workbench.services import runs, sessions

    going = runs.page(bench, runs.RunFilter(project=project, states=ACTIVE | PENDING), limit=1000)
    return going, [one for one in sessions.listing(bench, project) if one.state not in SESSION_ENDED]


async def _end(desk: Desk, going: list[Run], up: list[Session]) -> None:
    """Ask for the end of runs and sessions, and wait for it."""
    from workbench.services import runs, sessions

    await desk.call(runs.cancel_all, desk.bench, [run.id for run in going])
    for session in up:
        await desk.call(sessions.stop, desk.bench, session.id)
    await desk.until(
        lambda: (
            all(runs.get(desk.bench, run.id).state in ENDED for run in going)
            and all(sessions.get(desk.bench, one.id).state in SESSION_ENDED for one in up)
        )
    )


def ending(runs: Iterable[Run]) -> tuple[str, ...]:
    """The steps by which a shell ends runs and waits until they have ended."""
    numbers = [run.id for run in runs]
    return (words("runs", "cancel", *numbers), *(words("logs", n, "-f") for n in numbers)) if numbers else ()


def _remove(row: ProjectRow) -> str:
    return words("projects", "remove", row.project.name, *(() if row.project.linked else ("--delete-files",)))


def _edit(row: ProjectRow) -> str:
    """By its file, for an environment may have the same name."""
    path = row.project.path / "project.yaml"
    return words("edit", path if path.is_file() else row.project.name)


ACTIONS = (
    Action("projects.new", "n", AREA, "new", "projects: make or add project", Purpose.ACT, new, changes=True, rank=10),
    Action(
        "projects.open", "o", AREA, "open", "projects: open in its IDE", Purpose.OPEN, open_it, _readable, on_item=True,
        changes=True, command=lambda row: words("open", row.project.name), rank=20,
    ),
    Action(
        "projects.run", "r", AREA, "run", "projects: run notebook", Purpose.ACT, run, _readable, on_item=True,
        changes=True, rank=30,
    ),
    Action(
        "projects.start", "i", AREA, "session", "projects: start session", Purpose.ACT, start, _readable, on_item=True,
        changes=True, command=lambda row: words("sessions", "start", row.project.name), rank=35,
    ),
    Action(
        "projects.schedule", "t", AREA, "schedule", "projects: add schedule", Purpose.ACT, schedule, _readable,
        on_item=True, changes=True, rank=40,
    ),
    Action(
        "projects.shell", "s", AREA, "shell", "projects: open shell in folder", Purpose.OPEN, shell, on_item=True,
        changes=True, rank=45,
    ),
    Action(
        "projects.edit", "e", AREA, "edit", "projects: edit project.yaml", Purpose.ACT, edit, on_item=True, changes=True,
        command=_edit, rank=46,
    ),
    Action(
        "projects.remove", "d", AREA, "remove", "projects: remove project", Purpose.ACT, remove, on_item=True,
        changes=True, dangerous=True, command=_remove, rank=60,
    ),
)  # fmt: skip
