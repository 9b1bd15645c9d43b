"""When a session counts as idle, and when a countdown may end."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from workbench.model.session import Desired, Session, SessionState
from workbench.model.usage import Inhabitant, Usage
from workbench.services import usage
from workbench.supervisor.sessions.idle import NOTICE, Idle, in_terminals

NOW = datetime(2026, 5, 4, 10, 0, tzinfo=UTC)
HOUR = 3600.0
SESSION = Session(
    id=1, name="lab-app", project="lab", ide="app", environment="e", engine="docker", revision="r", desired=Desired.UP,
    generation=1, state=SessionState.READY, reason="", hint="", port=1, handle="h", file="", created=NOW, started=NOW,
    ended=None, by="ann", account="ann", origin="cli", idle_stop=2 * HOUR,
)  # fmt: skip
ENGINE: Any = SimpleNamespace(usage=lambda handle, disk: None, inhabitants=lambda handle: [])


def test_a_countdown_is_from_the_last_use() -> None:
    """It begins when it is first seen idle, and goes on where the supervisor before had it."""
    assert Idle().look(SESSION, "", ENGINE, NOW).stops_at == NOW + timedelta(hours=2)
    counted = replace(SESSION, stops_at=NOW + timedelta(hours=1))
    assert Idle().look(counted, "", ENGINE, NOW).stops_at == NOW + timedelta(hours=1)


def test_nothing_ends_unseen() -> None:
    """After a sleep of the machine, or with no supervisor for long, a countdown stands a while before it ends."""
    over = replace(SESSION, stops_at=NOW - timedelta(hours=3))
    assert Idle().look(over, "", ENGINE, NOW).stops_at == NOW + timedelta(seconds=NOTICE)
    slept = Idle()
    slept.look(SESSION, "", ENGINE, NOW)
    assert slept.look(SESSION, "", ENGINE, NOW + timedelta(hours=5)).stops_at == NOW + timedelta(hours=5, minutes=1)


@pytest.mark.parametrize("change", [{"idle_stop": None}, {"kept": True}])
def test_off_or_called_off_nothing_counts(change: dict[str, Any]) -> None:
    """Without an idle time, or called off, there is no countdown."""
    countdown = Idle().look(replace(SESSION, **change), "", ENGINE, NOW)
    assert (countdown.busy, countdown.stops_at) == ("", None)


def test_what_cannot_be_known_counts_as_use() -> None:
    """A Jupyter that does not say what its kernels do is not taken for idle."""
    silent = Idle().look(SESSION, "token x", ENGINE, NOW)
    assert silent.stops_at is None
    assert silent.busy == "it does not say what its kernels do"


def test_programs_in_terminals() -> None:
    """A shell alone is no work; a program below it is, and so is a shell that somebody opened from outside."""
    server, shell = Inhabitant(10, 1, False, "jupyter-lab"), Inhabitant(20, 10, True, "bash")
    kernel = Inhabitant(30, 10, False, "python")
    assert in_terminals([server, shell, kernel]) == ""
    assert in_terminals([server, shell, Inhabitant(21, 20, True, "sleep")]) == "sleep runs in a terminal"
    assert in_terminals([server, kernel, Inhabitant(40, 7, True, "sh")]) == "a shell is open in it"


def test_words_for_people() -> None:
    """A measurement and a countdown as lists and pages say them."""
    taken = Usage(NOW, cpu=0.314, memory=340 * 1024**2, memory_limit=4 * 1024**3, processes=12, disk=5_000_000)
    assert usage.words(taken) == "31% of a core, 340 MB of 4 GB, 12 processes"
    assert usage.disk(taken) == "5.0 MB in its container, gone with it"
    assert Usage.from_json(taken.to_json()) == taken
    assert usage.countdown(SESSION, NOW) == "after 2h00m without work"
    assert (
        usage.countdown(replace(SESSION, busy="a kernel is busy"), NOW) == "after 2h00m without work; a kernel is busy"
    )
    soon = replace(SESSION, stops_at=NOW + timedelta(minutes=12))
    assert usage.countdown(soon, NOW) == "stops in 12m if it stays idle"
    assert usage.countdown(replace(soon, kept=True), NOW) == "called off until its next start"
