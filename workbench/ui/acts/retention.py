"""Letting old runs go by what `keep:` declares: what would go is shown first."""

from __future__ import annotations

from typing import Any

from workbench.text import age, plural, size
from workbench.ui.actions import Action, Purpose
from workbench.ui.acts.runs import AREA
from workbench.ui.commands import words
from workbench.ui.desk import Desk

SHOWN = 12  # runs that are named
MANY = 3  # runs that go together only when the word is typed
WORD = "prune"


async def prune(desk: Desk, items: list[Any]) -> None:
    """Show what no policy keeps, and let it go where that is wanted."""
    from workbench.services.history import retention
    from workbench.ui.modals.confirm import Answer, Confirm, Question

    del items
    policies = await desk.call(retention.declared, desk.bench)
    if policies.none:
        said = (
            "No `keep:` is declared, so every run is kept. It stands in workbench.yaml, a project.yaml or a schedule:"
        )
        await desk.show("Old runs", f"{said}\n\nkeep: {{last: 30, for: 90d, failed: true}}")
        return
    found = await desk.call(retention.going, desk.bench, policies)
    if not found:
        desk.say("Nothing to remove: `keep:` keeps every run there is")
        return
    taken = await desk.call(retention.size_of, desk.bench, found)
    lines = [
        f"{old.run}  {old.state}  {old.project}/{old.name}, {age(old.created, desk.bench.now())} old"
        for old in found[:SHOWN]
    ]
    more = len(found) - SHOWN
    lines += [f"and {more} more: workbench runs prune --dry-run"] if more > 0 else []
    question = Question(
        f"Remove {plural(len(found), 'run')}{f', {size(taken)}' if taken is not None else ''}?",
        "\n".join([*lines, "All that they left goes too. Tagged runs and the newest of each name stay."]),
        (Answer("prune", "Remove", words("runs", "prune")),),
        type_name=WORD if len(found) > MANY else "",
    )
    if not await desk.form(Confirm(question)):
        return
    problems = [problem for old in found if (problem := await desk.call(retention.remove, desk.bench, old))]
    for problem in problems:
        desk.warn(problem)
    desk.say(f"Removed {plural(len(found) - len(problems), 'run')}")
    desk.look()


ACTIONS = (
    Action(
        "runs.prune", "D", AREA, "prune", "runs: look at old runs, and let them go", Purpose.ACT, prune, changes=True,
        command=lambda _: words("runs", "prune", "--dry-run"), rank=0,
    ),
)  # fmt: skip
