"""What an action is: one entry that the keys, the footer, `?`, the palette and docs/keys.md are made from."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from workbench.ui.commands import Steps

if TYPE_CHECKING:
    from workbench.ui.desk import Desk

LISTS = "lists"
LOGS = "logs"
PROGRAM = "program"


class Purpose(StrEnum):
    """Groups of the help page."""

    ACT = "Act on it"
    OPEN = "Look inside"
    LIST = "The list"
    LOG = "Logs"
    GO = "Go to"
    PROGRAM = "The program"


def always(item: Any) -> bool:
    """Applies to everything."""
    del item
    return True


@dataclass(frozen=True)
class Action:
    """One thing a person can do by a key. `area` is a mode, `lists`, `logs` or `program`.

    `run` is given the things it is for; where it returns an awaitable, that is awaited while the program stays usable.
    `applies` is asked for the selected thing (None where there is none); `changes` takes it away in `--read-only`.
    """

    id: str
    key: str
    area: str
    verb: str
    name: str
    purpose: Purpose
    run: Callable[[Desk, list[Any]], Awaitable[None] | None]
    applies: Callable[[Any], bool] = always
    on_item: bool = False
    many: bool = False
    changes: bool = False
    dangerous: bool = False
    command: Callable[[Any], Steps] | None = None  # without the program's name; empty where there is none
    rank: int = 50  # place in the footer; 0: not in it
    seldom: bool = False  # in the footer only where it can be done

    @property
    def keys(self) -> frozenset[str]:
        """All keys that mean it, as the terminal names them."""
        return frozenset(self.key.split(","))

    @property
    def shown_key(self) -> str:
        """The key as people write it."""
        return _KEYS.get(self.key.split(",")[0], self.key.split(",")[0])

    def fits(self, item: Any) -> bool:
        """Whether it can be done now, with `item` selected."""
        return (item is not None or not self.on_item) and self.applies(item)


_KEYS = {
    "slash": "/",
    "question_mark": "?",
    "colon": ":",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "exclamation_mark": "!",
    "plus": "+",
    "escape": "esc",
}
