"""Keys that arrive together, as over a slow line: each goes where the one before it has led.

Textual sends a key to what has the focus when the key arrives, and moves the focus some messages later; what is typed
right after a tab or a choice would still go to the old place.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque

from textual import events, work
from textual.app import App
from textual.message_pump import MessagePump
from textual.widgets import Input

PATIENCE = 0.25  # seconds that a key waits at most for the one before it
ROUNDS = 4  # times that a message may lead to another: a choice is selected, told, taken, and the focus moves


class TypeAhead(App[None]):
    """A program in which keys wait while one that may move the focus is worked on."""

    def __init__(self) -> None:
        super().__init__()
        self._ahead: deque[events.Key] = deque()
        self._settling = False

    async def on_event(self, event: events.Event) -> None:
        """Hold a key back while the one before it may still move the focus."""
        if not isinstance(event, events.Key) or event.is_forwarded:
            await super().on_event(event)
        elif self._settling:
            self._ahead.append(event)
        else:
            leads = self._may_lead(event)
            await super().on_event(event)
            if leads:
                self._settling = True
                self._settle()

    def _may_lead(self, event: events.Key) -> bool:
        """Whether it may move the focus: everything but text in a line that is typed."""
        return not (event.is_printable and isinstance(self.focused, Input))

    def on_unmount(self) -> None:
        """Nobody waits for keys any more."""
        self.workers.cancel_group(self, "keys")

    @work(group="keys", exit_on_error=False)
    async def _settle(self) -> None:
        try:
            while True:
                with contextlib.suppress(TimeoutError):  # what takes longer does not keep the keys
                    async with asyncio.timeout(PATIENCE):
                        await self._settled()
                leads = False
                while self._ahead and not leads:
                    event = self._ahead.popleft()
                    leads = self._may_lead(event)
                    await super().on_event(event)
                if not leads:
                    return
        finally:
            self._settling = False

    async def _settled(self) -> None:
        """Until what has the focus, and all that is around it, has worked on what it was sent."""
        for _ in range(ROUNDS):
            start = self.focused or self.screen
            for node in start.ancestors_with_self:
                await _worked_off(node)


async def _worked_off(node: MessagePump) -> None:
    done = asyncio.Event()
    if node.call_later(done.set):
        await done.wait()
