"""What can be done with all runs of a sweep."""

from __future__ import annotations

from workbench.model.run import ENDED, Run
from workbench.text import plural
from workbench.ui.actions import Action, Purpose
from workbench.ui.acts.runs import AREA
from workbench.ui.commands import words
from workbench.ui.desk import Desk


async def cancel_group(desk: Desk, items: list[Run]) -> None:
    """Ask, then ask for the end of all runs of the sweep that a run is of."""
    from workbench.services import groups
    from workbench.ui.modals.confirm import Answer, Confirm, Question

    number = items[0].group or 0
    group = await desk.call(groups.get, desk.bench, number)
    so = await desk.call(groups.standing, desk.bench, number)
    answer = Answer("cancel", "Cancel all of them", words("runs", "cancel", group.label))
    effect = f"{so.words}. What runs is stopped, what waits is not begun; what they have written so far is kept."
    question = Question(f"Cancel group {group.label} {group.name}?", effect, (answer,), keep="Keep")
    if await desk.form(Confirm(question)):
        asked = await desk.call(groups.cancel, desk.bench, number)
        desk.say(f"{group.label}: {plural(asked, 'run')} cancelled")
        desk.look()


async def again_failed(desk: Desk, items: list[Run]) -> None:
    """What did not succeed of the sweep that a run is of, once more as a new one."""
    from workbench.services import groups

    old = items[0].group or 0
    new, count = await desk.call(groups.again, desk.bench, old, failed=True)
    first = (await desk.call(groups.members, desk.bench, new))[0]
    desk.say(f"g{old} again as g{new}: {plural(count, 'run')}")
    desk.look()
    desk.go(AREA, str(first.id))


ACTIONS = (
    Action(
        "runs.again_failed", "R", AREA, "again failed", "runs: run again what failed of its group", Purpose.ACT,
        again_failed, lambda run: bool(run.group) and run.state in ENDED, on_item=True, changes=True,
        command=lambda run: f"runs again g{run.group} --failed", rank=0,
    ),
    Action(
        "runs.cancel_group", "X", AREA, "cancel group", "runs: cancel all runs of its group", Purpose.ACT, cancel_group,
        lambda run: bool(run.group) and run.state not in ENDED and not run.cancel_asked, on_item=True, changes=True, dangerous=True,
        command=lambda run: f"runs cancel g{run.group}", rank=0,
    ),
)  # fmt: skip
