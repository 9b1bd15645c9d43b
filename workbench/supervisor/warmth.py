"""Warm kernels: what an engine keeps ready for the next run of an environment, bounded, and given back when idle.

wanted          an environment of which a run began, or is about to, within `KEPT_FOR`; the one used last before others
given back      else; where files that it has loaded were changed; where settings, the budget of the machine or its
                memory allow no more

It changes when runs start, and nothing else: a run for which there is none starts its kernel as ever.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from workbench.engines.base import Workspace
from workbench.engines.warm import Warm
from workbench.errors import WorkbenchError
from workbench.execution.job import read_job
from workbench.model.environment import EngineName, Revision
from workbench.model.warmth import WarmKernel
from workbench.supervisor.budget import Budget, memory_left
from workbench.supervisor.desk import Desk
from workbench.supervisor.engines import Engines
from workbench.text import memory, one_line

log = logging.getLogger("workbench.supervisor.warmth")
KEPT_FOR = 900.0  # seconds after its last use
AFTER = 0.5  # seconds after the first run began: that has the processor for itself
GUESS = 64 * 1024**2  # bytes that one takes of which nothing is known yet
MEASURE = 30.0  # seconds between measurements
SOON = 30.0  # seconds for which what is needed soon comes before all others
ENDED = "it ended"
AGAIN = 300.0  # seconds until one is tried again that could not be had


@dataclass
class Use:
    """An environment that is used, and what is kept warm of it."""

    environment: str
    engine: EngineName
    revision: Revision
    workspace: Workspace
    used: float  # by the monotonic clock
    kernel: str = ""  # where that is known and matters
    warm: Warm | None = None
    since: datetime | None = None
    takes: int = 0
    problem: str = ""
    not_before: float = 0.0
    thread: threading.Thread | None = field(default=None, repr=False)

    @property
    def what(self) -> tuple[object, ...]:
        """What it is used for, however that is declared."""
        space = self.workspace
        return (self.environment, self.engine, space.project_name, space.cwd, self.kernel)

    @property
    def starting(self) -> bool:
        """Whether it is being made."""
        return bool(self.thread and self.thread.is_alive())


class Warmth:
    """Decides what is kept warm. Kernels find it by themselves (`engines/process/zygotes.py`)."""

    def __init__(self, desk: Desk, engines: Engines, budget: Budget) -> None:
        self.desk = desk
        self.engines = engines
        self.budget = budget
        self._uses: dict[str, Use] = {}
        self._single: set[str] = set()  # environments of local processes with one kernel: its name says nothing new
        self._guard = threading.Lock()
        self._leaving: list[threading.Thread] = []  # in which something is given back
        self._measured = 0.0
        self._written: list[WarmKernel] | None = None

    def wanted(
        self,
        environment: str,
        engine: EngineName,
        revision: Revision,
        workspace: Workspace,
        kernel: str = "",
        *,
        count: int = 1,
        soon: bool = False,
    ) -> None:
        """A run of it begins, or `count` of them `soon`. To be called before a run's kernel starts: what is out of date
        goes. `kernel`: its name, where that is known."""
        if not workspace.warm or not self.desk.settings.warm_kernels:
            return
        alone = engine is EngineName.PROCESS and len(revision.kernels) == 1
        (self._single.add if alone else self._single.discard)(environment)
        try:
            key = self.engines.get(engine).warm_key(revision, workspace, kernel)
        except WorkbenchError:
            return
        if not key:
            return
        now = time.monotonic()
        with self._guard:
            new = Use(environment, engine, revision, workspace, now, kernel, not_before=0.0 if soon else now + AFTER)
            self._supersede(key, new)
            for number in range(count):
                use = self._uses.setdefault(f"{key}.{number}", replace(new))
                use.used = now + SOON if soon else now
                if soon and not use.warm:
                    use.not_before = 0.0
                if use.warm and (use.warm.stale or not use.warm.alive):
                    self._let_go(use, "files that it has loaded were changed" if use.warm.alive else ENDED)
                    use.not_before = new.not_before

    def started(self, environment: str, attempt: Path, kernel: str) -> None:
        """A run's kernel has answered, so that its name is known; `attempt` is the folder with its job."""
        if environment in self._single:
            return
        try:
            job = read_job(attempt)
        except (OSError, ValueError):
            return
        self.wanted(environment, job.engine, job.revision, job.workspace, kernel)

    def _supersede(self, key: str, new: Use) -> None:
        """What is kept for the same as it was declared before goes."""
        for other, use in list(self._uses.items()):
            if use.what == new.what and other.rpartition(".")[0] != key and not use.starting:
                self._let_go(use, "it is declared otherwise now")
                del self._uses[other]

    def look(self) -> float | None:
        """Start what is wanted, one at a time, and give back what is not; seconds until the next look."""
        with self._guard:
            if not self._uses:
                self._write()
                return None
            now = time.monotonic()
            self._measure(now)
            self._give_back(now)
            self._start(now)
            self._write()
            coming = [use.not_before - now for use in self._uses.values() if not use.warm and not use.starting]
        return max(0.05, min([MEASURE, *coming]))

    def close(self, seconds: float) -> None:
        """Give everything back, within about so many seconds: an engine may be stuck."""
        with self._guard:
            for use in self._uses.values():
                self._let_go(use, "the supervisor ends")
            making = [use.thread for use in self._uses.values() if use.thread]
            self._uses.clear()
            self.desk.home.warm_file.unlink(missing_ok=True)
            self.budget.say("kernels", 0)
        deadline = time.monotonic() + seconds
        for thread in (*making, *self._leaving):
            thread.join(max(0.0, deadline - time.monotonic()))

    def _measure(self, now: float) -> None:
        if now - self._measured < MEASURE:
            return
        self._measured = now
        for use in self._uses.values():
            if use.warm and use.warm.alive:
                use.takes = use.warm.memory

    def _give_back(self, now: float) -> None:
        settings = self.desk.settings
        left, room = settings.warm_kernels, self.budget.room("kernels", settings.warm_memory)
        short = memory_left() < 0
        for key, use in sorted(self._uses.items(), key=lambda pair: -pair[1].used):
            if now - use.used > KEPT_FOR and not use.starting:
                self._let_go(use, "nothing has used it for a while")
                del self._uses[key]
                continue
            if not use.warm:
                if use.used > now:  # it has a place before those that are only kept
                    left, room = left - 1, room - GUESS
                continue
            if not use.warm.alive:
                self._let_go(use, ENDED)
                use.not_before = now + AFTER
            elif left < 1 or use.takes > room:
                self._let_go(use, "settings allow no more")
                use.not_before = now + AGAIN
            elif short:
                self._let_go(use, "the machine's memory is short")
                use.not_before = now + AGAIN
                short = False
            else:
                left, room = left - 1, room - use.takes
        self.budget.say("kernels", sum(use.takes for use in self._uses.values() if use.warm))

    def _let_go(self, use: Use, why: str) -> None:
        if use.warm:
            level = logging.DEBUG if why is ENDED else logging.INFO  # a run has taken it, mostly
            log.log(level, "the warm kernel of %s is given back: %s", use.environment, why)
            self._leaving = [thread for thread in self._leaving if thread.is_alive()]
            self._leaving.append(self.desk.thread("give-back", use.warm.close))
        use.warm, use.since, use.takes = None, None, 0

    def _start(self, now: float) -> None:
        if any(use.starting for use in self._uses.values()):
            return
        settings = self.desk.settings
        room = self.budget.room("kernels", settings.warm_memory) - sum(use.takes for use in self._uses.values())
        left = settings.warm_kernels - sum(use.warm is not None for use in self._uses.values())
        for use in sorted(self._uses.values(), key=lambda one: -one.used):
            if use.warm or use.not_before > now:
                continue
            if left < 1 or room < GUESS or memory_left() < GUESS:
                use.problem, use.not_before = "settings allow no more", now + MEASURE
                continue
            use.thread = self.desk.thread(f"warm-{use.environment}", lambda use=use: self._make(use))  # type: ignore[misc]
            return

    def _make(self, use: Use) -> None:
        made, problem = None, ""
        try:
            made = self.engines.get(use.engine).warm(use.revision, use.workspace, use.kernel)
        except (WorkbenchError, OSError) as error:
            problem = one_line(str(error), 300)
        takes = made.memory if made else 0
        with self._guard:
            gone = self.desk.stopping.is_set() or use not in self._uses.values()
            use.not_before = time.monotonic() + AGAIN
            use.problem = problem
            if made and not gone:
                use.warm, use.since, use.takes = made, self.desk.now(), takes
                use.problem = "; ".join(made.problems)
            if not gone:
                self._write()
        if made and gone:
            made.close()
        elif made:
            log.info("kernels of %s are kept warm: %s", use.environment, memory(takes))
        else:
            log.warning("kernels of %s are not kept warm: %s", use.environment, problem)

    def _write(self) -> None:
        """What people are shown; written where it is another."""
        found = [
            WarmKernel(
                use.environment, str(use.engine), use.revision.id, tuple(use.warm.loaded) if use.warm else (),
                use.takes, use.since, use.problem,
                use.workspace.project_name if use.engine is EngineName.DOCKER else "",
            )
            for use in self._uses.values()
        ]  # fmt: skip
        if found == self._written:
            return
        _replace(self.desk.home.warm_file, json.dumps([one.to_dict() for one in found]))
        self._written = found


def _replace(path: Path, text: str) -> None:
    new = path.with_name(f".{path.name}")
    try:
        new.write_text(text)
        new.replace(path)
    except OSError as error:  # nothing depends on it
        log.info("%s cannot be written: %s", path, error)
