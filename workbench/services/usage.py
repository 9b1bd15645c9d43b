"""What sessions take, for those who look.

looking touches a file ─▶ the supervisor measures while that is fresh ─▶ a small file a session ─▶ read here
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from workbench.model.session import Session, SessionState
from workbench.model.usage import Usage
from workbench.services.bench import Bench
from workbench.services.supervision import control
from workbench.text import age, duration, memory, size

WATCHED = 15.0  # seconds for which one look has sessions measured
FRESH = 10.0  # seconds after which a measurement says nothing any more
FIRST = 2.5  # seconds that a first measurement is waited for: it takes two looks to know what a processor does
STEP = 0.05


def watch(bench: Bench) -> None:
    """Have sessions measured for a while. Quick; no supervisor is started for it."""
    path = bench.home.watched
    try:
        watched = time.time() - path.stat().st_mtime < WATCHED
    except OSError:
        watched = False
    try:
        path.touch(mode=0o600)
    except OSError:  # the disk is full, or not ours: then there are no numbers
        return
    if not watched and control.held(bench.home):
        control.wake(bench)


def of(bench: Bench, session: Session) -> Usage | None:
    """What a session takes; None where that was not measured just now."""
    if session.state is not SessionState.READY:
        return None
    try:
        usage = Usage.from_json(bench.home.usage_file(session.id).read_text(encoding="utf-8"))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return usage if abs((bench.now() - usage.at).total_seconds()) < FRESH else None


def seen(bench: Bench, sessions: Iterable[Session]) -> list[Session]:
    """Sessions with what they take, as far as that is known now."""
    return [replace(session, usage=of(bench, session)) for session in sessions]


def measured(bench: Bench, sessions: Iterable[Session]) -> list[Session]:
    """Sessions with what they take, waited for a moment where somebody can measure it."""
    known = list(sessions)
    if not any(session.state is SessionState.READY for session in known):
        return known
    watch(bench)
    deadline = time.monotonic() + (FIRST if control.held(bench.home) else 0.0)
    while True:
        found = seen(bench, known)
        up = [session for session in found if session.state is SessionState.READY]
        if all(session.usage and session.usage.cpu is not None for session in up) or time.monotonic() > deadline:
            return found
        time.sleep(STEP)


def processor(usage: Usage | None) -> str:
    """What it takes of a processor, one core as 100: `31%`; empty where that is not known."""
    return f"{usage.cpu * 100:.0f}%" if usage and usage.cpu is not None else ""


def held(usage: Usage | None) -> str:
    """The memory it holds: `340 MB of 4 GB`; empty where that is not known."""
    if usage is None or usage.memory is None:
        return ""
    limit = f" of {memory(usage.memory_limit)}" if usage.memory_limit else ""
    return f"{memory(usage.memory)}{limit}"


def words(usage: Usage | None) -> str:
    """All of it on one line; empty where nothing is known."""
    if usage is None:
        return ""
    parts = [f"{processor(usage)} of a core" if usage.cpu is not None else "", held(usage)]
    parts += [f"{usage.processes} process{'' if usage.processes == 1 else 'es'}" if usage.processes else ""]
    parts += [
        f"GPU {gpu.index} {gpu.used * 100:.0f}%, {memory(gpu.memory)} of {memory(gpu.memory_total)}"
        for gpu in usage.gpus
    ]
    return ", ".join(part for part in parts if part)


def disk(usage: Usage | None) -> str:
    """What it wrote that goes with it, and what is left for its project."""
    if usage is None:
        return ""
    own = f"{size(usage.disk)} in its container, gone with it" if usage.disk else ""
    free = f"{size(usage.disk_free)} left for its project" if usage.disk_free is not None else ""
    return ", ".join(part for part in (own, free) if part)


def countdown(session: Session, now: datetime) -> str:
    """How its idle stop stands; empty where it has none or is not up."""
    if not session.idle_stop or session.state is not SessionState.READY:
        return ""
    after = f"after {duration(session.idle_stop)} without work"
    if session.kept:
        return "called off until its next start"
    if session.stops_at:
        return f"{stops_in(session, now)} if it stays idle"
    return f"{after}; {session.busy}" if session.busy else after


def stops_in(session: Session, now: datetime) -> str:
    """`stops in 9m`; empty where it does not count."""
    if session.stops_at is None or session.state is not SessionState.READY:
        return ""
    return f"stops {age(session.stops_at, now)}" if session.stops_at > now else "stops now"
