"""`sessions`: IDEs that are up, and how to get into them."""

from __future__ import annotations

import os
from datetime import datetime
from typing import TYPE_CHECKING

import click

from workbench.cli import filters
from workbench.cli.facts import session as session_facts
from workbench.cli.grammar import noun, subcommand
from workbench.cli.invocation import Invocation
from workbench.cli.names import ide_names, project_names, session_names
from workbench.cli.names import session as session_of
from workbench.cli.shapes.things import SESSION
from workbench.cli.terminal import failure, following
from workbench.cli.terminal.output import Cell, answer, emit, note, say, state, table
from workbench.cli.terminal.progress import ProgressLine
from workbench.errors import Refused, WorkbenchError
from workbench.model.session import ALIVE, ENDED, Session, SessionState
from workbench.text import age

if TYPE_CHECKING:
    from workbench.services.bench import Bench

STATE_GROUPS = {"alive": ALIVE, "ended": ENDED}
sessions = noun("sessions", "IDEs that are open.")
NAME = click.argument("session", metavar="SESSION", shell_complete=session_names)
NAMES = click.argument("names", metavar="SESSION...", nargs=-1, required=True, shell_complete=session_names)
PORT = click.IntRange(1, 65535)
DETACH = click.option("-d", "--detach", is_flag=True, help="Do not wait.")


@subcommand(sessions, "list")
@filters.filtered
def list_sessions(call: Invocation, wanted: filters.Wanted) -> None:
    """List sessions, newest first. Their addresses are without secrets; `sessions url` prints one with its secret."""
    from workbench.services import sessions as service
    from workbench.services import usage

    bench = call.reading()
    now = bench.now()
    states = filters.states(wanted.state, SessionState, STATE_GROUPS)
    filters.check_project(bench, wanted.project)
    start = filters.since(wanted.since, now, bench.zone) if wanted.since else None
    found = [
        session
        for session in service.listing(bench, wanted.project)
        if (not states or session.state in states) and (not start or session.created >= start)
    ]
    if call.json:
        usage.watch(bench)
        emit([SESSION.of(session) for session in usage.seen(bench, found)])
        return
    table(
        call,
        ("ID", "STATE", "NAME", "PROJECT", "ENVIRONMENT", "AGE", "ADDRESS"),
        [_row(session, now) for session in found],
        empty="Nothing matches." if wanted.narrowed else "No sessions. Start one: workbench open PROJECT",
    )


@subcommand(sessions, "start")
@click.argument("project", shell_complete=project_names)
@click.option(
    "--ide",
    default="",
    shell_complete=ide_names,
    help="The tool; the first of the environment that opens FILE unless given.",
)
@click.option("--name", help="What to call it; PROJECT-IDE unless given.")
@click.option("--file", "file", default="", metavar="FILE", help="What to open first, relative to the project.")
@click.option("--idle-stop", type=filters.IdleTime(), help="Stop it after so long without work, as 2h; `off`: never.")
@DETACH
def start(
    call: Invocation, project: str, ide: str, name: str | None, file: str, idle_stop: float | None, detach: bool
) -> int:
    """Start a session of a project and wait until it answers."""
    from workbench.services import sessions as service

    session = service.start(call.changing(), project, ide, name=name, file=file, idle_stop=idle_stop)
    try:
        found = up(call, session, detach=detach)
    except KeyboardInterrupt:
        return failure.INTERRUPTED
    if call.json:
        emit(SESSION.of(found))
    return told(call, found, detach=detach)


@subcommand(sessions, "url")
@NAME
@click.option("--port", type=PORT, help="Of what listens on this port inside.")
@click.option("--plain", is_flag=True, help="With 127.0.0.1, for programs that do not know names below localhost.")
def url(call: Invocation, session: str, port: int | None, plain: bool) -> None:
    """Print the address with its secret, for a browser; over SSH also the line that brings it to your machine."""
    from workbench.services import forwards
    from workbench.services import sessions as service

    bench = call.reading()
    found = session_of(bench, session)
    if port:
        address, login, password = forwards.secret_url(bench, found.id, port, plain=plain), "", ""
    else:
        address = service.secret_url(bench, found.id, plain=plain)
        login, password = service.password(bench, found.id)
    tunnel = service.tunnel_line(found)
    if call.json:
        emit({"url": address, "tunnel": tunnel, "login": login, "password": password})
        return
    click.echo(address)
    if login:
        note(call, f"Sign in as {login} with the password {password}")
    if tunnel:
        note(call, f"On your own machine, first: {tunnel}")


@subcommand(sessions, "show")
@NAME
def show(call: Invocation, session: str) -> None:
    """Show a session."""
    from workbench.services import sessions as service

    bench = call.reading()
    found = session_of(bench, session)
    session_facts.show(call, bench, found, str(service.log_path(bench, found.id)))


@subcommand(sessions, "top")
@click.option("--project", "-p", default="", help="Of this project only.", shell_complete=project_names)
@click.option("--once", is_flag=True, help="One picture, also on a terminal.")
def top(call: Invocation, project: str, once: bool) -> None:
    """Show what sessions take of the machine, until ctrl+c."""
    session_facts.top(call, call.reading(), project, once=once)


