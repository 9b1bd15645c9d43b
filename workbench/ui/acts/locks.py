"""What can be done about exact versions of an environment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.text import plural
from workbench.ui.actions import Action, Purpose
from workbench.ui.commands import words
from workbench.ui.desk import Desk

if TYPE_CHECKING:
    from workbench.services.environments import EnvironmentView

AREA = "environments"


def _ready(view: EnvironmentView) -> bool:
    return view.state == "ready"


async def lock(desk: Desk, items: list[EnvironmentView]) -> None:
    """Write the lock file of what is built."""
    from workbench.services import locks

    view = items[0]
    desk.say(f"Locking {view.name}: the hashes of its packages are asked for")
    path = await desk.call(locks.lock, desk.bench, view.name)
    desk.say(f"{view.name} is locked: {path}")
    desk.look()


async def outdated(desk: Desk, items: list[EnvironmentView]) -> None:
    """Show what an update would change."""
    from workbench.services import locks

    view = items[0]
    desk.say(f"Looking what is newer than in {view.name}")
    found = await desk.call(locks.outdated, desk.bench, view.name)
    if not found:
        desk.say(f"{view.name} is up to date")
        return
    width = max(len(change.name) for change in found)
    lines = [
        f"{change.kind:<7} {change.name:<{width}}  {change.installed or '-'} → {change.available or 'goes'}"
        for change in found
    ]
    await desk.show(f"An update of {view.name} would change {plural(len(found), 'package')}", "\n".join(lines))


async def export(desk: Desk, items: list[EnvironmentView]) -> None:
    """Ask for a new folder, and write there what another machine can build it from."""
    from workbench.services import locks
    from workbench.ui.modals.line import LineModal

    view = items[0]
    said = await desk.form(LineModal(f"Export {view.name} into a new folder", hint="enter write it   esc leave it"))
    if said:
        path = await desk.call(locks.export, desk.bench, view.name, said)
        desk.say(f"Wrote {path}")


ACTIONS = (
    Action(
        "environments.lock", "L", AREA, "lock", "environments: lock versions", Purpose.ACT, lock, _ready, on_item=True,
        changes=True, command=lambda view: words("environments", "lock", view.name), rank=54,
    ),
    Action(
        "environments.outdated", "u", AREA, "outdated", "environments: show what is outdated", Purpose.OPEN, outdated,
        _ready, on_item=True, command=lambda view: words("environments", "outdated", view.name), rank=55,
    ),
    Action(
        "environments.export", "E", AREA, "export", "environments: export Dockerfile", Purpose.ACT, export, _ready,
        on_item=True, changes=True, rank=56,
    ),
)  # fmt: skip
