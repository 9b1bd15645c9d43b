"""Measures what sessions take, while somebody looks and not otherwise."""

from __future__ import annotations

import logging
import os
import threading
import time
from dataclasses import replace
from pathlib import Path

from workbench.errors import EngineDown, WorkbenchError
from workbench.model.environment import EngineName
from workbench.model.session import Session, SessionState
from workbench.model.usage import Usage
from workbench.services import projects
from workbench.services.usage import WATCHED
from workbench.store import sessions as rows
from workbench.supervisor.desk import Desk
from workbench.supervisor.engines import Engines

log = logging.getLogger("workbench.supervisor.sessions.gauge")
EVERY, FIRST = 2.0, 0.5  # seconds between measurements, and between the first two
DISK = 30.0  # seconds between looks at disks, which take an engine long


class Gauge:
    """One measurement of all sessions at a time, in a thread."""

    def __init__(self, desk: Desk, engines: Engines) -> None:
        self.desk = desk
        self.engines = engines
        self._last: dict[str, Usage] = {}  # by handle
        self._disk_at = 0.0
        self._due = 0.0
        self._thread: threading.Thread | None = None

    def look(self) -> float | None:
        """Measure where it is time and somebody looks; seconds until the next look, None where nobody does."""
        if not self._watched():
            self._last.clear()
            self._due = 0.0
            return None
        now = time.monotonic()
        if now >= self._due and not (self._thread and self._thread.is_alive()):
            self._due = now + (EVERY if self._last else FIRST)
            self._thread = self.desk.thread("gauge", self._measure)
        return max(0.05, self._due - now)

    def _watched(self) -> bool:
        try:
            return time.time() - self.desk.home.watched.stat().st_mtime < WATCHED
        except OSError:
            return False

    def _measure(self) -> None:
        with self.desk.read() as connection:
            up = rows.in_states(connection, {SessionState.READY})
        disk = time.monotonic() - self._disk_at > DISK
        if disk:
            self._disk_at = time.monotonic()
        for session in up:
            try:
                self._one(session, disk=disk)
            except EngineDown as error:
                self.engines.fell(EngineName(session.engine), error)
            except (WorkbenchError, OSError) as error:
                log.debug("session %s is not measured: %s", session.name, error)
        handles = {session.handle for session in up}
        self._last = {handle: usage for handle, usage in self._last.items() if handle in handles}

    def _one(self, session: Session, *, disk: bool) -> None:
        before = self._last.get(session.handle)
        found = self.engines.get(EngineName(session.engine)).usage(session.handle, disk=disk or before is None)
        if found is None:
            return
        if before:
            found = replace(found, cpu=_cores(before, found), disk=before.disk if found.disk is None else found.disk)
        found = replace(found, disk_free=self._free(session, before, again=disk))
        self._last[session.handle] = found
        _write(self.desk.home.usage_file(session.id), found.to_json())

    def _free(self, session: Session, before: Usage | None, *, again: bool) -> int | None:
        if before and not again:
            return before.disk_free
        facts = os.statvfs(projects.get(self.desk.bench, session.project).path)
        return facts.f_bavail * facts.f_frsize


def _cores(before: Usage, after: Usage) -> float | None:
    seconds = (after.at - before.at).total_seconds()
    if seconds <= 0 or before.cpu_seconds is None or after.cpu_seconds is None:
        return before.cpu
    return max(0.0, (after.cpu_seconds - before.cpu_seconds) / seconds)


def _write(path: Path, text: str) -> None:
    partial = path.with_suffix(".partial")
    with open(partial, "w", encoding="utf-8", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(text)
    partial.replace(path)
