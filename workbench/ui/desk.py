"""What actions may do with the program: call services in threads, ask, tell, open, copy, go somewhere."""

from __future__ import annotations

import asyncio
import os
import platform
import shutil
import subprocess
import webbrowser
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from textual.app import SuspendNotSupported
from textual.screen import ModalScreen

from workbench.errors import WorkbenchError
from workbench.services.bench import Bench
from workbench.text import clean, one_line
from workbench.ui import editor
from workbench.ui.commands import Steps, line

if TYPE_CHECKING:
    from workbench.ui.app import Workbench
    from workbench.ui.screens.noun import NounScreen

P = ParamSpec("P")
R = TypeVar("R")


class Desk:
    """One for the program; actions get it and nothing else."""

    def __init__(self, app: Workbench, bench: Bench) -> None:
        self.app = app
        self.bench = bench

    @property
    def screen(self) -> NounScreen:
        """The list screen on which the act began, also while a modal lies over it."""
        return self.app.noun_screen

    async def call(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """The answer of a service, got in a thread. Its errors come through."""
        return await asyncio.to_thread(function, *args, **kwargs)

    async def until(self, over: Callable[[], bool]) -> None:
        """Wait until a service says so; asked in threads."""
        while not await self.call(over):  # noqa: ASYNC110 - another process changes it
            await asyncio.sleep(0.2)

    async def form(self, screen: ModalScreen[R]) -> R | None:
        """Show a question or a form; None where it was left."""
        return await self.app.push_screen_wait(screen)

    def say(self, text: str, title: str = "") -> None:
        """A short word on what passed."""
        self.app.notify(one_line(text, 200), title=title, markup=False, timeout=4)

    def warn(self, text: str, title: str = "") -> None:
        """A short word on what did not go as wished."""
        self.app.notify(one_line(text, 200), title=title, severity="warning", markup=False, timeout=6)

    async def show(self, title: str, text: str, copied: str = "") -> None:
        """A text to read; what is copied is all of it unless told."""
        from workbench.ui.modals.text import TextModal

        await self.form(TextModal(title, text, copied))

    def copy(self, text: str, what: str) -> None:
        """Put `text` on the clipboard and say so; the text itself is not repeated, for it may hold a secret."""
        self.app.copy_to_clipboard(text)
        self.say(f"Copied {what}")

    def line(self, steps: Steps) -> str:
        """A command line as it can be typed into a shell."""
        return line(self.bench.home, steps)

    def look(self) -> None:
        """Read the list again now."""
        self.app.feed.look()

    def go(self, mode: str, key: str = "", tab: str = "") -> None:
        """Another list, with this thing selected."""
        self.app.go(mode, key, tab)

    def has_browser(self) -> bool:
        """Whether a browser window can appear where the person sits: a display, or Windows around WSL."""
        if os.environ.get("SSH_CONNECTION"):
            return False
        shown = any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"))
        return shown or "microsoft" in platform.release().lower()

    async def browse(self, url: str) -> bool:
        """Open `url` in the person's browser; False where that did not work."""
        return await self.call(_browse, url)

    def line_of(self, path: Path) -> int:
        """The line of the first problem known in a file; 1 where none is."""
        seen = self.app.overviewed
        found = [problem.line for problem in seen.problems if problem.path == path] if seen else []
        return max(1, min(found, default=1))

    def edit(self, path: Path, line: int = 1) -> None:
        """The person's editor at that line, over the program."""
        self.run_over(editor.command(path, line))
        self.look()

    def run_over(self, argv: Sequence[str], cwd: Path | None = None) -> None:
        """Lend the terminal to another program until it ends."""
        try:
            with self.app.suspend():
                outcome = subprocess.run(argv, cwd=cwd, check=False).returncode
        except SuspendNotSupported:
            self.warn("This terminal cannot be lent to another program.")
        except OSError as error:
            raise WorkbenchError(
                f"{argv[0]} cannot be started: {error.strerror}",
                hint="Is it installed, and named rightly in EDITOR or SHELL?",
            ) from error
        else:
            if outcome:
                self.warn(f"{Path(argv[0]).name} ended with {outcome}")


def _browse(url: str) -> bool:
    if "microsoft" in platform.release().lower():
        opener = shutil.which("wslview") or shutil.which("explorer.exe")
        if opener:
            # explorer.exe ends with 1 also when it did as asked.
            return subprocess.run([opener, url], check=False, capture_output=True).returncode in (0, 1)
    try:
        return webbrowser.open(url)
    except webbrowser.Error:
        return False


def told(error: WorkbenchError) -> str:
    """An error as a text to read: where, what, and what to do."""
    return clean(str(error))


def names(items: Sequence[Any], name: Callable[[Any], str], most: int = 5) -> str:
    """`a, b and 3 more`."""
    shown = ", ".join(name(item) for item in items[:most])
    return shown if len(items) <= most else f"{shown} and {len(items) - most} more"
