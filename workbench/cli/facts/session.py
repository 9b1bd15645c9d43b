"""What `sessions show` and `sessions top` say of sessions that are up."""

from __future__ import annotations

import sys
import time
from datetime import datetime
from typing import TYPE_CHECKING

import click

from workbench.cli.invocation import Invocation
from workbench.cli.shapes.things import SESSION
from workbench.cli.terminal.output import Cell, emit, record, state, table
from workbench.model.session import ALIVE, Session, SessionState
from workbench.text import age, memory, size

if TYPE_CHECKING:
    from workbench.services.bench import Bench

REFRESH = 2.0  # seconds between two pictures of `top`


def show(call: Invocation, bench: Bench, session: Session, log: str) -> None:
    """All of one session, measured now where it is up."""
    from workbench.services import sessions, usage

    (session,) = usage.measured(bench, [session])
    tunnel = sessions.tunnel_line(session) if session.state in ALIVE else ""
    if call.json:
        emit({**SESSION.of(session), "log": log, "tunnel": tunnel})
        return
    now = bench.now()
    record(
        [
            ("session", f"s{session.id} {session.name}"),
            ("state", state(str(session.state))),
            ("why", session.reason),
            ("do", session.hint),
            ("project", session.project),
            ("environment", " ".join(part for part in (session.environment, session.engine, session.revision) if part)),
            ("address", session.url),
            *((f"port {one.inside}", one.told) for one in session.forwards),
            ("tunnel", tunnel),
            ("file", session.file),
            ("use", usage.words(session.usage)),
            ("disk", usage.disk(session.usage)),
            ("idle stop", usage.countdown(session, now)),
            ("asked", f"{age(session.created, now)} ago by {session.by}, {session.origin}"),
            ("ready since", age(session.started, now) if session.state is SessionState.READY else None),
            ("log", log),
        ],
    )


def top(call: Invocation, bench: Bench, project: str, *, once: bool) -> None:
    """What sessions take, again and again on a terminal until ctrl+c; once for programs."""
    from workbench.services import sessions, usage

    while True:
        up = [session for session in sessions.listing(bench, project) if session.state in ALIVE]
        found = sorted(usage.measured(bench, up), key=_weight, reverse=True)
        if call.json:
            emit([SESSION.of(session) for session in found])
            return
        live = sys.stdout.isatty() and not once and not call.quiet
        if live:
            click.clear()
        now = bench.now()
        table(
            call,
            ("ID", "STATE", "NAME", "CPU", "MEMORY", "LIMIT", "PROCESSES", "DISK", "IDLE"),
            [_row(session, now) for session in found],
            empty="No session is up. Start one: workbench open PROJECT",
        )
        if not live:
            return
        time.sleep(REFRESH)


def _weight(session: Session) -> tuple[float, int]:
    taken = session.usage
    return (taken.cpu or 0.0, taken.memory or 0) if taken else (0.0, 0)


def _row(session: Session, now: datetime) -> tuple[Cell | str, ...]:
    from workbench.services import usage

    taken = session.usage
    idle = usage.stops_in(session, now) or session.busy
    if taken is None:
        return (f"s{session.id}", state(str(session.state)), session.name, "", "", "", "", "", idle)
    return (
        f"s{session.id}",
        state(str(session.state)),
        session.name,
        usage.processor(taken),
        memory(taken.memory) if taken.memory is not None else "",
        memory(taken.memory_limit) if taken.memory_limit else "",
        str(taken.processes or ""),
        size(taken.disk) if taken.disk is not None else "",
        idle,
    )
