"""Freeing the disk: what would go is shown first, and many things go only when that is typed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workbench.text import age, plural, size
from workbench.ui.actions import Action, Purpose
from workbench.ui.commands import words
from workbench.ui.desk import Desk

if TYPE_CHECKING:
    from workbench.model.disk import Report

AREA = "environments"
MANY = 3  # things that go together only when the word is typed
SHOWN = 12
WORD = "prune"


async def prune(desk: Desk, items: list[Any]) -> None:
    """Measure, show what nothing needs, and let it go where that is wanted; in read-only it is looked at only."""
    from workbench.model.disk import Policy
    from workbench.services import disk
    from workbench.ui.modals.confirm import Answer, Confirm, Question

    del items
    if desk.app.read_only:
        await look(desk)
        return
    desk.say("Looking what can go from the disk...")
    plan = await desk.call(disk.plan, desk.bench, Policy())
    found = await desk.call(disk.report, desk.bench, plan)
    for problem in found.problems:
        desk.warn(problem)
    if not found.going:
        await desk.show("Disk", f"Nothing can go.\n\n{table(found)}")
        return
    question = Question(
        f"Remove {plural(len(found.going), 'thing')}, {size(found.freed)}?",
        f"{going(found)}\nWhat is active, used, or another home's stays, and the one before the active of each.",
        (Answer("prune", "Remove", words("prune", "--keep", "1")),),
        type_name=WORD if len(found.going) > MANY else "",
    )
    if await desk.form(Confirm(question)):
        done = await desk.call(disk.report, desk.bench, await desk.call(disk.prune, desk.bench, plan))
        for problem in done.problems:
            desk.warn(problem)
        desk.say(f"Removed {plural(len(done.entries), 'thing')}, {size(done.freed)}")
        desk.look()


async def look(desk: Desk) -> None:
    """What the disk holds, measured where something runs that can, else as it was measured last; nothing goes."""
    from workbench.services import disk
    from workbench.services.supervision import control

    task = await desk.call(disk.newest, desk.bench)
    if control.held(desk.bench.home):
        desk.say("Looking what is on the disk...")
        task = await desk.call(disk.ended, desk.bench, await desk.call(disk.measure, desk.bench))
    if task is None or task.report is None:
        desk.warn("It was not measured yet, and no supervisor runs that could.")
        return
    found = task.report
    can = f"{size(found.freed)} can go: workbench prune --dry-run" if found.going else "Nothing can go."
    await desk.show(f"Disk, {age(task.ended, desk.bench.now())} ago", f"{can}\n\n{table(found)}")


def going(found: Report) -> str:
    """What would go, a line each."""
    lines = [f"{entry.kind} {entry.name}: {size(entry.own)} of its own" for entry in found.going[:SHOWN]]
    more = len(found.going) - SHOWN
    return "\n".join([*lines, *([f"and {more} more: workbench prune --dry-run"] if more > 0 else [])])


def table(found: Report) -> str:
    """Everything there is, with why it stays."""
    lines = [
        f"{entry.kind} {entry.name}: {size(entry.size)}, {size(entry.own)} of its own; {entry.stays}"
        for entry in found.entries
    ]
    return "\n".join([*lines, *(f"{name}: {size(taken)}" for name, taken in found.folders.items() if taken)])


ACTIONS = (
    Action(
        "environments.prune", "D", AREA, "disk", "environments: look at the disk, and free it", Purpose.ACT, prune,
        command=lambda _: words("prune"), rank=57,
    ),
)  # fmt: skip
