"""A stage for the terminal program: press keys, wait for what is seen."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from textual.pilot import Pilot
from ui.seeding import Seed

from workbench.paths import shipped
from workbench.ui.app import Workbench

WIDE, BIG, SMALL = (120, 36), (160, 48), (80, 24)
PATIENCE = 15.0
SHIPPED = len(list(shipped("environments").glob("*.yaml")))  # environments that every home lists
BORDERS = {ord(character): " " for character in "│╭╮╰╯─"}


class Stage:
    """The program on the stage."""

    def __init__(self, app: Workbench, pilot: Pilot[None], seed: Seed) -> None:
        self.app, self.pilot, self.seed = app, pilot, seed
        self.press = pilot.press

    @property
    def screen(self) -> Any:
        """The list screen."""
        return self.app.noun_screen

    @property
    def text(self) -> str:
        """All that is on the screen now."""
        strips = self.app.screen._compositor.render_strips(self.app.size)
        return "\n".join("".join(segment.text for segment in strip) for strip in strips)

    async def until(self, condition: Callable[[], Any], what: str) -> Any:
        """Wait for a condition; fails with what the screen shows."""
        deadline = time.monotonic() + PATIENCE
        while True:
            await self.pilot.pause()
            value = condition()
            if value:
                return value
            if time.monotonic() > deadline:
                raise AssertionError(f"waited for {what}; the screen shows:\n{self.text}")
            await self.pilot.pause(0.04)

    @property
    def words(self) -> str:
        """The same without borders and line ends, for sentences that are wrapped."""
        return " ".join(self.text.translate(BORDERS).split())

    async def see(self, *texts: str) -> None:
        """Wait until all of `texts` are on the screen, wrapped or not."""
        await self.until(
            lambda: all(text in self.text or " ".join(text.split()) in self.words for text in texts),
            " and ".join(repr(text) for text in texts),
        )

    async def gone(self, text: str) -> None:
        """Wait until `text` is no longer on the screen."""
        await self.until(lambda: text not in self.text, f"{text!r} to go")

    async def list(self, mode: str, *, rows: int | None = None) -> Any:
        """Go to a list and wait until it is there; the list."""
        await self.press(str(["projects", "environments", "sessions", "runs", "schedules"].index(mode) + 1))
        await self.until(lambda: self.screen.noun.mode == mode and self.screen.listing.loaded, f"the list of {mode}")
        if rows is not None:
            await self.until(lambda: len(self.screen.listing.keys) == rows, f"{rows} rows")
        return self.screen.listing

    async def modal(self, kind: type) -> Any:
        """Wait for a modal of this kind."""
        await self.until(lambda: isinstance(self.app.screen, kind), kind.__name__)
        return self.app.screen

    async def select(self, key: str) -> None:
        """Wait for a row and put the cursor on it."""
        await self.until(lambda: self.screen.listing.select(key), f"row {key}")
        await self.pilot.pause()
