"""What the program itself can do: modes, palette, help, what needs somebody, quit."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from workbench.services.overview import Overview, overview
from workbench.text import plural
from workbench.ui.actions import PROGRAM, Action, Purpose
from workbench.ui.commands import Steps
from workbench.ui.desk import Desk
from workbench.ui.tone import Cell, Tone


def _to(mode: str) -> Callable[[Desk, list[Any]], Awaitable[None] | None]:
    def go(desk: Desk, items: list[Any]) -> None:
        del items
        desk.go(mode)

    return go


def _palette(desk: Desk, items: list[Any]) -> None:
    del items
    desk.app.action_command_palette()


async def _help(desk: Desk, items: list[Any]) -> None:
    from workbench.ui.modals.help import Help

    del items
    screen = desk.screen
    title = f"{screen.noun.title}, in a log" if screen.reach.in_log else screen.noun.title
    await desk.form(Help(title, screen.reach.bound()))


async def _needs(desk: Desk, items: list[Any]) -> None:
    from workbench.ui.modals.choice import Choice, Line
    from workbench.ui.needs import entries

    del items
    found = entries(desk.app.overviewed, desk.app.hung)
    lines = [Line(str(index), (Cell("!", Tone.WARN), Cell(entry.text))) for index, entry in enumerate(found)]
    chosen = await desk.form(Choice("What needs you", lines, nothing="Nothing needs you.", hint="enter go to it"))
    if chosen:
        entry = found[int(chosen)]
        if entry.path is not None:
            desk.edit(entry.path, entry.line)
        elif entry.mode:
            desk.go(entry.mode, entry.key)
        else:
            desk.say(entry.text)


async def _commands(desk: Desk, items: list[Any]) -> None:
    from workbench.ui.modals.choice import Choice, Line

    screen = desk.screen
    lines: list[Line] = []
    found: list[tuple[str, Steps]]
    if items:
        found = [("show", screen.noun.show_command(items[0]))]
        for action in screen.reach.actions():
            if action.command is not None and action.on_item and action.fits(items[0]):
                found.append((action.verb, action.command(items[0])))
        for verb, steps in found:
            if steps:
                text = desk.line(steps)
                lines.append(Line(text, (Cell(verb, Tone.MUTED), Cell(text))))
    chosen = await desk.form(Choice("Command lines", lines, nothing="Nothing is selected.", hint="enter copy"))
    if chosen:
        desk.copy(chosen, chosen)


async def _theme(desk: Desk, items: list[Any]) -> None:
    del items
    desk.app.search_themes()


async def _quit(desk: Desk, items: list[Any]) -> None:
    from workbench.ui.modals.confirm import Answer, Confirm, Question
    from workbench.ui.modals.form import Form

    del items
    seen = desk.app.overviewed
    # Right after the start nothing was read yet: what goes on is asked for then.
    effect = _goes_on(seen.overview if seen else await desk.call(overview, desk.bench))
    if isinstance(desk.app.screen, Form):
        effect = f"What was typed here is lost.\n{effect}".rstrip()
    if effect and not await desk.form(Confirm(Question("Quit?", effect, (Answer("quit", "Quit"),), quiet=True))):
        return
    desk.app.exit()


def _goes_on(now: Overview) -> str:
    """What goes on without this program; empty for nothing."""
    if not (now.running or now.waiting or now.sessions):
        return ""
    goes_on = []
    if now.running:
        goes_on.append(f"{plural(now.running, 'run')} keep{'s' if now.running == 1 else ''} running")
    if now.waiting:
        goes_on.append(f"{now.waiting} waiting will start in turn")
    if now.sessions:
        goes_on.append(f"{plural(now.sessions, 'session')} stay{'s' if now.sessions == 1 else ''} up")
    return (
        "Without this program, "
        + ", ".join(goes_on)
        + ". Schedules keep firing.\nStart it again and you find all of it here."
    )


ACTIONS = (
    Action("program.projects", "1", PROGRAM, "projects", "projects: go to Projects", Purpose.GO, _to("projects"), rank=0),
    Action(
        "program.environments", "2", PROGRAM, "environments", "environments: go to Environments", Purpose.GO,
        _to("environments"), rank=0,
    ),
    Action("program.sessions", "3", PROGRAM, "sessions", "sessions: go to Sessions", Purpose.GO, _to("sessions"), rank=0),
    Action("program.runs", "4", PROGRAM, "runs", "runs: go to Runs", Purpose.GO, _to("runs"), rank=0),
    Action(
        "program.schedules", "5", PROGRAM, "schedules", "schedules: go to Schedules", Purpose.GO, _to("schedules"),
        rank=0,
    ),
    Action(
        "program.needs", "exclamation_mark", PROGRAM, "needs you", "program: show what needs you", Purpose.GO, _needs,
        rank=0,
    ),
    Action(
        "program.commands", "Y,shift+y", PROGRAM, "command lines", "program: copy a command line", Purpose.PROGRAM,
        _commands, rank=0,
    ),
    Action("program.palette", "colon", PROGRAM, "palette", "program: open palette", Purpose.PROGRAM, _palette, rank=90),
    Action("program.theme", "ctrl+t", PROGRAM, "theme", "program: choose theme", Purpose.PROGRAM, _theme, rank=0),
    Action("program.help", "question_mark", PROGRAM, "help", "program: show keys", Purpose.PROGRAM, _help, rank=0),
    Action("program.quit", "q", PROGRAM, "quit", "program: quit (ctrl+q anywhere)", Purpose.PROGRAM, _quit, rank=95),
)  # fmt: skip
