"""Idle stop: whether anybody or anything uses a session, and how long that has not been so.

A session counts as used while a kernel is busy, a browser is connected, a program runs in a terminal, a shell is open
in it, or its processes compute. What cannot be found out counts as used: a session is stopped on evidence only.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from workbench import ports
from workbench.engines.base import Engine
from workbench.model.session import Session
from workbench.model.usage import Inhabitant
from workbench.supervisor.sessions import jupyter

COMPUTES = 0.1  # cores; what is above counts as work
LOOKS, SELDOM = 4.0, 30.0  # looks in one idle time at least; seconds between looks at most
NOTICE = 60.0  # seconds that a countdown stands at least before it ends, also after a sleep of the machine
KERNELS = "/api/kernels?no_track_activity=1"  # this question is no activity


@dataclass(frozen=True)
class Signs:
    """What a look gave: why it is in use, empty where it is not; when it was used last, as far as the tool tells."""

    busy: str = ""
    used: datetime | None = None


@dataclass(frozen=True)
class Countdown:
    """How a session stands: in use, or stopped at `stops_at` unless it is used before."""

    busy: str = ""
    stops_at: datetime | None = None


@dataclass(frozen=True)
class _Seen:
    at: float  # by the monotonic clock, which stands still while the machine sleeps
    when: datetime  # by the clock on the wall, which does not
    used: datetime
    cpu: tuple[float, float] | None = None  # when, and seconds of processor time until then
    countdown: Countdown = Countdown()


class Idle:
    """Looks at sessions that stop when idle; each by its generation."""

    def __init__(self) -> None:
        self._seen: dict[tuple[int, int], _Seen] = {}

    def look(self, session: Session, jupyter: str, engine: Engine, now: datetime) -> Countdown:
        """How it stands now. Looks seldom, between looks it gives what the last one found.

        `jupyter`: what a Jupyter server is asked with, as `token 1234`; empty for a tool that is none.
        """
        limit = session.idle_stop
        if not limit or session.kept:
            self._seen.pop((session.id, session.generation), None)
            return Countdown()
        key = (session.id, session.generation)
        pause = min(SELDOM, limit / LOOKS)
        last = self._seen.get(key)
        clock = time.monotonic()
        if last and clock - last.at < pause and not (last.countdown.stops_at and now >= last.countdown.stops_at):
            return last.countdown
        seen = last or _Seen(clock, now, self._used_before(session, limit, now))
        signs, cpu = self._signs(session, jupyter, engine, seen)
        used = now if signs.busy else max(seen.used, signs.used or seen.used)
        if signs.busy:
            countdown = Countdown(busy=signs.busy)
        else:
            stops_at = used + timedelta(seconds=limit)
            # Nobody could see a countdown while we were away or the machine slept.
            if last is None or now - last.when > timedelta(seconds=pause + NOTICE):
                stops_at = max(stops_at, now + timedelta(seconds=min(NOTICE, limit / 2)))
            elif last.countdown.stops_at and used == seen.used:
                stops_at = max(stops_at, last.countdown.stops_at)
            countdown = Countdown(stops_at=stops_at)
        self._seen[key] = replace(seen, at=clock, when=now, used=used, cpu=cpu, countdown=countdown)
        return countdown

    def _used_before(self, session: Session, limit: float, now: datetime) -> datetime:
        """When it was used last, for one that we see for the first time: the supervisor before us may have counted."""
        counted = session.stops_at - timedelta(seconds=limit) if session.stops_at else now
        return min(now, counted)

    def _signs(
        self, session: Session, jupyter: str, engine: Engine, seen: _Seen
    ) -> tuple[Signs, tuple[float, float] | None]:
        usage = engine.usage(session.handle, disk=False)
        clock = time.monotonic()
        cpu = (clock, usage.cpu_seconds) if usage and usage.cpu_seconds is not None else None
        signs = _kernels(session, jupyter) if jupyter else Signs()
        if not signs.busy and any(map(ports.connected, session.listening)):
            signs = Signs("a browser is open")
        if not signs.busy:
            signs = replace(signs, busy=in_terminals(engine.inhabitants(session.handle)))
        if not signs.busy and cpu and seen.cpu and clock > seen.cpu[0]:
            cores = (cpu[1] - seen.cpu[1]) / (clock - seen.cpu[0])
            if cores > COMPUTES:
                signs = replace(signs, busy=f"it computes, on {cores:.1f} cores")
        return signs, cpu


def in_terminals(inhabitants: Sequence[Inhabitant]) -> str:
    """What runs in terminals of a session: programs below a shell, or a shell that was opened from outside."""
    here = {one.pid: one for one in inhabitants}
    for one in inhabitants:
        if one.terminal and one.parent not in here and one.pid != 1:
            return "a shell is open in it"
        above = here.get(one.parent)
        if above and above.terminal:
            return f"{one.name} runs in a terminal"
    return ""


def _kernels(session: Session, authorization: str) -> Signs:
    """What Jupyter says of its kernels. Asking it is no activity."""
    try:
        kernels = jupyter.ask(session, authorization, KERNELS)
        used = [datetime.fromisoformat(str(kernel["last_activity"])) for kernel in kernels]
        busy = sum(kernel.get("execution_state") == "busy" for kernel in kernels)
        open_ones = sum(int(kernel.get("connections") or 0) for kernel in kernels)
    except (*jupyter.ERRORS, KeyError, TypeError):
        return Signs("it does not say what its kernels do")
    if busy:
        return Signs("a kernel is busy" if busy == 1 else f"{busy} kernels are busy")
    return Signs("a notebook is open in a browser" if open_ones else "", max(used, default=None))
