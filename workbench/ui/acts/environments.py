"""What can be done with an environment."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from workbench.model.build import BuildState
from workbench.text import plural, size
from workbench.ui.actions import Action, Purpose
from workbench.ui.commands import Steps, words
from workbench.ui.desk import Desk, names

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


def _build(view: EnvironmentView) -> str:
    return words("environments", "build", view.name)


def _cancel(view: EnvironmentView) -> str:
    return words("stop", f"b{view.build.id}") if view.build else ""


def _logs(view: EnvironmentView) -> str:
    return words("environments", "logs", view.name, "-f") if view.build else ""


def _edit(view: EnvironmentView) -> str:
    """By its file, for a project may have the same name; what ships has no file to edit before it is copied."""
    shipped = view.source is None or (view.spec is not None and view.spec.shipped)
    return words("edit", view.name if shipped else view.source)


def _remove(view: EnvironmentView) -> str:
    return words("environments", "remove", view.name)


def _steps(items: list[EnvironmentView], step: Callable[[EnvironmentView], str]) -> Steps:
    return tuple(step(view) for view in items)


async def new(desk: Desk, items: list[Any]) -> None:
    """The form; the environment is selected afterwards."""
    from workbench.services import environments
    from workbench.ui.modals.environment import EnvironmentForm

    del items
    known = [spec for spec in await desk.call(environments.specs, desk.bench) if "/" not in spec.name]
    name = await desk.form(EnvironmentForm(desk.bench, known))
    if name:
        desk.say(f"Wrote {name}. r builds it, e edits its file.")
        desk.look()
        desk.go(AREA, name)


async def bring(desk: Desk, items: list[Any]) -> None:
    """A declaration out of the standard files of a folder or repository; what was taken, and what was not, is shown."""
    from workbench.services.declared import imports
    from workbench.ui.modals.line import LineModal

    del items
    hint = "requirements.txt, environment.yml, renv.lock, Dockerfile …   enter ok   esc close"
    source = await desk.form(LineModal("Import: a folder or the address of a repository", hint=hint))
    if not source or not source.strip():
        return
    desk.say(f"Looking through {source.strip()}")
    made = await desk.call(imports.bring, desk.bench, source.strip())
    desk.look()
    desk.go(AREA, made.name)
    lines = [f"Wrote {made.path}", *(f"{file}: {what}" for file, what in made.given.items())]
    lines += ["", "Not taken over:", *map(str, made.notices)] if made.notices else []
    await desk.show(f"Imported {made.name}", "\n".join(lines))


async def build(desk: Desk, items: list[EnvironmentView]) -> None:
    """Build them; of those where nothing changed, ask whether to build all the same."""
    from workbench.services import environments
    from workbench.ui.modals.confirm import Answer, Confirm, Question

    asked = {view.name: await desk.call(environments.build, desk.bench, view.name) for view in items}
    built = [view for view in items if asked[view.name] is None]
    if built:
        one = len(built) == 1
        question = Question(
            f"Build {built[0].name if one else plural(len(built), 'environment')} again?",
            "It is built and nothing in its declaration changed."
            if one
            else f"{names(built, lambda view: view.name)}: they are built and nothing in their declarations changed.",
            (Answer("build", "Build again", _steps(built, lambda view: f"{_build(view)} --force")),),
            quiet=True,
        )
        if await desk.form(Confirm(question)):
            for view in built:
                asked[view.name] = await desk.call(environments.build, desk.bench, view.name, force=True)
    queued = [view for view in items if asked[view.name] is not None]
    desk.screen.forget_marks()
    if not queued:
        return
    builds = ", ".join(f"b{asked[view.name]} of {view.name}" for view in queued)
    desk.say(f"Build {builds} is queued" if len(queued) == 1 else f"Builds {builds} are queued")
    desk.screen.pane.wait_for(queued, "building")
    if len(items) == 1:
        desk.screen.choose_tab("Log")
    desk.look()


async def cancel(desk: Desk, items: list[EnvironmentView]) -> None:
    """Ask, then end the builds."""
    from workbench.services import environments
    from workbench.ui.modals.confirm import Answer, Confirm, Question

    one = len(items) == 1
    stays = "What was built before stays. Runs and sessions that wait for it fail."
    numbers = [view.build.id for view in items if view.build is not None]
    question = Question(
        f"Cancel the build of {items[0].name}?" if one else f"Cancel {plural(len(items), 'build')}?",
        stays if one else f"{names(items, lambda view: view.name)}. {stays}",
        (Answer("cancel", "Cancel build" if one else "Cancel builds", words("stop", *(f"b{n}" for n in numbers))),),
        keep="Keep",
    )
    if await desk.form(Confirm(question)):
        desk.screen.pane.wait_for(items, "cancelling")
        for number in numbers:
            await desk.call(environments.cancel_build, desk.bench, number)
        desk.screen.forget_marks()
        desk.look()


def log(desk: Desk, items: list[EnvironmentView]) -> None:
    """The log of its newest build."""
    del items
    desk.screen.choose_tab("Log")
    desk.screen.open_detail()


async def edit(desk: Desk, items: list[EnvironmentView]) -> None:
    """Its file at the line of its first problem; of a shipped one a copy, which goes again where nothing was changed."""
    from workbench.services.declared import environment_files, fresh

    view = items[0]
    if view.problems:
        desk.edit(view.problems[0].path, view.problems[0].line)
        return
    path = await desk.call(environment_files.own_copy, desk.bench, view.name)
    made = fresh.Fresh.now(path) if view.spec and view.spec.shipped else None
    try:
        desk.edit(path)
    finally:
        if made and made.withdraw():
            desk.say("Left as it was: no copy was kept.")
            desk.look()


def copy(desk: Desk, items: list[EnvironmentView]) -> None:
    """Its image's tag or its venv's path."""
    revision = items[0].revision
    assert revision is not None
    desk.copy(revision.reference, revision.reference)


async def remove(desk: Desk, items: list[EnvironmentView]) -> None:
    """Ask, then take their files away."""
    from workbench.services import disk
    from workbench.services.declared import environment_files
    from workbench.ui.modals.confirm import Answer, Confirm, Question

    one = len(items) == 1
    freeing = _steps(items, lambda view: f"{_remove(view)} --prune")
    question = Question(
        f"Remove environment {items[0].name}?" if one else f"Remove {plural(len(items), 'environment')}?",
        "Its file goes from environments/ and a copy is kept in the home's trash. Its builds stay in the history."
        if one
        else f"{names(items, lambda view: view.name)}. Their files go from environments/ and copies are kept in the"
        " home's trash. Their builds stay in the history.",
        (Answer("remove", "Remove", _steps(items, _remove)), Answer("free", "Remove, free the disk", freeing)),
    )
    chosen = await desk.form(Confirm(question))
    if chosen:
        for view in items:
            built = await desk.call(disk.built_of, desk.bench, view.name)
            kept = await desk.call(environment_files.remove, desk.bench, view.name)
            desk.say(f"Removed {view.name}; its file is in {kept}")
            if chosen == "free" and built:
                freed = await desk.call(disk.free, desk.bench, built)
                desk.say(f"Freed {size(freed.freed)} of {view.name}")
        desk.screen.forget_marks()
        desk.look()


def _secret(view: EnvironmentView) -> str:
    wanted = view.missing_secrets or (view.spec.secrets if view.spec else ())
    return words("secrets", "set", wanted[0]) if wanted else ""


async def set_secret(desk: Desk, items: list[EnvironmentView]) -> None:
    """Ask for the value of a secret, which is not shown: the one that is missing, or one that is chosen."""
    from workbench.services import secrets
    from workbench.ui.modals.choice import Choice, Line
    from workbench.ui.modals.line import LineModal
    from workbench.ui.tone import Cell, Tone

    view = items[0]
    assert view.spec is not None
    name, *more = view.missing_secrets or view.spec.secrets
    if more:
        lines = [
            Line(one, (Cell(one), Cell("not set" if one in view.missing_secrets else "set", Tone.MUTED)))
            for one in view.spec.secrets
        ]
        name = await desk.form(Choice(f"Secrets of {view.name}", lines, nothing="", hint="enter set it")) or ""
    if not name:
        return
    value = await desk.form(LineModal(f"Value of {name}", hint="enter set it   esc leave it", secret=True))
    if value:
        await desk.call(secrets.put, desk.bench, name, value)
        desk.say(f"{name} is set")
        desk.look()


ACTIONS = (
    Action("environments.new", "n", AREA, "new", "environments: write environment", Purpose.ACT, new, changes=True, rank=10),
    Action(
        "environments.import", "i", AREA, "import", "environments: import standard files", Purpose.ACT, bring, changes=True,
        rank=15,
    ),
    Action(
        "environments.build", "r", AREA, "build", "environments: build environment", Purpose.ACT, build, _sound,
        on_item=True, many=True, changes=True, command=_build, rank=20,
    ),
    Action(
        "environments.cancel", "x", AREA, "cancel", "environments: cancel build", Purpose.ACT, cancel, _building,
        on_item=True, many=True, changes=True, dangerous=True, command=_cancel, rank=30,
    ),
    Action(
        "environments.log", "l", AREA, "log", "environments: show build log", Purpose.OPEN, log, on_item=True,
        command=_logs, rank=35,
    ),
    Action(
        "environments.edit", "e", AREA, "edit", "environments: edit declaration", Purpose.ACT, edit, on_item=True,
        changes=True, command=_edit, rank=40,
    ),
    Action(
        "environments.secret", "s", AREA, "secret", "environments: set secret", Purpose.ACT, set_secret,
        lambda view: bool(view.spec and view.spec.secrets), on_item=True, changes=True, command=_secret, rank=45,
    ),
    Action(
        "environments.copy", "c", AREA, "copy name", "environments: copy image or path", Purpose.OPEN, copy,
        lambda view: view.revision is not None, on_item=True, rank=0,
    ),
    Action(
        "environments.remove", "d", AREA, "remove", "environments: remove environment", Purpose.ACT, remove, _own,
        on_item=True, many=True, changes=True, dangerous=True, command=_remove, rank=60,
    ),
)  # fmt: skip
