"""The loop: sleep until somebody wakes us or a part wants to look, let the parts look, sleep again.

Nothing is done twice for being looked at twice: every part compares what is wanted with what is so.
"""

from __future__ import annotations

import logging
import os
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from workbench.services.bench import Bench
from workbench.services.supervision import control
from workbench.services.supervision.pulse import Pulse
from workbench.supervisor.activations import Activations
from workbench.supervisor.builds import Builds
from workbench.supervisor.desk import Desk
from workbench.supervisor.disk import Disk
from workbench.supervisor.due.ahead import Ahead
from workbench.supervisor.due.clock import Clock
from workbench.supervisor.due.schedules import Schedules
from workbench.supervisor.engines import Engines
from workbench.supervisor.notices import Notices
from workbench.supervisor.pinning import Pinning
from workbench.supervisor.queue.dispatch import Dispatch
from workbench.supervisor.queue.entrances import Entrances
from workbench.supervisor.queue.kept import Kept
from workbench.supervisor.queue.ready import Environments
from workbench.supervisor.queue.runs import Runs
from workbench.supervisor.reconcile import Reconcile
from workbench.supervisor.retention import Retention
from workbench.supervisor.sessions.gauge import Gauge
from workbench.supervisor.sessions.sessions import Sessions
from workbench.supervisor.trees import Trees
from workbench.supervisor.wake import WakeSocket
from workbench.supervisor.warmth import Warmth

log = logging.getLogger("workbench.supervisor")
SLOWEST = 30.0  # seconds between looks of all parts, whatever happens
# Seconds between two looks, however often we are woken: as many as the last one took, within these.
ABSENT = 5.0  # seconds that a part looks too late where this process was stopped, or has just begun
SHORTEST, PAUSE = 0.003, 0.02
LEAVE = 3.0  # seconds that builds and a sweep get to end when the supervisor does
LET_GO = 0.5  # seconds that a run which is being started gets then, and as many a transaction


@dataclass
class Part:
    """One part and when it wants to look again, by the monotonic clock."""

    name: str
    look: Callable[[], float | None]
    due: float = 0.0
    failed: int = field(default=0, repr=False)

    def run(self, now: float) -> None:
        """Look; what goes wrong is logged, and the other parts go on."""
        try:
            wait = self.look()
            self.failed = 0
        except Exception:  # the outermost loop of this process
            self.failed += 1
            wait = min(2.0**self.failed, SLOWEST)
            log.exception("%s could not look, again in %g s", self.name, wait)
        self.due = now + min(SLOWEST if wait is None else wait, SLOWEST)


