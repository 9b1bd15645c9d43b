"""How the supervisor ends: within its time, whatever its threads do, and as the last who asked for it said."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from workbench.services.bench import open_bench
from workbench.services.supervision import control
from workbench.supervisor import __main__ as program
from workbench.supervisor.loop import ABSENT, SLOWEST, Part, Supervisor


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    """One that presents itself and does not look."""
    bench = open_bench(tmp_path / "home")
    lock = program._lock(bench.home, None)
    assert lock is not None
    made = Supervisor(bench, "foreground", lock)
    made._present_ourselves()
    yield made
    os.close(lock)
    bench.close()


def test_it_ends_in_time_whatever_its_threads_do(supervisor: Supervisor) -> None:
    """A runner that takes long to start and a transaction that does not end hold it up for a moment only."""
    store, done, inside = supervisor.bench.store, threading.Event(), threading.Event()

    def busy() -> None:
        with supervisor.dispatch.launches.nursery.guard, store.write():
            inside.set()
            done.wait(30)

    thread = threading.Thread(target=busy)
    thread.start()
    inside.wait(10)
    begun = time.monotonic()
    supervisor._leave()
    assert time.monotonic() - begun < 3
    assert control.card(supervisor.bench.home)["wake"] == ""
    assert not supervisor.socket.path.exists()
    done.set()
    thread.join()


def test_to_end_is_stronger_than_to_go_on(supervisor: Supervisor) -> None:
    """Asked for both, in any order, it ends."""
    supervisor._asked_to_renew()
    assert supervisor.renew
    supervisor._asked_to_end()
    assert not supervisor.renew
    supervisor._asked_to_renew()
    assert not supervisor.renew
    supervisor._leave()


def test_who_else_asks_for_a_renewal_does_not_end_it(supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the new code has no handler yet, the signal that asks for it is ignored instead of deadly."""
    seen: list[object] = []
    monkeypatch.setattr(os, "execve", lambda *_: seen.append(signal.getsignal(signal.SIGHUP)))
    before = signal.getsignal(signal.SIGHUP)
    try:
        program._go_on(supervisor.bench.home, "foreground", supervisor.lock)
    finally:
        signal.signal(signal.SIGHUP, before)
    assert seen == [signal.SIG_IGN]
    supervisor._leave()


def test_what_ended_while_nobody_looked_is_over_before_its_schedule_is_due(supervisor: Supervisor) -> None:
    """At the start, and after the process was stopped for a while, runs are looked at before schedules: else what is due
    would be left out for a run that ended long ago."""
    looked: list[str] = []

    def part(name: str) -> Part:
        return Part(name, lambda: looked.append(name))

    supervisor.parts = (part("schedules"), part("runs"))
    supervisor._look()
    assert looked[0] == "runs"
    looked.clear()
    supervisor._look()
    assert looked[:1] != ["runs"]
    looked.clear()
    supervisor.parts[1].due -= SLOWEST + ABSENT
    supervisor._look()
    assert looked[0] == "runs"
    supervisor._leave()
