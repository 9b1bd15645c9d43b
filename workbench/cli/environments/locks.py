"""`environments lock`, `outdated`, `export`: exact versions, what an update would change, building it elsewhere."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from workbench.cli.environments.commands import NAME, environments
from workbench.cli.facts.broken_build import broken
from workbench.cli.grammar import subcommand
from workbench.cli.invocation import Invocation
from workbench.cli.terminal import following
from workbench.cli.terminal.output import answer, emit, note, table
from workbench.cli.terminal.progress import ProgressLine
from workbench.model.build import BuildState

if TYPE_CHECKING:
    from workbench.services.bench import Bench


@subcommand(environments, "lock")
@NAME
@click.option("--update", is_flag=True, help="Take what registries have now, and lock that.")
def lock(call: Invocation, name: str, update: bool) -> None:
    """Write down exactly what an environment is, beside its declaration: it is built first where it is not.

    A build with the lock repeats: base image, Debian's, Python's and R's packages, with hashes. A package that is added
    to the declaration goes on top of it and changes no other; lock again to have it in the lock.
    """
    from workbench.services import environments as service
    from workbench.services import locks

    bench = call.changing()
    held = service.view(bench, name).held
    kept = locks.unlock(bench, name) if update else None
    try:
        _build(call, bench, name, force=update)
        path = locks.lock(bench, name)
    except BaseException:
        locks.relock(bench, name, kept)
        raise
    released = held and not service.view(bench, name).held
    told = f"{name} is locked: {path}"
    if released:
        told += f"\n{name} was held at an older revision; it follows its declaration again."
    answer(call, told, {"environment": name, "lock": str(path), "released": released})


@subcommand(environments, "outdated")
@NAME
def outdated(call: Invocation, name: str) -> None:
    """Show what a forced build would change: the base image, Debian's, Python's and R's packages."""
    from workbench.services import locks

    bench = call.changing()
    found = locks.outdated(bench, name)
    if call.json:
        emit([asdict(change) for change in found])
        return
    rows = [(one.kind, one.name, one.installed or "-", one.available or "goes") for one in found]
    table(call, ("KIND", "PACKAGE", "INSTALLED", "AVAILABLE"), rows, empty=f"{name} is up to date.", give=("PACKAGE",))
    if found:
        flag = "lock --update" if locks.lock_file(bench, name) else "build --force"
        verb = flag.partition(" ")[0]
        note(call, f"Update: workbench environments {verb} {name} {flag.partition(' ')[2]}")


@subcommand(environments, "export")
@NAME
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
def export(call: Invocation, name: str, folder: Path) -> None:
    """Write a Dockerfile and all it needs into a new FOLDER, so that `docker build FOLDER` makes it elsewhere.

    Versions are those that are built. An environment of local processes gives a requirements.txt with hashes.
    """
    from workbench.services import locks

    path = locks.export(call.changing(), name, folder)
    docker = (path / "Dockerfile").exists()
    how = f"docker build {path}" if docker else f"pip install --require-hashes -r {path / 'requirements.txt'}"
    answer(call, f"Wrote {path}. Build it there: {how}", {"environment": name, "folder": str(path)})


def _build(call: Invocation, bench: Bench, name: str, *, force: bool) -> None:
    """Build it to the end where it is not. Raises `BuildFailed`."""
    from workbench.services import environments as service

    number = service.build(bench, name, force=force)
    if number is None:
        return
    line = ProgressLine(wanted=not call.quiet and not call.json)
    ended = following.build_to_end(bench, number, line=line)
    line.end()
    if ended.state is not BuildState.READY:
        raise broken(bench, ended)
