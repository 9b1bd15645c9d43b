"""`edit`: a declaration in the person's editor, checked when it is closed."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from workbench.cli.grammar import command
from workbench.cli.invocation import Invocation
from workbench.cli.names import editable_names
from workbench.cli.terminal.output import emit, note, say
from workbench.errors import NotFound, Refused
from workbench.model.names import is_slug

if TYPE_CHECKING:
    from workbench.services.bench import Bench


@dataclass(frozen=True)
class Declaration:
    """A file to edit; where it is not there yet, `make` writes it. `now` is the one that holds until then."""

    path: Path
    make: Callable[[], object] | None = None
    now: Path | None = None


@command("edit", short_help="Edit a declaration, then check it.")
@click.argument("thing", shell_complete=editable_names)
@click.option("--print", "only_print", is_flag=True, help="Print the path of the file that holds now; open no editor.")
def edit(call: Invocation, thing: str, only_print: bool) -> int:
    """Open the declaration of an environment, a project, a schedule (PROJECT/NAME), an IDE (ides/NAME) or `settings`; check
    it afterwards.

    An environment or IDE that ships is copied into the home first; the copy wins. Left unchanged, it goes again.
    """
    from workbench.cli.check import report
    from workbench.doctor.editors import find_editor
    from workbench.services.declared.fresh import Fresh
    from workbench.services.problems import remarks_of

    bench = call.reading() if only_print else call.changing()
    found = declaration(bench, thing)
    if only_print:
        _print(call, thing, found)
        return 0
    argv = find_editor()
    if not argv or shutil.which(argv[0]) is None:
        name = argv[0] if argv else "an editor"
        raise Refused(f"{name} was not found", hint=f"Set VISUAL or EDITOR, or edit {found.path} yourself.")
    made: Fresh | None = None
    if found.make and not found.path.exists():
        found.make()
        made = Fresh.now(found.path)
        say(call, f"Made {found.path}.")
    code = subprocess.run([*argv, str(found.path)], check=False).returncode
    if made and made.withdraw():
        note(call, "Left as it was: it was removed again.")
        return report(call, []) if call.json else 0
    if code:
        raise Refused(f"{argv[0]} ended with {code}", hint=f"The file: {found.path}")
    real = found.path.resolve()
    return report(call, [problem for problem in remarks_of(bench) if problem.path.resolve() == real])


def _print(call: Invocation, thing: str, found: Declaration) -> None:
    """The file that holds now, and how the one to edit comes to be."""
    path = found.path if found.path.exists() else found.now or found.path
    if call.json:
        emit({"file": path})
    else:
        click.echo(str(path))
    if path != found.path:
        note(call, f"It comes with the program. To have a copy in the home, which wins: workbench edit {thing}")
    elif not path.exists():
        note(call, "It is not there yet.")


def declaration(bench: Bench, thing: str) -> Declaration:
    """The file that declares `thing`: a path, `settings`, an environment, a project, `project/schedule`, or `ides/name`.

    Raises `NotFound`.
    """
    if thing in ("settings", "workbench.yaml"):
        return Declaration(bench.home.settings_file)
    if thing.endswith((".yaml", ".yml")) and Path(thing).is_file():
        return Declaration(Path(thing).absolute())
    kinds = (_environment, _project, _schedule, _ide)
    found = [one for kind in kinds if (one := kind(bench, thing))]
    if len(found) > 1:
        names = " and ".join(str(one.path) for one in found)
        raise Refused(f"{thing!r} names {names}", hint="Give the file's path.")
    if not found:
        raise NotFound("environment, project, schedule or IDE", thing, [*_known(bench), "settings"])
    return found[0]


def _environment(bench: Bench, name: str) -> Declaration | None:
    from workbench.services import environments
    from workbench.services.declared import environment_files

    try:
        view = environments.view(bench, name)
    except NotFound:
        return None
    if view.spec and view.spec.shipped:
        own = bench.home.environments / f"{name}.yaml"
        return Declaration(own, lambda: environment_files.own_copy(bench, name), view.spec.source)
    return Declaration(view.source) if view.source else None


def _project(bench: Bench, name: str) -> Declaration | None:
    from workbench.services import projects

    try:
        path = projects.get(bench, name).path / "project.yaml"
    except NotFound:
        return None
    text = "# environment: python\n# data: [/warehouse/sales]      # read-only, seen as data/sales\n"
    return Declaration(path, lambda: path.write_text(text, encoding="utf-8"))


def _schedule(bench: Bench, key: str) -> Declaration | None:
    project, slash, name = key.partition("/")
    if not slash or not is_slug(name):
        return None
    from workbench.services import projects

    try:
        path = projects.get(bench, project).path / "schedules" / f"{name}.yaml"
    except NotFound:
        return None
    return Declaration(path) if path.exists() else None


def _ide(bench: Bench, thing: str) -> Declaration | None:
    kind, _, name = thing.partition("/")
    if kind != "ides":
        return None
    from workbench.services import ides

    view = next((one for one in ides.listing(bench) if one.name == name), None)
    if view is None:
        return None
    if not view.shipped:
        return Declaration(view.source)
    return Declaration(bench.home.ides / f"{name}.yaml", lambda: ides.own_copy(bench, name), view.source)


def _known(bench: Bench) -> list[str]:
    from workbench.services import environments, projects, schedules
    from workbench.services.declared import catalogue

    return [
        *(spec.name for spec in environments.specs(bench)),
        *(project.name for project in projects.listing(bench)),
        *(view.key for view in schedules.listing(bench)),
        *(f"ides/{name}" for name in catalogue.ides(bench).files()),
    ]
