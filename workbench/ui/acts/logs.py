"""What a log can do beside scrolling: find, wrap, save, copy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from workbench.errors import WorkbenchError
from workbench.text import plural
from workbench.ui.actions import LOGS, Action, Purpose
from workbench.ui.desk import Desk


async def _find(desk: Desk, items: list[Any]) -> None:
    from workbench.ui.modals.line import LineModal

    del items
    log = desk.screen.detail.log_view
    wanted = await desk.form(
        LineModal("Find in the log", log.wanted, hint="enter find   n next   N before   esc close")
    )
    if wanted is None:
        return
    found = log.find(wanted)
    log.focus()
    if wanted and not found:
        desk.warn(f"Nothing matches '{wanted}'.")
    elif wanted:
        desk.say(f"{plural(found, 'line')} match{'es' if found == 1 else ''}. n next, N before.")


def _next(step: int) -> Callable[[Desk, list[Any]], None]:
    def go(desk: Desk, items: list[Any]) -> None:
        del items
        log = desk.screen.detail.log_view
        if log.wanted:
            log.action_next(step)
        else:
            desk.warn("Nothing is looked for yet. / finds.")

    return go


def _wrap(desk: Desk, items: list[Any]) -> None:
    del items
    desk.screen.detail.log_view.toggle_wrap()
    desk.screen.detail.say_follow()


def _times(desk: Desk, items: list[Any]) -> None:
    del items
    if not desk.screen.detail.log_view.toggle_times():
        desk.warn("This log does not say when each line came; the Output of a run does.")
    desk.screen.detail.say_follow()


async def _save(desk: Desk, items: list[Any]) -> None:
    screen = desk.screen
    noun = screen.noun
    name = "-".join(noun.name(items[0]).replace("/", "-").split()) if items else "log"
    text = screen.detail.log_view.whole
    path = await desk.call(_written, Path.cwd(), f"{name}-{screen.tab().lower()}", text)
    desk.say(f"Saved {path}")


def _written(folder: Path, stem: str, text: str) -> Path:
    """A new file in the working directory, else in the person's own folder."""
    for place in (folder, Path.home()):
        for number in range(100):
            path = place / f"{stem}{f'-{number}' if number else ''}.txt"
            try:
                with path.open("x", encoding="utf-8") as file:
                    file.write(text)
            except FileExistsError:
                continue
            except OSError:
                break
            return path
    raise WorkbenchError("the log could not be saved", hint=f"Neither {folder} nor {Path.home()} can be written.")


def _copy(desk: Desk, items: list[Any]) -> None:
    del items
    desk.copy(desk.screen.detail.log_view.whole, f"{len(desk.screen.detail.log_view.lines)} lines")


def _file(desk: Desk, items: list[Any]) -> None:
    del items
    source = desk.screen.detail.source
    if source is None or source.path is None:
        desk.warn("This log is put together from events and has no file of its own.")
        return
    desk.copy(str(source.path), f"the path {source.path}")


ACTIONS = (
    Action("logs.find", "slash", LOGS, "find", "log: find text", Purpose.LOG, _find, rank=1),
    Action("logs.next", "n", LOGS, "next", "log: go to next match", Purpose.LOG, _next(1), rank=2),
    Action("logs.before", "N,shift+n", LOGS, "before", "log: go to match before", Purpose.LOG, _next(-1), rank=0),
    Action("logs.wrap", "w", LOGS, "wrap", "log: wrap long lines", Purpose.LOG, _wrap, rank=3),
    Action("logs.times", "t", LOGS, "times", "log: show when each line came", Purpose.LOG, _times, rank=4),
    Action("logs.save", "ctrl+s", LOGS, "save", "log: save to a file", Purpose.LOG, _save, rank=5),
    Action("logs.copy", "c", LOGS, "copy", "log: copy all lines", Purpose.LOG, _copy, rank=6),
    Action("logs.path", "p", LOGS, "copy path", "log: copy the file's path", Purpose.LOG, _file, rank=7),
)
