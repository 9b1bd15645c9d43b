"""What can be done with an environment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workbench.model.build import BuildState
from workbench.ui.actions import Action, Purpose
from workbench.ui.desk import Desk

if TYPE_CHECKING:
    from workbench.services.environments import EnvironmentView

AREA = "environments"
OPEN = (BuildState.QUEUED, BuildState.BUILDING)


def _sound(view: EnvironmentView) -> bool:
    return view.spec is not None and not _building(view)


def _building(view: EnvironmentView) -> bool:
    return view.build is not None and view.build.state in OPEN and not view.build.cancel_asked


def _own(view: EnvironmentView) -> bool:
    return "/" not in view.name and not (view.spec and view.spec.shipped)


async def new(desk: Desk, items: list[Any]) -> None:
    """The form; the environment is selected afterwards."""
    from workbench.services import environments
    from workbench.ui.modals.environment import EnvironmentForm

    del items
    known = [spec.name for spec in await desk.call(environments.specs, desk.bench) if "/" not in spec.name]
    name = await desk.form(EnvironmentForm(desk.bench, known))
    if name:
        desk.say(f"Wrote {name}. r builds it, e edits its file.")
        desk.look()
        desk.go(AREA, name)


async def build(desk: Desk, items: list[EnvironmentView]) -> None:
    """Build it; where nothing changed, ask whether to build all the same."""
    from workbench.services import environments
    from workbench.ui.modals.confirm import Confirm, Question

    name = items[0].name
    number = await desk.call(environments.build, desk.bench, name)
    if number is None:
        question = Question(
            f"Build {name} again?",
            "It is built and nothing in its declaration changed.",
            (("build", "Build again"),),
            command=f"environments build {name} --force",
            quiet=True,
        )
        if not await desk.form(Confirm(question)):
            return
        number = await desk.call(environments.build, desk.bench, name, force=True)
    desk.say(f"Build b{number} of {name} is queued")
    desk.screen.pane.wait_for(items, "building")
    desk.screen.choose_tab("Build log")
    desk.look()


async def cancel(desk: Desk, items: list[EnvironmentView]) -> None:
    """Ask, then end the build."""
    from workbench.services import environments
    from workbench.ui.modals.confirm import Confirm, Question

    view = items[0]
    assert view.build is not None
    question = Question(
        f"Cancel the build of {view.name}?",
        "What was built before stays. Runs and sessions that wait for it fail.",
        (("cancel", "Cancel build"),),
        command=f"stop b{view.build.id}",
        keep="Keep",
    )
    if await desk.form(Confirm(question)):
        desk.screen.pane.wait_for(items, "cancelling")
        await desk.call(environments.cancel_build, desk.bench, view.build.id)
        desk.look()


def log(desk: Desk, items: list[EnvironmentView]) -> None:
    """The log of its newest build."""
    del items
    desk.screen.choose_tab("Build log")
    desk.screen.open_detail()


async def edit(desk: Desk, items: list[EnvironmentView]) -> None:
    """Its file at the line of its first problem; of a shipped one, a copy in the home."""
    from workbench.services import environments

    view = items[0]
    if view.problems:
        desk.edit(view.problems[0].path, view.problems[0].line)
        return
    desk.edit(await desk.call(environments.own_copy, desk.bench, view.name))


def copy(desk: Desk, items: list[EnvironmentView]) -> None:
    """Its image's tag or its venv's path."""
    revision = items[0].revision
    assert revision is not None
    desk.copy(revision.reference, revision.reference)


async def remove(desk: Desk, items: list[EnvironmentView]) -> None:
    """Ask, then take its file away."""
    from workbench.services import environments
    from workbench.ui.modals.confirm import Confirm, Question

    name = items[0].name
    question = Question(
        f"Remove environment {name}?",
        "Its file goes from environments/ and a copy is kept in the home's trash. Its builds stay in the history.",
        (("remove", "Remove"),),
        command=f"environments remove {name}",
    )
    if await desk.form(Confirm(question)):
        kept = await desk.call(environments.remove, desk.bench, name)
        desk.say(f"Removed {name}; its file is in {kept}")
        desk.look()


ACTIONS = (
    Action("environments.new", "n", AREA, "new", "environments: write environment", Purpose.ACT, new, changes=True, rank=10),
    Action(
        "environments.build", "r", AREA, "build", "environments: build environment", Purpose.ACT, build, _sound,
        on_item=True, changes=True, command=lambda view: f"environments build {view.name}", rank=20,
    ),
    Action(
        "environments.cancel", "x", AREA, "cancel build", "environments: cancel build", Purpose.ACT, cancel, _building,
        on_item=True, changes=True, dangerous=True, command=lambda view: f"stop b{view.build.id}", rank=30,
    ),
    Action(
        "environments.log", "l", AREA, "log", "environments: show build log", Purpose.OPEN, log, on_item=True,
        command=lambda view: f"environments logs {view.name} -f", rank=35,
    ),
    Action(
        "environments.edit", "e", AREA, "edit", "environments: edit declaration", Purpose.ACT, edit, on_item=True,
        changes=True, command=lambda view: f"edit {view.name}", rank=40,
    ),
    Action(
        "environments.copy", "c", AREA, "copy name", "environments: copy image or path", Purpose.OPEN, copy,
        lambda view: view.revision is not None, on_item=True, rank=0,
    ),
    Action(
        "environments.remove", "d", AREA, "remove", "environments: remove environment", Purpose.ACT, remove, _own,
        on_item=True, changes=True, dangerous=True, command=lambda view: f"environments remove {view.name}", rank=60,
    ),
)  # fmt: skip
