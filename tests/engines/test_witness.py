"""Memory that ran out, told beside an engine that does not tell it: a real process, and the kernel's count as a file."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from waiting import until

from workbench.engines.docker import witness


@pytest.fixture
def counter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Writes how many were killed in the cgroup of the container `c1`."""
    file = tmp_path / "memory.oom_control"

    def write(number: int) -> None:
        (tmp_path / "new").write_text(f"oom_kill_disable 0\nunder_oom 0\noom_kill {number}\n")
        (tmp_path / "new").rename(file)

    write(0)
    monkeypatch.setattr(witness.oom, "counter_of", lambda pid, holding: str(file) if holding == "c1" else "")
    return write


@pytest.mark.parametrize(("killed", "told"), [(1, True), (0, None)])
def test_only_what_was_killed_at_the_end_counts(counter: Callable[[int], None], killed: int, told: bool | None) -> None:
    """Memory is told as the reason of an end where the count has risen with it, and not where nothing was killed."""
    process = subprocess.Popen(["sleep", "60"])
    answers: list[bool | None] = []
    asked = threading.Thread(target=lambda: answers.append(witness.killed_for_memory(process.pid, "c1", lambda: False)))
    asked.start()
    counter(killed)
    process.kill()
    process.wait()
    asked.join(30)
    assert answers == [told]


def test_a_kill_long_before_is_no_reason(counter: Callable[[int], None], monkeypatch: pytest.MonkeyPatch) -> None:
    """A child that was killed for memory, and a first process that ends much later by something else: not claimed."""
    monkeypatch.setattr(witness, "LOOK", 20)
    looks: list[int] = []

    def unwanted() -> bool:
        looks.append(1)
        return False

    process = subprocess.Popen(["sleep", "60"])
    answers: list[bool | None] = []
    counter(1)
    asked = threading.Thread(target=lambda: answers.append(witness.killed_for_memory(process.pid, "c1", unwanted)))
    asked.start()
    until(lambda: len(looks) > 2, "some looks")
    process.kill()
    process.wait()
    asked.join(30)
    assert answers == [None]


def test_it_knows_when_it_knows_nothing(counter: Callable[[int], None], monkeypatch: pytest.MonkeyPatch) -> None:
    """A container of another machine, one that is over, and a look that nobody waits for any more."""
    monkeypatch.setattr(witness, "LOOK", 20)
    assert witness.killed_for_memory(os.getpid(), "of another machine", lambda: False) is None
    assert witness.killed_for_memory(os.getpid(), "c1", lambda: True) is None
    over = subprocess.Popen(["true"])
    over.wait()
    assert witness.killed_for_memory(over.pid, "c1", lambda: False) is None
