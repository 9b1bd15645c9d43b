"""The palette: all acts by name, those of the screen below it first; those of others lead to their list."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, cast

from textual.command import DiscoveryHit, Hit, Hits, Provider

from workbench.ui import registry
from workbench.ui.actions import Action
from workbench.ui.widgets.lines import MODES

if TYPE_CHECKING:
    from workbench.ui.app import Workbench

ELSEWHERE = 0.9  # of the score, for what another screen can do
TITLES = dict(MODES)


class RegistryCommands(Provider):
    """Actions of the registry."""

    @property
    def _actions(self) -> list[tuple[Action, bool]]:
        """Each with whether it is one of this screen."""
        app = cast("Workbench", self.app)
        here = app.noun_screen.reach.actions()
        found = [(action, True) for action in here]
        return found + [
            (action, False)
            for action in registry.ACTIONS
            if action.area in TITLES and action not in here and not (action.changes and app.read_only)
        ]

    async def discover(self) -> Hits:
        """All of them, before anything is typed."""
        for action, here in self._actions:
            yield DiscoveryHit(action.name, partial(self._do, action), help=self._help(action, here))

    async def search(self, query: str) -> Hits:
        """Those that match; a whole area's name leads to its list first."""
        matcher = self.matcher(query)
        for action, here in self._actions:
            score = matcher.match(action.name) * (1 if here else ELSEWHERE)
            if score > 0:
                if action.id == f"program.{query.strip().casefold()}":
                    score += 1
                yield Hit(
                    score, matcher.highlight(action.name), partial(self._do, action), help=self._help(action, here)
                )

    def _do(self, action: Action) -> None:
        cast("Workbench", self.app).reach_for(action)

    def _help(self, action: Action, here: bool) -> str:
        if not here:
            return f"key {action.shown_key} in {TITLES[action.area]}"
        live = cast("Workbench", self.app).noun_screen.reach.live(action)
        return f"key {action.shown_key}" if live else f"key {action.shown_key}, not for what is selected"
