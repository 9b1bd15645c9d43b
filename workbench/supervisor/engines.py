"""The engines as they are: opened once, asked now and then in a thread, what they answer written down."""

from __future__ import annotations

import logging
import threading
import time
from datetime import datetime, timedelta

from workbench.engines.base import Engine, Facts
from workbench.engines.registry import greet, open_engine
from workbench.errors import WorkbenchError
from workbench.model.environment import EngineName
from workbench.settings import Settings
from workbench.store import environments as rows
from workbench.store.environments import EngineRow
from workbench.supervisor.desk import Desk
from workbench.text import one_line

log = logging.getLogger("workbench.supervisor.engines")
IDLE, WAITING = 30.0, 2.0  # seconds between questions
# Seconds for which it holds that somebody waits: whoever does looks, and says so, twice a minute at least.
AWAITED = 40.0
WRITE_DOWN = timedelta(minutes=10)  # an unchanged answer is written again after this


class Engines:
    """Both engines, by name. `facts` is the newest answer, None before the first."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.facts: dict[EngineName, Facts] = {}
        self._awaited = -AWAITED  # when somebody last said that it waits for an engine to be back
        self._at: dict[EngineName, tuple[str, str]] = {}  # where one has answered: from then on it is that one
        self._open: dict[EngineName, tuple[Settings, Engine]] = {}
        self._guard = threading.Lock()
        self._since: dict[EngineName, datetime] = {}  # when those that do not answer were first seen so
        self._written: dict[EngineName, tuple[Facts, datetime]] = {}
        self._ask = threading.Event()

    def begin(self) -> None:
        """Start asking."""
        with self.desk.read() as connection:
            known = rows.engines(connection)
        self._since = {name: row.since for name, row in known.items() if row.problem and row.since}
        self.desk.thread("engines", self._watch)

    def get(self, name: EngineName) -> Engine:
        """The engine, with the settings as they are now."""
        settings = self.desk.settings
        with self._guard:
            found = self._open.get(name)
            if found is None or found[0] != settings:
                found = self._open[name] = (
                    settings,
                    open_engine(name, self.desk.home, settings, at=self._at.get(name)),
                )
            return found[1]

    def problem(self, name: EngineName) -> tuple[str, str]:
        """What is wrong with an engine and what to do; empty where it answers or was not asked yet."""
        facts = self.facts.get(name)
        return (facts.problem, facts.hint) if facts else ("", "")

    def down(self, name: EngineName, problem: str) -> str:
        """What is said of whatever waits for it."""
        at = self._since.get(name)
        since = f" since {at.astimezone(self.desk.bench.zone):%Y-%m-%d %H:%M}" if at else ""
        return f"{name} is down{since}: {one_line(problem, 200)}"

    def fell(self, name: EngineName, error: WorkbenchError) -> None:
        """A call found the engine down before the next question did."""
        old = self.facts.get(name)
        self._note(
            Facts(name, endpoint=old.endpoint if old else "", problem=error.message, hint=error.hint), self.desk.now()
        )
        self.waits()
        self._ask.set()

    def waits(self) -> None:
        """Something waits for an engine to be back: from now on that is asked more often, as long as this is said again."""
        now = time.monotonic()
        if now - self._awaited >= AWAITED:
            self._ask.set()  # the next question may be half a minute off
        self._awaited = now

    def _note(self, facts: Facts, now: datetime) -> None:
        self.facts[facts.name] = facts
        if facts.problem:
            self._since.setdefault(facts.name, now)
        else:
            self._since.pop(facts.name, None)

    def _watch(self) -> None:
        while not self.desk.stopping.is_set():
            for name in EngineName:
                try:
                    self._question(name)
                except Exception:  # the outermost of this thread: the next question may go better
                    log.exception("asking %s failed", name)
            self._ask.wait(self._pause())
            self._ask.clear()

    def _pause(self) -> float:
        awaited = time.monotonic() - self._awaited < AWAITED
        return WAITING if awaited and any(facts.problem for facts in self.facts.values()) else IDLE

    def _question(self, name: EngineName) -> None:
        try:
            # Its library stays out of the memory of a home that has no use for it.
            facts = (None if name in self._open else greet(name, self._at.get(name))) or self.get(name).facts()
        except WorkbenchError as error:
            facts = Facts(name, problem=error.message, hint=error.hint)
        if facts.endpoint and not facts.problem:
            self._at.setdefault(name, (facts.endpoint, facts.source))
        old, now = self.facts.get(name), self.desk.now()
        self._note(facts, now)
        written = self._written.get(name)
        if written is None or written[0] != facts or now - written[1] >= WRITE_DOWN:
            with self.desk.bench.store.write() as connection:
                rows.note_engine(
                    connection,
                    EngineRow(
                        name,
                        facts.endpoint,
                        facts.source,
                        facts.version,
                        facts.identity,
                        facts.problem,
                        facts.hint,
                        now,
                        self._since.get(name),
                    ),
                    actor=self.desk.actor,
                )
            self._written[name] = (facts, now)
        if old is None or old.problem != facts.problem:
            log.info("engine %s: %s", name, facts.problem or f"answers, {facts.version} {facts.endpoint}".rstrip())
            self.desk.wake()
