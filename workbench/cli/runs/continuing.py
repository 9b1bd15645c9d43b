"""`runs continue`, `runs release`, `runs attach`: what can be done with the kernel of a failed run while it is kept."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from workbench.cli.filters import Span
from workbench.cli.grammar import subcommand
from workbench.cli.invocation import Invocation
from workbench.cli.names import run_id
from workbench.cli.runs.commands import ID, IDS, runs
from workbench.cli.runs.given import text_of
from workbench.cli.runs.run import wait_for
from workbench.cli.terminal import failure
from workbench.cli.terminal.output import answer, emit, note
from workbench.errors import Refused
from workbench.model.run import Run
from workbench.model.session import SessionState

if TYPE_CHECKING:
    from workbench.services.bench import Bench


@subcommand(runs, "continue", short_help="Go on with a failed run from the cell that failed.")
@ID
@click.option("--from-notebook", is_flag=True, help="As the project's notebook is now: so it is unless told otherwise.")
@click.option("--from-lab", is_flag=True, help="As the copy of its output is that `runs attach --lab` opened.")
@click.option("--edit", is_flag=True, help="Correct the cell in your editor; the notebook stays as it is.")
@click.option("--source", metavar="FILE", help="Correct the cell with what is in FILE, `-` for what is put in.")
@click.option(
    "--cell", type=click.IntRange(1), metavar="N", help="Which cell --source is for; the failed one unless given."
)
@click.option("--timeout", type=Span(), metavar="TIME", help="Limit of the new run; as the failed one's unless given.")
@click.option("-d", "--detach", is_flag=True, help="Print the new run's id and do not wait.")
def go_on(
    call: Invocation, run: str, from_notebook: bool, from_lab: bool, edit: bool, source: str | None, cell: int | None,
    timeout: float | None, detach: bool,
) -> int:  # fmt: skip
    """Go on with a failed run from the cell that failed, in its kernel, with all that the cells before have made.

    The kernel has to be kept: `workbench run --keep 30m`, or `keep_kernel:` of a schedule, a project or the settings. The
    corrected cell, and those after it, come from the project's notebook as it is now; those before must be as they ran. It
    is a new run, whose output says what was changed.
    """
    from workbench.services.history import attaching, continuing

    if edit + from_notebook + from_lab + (source is not None) > 1:
        raise click.UsageError("Only one of --from-notebook, --from-lab, --edit and --source.")
    if cell is not None and source is None:
        raise click.UsageError("--cell goes with --source.")
    bench = call.changing()
    number = run_id(bench, run)
    sources = None
    if edit:
        coming = continuing.coming(bench, number)
        sources = {coming.cell: _edited(coming.source, _suffix(bench, number))}
    elif source is not None:
        coming = continuing.coming(bench, number)
        sources = {cell or coming.cell: sys.stdin.read() if source == "-" else text_of(source)}
    file = attaching.notebook(bench, number) if from_lab else ""
    if from_lab and not file:
        raise Refused(
            f"run {number} was not opened in JupyterLab", hint=f"Open it: workbench runs attach {number} --lab"
        )
    made = continuing.go_on(bench, number, sources, notebook=file, timeout=timeout)
    return wait_for(call, made, detach=detach)


@subcommand(runs, "release", short_help="Give back kernels of failed runs that are kept.")
@IDS
def release(call: Invocation, ids: tuple[str, ...]) -> None:
    """Give back the kernels of failed runs that are kept, and the memory they hold."""
    from workbench.services.history import continuing

    bench = call.changing()
    numbers = [run_id(bench, text) for text in dict.fromkeys(ids)]
    for number in numbers:
        continuing.release(bench, number)
    which = ", ".join(map(str, numbers))
    answer(call, f"Giving back the kernel of run {which}.", {"released": [str(number) for number in numbers]})


@subcommand(runs, "keep", short_help="Keep the kernel of a failed run for longer, or shorter.")
@ID
@click.argument("time", type=Span(), metavar="TIME")
def keep(call: Invocation, run: str, time: float) -> None:
    """Keep the kernel of a failed run, which is kept, for TIME from now, as 1h."""
    from workbench.services.history import continuing

    bench = call.changing()
    found = continuing.extend(bench, run_id(bench, run), time)
    answer(call, f"Its kernel is {continuing.words(bench, found)}.", {"kept_until": found.kept_until})


@subcommand(runs, "interrupt", short_help="Interrupt what you run in the kernel of a failed run.")
@ID
def interrupt(call: Invocation, run: str) -> None:
    """Interrupt what runs in the kernel of a failed run while it is kept: a cell of JupyterLab, a line of a console."""
    from workbench.services.history import attaching

    bench = call.changing()
    number = run_id(bench, run)
    attaching.interrupt(bench, number)
    answer(call, f"Interrupted the kernel of run {number}.", {"interrupted": str(number)})


@subcommand(runs, "attach", short_help="Open a console or JupyterLab in the kernel of a failed run.")
@ID
@click.option(
    "--lab", is_flag=True, help="JupyterLab instead, with a copy of the run's output, in a session of its project."
)
@click.option("--shell", is_flag=True, help="A shell in the kernel's container instead.")
@click.option("--print", "only_print", is_flag=True, help="Print the command line or the address, and start nothing.")
def attach(call: Invocation, run: str, lab: bool, shell: bool, only_print: bool) -> int:
    """Open a Jupyter console in the kernel of a failed run while it is kept: look at its variables, try the correction.

    What is done there stays in the kernel, and `runs continue` goes on from that; then, or where the kernel is given back,
    nobody else is in it any more. Its output says that somebody was.
    """
    from workbench.services.history import attaching, continuing

    if lab and shell:
        raise click.UsageError("Only one of --lab and --shell.")
    bench = call.changing()
    found = continuing.kept(bench, run_id(bench, run))
    if lab:
        return _lab(call, bench, found, only_print)
    argv = attaching.shell(bench, found) if shell else attaching.console(bench, found)
    attaching.wrote_down(bench, found, attaching.SHELL if shell else attaching.CONSOLE)
    if call.json:
        emit({"argv": argv, "kept_until": found.kept_until})
        return 0
    if only_print:
        click.echo(shlex.join(argv))
        return 0
    note(call, f"Its kernel is {continuing.words(bench, found)}. Leave with ctrl+d; it goes on being kept.")
    return subprocess.run(argv, check=False).returncode


def _lab(call: Invocation, bench: Bench, run: Run, only_print: bool) -> int:
    """JupyterLab with the kernel of a failed run, in the browser."""
    from workbench.cli.open import into
    from workbench.cli.sessions import broken, up
    from workbench.services.history import attaching, continuing

    try:
        session = up(call, attaching.session(bench, run), detach=False)
    except KeyboardInterrupt:
        return failure.INTERRUPTED
    if session.state is not SessionState.READY:
        raise broken(session)
    attached = attaching.to_jupyter(bench, run, session)
    session = attaching.shown(bench, attached)
    what = f"{attached.file} is bound to it" if attached.file else "Choose it: Kernel, Change Kernel"
    note(call, f"Its kernel is {continuing.words(bench, run)}. {what}.")
    note(call, f"{attaching.ONLY}: workbench runs interrupt {run.id}")
    note(call, f"Go on from it: workbench runs continue {run.id}{' --from-lab' if attached.file else ''}")
    return into(call, session, only_print=only_print, file=attached.file, kept_until=run.kept_until)


def _suffix(bench: Bench, number: int) -> str:
    from workbench.services import runs as service

    kernel = service.noted(bench, number).get("language") or Path(service.get(bench, number).notebook).suffix
    return ".R" if str(kernel).lower() in ("r", ".r", ".rmd") else ".py"


def _edited(text: str, suffix: str) -> str:
    """`text` as the person leaves it. Raises `Refused` where there is no editor, or it was given up."""
    from workbench.doctor.editors import find_editor

    argv = find_editor()
    if not argv or shutil.which(argv[0]) is None:
        raise Refused(f"{argv[0] if argv else 'an editor'} was not found", hint="Set VISUAL or EDITOR.")
    descriptor, name = tempfile.mkstemp(prefix="cell-", suffix=suffix)
    path = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="replace") as file:
            file.write(text if text.endswith("\n") else text + "\n")
        code = subprocess.run([*argv, name], check=False).returncode
        if code:
            raise Refused(f"{argv[0]} ended with {code}", hint="Nothing was run.")
        return path.read_text(encoding="utf-8", errors="replace").removesuffix("\n")
    finally:
        path.unlink(missing_ok=True)
