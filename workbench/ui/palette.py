"""The palette: what the screen below it can do now, by name."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, cast

from textual.command import DiscoveryHit, Hit, Hits, Provider

from workbench.ui.actions import Action

if TYPE_CHECKING:
    from workbench.ui.app import Workbench


class RegistryCommands(Provider):
    """Actions of the registry that apply now."""

    @property
    def _actions(self) -> list[Action]:
        reach = cast("Workbench", self.app).noun_screen.reach
        return [action for action in reach.actions() if reach.live(action)]

    async def discover(self) -> Hits:
        """All of them, before anything is typed."""
        for action in self._actions:
            yield DiscoveryHit(action.name, partial(self._do, action), help=_help(action))

    async def search(self, query: str) -> Hits:
        """Those that match; a whole area's name leads to its list first."""
        matcher = self.matcher(query)
        for action in self._actions:
            score = matcher.match(action.name)
            if score > 0:
                if action.id == f"program.{query.strip().casefold()}":
                    score += 1
                yield Hit(score, matcher.highlight(action.name), partial(self._do, action), help=_help(action))

    def _do(self, action: Action) -> None:
        app = cast("Workbench", self.app)
        app.perform(app.noun_screen, action)


def _help(action: Action) -> str:
    return f"key {action.shown_key}"
