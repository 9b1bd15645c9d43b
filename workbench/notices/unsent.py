"""What may become of a letter but being sent, and for how long which is tried again."""

from __future__ import annotations

from workbench.model.notice import NoticeState

PAUSES = (60.0, 300.0, 1800.0, 7200.0, 21600.0)  # seconds before it is tried again


class Unsent(Exception):  # noqa: N818 - a condition that the sender writes down
    """It was not taken; the message says why, and what to do. `final`: trying again cannot help, until its words
    change. What people can put right in the settings is not: it goes once that is done."""

    def __init__(self, why: str, *, final: bool = False) -> None:
        super().__init__(why)
        self.final = final

    def state(self, tries: int, /) -> NoticeState:
        """What it is, with so many tries before this one."""
        return NoticeState.FAILED if self.final or tries >= len(PAUSES) else NoticeState.PENDING


class TooLarge(Unsent):
    """The server takes none of that size: what is sent along may be left out."""


class Unheard(Unsent):
    """It was handed over whole, and nobody said whether it was taken: sent again it might come twice."""

    def state(self, _tries: int, /) -> NoticeState:
        """Whatever was tried."""
        return NoticeState.UNKNOWN
