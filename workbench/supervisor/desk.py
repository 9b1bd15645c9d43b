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
from workbench.errors import StoreError
from workbench.paths import Home, account_name
from workbench.services.bench import Bench
from workbench.settings import Settings
from workbench.store.events import SUPERVISOR, Actor
from workbench.supervisor.budget import Budget
from workbench.supervisor.reserve import Reserve
from workbench.text import one_line

log = logging.getLogger("workbench.supervisor")
REFUSED_ROW = (sqlite3.IntegrityError, sqlite3.DataError, sqlite3.ProgrammingError)  # one row is wrong, not the store
CRASH_AT = "WB_CRASH_AT"  # tests: the process ends itself at the n-th point


@dataclass
class Desk:
    """One a supervisor. `wake` makes the loop look now; `stopping` is set once it shall end."""

    bench: Bench
    wake: Callable[[], None]
    wake_path: Path
    stopping: threading.Event = field(default_factory=threading.Event)
    budget: Budget = field(init=False)
    _points: int = field(default=0, repr=False)
    _counting: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _faults: dict[str, str] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        self.budget = Budget(self.bench.home)

    @property
    def home(self) -> Home:
        """The home."""
        return self.bench.home

    @property
    def reserve(self) -> Reserve:
        """Room for what has to be written although the disk is full."""
        return Reserve(self.home.state)

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
        try:
            with self.bench.store.write() as connection:
                yield connection
                self.point()
        except StoreError as error:
            if "disk is full" in error.message and self.reserve.give_up():
                self.wake()  # what could not be written is looked at again, and can be now
            raise
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

    def apart(
        self,
        what: str,
        act: Callable[[], None],
        told: Callable[[str], None] | None = None,
        *,
        passing: type[Exception] | tuple[()] = (),
    ) -> bool:
        """Do `act` for one thing of many: what goes wrong in it is logged and `told`, and the others go on.

        What ails the store itself is no one thing's fault, and is passed on, as is what is `passing`. A fault is logged
        once, not at each look.
        """
        try:
            act()
        except passing:
            raise
        except Exception as error:  # as in a thread of its own, of which there would be too many
            if isinstance(error, StoreError) and not isinstance(error.__cause__, REFUSED_ROW):
                raise
            fault = f"workbench itself failed: {type(error).__name__}: {one_line(str(error), 200)}"
            if self._faults.get(what) != fault:
                log.exception("%s: workbench itself failed", what)
            self._faults[what] = fault
            if told:
                told(fault)
            return False
        self._faults.pop(what, None)
        return True

    def thread(self, name: str, body: Callable[[], None]) -> threading.Thread:
        """Start `body` in a thread of its own; what it raises is logged, and the loop is woken at its end."""

        def guarded() -> None:
            try:
                body()
            except Exception:  # the outermost of this thread: the process goes on
                log.exception("%s failed", name)
            finally:
                self.bench.store.release()
            self.wake()

        thread = threading.Thread(target=guarded, name=name, daemon=True)
        thread.start()
        return thread
