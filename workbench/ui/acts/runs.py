"""What can be done with a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workbench.errors import WorkbenchError
from workbench.model.run import ENDED, PENDING, Run
from workbench.model.terms import WORDS
from workbench.text import plural
from workbench.ui.actions import Action, Purpose
from workbench.ui.acts.opening import open_when_ready
from workbench.ui.acts.projects import ending, sound_projects
from workbench.ui.commands import Steps, words
from workbench.ui.desk import Desk, names
from workbench.ui.tone import Cell, Tone

if TYPE_CHECKING:
    from workbench.ui.modals.choice import Line

AREA = "runs"
NOW, EXACTLY, CHANGED = "as things are now", "exactly", "with changes"  # ways to run it again


def _alive(run: Run) -> bool:
    return run.state not in ENDED and not run.cancel_asked


def _over(run: Run) -> bool:
    return run.state in ENDED


def _numbers(items: list[Run]) -> list[int]:
    return [run.id for run in items]


def _remove(run: Run) -> Steps:
    return (*(ending([run]) if run.state not in ENDED else ()), words("runs", "remove", run.id))


async def run_form(
    desk: Desk, *, project: str = "", near: str = "", notebook: str = "", like: Run | None = None
) -> None:
    """The form; the new run is shown afterwards."""
    from workbench.services import groups
    from workbench.ui.modals.run import RunForm

    known = await sound_projects(desk, "Run a notebook", project)
    run = await desk.form(RunForm(desk.bench, known, like=like, project=project or near, notebook=notebook))
    if run:
        group = await desk.call(groups.of_run, desk.bench, run)
        which, show = (f"{group.label}: {group.size} runs are", group.label) if group else (f"Run {run} is", str(run))
        desk.say(f"{which} queued. {desk.line(f'runs show {show}')}")
        desk.look()
        desk.go(AREA, str(run))


async def new(desk: Desk, items: list[Any]) -> None:
    """The form, with the project of the selected run."""
    await run_form(desk, near=items[0].project if items else "")


async def again(desk: Desk, items: list[Run]) -> None:
    """The same once more, with the same parameters: as things are now, exactly as it was, or with changes."""
    from workbench.services import runs
    from workbench.services.history import exact
    from workbench.ui.modals.choice import Choice

    which = f"run {items[0].id}" if len(items) == 1 else plural(len(items), "run")
    lines = [_way(NOW, "notebook, code and environment of today"), _way(EXACTLY, "as they were; data are today's")]
    lines += [_way(CHANGED, "other parameters, in the form")] if len(items) == 1 else []
    way = await desk.form(Choice(f"Run {which} again", lines, nothing="", hint="enter choose"))
    if way == CHANGED:
        await change(desk, items)
    if way not in (NOW, EXACTLY):
        return
    ask = exact.again if way == EXACTLY else runs.again
    made = [await desk.call(ask, desk.bench, run.id) for run in items]
    desk.say(f"Queued again as run {', '.join(map(str, made))}")
    desk.screen.forget_marks()
    desk.look()
    desk.go(AREA, str(made[-1]))


def _way(name: str, about: str) -> Line:
    from workbench.ui.modals.choice import Line

    return Line(name, (Cell(name), Cell(about, Tone.MUTED)))


async def change(desk: Desk, items: list[Run]) -> None:
    """The form with all that this run was asked for with."""
    await run_form(desk, project=items[0].project, like=items[0])


async def cancel(desk: Desk, items: list[Run]) -> None:
    """Ask, then ask for their end."""
    from workbench.services import runs
    from workbench.ui.modals.confirm import Answer, Confirm, Question

    one = items[0]
    title = f"Cancel run {one.id} {one.name}?" if len(items) == 1 else f"Cancel {plural(len(items), 'run')}?"
    effect = "Its kernel is stopped. What it has written so far is kept."
    if len(items) > 1:
        effect = f"Runs {names(items, lambda run: str(run.id), 8)}. What they have written so far is kept."
    answer = Answer("cancel", f"Cancel run{'s' if len(items) > 1 else ''}", words("runs", "cancel", *_numbers(items)))
    if not await desk.form(Confirm(Question(title, effect, (answer,), keep="Keep"))):
        return
    desk.screen.pane.wait_for(items, "cancelling")
    await desk.call(runs.cancel_all, desk.bench, [run.id for run in items])
    desk.screen.forget_marks()
    desk.look()


async def remove(desk: Desk, items: list[Run]) -> None:
    """Ask whether with what they left; a run that goes on is cancelled first where that is chosen."""
    from workbench.services import runs
    from workbench.ui.modals.confirm import Answer, Confirm, Question

    one, several = items[0], len(items) > 1
    alive = [run for run in items if run.state not in ENDED]
    title = f"Remove {plural(len(items), 'run')}?" if several else f"Remove run {one.id} {one.name}?"
    command = words("runs", "remove", *_numbers(items))
    if alive:
        which = f"{len(alive)} of them still go on" if several else f"It is {one.state}"
        question = Question(
            f"{title} {which}.",
            "It is cancelled first.",
            (Answer("keep", "Cancel and remove", (*ending(alive), command)),),
            keep="Keep",
        )
    else:
        effect = "It goes from the history. Its published notebook and report can stay in the project."
        keep = Answer("keep", "Remove, keep output", command)
        question = Question(title, effect, (keep, Answer("all", "Remove output too", f"{command} --outputs")))
    chosen = await desk.form(Confirm(question))
    if not chosen:
        return
    desk.screen.pane.wait_for(items, "removing")
    for run in alive:
        await desk.call(runs.cancel, desk.bench, run.id)
    await desk.until(lambda: all(runs.get(desk.bench, run.id).state in ENDED for run in alive))
    for run in items:
        await desk.call(runs.remove, desk.bench, run.id, outputs=chosen == "all")
    desk.screen.forget_marks()
    desk.say(f"Removed {plural(len(items), 'run')}" if several else f"Removed run {one.id}")
    desk.look()


async def open_output(desk: Desk, items: list[Run]) -> None:
    """Its output notebook in the IDE of the project that opens notebooks."""
    from workbench.services import projects, runs, sessions

    run = items[0]
    left = await desk.call(runs.artifacts, desk.bench, run.id)
    project = await desk.call(projects.get, desk.bench, run.project)
    file = ""
    if left.notebook is not None and left.notebook.is_relative_to(project.path):
        file = left.notebook.relative_to(project.path).as_posix()
    elif run.output and left.folder is None:
        raise WorkbenchError("What it published is not there any more.", title=f"Run {run.id}", hint=run.output)
    session = await desk.call(sessions.start, desk.bench, run.project, file=file)
    await open_when_ready(desk, session)


async def copy(desk: Desk, items: list[Run]) -> None:
    """Where its output is."""
    from workbench.services import runs

    left = await desk.call(runs.artifacts, desk.bench, items[0].id)
    path = left.notebook or left.folder
    if path is None:
        desk.warn("It has left nothing yet.")
    else:
        desk.copy(str(path), str(path))


async def priority(desk: Desk, items: list[Run]) -> None:
    """Choose how urgent they are."""
    from workbench.services import priorities
    from workbench.ui.modals.choice import Choice, Line

    lines = [Line(word, (Cell(word.capitalize()),)) for word in reversed(WORDS)]
    which = f"run {items[0].id}" if len(items) == 1 else plural(len(items), "run")
    chosen = await desk.form(Choice(f"Priority of {which}", lines, nothing="", hint="enter choose"))
    if not chosen:
        return
    done = [await desk.call(priorities.set_priority, desk.bench, run.id, WORDS[chosen]) for run in items]
    late = len(done) - sum(done)
    desk.say(f"Priority {chosen}{f'; {late} began before' if late else ''}")
    desk.screen.forget_marks()
    desk.look()


def log(desk: Desk, items: list[Run]) -> None:
    """Its log, full of keys."""
    del items
    desk.screen.choose_tab("Log")
    desk.screen.open_detail()


ACTIONS = (
    Action("runs.new", "n", AREA, "new", "runs: run notebook", Purpose.ACT, new, changes=True, rank=10),
    Action(
        "runs.again", "r", AREA, "again", "runs: run again", Purpose.ACT, again, on_item=True, many=True, changes=True,
        command=lambda run: f"runs again {run.id}", rank=20,
    ),
    Action(
        "runs.change", "e", AREA, "change", "runs: change parameters and run", Purpose.ACT, change, on_item=True,
        changes=True, rank=25,
    ),
    Action(
        "runs.cancel", "x", AREA, "cancel", "runs: cancel run", Purpose.ACT, cancel, _alive, on_item=True, many=True,
        changes=True, dangerous=True, command=lambda run: f"runs cancel {run.id}", rank=30,
    ),
    Action(
        "runs.priority", "P", AREA, "priority", "runs: make more or less urgent", Purpose.ACT, priority,
        lambda run: run.state in PENDING, on_item=True, many=True, changes=True,
        command=lambda run: f"runs priority {run.id} high", rank=0,
    ),
    Action(
        "runs.log", "l", AREA, "log", "runs: show log", Purpose.OPEN, log, on_item=True,
        command=lambda run: f"logs {run.id} -f", rank=35,
    ),
    Action(
        "runs.open", "o", AREA, "open", "runs: open output in its IDE", Purpose.OPEN, open_output, _over, on_item=True,
        changes=True, rank=40,
    ),
    Action(
        "runs.copy", "c", AREA, "copy path", "runs: copy path of output", Purpose.OPEN, copy, on_item=True,
        command=lambda run: f"runs output {run.id}" if run.output else "", rank=0,
    ),
    Action(
        "runs.remove", "d", AREA, "remove", "runs: remove run", Purpose.ACT, remove, on_item=True, many=True,
        changes=True, dangerous=True, command=_remove, rank=60,
    ),
)  # fmt: skip
