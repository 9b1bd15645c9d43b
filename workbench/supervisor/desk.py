"""What all parts of the supervisor share: the home, its store, the engines, and a way to wake the loop."""

from __future__ import annotations

import logging
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from workbench.engines.base import Person
from workbench.paths import Home, account_name
from workbench.services.bench import Bench
from workbench.settings import Settings
from workbench.store.events import SUPERVISOR, Actor

log = logging.getLogger("workbench.supervisor")
CRASH_AT = "WB_CRASH_AT"  # tests: the process ends itself at the n-th point


@dataclass
class Desk:
    """One a supervisor. `wake` makes the loop look now; `stopping` is set once it shall end."""

    bench: Bench
    wake: Callable[[], None]
    wake_path: Path
    stopping: threading.Event = field(default_factory=threading.Event)
    _points: int = field(default=0, repr=False)
    _counting: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @property
    def home(self) -> Home:
        """The home."""
        return self.bench.home

    @property
    def settings(self) -> Settings:
        """The settings as they are now."""
        return self.bench.settings

    @property
    def actor(self) -> Actor:
        """The supervisor itself, in the journal."""
        return Actor(SUPERVISOR, self.bench.actor.account, SUPERVISOR)

    @property
    def person(self) -> Person:
        """Whom files belong to."""
        return Person(os.getuid(), os.getgid(), account_name(os.getuid()))

    def now(self) -> datetime:
        """The time."""
        return self.bench.now()

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """A connection for reading."""
        with self.bench.store.read() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """One transaction; what tests kill it at lies before and after its commit."""
        with self.bench.store.write() as connection:
            yield connection
            self.point()
        self.point()

    def point(self) -> None:
        """A place at which a test may have this process die, as if by kill -9."""
        wanted = os.environ.get(CRASH_AT)
        if not wanted:
            return
        with self._counting:
            self._points += 1
            if self._points == int(wanted):
                os._exit(9)

    def thread(self, name: str, body: Callable[[], None]) -> threading.Thread:
        """Start `body` in a thread of its own; what it raises is logged, and the loop is woken at its end."""

        def guarded() -> None:
            try:
                body()
            except Exception:  # the outermost of this thread: the process goes on
                log.exception("%s failed", name)
            self.wake()

        thread = threading.Thread(target=guarded, name=name, daemon=True)
        thread.start()
        return thread
