"""`--code` and `--fetch`: which files of its project a run sees."""

from __future__ import annotations

from functools import wraps
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import click

from workbench.cli.grammar import options
from workbench.errors import NotFound
from workbench.model.code import LIVE, Code, code

if TYPE_CHECKING:
    from workbench.model.project import Project
    from workbench.services.bench import Bench


def with_code(function: Any) -> Any:
    """Add the options; they arrive as one `Code` named `code`."""

    @wraps(function)
    def wrapper(*args: Any, code_: str | None, fetch: bool, **more: Any) -> Any:
        return function(*args, code=code(LIVE if code_ is None else code_, fetch=fetch), **more)

    return options(
        click.option(
            "--code", "code_", metavar="WHAT",
            help="Files of the project it sees: live (the usual), frozen as they are now, or a branch, tag or commit.",
        ),
        click.option("--fetch", is_flag=True, help="Ask the repository's remote for that branch or tag first."),
    )(wrapper)  # fmt: skip


def with_inputs(function: Any) -> Any:
    """Add `--input`; what was given arrives as `inputs`."""
    words = "A file the run reads, in the project, as data/*.csv: its hash is kept. May be given several times."
    return click.option("--input", "inputs", multiple=True, metavar="FILE", callback=inner, help=words)(function)


def inner(_: object, __: object, given: tuple[str, ...]) -> tuple[str, ...]:
    for one in given:
        path = PurePosixPath(one)
        if path.is_absolute() or ".." in path.parts or not path.parts:
            raise click.BadParameter(f"{one!r} leads out of the project")
    return given


def located(bench: Bench, notebook: Path, code: Code) -> tuple[Project, str]:
    """The project of a notebook and its path there; of a commit it need not be among the files as they are."""
    from workbench.services import projects

    try:
        return projects.locate(bench, notebook)
    except NotFound:
        if not code.ref:
            raise
        for parent in notebook.parents:
            try:
                project, folder = projects.locate(bench, parent)
            except NotFound:
                continue
            return project, (Path(folder) / notebook.relative_to(parent)).as_posix()
        raise
