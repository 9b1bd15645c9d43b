"""What can be done with the kernel of a failed run while it is kept: go on in it, look into it, give it back."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from workbench.model.run import Run
from workbench.text import one_line, plural
from workbench.ui import editor
from workbench.ui.actions import Action, Purpose
from workbench.ui.acts.opening import open_now, when_ready
from workbench.ui.acts.runs import AREA
from workbench.ui.commands import words
from workbench.ui.desk import Desk
from workbench.ui.tone import Cell, Tone

EDIT, NOTEBOOK, LAB, AS_IT_IS = "edit", "notebook", "lab", "as it is"
LENGTHS = (("30 minutes", 1800.0), ("1 hour", 3600.0), ("4 hours", 14400.0), ("12 hours", 43200.0))


def _kept(run: Run) -> bool:
    return run.kept_until is not None


async def go_on(desk: Desk, items: list[Run]) -> None:
    """Ask where the correction comes from, then go on from the failed cell; the new run is shown."""
    from workbench.services.history import attaching, continuing
    from workbench.ui.modals.choice import Choice, Line

    coming = await desk.call(continuing.coming, desk.bench, items[0].id)
    first = one_line(coming.source.strip().partition("\n")[0], 50)
    lines = [
        Line(EDIT, (Cell(f"Edit cell {coming.cell} and go on"), Cell(first, Tone.MUTED))),
        Line(NOTEBOOK, (Cell("As the notebook is now"), Cell(coming.run.notebook, Tone.MUTED))),
        Line(AS_IT_IS, (Cell(f"Run cell {coming.cell} again as it is"),)),
    ]
    copied = await desk.call(attaching.notebook, desk.bench, items[0].id)
    if copied:
        lines.insert(2, Line(LAB, (Cell("As it is in JupyterLab, saved"), Cell(Path(copied).name, Tone.MUTED))))
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
    file = copied if chosen == LAB else ""
    number = await desk.call(continuing.go_on, desk.bench, items[0].id, sources, notebook=file)
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
    argv = await desk.call(attaching.console, desk.bench, run)
    await desk.call(attaching.wrote_down, desk.bench, run, attaching.CONSOLE)
    desk.run_over(argv)


async def lab(desk: Desk, items: list[Run]) -> None:
    """JupyterLab with its kernel and a copy of its output, in a session of its project, which is started where none is up."""
    from workbench.services.history import attaching, continuing

    run = await desk.call(continuing.kept, desk.bench, items[0].id)
    session = await when_ready(desk, await desk.call(attaching.session, desk.bench, run))
    if session is None:
        return
    attached = await desk.call(attaching.to_jupyter, desk.bench, run, session)
    await open_now(desk, await desk.call(attaching.shown, desk.bench, attached))
    desk.warn(f"{attaching.ONLY}; I interrupts it.")


async def interrupt(desk: Desk, items: list[Run]) -> None:
    """Interrupt what a person runs in its kernel."""
    from workbench.services.history import attaching

    await desk.call(attaching.interrupt, desk.bench, items[0].id)
    desk.say(f"Interrupted the kernel of run {items[0].id}")


async def keep(desk: Desk, items: list[Run]) -> None:
    """Choose how long from now their kernels are kept."""
    from workbench.services.history import continuing
    from workbench.ui.modals.choice import Choice, Line

    which = f"run {items[0].id}" if len(items) == 1 else plural(len(items), "run")
    lines = [Line(name, (Cell(f"{name} from now"),)) for name, _ in LENGTHS]
    chosen = await desk.form(Choice(f"Keep the kernel of {which} for", lines, nothing="", hint="enter choose"))
    if not chosen:
        return
    for run in items:
        found = await desk.call(continuing.extend, desk.bench, run.id, dict(LENGTHS)[chosen])
    desk.say(f"The kernel of {which} is {continuing.words(desk.bench, found)}")
    desk.screen.forget_marks()
    desk.look()


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
        "runs.lab", "J", AREA, "JupyterLab", "runs: open JupyterLab in the kernel that is kept", Purpose.OPEN, lab, _kept,
        on_item=True, changes=True, command=lambda run: f"runs attach {run.id} --lab", rank=0,
    ),
    Action(
        "runs.interrupt", "I", AREA, "interrupt", "runs: interrupt what you run in the kernel that is kept", Purpose.ACT,
        interrupt, _kept, on_item=True, changes=True, command=lambda run: f"runs interrupt {run.id}", rank=0,
    ),
    Action(
        "runs.keep", "plus", AREA, "keep longer", "runs: keep the kernel for longer", Purpose.ACT, keep, _kept,
        on_item=True, many=True, changes=True, command=lambda run: f"runs keep {run.id} 1h", rank=0,
    ),
    Action(
        "runs.release", "K", AREA, "give back", "runs: give back the kernel that is kept", Purpose.ACT, release, _kept,
        on_item=True, many=True, changes=True, dangerous=True, command=lambda run: f"runs release {run.id}", rank=0,
    ),
)  # fmt: skip