class Supervisor:
    """Everything of one home, until it is told to end. `renew` says whether it shall go on as other code."""

    def __init__(self, bench: Bench, how: str, lock: int) -> None:
        self.bench = bench
        self.how = how
        self.lock = lock
        self.pulse = Pulse(lock)
        self._wished_end = self._wished_renewal = False
        self.socket = WakeSocket(bench.home)
        self.desk = desk = Desk(bench, self.socket.wake, self.socket.path)
        self.clock = Clock(self.socket.wake)
        self.engines = Engines(desk)
        environments = Environments(desk, self.engines)
        self.schedules = Schedules(desk, self.clock)
        self.schedules.follow = self.socket.watch.follow
        self.activations = Activations(desk, self.engines)
        self.builds = Builds(desk, self.engines)
        self.pinning = Pinning(desk, self.engines)
        self.warmth = Warmth(desk, self.engines, desk.budget)
        self.kept = Kept(desk)
        self.dispatch = Dispatch(desk, self.engines, environments, self.schedules, self.warmth, self.kept)
        self.runs = Runs(desk, self.dispatch)
        self.sessions = Sessions(desk, self.engines, environments)
        self.reconcile = Reconcile(desk, self.engines, self.runs, self.sessions)
        self.gauge = Gauge(desk, self.engines)
        self.notices = Notices(desk, self.schedules)
        self.woken = True
        self.parts = (
            Part("schedules", lambda: self.schedules.look(self.woken)),
            Part("activations", self.activations.look),
            Part("builds", self.builds.look),
            Part("pinning", self.pinning.look),
            Part("runs", self.runs.look),
            Part("dispatch", self.dispatch.look),
            Part("kept", self._look_at_kept),
            Part("entrances", Entrances(desk, self.engines).look),
            Part("ahead", Ahead(desk, self.schedules, self.warmth, self.dispatch.launches.nursery).look),
            Part("warmth", self.warmth.look),
            Part("sessions", self.sessions.look),
            Part("disk", Disk(desk, self.engines, self.builds).look),
            Part("spares", self.sessions.spares.look),
            Part("reconcile", self._reconcile),
            Part("gauge", self.gauge.look),
            Part("notices", self.notices.look),
            Part("retention", Retention(desk).look),
            Part("trees", Trees(desk).look),
        )
        self._took = 0.0  # seconds that the last look took
        self._slow = 0.0  # when every part looks, whatever they said
        self._children: set[int] = set()

    def run(self, asked: Sequence[int] = ()) -> None:
        """Until SIGTERM or SIGHUP, or not at all where `asked` has one that came before. Runs and sessions go on after it."""
        self._signals()
        self._wished_end = bool(asked)
        self._present_ourselves()
        try:
            if self._heeded():
                return
            self.desk.reserve.take()
            self.engines.begin()
            self.builds.begin()
            self.notices.begin()
            while not self._heeded():
                self._look()
                self._sleep()
        finally:
            self._leave()

    def _look(self) -> None:
        self.pulse.beat()
        now = time.monotonic()
        if self.woken:
            self._notice_the_clock()
        runs = next(part for part in self.parts if part.name == "runs")
        if runs.due <= now - ABSENT:  # what ended while nobody looked is over before its schedule is due again
            runs.run(now)
        for part in self.parts:
            if self._heeded():
                return
            # A run that ended makes room, a build that ended makes a run ready: those behind look at once.
            if self.woken or part.due <= now:
                part.run(now)
        self.woken = False
        self._took = time.monotonic() - now

    def _sleep(self) -> None:
        begun = time.monotonic()
        if self.socket.sleep(min(self._slow, *(part.due for part in self.parts)) - begun):
            self.woken = True
            pause = min(max(SHORTEST, self._took), PAUSE)
            time.sleep(max(0.0, pause - (time.monotonic() - begun)))
        if self._slow <= time.monotonic():
            self._slow = time.monotonic() + SLOWEST
            self.woken = True
            self.desk.reserve.take()
            if self.socket.renew():
                log.warning("the wake socket was removed; made again at %s", self.socket.path)
                self.desk.wake_path = self.socket.path
                self._present_ourselves()
            elif control.card(self.bench.home).get("wake") != str(self.socket.path):
                log.warning("the card was removed or overwritten; written again")
                self._present_ourselves()
        if not self._our_home():
            log.warning("the home was removed or replaced: ending")
            self._wished_end = True
            self.desk.stopping.set()
        self._reap()

    def _our_home(self) -> bool:
        """Whether the lock we hold is the one that lies in the home: else another may hold that."""
        try:
            return os.stat(self.bench.home.supervisor_lock).st_ino == os.fstat(self.lock).st_ino
        except OSError:
            return False

    def _reconcile(self) -> float | None:
        return self.reconcile.look(self.runs.active or self.sessions.alive)

    def _look_at_kept(self) -> float | None:
        wait = self.kept.look()
        if self.kept.gone:
            self.kept.gone, self.runs.left_kernels = False, True
        return wait

    def _notice_the_clock(self) -> None:
        jump = self.clock.check()
        if jump:
            log.warning("the clock jumped by %+.0f s, or the machine slept", jump)
            self.schedules.reset()
            if jump < 0:
                self.notices.reset()

    def _present_ourselves(self) -> None:
        control.present(self.bench.home, self.how, wake=self.socket.path)

    def _signals(self) -> None:
        signal.set_wakeup_fd(self.socket.signal_descriptor, warn_on_full_buffer=False)
        signal.signal(signal.SIGTERM, self._asked_to_end)
        signal.signal(signal.SIGINT, self._asked_to_end)
        signal.signal(signal.SIGHUP, self._asked_to_renew)
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)

    @property
    def renew(self) -> bool:
        """Whether it shall go on as other code; one that was told to end ends."""
        return self._wished_renewal and not self._wished_end

    def _heeded(self) -> bool:
        """Whether it shall end. The handlers of signals only note a wish: what takes a lock there waits for ever where
        one signal comes over another."""
        if self._wished_end or self._wished_renewal:
            self.desk.stopping.set()
        return self.desk.stopping.is_set()

    def _asked_to_end(self, *_: object) -> None:
        self._wished_end = True

    def _asked_to_renew(self, *_: object) -> None:
        self._wished_renewal = True

    def _reap(self) -> None:
        """Collect children of the code we were before: nobody else knows them."""
        for pid in list(self._children):
            try:
                if os.waitpid(pid, os.WNOHANG)[0]:
                    self._children.discard(pid)
            except ChildProcessError:
                self._children.discard(pid)

    def inherit(self) -> None:
        """After a renewal: remember the children there are."""
        text = Path(f"/proc/self/task/{os.getpid()}/children").read_text()
        self._children = {int(pid) for pid in text.split()}

    def _leave(self) -> None:
        self.desk.stopping.set()
        home = self._our_home()
        if home:
            control.withdraw(self.bench.home)
        self.clock.close()
        if home and not self.renew:
            self.sessions.leave(LEAVE)
        self.sessions.stop()
        self.builds.stop()
        deadline = time.monotonic() + LEAVE
        while (self.builds.running or self.reconcile.sweeping) and time.monotonic() < deadline:
            time.sleep(0.02)
        self.dispatch.launches.nursery.close(LET_GO)
        self.warmth.close(LEAVE)
        self.desk.budget.close()
        self.bench.store.settle(LET_GO)
        self.socket.close()
        if not (home and (self.runs.active or self.runs.leaving)):
            self.socket.leave_no_folder()
        log.info("ended%s; runs and sessions go on", ", to go on as other code" if self.renew else "")
