"""`service`: the supervisor of a home, which works on what was asked for."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import click

from workbench.cli.grammar import noun, subcommand
from workbench.cli.invocation import Invocation
from workbench.cli.terminal.failure import FAILED
from workbench.cli.terminal.following import file_to_end
from workbench.cli.terminal.output import answer, emit, iso, record, state
from workbench.cli.terminal.progress import ProgressLine
from workbench.errors import NotFound
from workbench.text import age

if TYPE_CHECKING:
    from workbench.services.supervision.control import SupervisorStatus

service = noun("service", "The supervisor of this home: it works on what was asked for.", bare="status")


@subcommand(service, "status")
def status(call: Invocation) -> int:
    """Show whether the supervisor runs, and since when. Exits 1 when it does not, or does not answer."""
    from workbench.services.supervision import control, pulse

    bench = call.reading()
    seen = control.status(bench)
    if call.json:
        emit(_shape(seen))
        return 0 if seen.alive and not seen.silent else FAILED
    record(
        [
            ("supervisor", state("running") if seen.alive else state("stopped")),
            ("problem", seen.trouble),
            ("try", pulse.why_silent(seen.pid)[1] if seen.silent else None),
            ("home", str(bench.home.root)),
            ("process", f"{seen.pid}, {seen.how}" if seen.alive else None),
            (
                "version",
                f"{seen.version}{', older than this program' if seen.outdated else ''}" if seen.alive else None,
            ),
            ("since", f"{age(seen.since, bench.now())} ago" if seen.since else None),
            ("unit", seen.unit or None),
            ("log", str(bench.home.supervisor_log)),
        ],
    )
    return 0 if seen.alive and not seen.silent else FAILED


@subcommand(service, "start")
def start(call: Invocation) -> None:
    """Start the supervisor where it does not run; every verb that needs it does so by itself."""
    from workbench.services.supervision import control

    bench = call.changing()
    control.ensure(bench)
    seen = control.status(bench)
    answer(call, f"The supervisor runs, process {seen.pid}.", _shape(seen))


@subcommand(service, "stop")
def stop(call: Invocation) -> None:
    """Stop the supervisor. Runs and sessions go on; what is queued or due waits until it is started again."""
    from workbench.services.supervision import control

    bench = call.changing()
    ran = control.stop(bench)
    text = "The supervisor is stopped; runs and sessions go on." if ran else "The supervisor does not run."
    answer(call, text, _shape(control.status(bench)))


@subcommand(service, "restart")
def restart(call: Invocation) -> None:
    """Stop and start the supervisor; runs and sessions go on."""
    from workbench.services.supervision import control

    bench = call.changing()
    control.restart(bench)
    seen = control.status(bench)
    answer(call, f"The supervisor runs, process {seen.pid}.", _shape(seen))


@subcommand(service, "logs")
@click.option("-f", "--follow", is_flag=True, help="Go on until ctrl+c.")
def logs(call: Invocation, follow: bool) -> None:
    """Show the supervisor's log."""
    path = call.reading().home.supervisor_log
    if not path.exists():
        raise NotFound("log of the supervisor", path.name, hint="It has not run in this home yet.")
    if call.json and not follow:
        emit({"text": path.read_text(encoding="utf-8", errors="replace")})
        return
    file_to_end(lambda: path, lambda: follow, line=ProgressLine(wanted=False))


@subcommand(service, "install")
def install(call: Invocation) -> None:
    """Have systemd start the supervisor with the login, or with the machine; says what else is needed."""
    from workbench.services.supervision import control

    done = control.install(call.changing())
    answer(call, "\n".join(done), {"done": done})


@subcommand(service, "uninstall")
def uninstall(call: Invocation) -> None:
    """Take the supervisor out of systemd; runs and sessions go on."""
    from workbench.services.supervision import control

    done = control.uninstall(call.changing())
    answer(call, "Taken out of systemd." if done else "It was not in systemd.", {"uninstalled": done})


@subcommand(service, "run")
def run(call: Invocation) -> None:
    """Run the supervisor in the foreground, to look at it or for another program that keeps services."""
    from workbench.services.supervision import control

    argv = control.command(call.changing().home, "foreground")
    environment = {**os.environ, **control.environment()}
    call.close()
    sys.stdout.flush()
    os.execve(argv[0], argv, environment)  # noqa: S606 - this process becomes the supervisor


def _shape(seen: SupervisorStatus) -> dict[str, Any]:
    return {
        "alive": seen.alive,
        "pid": seen.pid or None,
        "version": seen.version or None,
        "outdated": seen.outdated,
        "how": seen.how or None,
        "since": iso(seen.since),
        "silent": iso(seen.silent),
        "unit": seen.unit or None,
        "log": seen.log,
    }