@subcommand(sessions, "keep")
@NAMES
@click.option("--off", is_flag=True, help="Let them stop when idle again.")
def keep(call: Invocation, names: tuple[str, ...], off: bool) -> None:
    """Call the idle stop of sessions off until they are started again."""
    from workbench.services import sessions as service

    bench = call.changing()
    found = [session_of(bench, name) for name in dict.fromkeys(names)]
    for session in found:
        service.keep(bench, session.id, kept=not off)
    label = ", ".join(session.name for session in found)
    told = f"{label} may stop when idle again." if off else f"{label}: not stopped when idle, until started again."
    answer(call, told, [SESSION.of(service.get(bench, session.id)) for session in found])


@subcommand(sessions, "shell")
@NAME
def shell(call: Invocation, session: str) -> None:
    """Open a shell in a session, in its project's folder."""
    from workbench.services import sessions as service

    bench = call.changing()
    argv = service.shell(bench, session_of(bench, session).id)
    call.close()
    try:
        os.execvp(argv[0], argv)  # noqa: S606 - the terminal becomes the shell's
    except OSError as error:
        raise WorkbenchError(f"cannot start {argv[0]}: {error.strerror}") from error


@subcommand(sessions, "restart")
@NAMES
@DETACH
def restart(call: Invocation, names: tuple[str, ...], detach: bool) -> int:
    """Start sessions anew, at the same address."""
    from workbench.services import sessions as service

    bench = call.changing()
    found = [session_of(bench, name) for name in dict.fromkeys(names)]
    for session in found:
        service.restart(bench, session.id)
    try:
        found = [up(call, session.id, detach=detach) for session in found]
    except KeyboardInterrupt:
        return failure.INTERRUPTED
    if call.json:
        emit([SESSION.of(session) for session in found])
    return max(told(call, session, detach=detach) for session in found)


@subcommand(sessions, "stop")
@NAMES
@DETACH
def stop(call: Invocation, names: tuple[str, ...], detach: bool) -> None:
    """Stop sessions; what is in the project stays."""
    from workbench.services import sessions as service

    bench = call.changing()
    found = [session_of(bench, name) for name in dict.fromkeys(names)]
    for session in found:
        service.stop(bench, session.id)
    down(call, bench, found, detach=detach)


@subcommand(sessions, "remove")
@NAMES
@click.option("--stop", "stop_first", is_flag=True, help="Stop them first where they are up.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
def remove(call: Invocation, names: tuple[str, ...], stop_first: bool, yes: bool) -> None:
    """Take sessions from the lists; what is in the project stays."""
    from workbench.cli.terminal.asking import sure
    from workbench.services import sessions as service

    bench = call.changing()
    found = [session_of(bench, name) for name in dict.fromkeys(names)]
    label = ", ".join(session.name for session in found)
    sure(call, f"Remove {label}? Files of the project stay.", yes=yes)
    alive = [session for session in found if session.state not in ENDED]
    if alive and stop_first:
        for session in alive:
            service.stop(bench, session.id)
        for session in alive:
            following.session_to_end(bench, session.id, line=_line(call))
    for session in found:
        service.remove(bench, session.id)
    answer(call, f"Removed {label}.", {"removed": [f"s{session.id}" for session in found]})


def up(call: Invocation, session_id: int, *, detach: bool) -> Session:
    """The session once it answers or has ended; at once where `detach` is set. ctrl+c leaves it alone."""
    from workbench.services import sessions as service

    bench = call.changing()
    if detach:
        return service.get(bench, session_id)
    line = _line(call)
    try:
        return following.session_to_ready(bench, session_id, line=line)
    except KeyboardInterrupt:
        line.end()
        note(call, f"s{session_id} goes on. Follow: workbench logs s{session_id} -f")
        raise


def told(call: Invocation, session: Session, *, detach: bool) -> int:
    """Say how a session that was asked for is; the exit code. Raises its error where it did not become ready."""
    from workbench.services import sessions as service

    if not (ready := session.state is SessionState.READY) and not detach:
        if call.json:
            return failure.FAILED
        raise broken(session)
    if call.quiet and not call.json:
        click.echo(f"s{session.id}")
    say(call, f"s{session.id} {session.name} {f'is ready: {session.url}' if ready else 'was asked for'}")
    if ready:
        note(call, service.left_to_open(call.reading(), session))
        say(
            call,
            f"Open it: workbench open {' '.join([session.project, *session.options])}\n"
            f"Its address with its secret: workbench sessions url {session.name}",
        )
    return 0


def down(call: Invocation, bench: Bench, found: list[Session], *, detach: bool) -> None:
    """Wait until sessions that were asked to stop have ended, and say so."""
    if not detach:
        line = _line(call)
        found = [following.session_to_end(bench, session.id, line=line) for session in found]
    label = ", ".join(session.name for session in found)
    answer(call, f"{'Stopping' if detach else 'Stopped'} {label}.", [SESSION.of(session) for session in found])


def broken(session: Session) -> WorkbenchError:
    """The error of a session that did not become ready."""
    return Refused(
        session.reason or f"it is {session.state}",
        title=f"session {session.name} {session.state}",
        hint=session.hint or f"What it said: workbench logs s{session.id}",
    )


def _row(session: Session, now: datetime) -> tuple[Cell | str, ...]:
    from workbench.services.usage import stops_in

    return (
        f"s{session.id}",
        state(str(session.state)),
        session.name,
        session.project,
        session.environment,
        age(session.created, now),
        " ".join(part for part in (session.reason, stops_in(session, now)) if part)
        or (session.url if session.state in ALIVE else ""),
    )


def _line(call: Invocation) -> ProgressLine:
    return ProgressLine(wanted=not call.quiet and not call.json)
