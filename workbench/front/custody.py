"""Fronts from outside: start one, see whether it lives, end it. The lock says whether it lives, never a process id."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys

from workbench.errors import WorkbenchError
from workbench.front import job as jobs
from workbench.front.job import RUNS, TAKEN, Job, Place
from workbench.locks import is_held
from workbench.paths import private_folder
from workbench.text import one_line

START = 30.0  # seconds until it listens: a cold disk is slow
GRACE = 4.0  # seconds between asking it to end and killing it


class Taken(Exception):  # noqa: N818 - a condition that is answered with another port
    """Another program has the port, which is its argument."""


def start(place: Place, job: Job) -> None:
    """Start a front; it listens when this returns. Raises `Taken`, or `WorkbenchError` with what it refused."""
    private_folder(place.own)
    jobs.write(place, job)
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "workbench.front", str(place.job)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            timeout=START,
            start_new_session=True,
            check=False,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise WorkbenchError("its sign-in front could not be started", hint=f"What it said: {place.log}") from error
    if done.returncode == TAKEN:
        raise Taken(int(done.stderr.strip().rpartition("\n")[2]))
    if done.returncode not in (0, RUNS):
        raise WorkbenchError(f"its sign-in front could not be started: {one_line(done.stderr, 300)}")


def alive(place: Place) -> bool:
    """Whether a front of this session lives."""
    return is_held(place.lock)


def stop(place: Place) -> None:
    """End the front of this session where there is one; returns when it ended."""
    place.job.unlink(missing_ok=True)  # also where its process cannot be told: it looks for it
    for number in (signal.SIGTERM, signal.SIGKILL):
        descriptor = _process(place)
        if descriptor is None:
            return
        try:
            signal.pidfd_send_signal(descriptor, number)
            ended, _, _ = select.select([descriptor], [], [], GRACE)
        except ProcessLookupError:
            return
        finally:
            os.close(descriptor)
        if ended:
            return


def _process(place: Place) -> int | None:
    """A descriptor of the process that holds the lock; None where there is none."""
    try:
        descriptor = os.pidfd_open(int(place.lock.read_text() or 0))
    except (OSError, ValueError):
        return None
    if is_held(place.lock):  # after it was opened, so that it is no other process that has the number by now
        return descriptor
    os.close(descriptor)
    return None
