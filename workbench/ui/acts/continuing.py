"""What can be done with the kernel of a failed run while it is kept: go on in it, look into it, give it back."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from workbench.model.run import Run
from workbench.text import one_line, plural
from workbench.ui import editor
from workbench.ui.actions import Action, Purpose
from workbench.ui.acts.runs import AREA
from workbench.ui.commands import words
from workbench.ui.desk import Desk
from workbench.ui.tone import Cell, Tone

EDIT, NOTEBOOK, AS_IT_IS = "edit", "notebook", "as it is"


def _kept(run: Run) -> bool:
    return run.kept_until is not None


async def go_on(desk: Desk, items: list[Run]) -> None:
    """Ask where the correction comes from, then go on from the failed cell; the new run is shown."""
    from workbench.services.history import continuing
    from workbench.ui.modals.choice import Choice, Line

    coming = await desk.call(continuing.coming, desk.bench, items[0].id)
    first = one_line(coming.source.strip().partition("\n")[0], 50)
    lines = [
        Line(EDIT, (Cell(f"Edit cell {coming.cell} and go on"), Cell(first, Tone.MUTED))),
        Line(NOTEBOOK, (Cell("As the notebook is now"), Cell(coming.run.notebook, Tone.MUTED))),
        Line(AS_IT_IS, (Cell(f"Run cell {coming.cell} again as it is"),)),
    ]
    chosen = await desk.form(Choice(f"Go on with run {items[0].id}", lines, nothing="", hint="enter choose"))
    if not chosen:
        return
    sources: dict[int, str] | None = {} if chosen == AS_IT_IS else None
    if chosen == EDIT:
        text = _edited(desk, coming.source, ".R" if coming.run.notebook.endswith((".R", ".Rmd")) else ".py")
        if text == coming.source:
            desk.warn("Nothing was changed, so nothing was run.")
            return
        sources = {coming.cell: text}
    number = await desk.call(continuing.go_on, desk.bench, items[0].id, sources)
    desk.say(f"Goes on as run {number}")
    desk.screen.forget_marks()
    desk.look()
    desk.go(AREA, str(number))


def _edited(desk: Desk, source: str, suffix: str) -> str:
    """`source` as the person leaves it in the editor."""
    descriptor, name = tempfile.mkstemp(prefix="cell-", suffix=suffix)
    path = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="replace") as file:
            file.write(f"{source}\n")
        desk.run_over(editor.command(path, 1))
        return path.read_text(encoding="utf-8", errors="replace").removesuffix("\n")
    finally:
        path.unlink(missing_ok=True)


async def attach(desk: Desk, items: list[Run]) -> None:
    """A console in its kernel, over the program."""
    from workbench.services.history import attaching, continuing

    run = await desk.call(continuing.kept, desk.bench, items[0].id)
    desk.run_over(await desk.call(attaching.console, desk.bench, run))


async def release(desk: Desk, items: list[Run]) -> None:
    """Ask, then give back what their kernels hold."""
    from workbench.services.history import continuing
    from workbench.ui.modals.confirm import Answer, Confirm, Question

    which = f"run {items[0].id}" if len(items) == 1 else plural(len(items), "run")
    answer = Answer("release", "Give back", words("runs", "release", *(run.id for run in items)))
    effect = "What its cells have made is gone then; its output stays." if len(items) == 1 else "Outputs stay."
    if not await desk.form(Confirm(Question(f"Give back the kernel of {which}?", effect, (answer,), keep="Keep"))):
        return
    for run in items:
        await desk.call(continuing.release, desk.bench, run.id)
    desk.say(f"The kernel of {which} is given back")
    desk.screen.forget_marks()
    desk.look()


ACTIONS = (
    Action(
        "runs.continue", "F", AREA, "fix and go on", "runs: correct the failed cell and go on in its kernel", Purpose.ACT,
        go_on, _kept, on_item=True, changes=True, command=lambda run: f"runs continue {run.id} --edit", rank=0,
    ),
    Action(
        "runs.attach", "s", AREA, "console", "runs: open a console in the kernel that is kept", Purpose.OPEN, attach, _kept,
        on_item=True, changes=True, command=lambda run: f"runs attach {run.id}", rank=0,
    ),
    Action(
        "runs.release", "K", AREA, "give back", "runs: give back the kernel that is kept", Purpose.ACT, release, _kept,
        on_item=True, many=True, changes=True, dangerous=True, command=lambda run: f"runs release {run.id}", rank=0,
    ),
)  # fmt: skip
