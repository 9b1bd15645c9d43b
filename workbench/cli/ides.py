"""`ides`: tools that sessions can hold, as they are declared."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from workbench.cli.grammar import noun, subcommand
from workbench.cli.invocation import Invocation
from workbench.cli.names import ide_names, project_names
from workbench.cli.shapes.ide import IDE
from workbench.cli.terminal.output import emit, record, table
from workbench.errors import NotFound

if TYPE_CHECKING:
    from workbench.services.ides import IdeView

ides = noun("ides", "Tools that sessions can hold.")


@subcommand(ides, "list")
@click.option("--project", default="", shell_complete=project_names, help="Those that the project's environment has.")
def list_ides(call: Invocation, project: str) -> None:
    """List IDEs: those that ship, and those that files in ides/ of the home declare; of a project those it can use."""
    from workbench.services import environments, projects
    from workbench.services import ides as service

    bench = call.reading()
    found = service.listing(bench, projects.get(bench, project) if project else None)
    if project:
        this = projects.get(bench, project)
        names = {tool.name for tool in service.offered(bench, this, environments.for_project(bench, this))}
        found = [view for view in found if view.name in names]
    if call.json:
        emit([IDE.of(view) for view in found])
        return
    table(
        call,
        ("NAME", "TITLE", "ENGINES", "SIGNS IN BY", "FROM"),
        [_row(view) for view in found],
        empty="The environment has none." if project else "No IDEs.",
        give=("FROM",),
    )


@subcommand(ides, "show")
@click.argument("name", shell_complete=ide_names)
def show(call: Invocation, name: str) -> None:
    """Show an IDE: how it is started, who asks for the secret, what has to be installed for it."""
    from workbench.services import ides as service

    bench = call.reading()
    known = {view.name: view for view in service.listing(bench)}
    if name not in known:
        raise NotFound("IDE", name, known)
    view = known[name]
    if call.json:
        emit(IDE.of(view))
        return
    ide = view.ide
    record(
        [
            ("IDE", view.name),
            ("title", ide.title if ide else ""),
            ("", ide.description if ide else ""),
            ("problems", "\n".join(str(problem) for problem in view.problems)),
            ("from", "comes with the program" if view.shipped else str(view.source)),
            ("engines", ", ".join(ide.engines) if ide else ""),
            ("command", "\n".join(ide.command) if ide else ""),
            ("sign-in", _sign_in(view)),
            ("opens", ", ".join(ide.opens) or "any file" if ide else ""),
            ("looks for", ", ".join(ide.finds) if ide else ""),
            ("needs", _needs(view)),
        ]
    )


def _row(view: IdeView) -> tuple[str, ...]:
    where = "shipped" if view.shipped else view.source.parent.parent.name
    if view.ide is None:
        return view.name, f"cannot be read: {view.problems[0]}", "-", "-", where
    return view.name, view.ide.title, ", ".join(view.ide.engines), _sign_in(view), where


def _sign_in(view: IdeView) -> str:
    words = {"token-file": "its own check of a secret", "form": "its own form", "front": "workbench's sign-in"}
    if view.ide and view.ide.form:
        return "its own form, signed in by opening"
    return words[view.ide.sign_in] if view.ide else ""


def _needs(view: IdeView) -> str:
    if view.ide is None:
        return ""
    if not view.ide.installable:
        return "a ready image that has it"
    kinds = zip(("python", "R", "Debian"), view.ide.needs.parts, strict=True)
    return "; ".join(f"{kind}: {', '.join(names)}" for kind, names in kinds if names) or "nothing"
