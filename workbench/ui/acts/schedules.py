"""What can be done with a schedule."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workbench.text import plural
from workbench.ui.actions import Action, Purpose
from workbench.ui.acts.projects import sound_projects
from workbench.ui.commands import words
from workbench.ui.desk import Desk, names

if TYPE_CHECKING:
    from workbench.services.schedules import ScheduleView

AREA = "schedules"


def _sound(view: ScheduleView) -> bool:
    return view.spec is not None


async def schedule_form(desk: Desk, project: str = "", *, near: str = "") -> None:
    """The form; then whether it will really run."""
    from workbench.services import schedules
    from workbench.ui.modals.schedule import ScheduleForm

    known = await sound_projects(desk, "Add a schedule", project)
    key = await desk.form(ScheduleForm(desk.bench, known, project=project or near))
    if key:
        desk.look()
        desk.go(AREA, key)
        added = await desk.call(schedules.get, desk.bench, key)
        answer, *remedies = await desk.call(schedules.tonight, desk.bench, added.spec)
        if remedies:
            await desk.show(f"Added {key}", "\n\n".join([answer, *remedies]))
        else:
            desk.say(answer, title=f"Added {key}")


async def new(desk: Desk, items: list[Any]) -> None:
    """The form, with the project of the selected schedule."""
    await schedule_form(desk, near=items[0].project if items else "")


async def now(desk: Desk, items: list[ScheduleView]) -> None:
    """A run beside their due times."""
    from workbench.services import schedules

    made = [await desk.call(schedules.now, desk.bench, view.key) for view in items]
    if len(made) == 1:
        desk.say(f"Run {made[0]} is queued. {desk.line(f'runs show {made[0]}')}")
    else:
        desk.say(f"Runs {', '.join(map(str, made))} are queued")
    desk.screen.forget_marks()
    desk.look()


async def pause(desk: Desk, items: list[ScheduleView]) -> None:
    """Pause those that are on; where none is, resume."""
    from workbench.services import schedules

    on = [view for view in items if not view.paused]
    for view in on or items:
        await desk.call(schedules.pause if on else schedules.resume, desk.bench, view.key)
    word = "Paused" if on else "Resumed"
    desk.say(f"{word} {names(on or items, lambda view: view.key)}")
    desk.screen.forget_marks()
    desk.look()


async def pause_until(desk: Desk, items: list[ScheduleView]) -> None:
    """The form, with a reason and an end."""
    from workbench.ui.modals.pause import PauseForm

    if await desk.form(PauseForm(desk.bench, items)):
        desk.say(f"Paused {names(items, lambda view: view.key)}")
        desk.screen.forget_marks()
        desk.look()


async def backfill(desk: Desk, items: list[ScheduleView]) -> None:
    """The form; runs for past times."""
    from workbench.ui.modals.backfill import BackfillForm

    made = await desk.form(BackfillForm(desk.bench, items[0]))
    if made:
        desk.say(f"Run {made[0]} is queued" if len(made) == 1 else f"Runs {made[0]} to {made[-1]} are queued")
        desk.look()


def edit(desk: Desk, items: list[ScheduleView]) -> None:
    """Its file, at the line of its first problem."""
    desk.edit(items[0].path, desk.line_of(items[0].path))


async def parameters(desk: Desk, items: list[ScheduleView]) -> None:
    """The form of its parameters, and of what else its file says."""
    from workbench.services.scheduling import changing
    from workbench.ui.modals.schedule_parameters import ScheduleParameters

    spec = items[0].spec
    if spec is None:
        return
    there = await desk.call(changing.said, spec.source)
    if await desk.form(ScheduleParameters(desk.bench, spec, there)):
        desk.say(f"{spec.key} is changed from its next time on.")
        desk.look()


async def last_run(desk: Desk, items: list[ScheduleView]) -> None:
    """The log of its newest run: fired by it, or asked for beside its times."""
    from workbench.services import schedules

    run = await desk.call(schedules.newest_run, desk.bench, items[0])
    if run is None:
        desk.warn(f"{items[0].key} has not run yet.")
    else:
        desk.go("runs", str(run.id), "Log")


async def remove(desk: Desk, items: list[ScheduleView]) -> None:
    """Ask, then delete their files."""
    from workbench.services import schedules
    from workbench.ui.modals.confirm import Answer, Confirm, Question

    one = len(items) == 1
    question = Question(
        f"Remove schedule {items[0].key}?" if one else f"Remove {plural(len(items), 'schedule')}?",
        f"{items[0].path} is deleted and nothing is run by it any more. Its runs stay in the history."
        if one
        else f"The files of {names(items, lambda view: view.key)} are deleted and nothing is run by them any more."
        " Their runs stay in the history.",
        (Answer("remove", "Remove", tuple(_step("remove", view) for view in items)),),
    )
    if await desk.form(Confirm(question)):
        for view in items:
            await desk.call(schedules.remove, desk.bench, view.key)
        desk.say(f"Removed {names(items, lambda view: view.key)}")
        desk.screen.forget_marks()
        desk.look()


def _step(verb: str, view: ScheduleView) -> str:
    return words("schedules", verb, view.key)


ACTIONS = (
    Action("schedules.new", "n", AREA, "new", "schedules: add schedule", Purpose.ACT, new, changes=True, rank=10),
    Action(
        "schedules.now", "r", AREA, "run now", "schedules: run now", Purpose.ACT, now, _sound, on_item=True, many=True,
        changes=True, command=lambda view: _step("now", view), rank=20,
    ),
    Action(
        "schedules.pause", "p", AREA, "pause", "schedules: pause or resume schedule", Purpose.ACT, pause, _sound,
        on_item=True, many=True, changes=True,
        command=lambda view: _step("resume" if view.paused else "pause", view), rank=30,
    ),
    Action(
        "schedules.pause_until", "P", AREA, "pause until", "schedules: pause with a reason and an end", Purpose.ACT,
        pause_until, _sound, on_item=True, many=True, changes=True,
        command=lambda view: words("schedules", "pause", view.key, "--reason", "…"), rank=0,
    ),
    Action(
        "schedules.backfill", "b", AREA, "backfill", "schedules: run for past times", Purpose.ACT, backfill, _sound,
        on_item=True, changes=True,
        command=lambda view: words("schedules", "backfill", view.key, "--from", "…", "--to", "…"), rank=0,
    ),
    Action(
        "schedules.edit", "e", AREA, "edit", "schedules: edit declaration", Purpose.ACT, edit, on_item=True, changes=True,
        command=lambda view: words("edit", view.key), rank=40,
    ),
    Action(
        "schedules.parameters", "v", AREA, "parameters", "schedules: change parameters, limits, who is told", Purpose.ACT, parameters, _sound,
        on_item=True, changes=True, rank=42,
    ),
    Action(
        "schedules.log", "l", AREA, "last run", "schedules: show log of last run", Purpose.OPEN, last_run,
        _sound, on_item=True, rank=45,
    ),
    Action(
        "schedules.remove", "d", AREA, "remove", "schedules: remove schedule", Purpose.ACT, remove, on_item=True,
        many=True, changes=True, dangerous=True, command=lambda view: _step("remove", view), rank=60,
    ),
)  # fmt: skip
