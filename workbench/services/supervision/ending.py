"""The end of a supervisor that was asked to go: it leaves by itself, or is killed where it has not answered before."""

from __future__ import annotations

import signal
import time

from workbench.errors import WorkbenchError
from workbench.paths import Home
from workbench.services.supervision.holder import card, held, signal_it

STOP_WAIT = 15.0  # seconds; it leaves within 5
KILL_WAIT = 5.0  # seconds until a killed one is gone: a disk may have to answer it first


def end(home: Home, *, kill: bool) -> None:
    """Ask it to end and wait for that. `kill`: it hangs, so it is killed then; SQLite undoes what was half written."""
    if not _gone(home, STOP_WAIT, signal.SIGTERM, signal.SIGCONT):  # one that was stopped hears nothing before SIGCONT
        if not kill:
            raise WorkbenchError(
                f"the supervisor did not end within {STOP_WAIT:g} s",
                title=str(home.root),
                hint=f"What it does is in {home.supervisor_log}",
            )
        if not _gone(home, KILL_WAIT, signal.SIGKILL):
            raise WorkbenchError(
                f"the supervisor, process {card(home).get('pid')}, neither answers nor can be killed: it waits for a disk",
                title=str(home.root),
                hint="See: workbench doctor",
            )


def _gone(home: Home, seconds: float, *numbers: signal.Signals) -> bool:
    """Whether it let its lock go after these signals."""
    deadline = time.monotonic() + seconds
    told: object = None
    while held(home):
        # By process: one that was starting meanwhile may take over what the first lets go.
        if (holder := card(home).get("pid")) != told and all(signal_it(home, number) for number in numbers):
            told = holder
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
