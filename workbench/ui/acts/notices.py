"""Who was told of what."""

from __future__ import annotations

from typing import Any

from workbench.text import age, one_line
from workbench.ui.actions import Action, Purpose
from workbench.ui.acts.runs import AREA
from workbench.ui.commands import words
from workbench.ui.desk import Desk

SHOWN = 50  # of the newest
TRY = "M, or workbench notify test"
NOBODY = "Nobody was told anything yet. Who is, stands under `notify:` in workbench.yaml, a project.yaml or a schedule:"


async def told(desk: Desk, items: list[Any]) -> None:
    """The newest letters and other words that left, or are to leave; how to try whether they arrive."""
    from workbench.model.notice import masked
    from workbench.services import notices

    del items
    lines = []
    for one in await desk.call(notices.recent, desk.bench, limit=SHOWN):
        why = f": {said}" if (said := notices.why(desk.bench, one)) else ""
        when = age(one.created, desk.bench.now())
        lines += [f"{when} ago  {one.occasion}  {masked(one.target)}  {one.state}{why}", f"  {one_line(one.text)}", ""]
    example = "notify: {failure: [ann@acme.example], recovery: [ann@acme.example]}"
    await desk.show("Told", "\n".join([*(lines or [NOBODY, "", example, ""]), f"Whether it arrives: {TRY}"]))


async def attempt(desk: Desk, items: list[Any]) -> None:
    """A letter to whom is named, or to everybody whom the home tells of anything, to see whether it arrives."""
    from workbench.model.notice import masked
    from workbench.services import notices
    from workbench.ui.modals.line import LineModal

    del items
    hint = "addresses with commas between, or nothing: all whom workbench.yaml names   enter send   esc close"
    said = await desk.form(LineModal("Send a test letter to", hint=hint))
    if said is None:
        return
    targets = await desk.call(notices.test, desk.bench, [one.strip() for one in said.split(",") if one.strip()])
    desk.say(f"Sending to {', '.join(map(masked, targets))}; i shows what became of it")


ACTIONS = (
    Action(
        "runs.told", "i", AREA, "told", "runs: show who was told of what", Purpose.OPEN, told,
        command=lambda _: words("notify", "list"), rank=0,
    ),
    Action(
        "runs.letter", "M", AREA, "test letter", "runs: send a test letter", Purpose.ACT, attempt, changes=True,
        command=lambda _: words("notify", "test"), rank=0,
    ),
)  # fmt: skip
