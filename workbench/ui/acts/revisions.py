"""What can be done with the revisions of an environment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.ui.actions import Action, Purpose
from workbench.ui.acts.environments import AREA
from workbench.ui.commands import Steps, words
from workbench.ui.desk import Desk

if TYPE_CHECKING:
    from workbench.services.environments import EnvironmentView

FOLLOW = "newest"  # the choice that is no revision


def _activate(view: EnvironmentView) -> Steps:
    return words("environments", "activate", view.name, "--newest") if view.held else ""


async def activate(desk: Desk, items: list[EnvironmentView]) -> None:
    """Choose a revision; runs and sessions use it from then on."""
    from workbench.services import revisions
    from workbench.ui.modals.choice import Choice, Line
    from workbench.ui.nouns.environments import revision_row
    from workbench.ui.tone import Cell, Tone

    view = items[0]
    known = await desk.call(revisions.listing, desk.bench, view.name)
    if not known:
        desk.warn(f"{view.name} was not built yet: r builds it")
        return
    lines = [Line(one.id, tuple(revision_row(one, desk.bench.now()))) for one in known]
    if view.held:
        lines.insert(0, Line(FOLLOW, (Cell("newest"), Cell("follow the declaration again", Tone.MUTED))))
    hint = "enter makes it active"
    chosen = await desk.form(Choice(f"Revisions of {view.name}", lines, nothing="", hint=hint))
    if not chosen:
        return
    if chosen == FOLLOW:
        await desk.call(revisions.release, desk.bench, view.name)
        desk.say(f"{view.name} follows its declaration again")
    else:
        await desk.call(revisions.activate, desk.bench, view.name, chosen)
        desk.say(f"Revision {chosen} of {view.name} is asked for")
    desk.look()


ACTIONS = (
    Action(
        "environments.activate", "v", AREA, "revisions", "environments: choose revision", Purpose.ACT, activate,
        on_item=True, changes=True, command=_activate, rank=42,
    ),
)  # fmt: skip
