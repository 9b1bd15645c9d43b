"""Programs that build or pull: run to their end, read line by line, ended with all they started when that is asked."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from threading import Event
from typing import IO

from workbench.engines.base import Cancelled
from workbench.errors import WorkbenchError

GRACE = 5.0  # seconds a cancelled program has to leave by itself
LOOK = 0.2  # seconds between looks at the wish to cancel


def run(
    argv: Sequence[str],
    environ: Mapping[str, str],
    read: Callable[[str], str],
    sink: IO[str],
    cancelled: Event,
    *,
    silent: Callable[[float], None] | None = None,
) -> int:
    """Run it to its end; its exit code. `read` is given each line and returns it for the log, empty for nothing;
    `silent` is told after each look for how many seconds there was none. Raises `Cancelled`."""
    try:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environ,
            start_new_session=True,
        )
    except OSError as error:
        raise WorkbenchError(f"cannot run {argv[0]}: {error.strerror}", title="Docker") from error
    with process:
        try:
            for line in _lines(process, cancelled, silent):
                if kept := read(line):
                    sink.write(kept + "\n")
                    sink.flush()
        finally:
            _end(process, at_once=cancelled.is_set())
        if cancelled.is_set():
            raise Cancelled
        return process.returncode


def _lines(process: subprocess.Popen[bytes], cancelled: Event, silent: Callable[[float], None] | None) -> Iterator[str]:
    """Its lines until it ends or is to be cancelled."""
    assert process.stdout is not None
    rest = b""
    heard = time.monotonic()
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while not cancelled.is_set():
            if not selector.select(LOOK):
                if silent:
                    silent(time.monotonic() - heard)
                continue
            heard = time.monotonic()
            chunk = os.read(process.stdout.fileno(), 65536)
            if not chunk:
                break
            *whole, rest = (rest + chunk).split(b"\n")
            for line in whole:
                yield line.decode("utf-8", "replace")
    if rest:
        yield rest.decode("utf-8", "replace")


def _end(process: subprocess.Popen[bytes], *, at_once: bool) -> None:
    """Wait for a program that closed its output; end one that did not, with everything it started."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        if at_once and process.poll() is None:
            os.killpg(process.pid, number)
        try:
            process.wait(GRACE)
        except subprocess.TimeoutExpired:
            at_once = True
        else:
            return
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
