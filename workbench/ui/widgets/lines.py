"""The lines of modes and of keys, at the top and the bottom of a screen."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len

from workbench.ui.actions import Action
from workbench.ui.widgets.strips import Word, WordLine, tabs

MODES = (
    ("projects", "Projects"),
    ("environments", "Environments"),
    ("sessions", "Sessions"),
    ("runs", "Runs"),
    ("schedules", "Schedules"),
)
NUMBERED = 76  # columns that the names take with their numbers
HELP = "program.help"


class ModeLine(WordLine):
    """The five modes, this one underlined."""

    def __init__(self, mode: str) -> None:
        super().__init__(id="modes")
        self._mode = mode

    def on_mount(self) -> None:
        """Before the width is known."""
        self.on_resize()

    def on_resize(self) -> None:
        """Fit the new width."""
        wide = self.app.size.width >= NUMBERED
        names = [(mode, f"{number} {title}" if wide else title) for number, (mode, title) in enumerate(MODES, start=1)]
        self.put(tabs(names, self._mode))


class KeyLine(WordLine):
    """The keys of the screen by importance, those that do not apply dimmed; at the end how many more `?` shows."""

    def __init__(self) -> None:
        super().__init__(id="keys")
        self._actions: Sequence[tuple[Action, bool]] = ()
        self._others = 0

    def show(self, actions: Sequence[tuple[Action, bool]], others: int) -> None:
        """Each action with whether it is live; what does not fit is left to `?`, as the `others` are."""
        self._actions, self._others = actions, others
        self.on_resize()

    def on_resize(self) -> None:
        """Fit the new width."""
        room = self.app.size.width - 2 - cell_len(f"? {len(self._actions) + self._others} more")
        words: list[Word] = []
        used = shown = 0
        for action, live in self._actions:
            taken = cell_len(action.shown_key) + cell_len(action.verb) + 3
            if used + taken > room:
                break
            words += [
                Word(action.shown_key, action.id, "bold $text-accent" if live else "$faint"),
                Word(f" {action.verb}", action.id, "$muted" if live else "$faint"),
                Word("  "),
            ]
            used += taken
            shown += 1
        more = len(self._actions) - shown + self._others
        words += [Word("?", HELP, "bold $text-accent"), Word(f" {more} more", HELP, "$muted")]
        self.put(words)
