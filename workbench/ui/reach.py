"""What can be done on a screen: which actions it has, which are live, what each is for, and what the keys mean now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workbench.text import plural
from workbench.ui import registry
from workbench.ui.actions import LOGS, Action

if TYPE_CHECKING:
    from workbench.ui.screens.noun import NounScreen


class Reach:
    """Of one screen.

    An act that changes something is for all that is marked or, where it can only take one thing, for nothing while
    there are marks. What only looks is for the selected thing.
    """

    def __init__(self, screen: NounScreen) -> None:
        self._screen = screen

    def actions(self) -> tuple[Action, ...]:
        """All that can be done, in the order of the registry."""
        logs = registry.of_logs() if self._screen.detail.log_view.display else ()
        return self._allowed((*registry.of(self._screen.noun.mode), *logs))

    def bound(self) -> tuple[Action, ...]:
        """What the keys mean now: while a log has the focus its keys come first, and hide others."""
        everywhere = registry.of(self._screen.noun.mode)
        if not self.in_log:
            return self._allowed(everywhere)
        logs = registry.of_logs()
        taken = {key for action in logs for key in action.keys}
        return self._allowed((*logs, *(action for action in everywhere if not taken & action.keys)))

    @property
    def in_log(self) -> bool:
        """Whether keys go to a log, also while a question or the help lies over it."""
        log = self._screen.detail.log_view
        return log.display and self._screen.focused is log

    def targets(self, action: Action) -> list[Any]:
        """What an action is for: the marked things it applies to, else the selected one."""
        listing = self._screen.listing
        if action.many and listing.marked:
            return [item for item in listing.items(listing.marked) if action.fits(item)]
        return [listing.current] if listing.current is not None else []

    def obstacle(self, action: Action) -> str:
        """Why the marks keep an action from being done; empty where they do not."""
        marked = len(self._screen.listing.marked)
        if not marked or not action.on_item or not action.changes or action.many:
            return ""
        return f"{plural(marked, 'row')} {'is' if marked == 1 else 'are'} marked: {action.verb} takes one. esc clears marks."

    def live(self, action: Action) -> bool:
        """Whether it can be done now."""
        if action.area == LOGS and not self._screen.detail.log_view.display:
            return False
        if self.obstacle(action):
            return False
        if action.many and self._screen.listing.marked:
            return bool(self.targets(action))
        return action.fits(self._screen.current)

    def state(self, action: Action) -> bool | None:
        """As `check_action` has it: False gone, None inert. What marks are in the way of is pressed and told so."""
        if action.changes and self._screen.bench_app.read_only:
            return False
        return True if self.live(action) or self.obstacle(action) else None

    def _allowed(self, actions: tuple[Action, ...]) -> tuple[Action, ...]:
        read_only = self._screen.bench_app.read_only
        return tuple(action for action in actions if not (action.changes and read_only))
