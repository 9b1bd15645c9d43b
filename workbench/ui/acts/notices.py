"""Who was told of what."""

from __future__ import annotations

from typing import Any

from workbench.text import age, one_line
from workbench.ui.actions import Action, Purpose
from workbench.ui.acts.runs import AREA
from workbench.ui.commands import words
from workbench.ui.desk import Desk

SHOWN = 50  # of the newest
TRY = "workbench notify test"
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


ACTIONS = (
    Action(
        "runs.told", "i", AREA, "told", "runs: show who was told of what", Purpose.OPEN, told,
        command=lambda _: words("notify", "list"), rank=0,
    ),
)  # fmt: skip
