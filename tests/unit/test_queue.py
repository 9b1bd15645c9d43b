"""The queue: who starts first, what keeps a run from starting, and how it says so."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from supervisor_parts import NOW, Parts

from workbench.engines import oom
from workbench.model.environment import EngineName
from workbench.model.run import RunState
from workbench.model.terms import Terms
from workbench.services import projects
from workbench.store import runs as rows
from workbench.supervisor.queue import admission
from workbench.supervisor.queue.look import EVERY
from workbench.supervisor.queue.places import Full, Places
from workbench.supervisor.queue.ready import Usable

GIB = 1024**3
S = RunState


def told(parts: Parts, words: str) -> None:
    """Settings."""
    parts.bench.home.settings_file.write_text(words)


def test_the_more_urgent_starts_first(parts: Parts) -> None:
    """High before normal before low; of two alike the one that was asked for first."""
    told(parts, "concurrency: 3\n")
    low, first, second, high = (parts.queue(priority=one) for one in (-10, 0, 0, 10))
    parts.dispatch.look()
    assert [parts.state(run) for run in (low, first, second, high)] == [S.QUEUED, S.STARTING, S.STARTING, S.STARTING]
    assert parts.reason(low) == "waits for a place: 3 runs at once"


def test_one_place_in_four_is_the_oldest_runs(parts: Parts) -> None:
    """However many urgent runs there always are, one that is not starts."""
    told(parts, "concurrency: 1\n")
    old = parts.queue(priority=-10)
    for _ in range(EVERY):
        assert parts.state(old) is S.QUEUED
        urgent = parts.queue(priority=10)
        parts.queue(priority=10)
        parts.dispatch.look()
        started = [run for run in range(1, urgent + 2) if parts.state(run) is S.STARTING]
        assert len(started) == 1
        parts.end(started[0])
    assert started == [old]


def test_urgency_does_not_mix_up_a_schedule(parts: Parts) -> None:
    """A run that was made more urgent still waits for an older one of its schedule, and the older for one that runs."""
    older, newer = parts.queue(schedule="p/s"), parts.queue(schedule="p/s", priority=10)
    parts.dispatch.look()
    assert [parts.state(run) for run in (older, newer)] == [S.STARTING, S.QUEUED]
    assert parts.reason(newer) == f"waits for run {older} of the same schedule"


def test_a_project_may_have_fewer_places(parts: Parts) -> None:
    """`concurrency:` in project.yaml holds for its runs alone."""
    told(parts, "concurrency: 8\n")
    one = projects.create(parts.bench, "one", environment="python")
    (one.path / "project.yaml").write_text("concurrency: 1\n")
    first, second, other = parts.queue(project="one"), parts.queue(project="one"), parts.queue()
    parts.dispatch.look()
    assert [parts.state(run) for run in (first, second, other)] == [S.STARTING, S.QUEUED, S.STARTING]
    assert parts.reason(second) == "waits for a place: 1 run at once in project one"


def test_an_environment_may_have_fewer_places(parts: Parts) -> None:
    """`concurrency:` of an environment holds over projects, and does not change what is built."""
    told(parts, "concurrency: 8\n")
    usable = parts.environments.answers["there"]
    assert isinstance(usable, Usable)
    licensed = replace(usable.spec, concurrency=1)
    assert licensed.fingerprint == usable.spec.fingerprint
    parts.environments.answers = {**parts.environments.answers, "licensed": replace(usable, spec=licensed)}
    first, second, other = parts.queue("licensed"), parts.queue("licensed"), parts.queue()
    parts.dispatch.look()
    assert [parts.state(run) for run in (first, second, other)] == [S.STARTING, S.QUEUED, S.STARTING]
    assert parts.reason(second) == "waits for a place: 1 run at once in environment licensed"


def test_the_machine_has_so_many_places_for_all_homes(parts: Parts, tmp_path: Path) -> None:
    """Two that another home holds are not had; they are free as soon as their holder is gone, whatever befell it."""
    told(parts, "concurrency: 8\nmachine_runs: 3\n")
    other = Places(parts.dispatch.admission.places.folder)
    held = [other.take(3), other.take(3)]
    first, second, third = (parts.queue() for _ in range(3))
    assert (parts.dispatch.look() or 99) <= admission.SOON
    assert [parts.state(run) for run in (first, second, third)] == [S.STARTING, S.QUEUED, S.QUEUED]
    assert parts.reason(second) == parts.reason(third) == "waits for a place on this machine: 3 of 3 taken"
    for place in held:
        assert isinstance(place, int)
        os.close(place)
    parts.dispatch.look()
    assert parts.state(second) is S.STARTING


def test_a_place_outlives_who_took_it(tmp_path: Path) -> None:
    """A copy of the descriptor, as a runner has, holds it when the supervisor's is closed."""
    places = Places(tmp_path / "places")
    taken = places.take(1)
    assert isinstance(taken, int)
    copy = os.dup(taken)
    os.close(taken)
    assert isinstance(places.take(1), Full)
    os.close(copy)
    again = places.take(1)
    assert isinstance(again, int)
    os.close(again)


def test_places_of_a_folder_that_is_not_for_all_do_not_count(tmp_path: Path) -> None:
    """A folder that somebody has closed, or a link to one of theirs, makes no limit and stops nobody."""
    closed, link = tmp_path / "closed", tmp_path / "link"
    closed.mkdir(mode=0o755)
    link.symlink_to(closed)
    assert Places(closed).take(1) is None
    assert Places(link).take(1) is None
    assert list(closed.iterdir()) == []


def test_odd_things_in_the_folder_take_no_place(tmp_path: Path) -> None:
    """Pipes, links, folders and files that nobody holds: none counts, none is followed or waited for."""
    folder = tmp_path / "places"
    places = Places(folder)
    first = places.take(9)
    os.mkfifo(folder / "pipe")
    (folder / "link").symlink_to(tmp_path / "elsewhere")
    (folder / "folder").mkdir()
    (folder / "left").touch()
    second = places.take(2)
    assert isinstance(first, int)
    assert isinstance(second, int)
    assert isinstance(places.take(2), Full)
    assert not (folder / "left").exists()
    assert not (tmp_path / "elsewhere").exists()
    os.close(first)
    os.close(second)


@contextmanager
def another_account(act: Callable[[], object]) -> Iterator[None]:
    """A process of the account `nobody` that has done `act`, until the block ends."""
    ready, done = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
            kept = act()
            os.write(ready[1], b"1" if kept else b"0")
            os.close(done[1])
            os.read(done[0], 1)
        finally:
            os._exit(0)
    try:
        assert os.read(ready[0], 1) == b"1"
        yield
    finally:
        for end in (*ready, *done):
            os.close(end)
        os.waitpid(child, 0)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can be another account")
def test_places_of_other_accounts_are_counted_and_named(tmp_path: Path) -> None:
    """Another's run takes a place and is told by the account's name; who has none of his own may start one all the same."""
    folder = Path(tempfile.mkdtemp(prefix="workbench-places-", dir="/var/tmp"))
    folder.chmod(0o755)
    places = Places(folder / "runs")
    try:
        kept = places.take(9)
        assert isinstance(kept, int)
        os.close(kept)

        def take_two() -> list[Any]:
            return [place for place in (places.take(9), places.take(9)) if isinstance(place, int)]

        with another_account(take_two):
            own = places.take(2)
            assert isinstance(own, int), "an account without a run of its own may always start one"
            full = places.take(2)
            assert str(full) == "3 of 2 taken, 2 by nobody"
            os.close(own)
        own = places.take(1)
        assert isinstance(own, int)
        os.close(own)
    finally:
        shutil.rmtree(folder)


@pytest.fixture
def free(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """The machine's memory as it is said to be: 8 GB, of which so much is free. Runs of `big.ipynb` used 3 GB before."""
    told(parts, "concurrency: 8\n")
    have = {"free": 8 * GIB, "total": 8 * GIB}
    monkeypatch.setattr(admission, "available", lambda _: (have["free"], have["total"]))
    before = parts.queue(notebook="big.ipynb")
    with parts.bench.store.write() as connection:
        connection.execute("UPDATE runs SET state = ?, peak_memory = ? WHERE id = ?", (S.SUCCEEDED, 3 * GIB, before))
    return have


def test_a_run_waits_for_the_memory_it_used_before(parts: Parts, free: dict[str, int]) -> None:
    """Where another runs and less is free; one of which nothing is known passes it, and it starts once there is enough."""
    free["free"] = 2 * GIB
    first, big, small = parts.queue(), parts.queue(notebook="big.ipynb"), parts.queue()
    assert (parts.dispatch.look() or 99) <= admission.SOON
    assert [parts.state(run) for run in (first, big, small)] == [S.STARTING, S.QUEUED, S.STARTING]
    assert parts.reason(big) == "waits for memory: used 3 GB the last time, 2 GB free"
    free["free"] = 4 * GIB
    parts.dispatch.look()
    assert parts.state(big) is S.STARTING


def test_what_runs_may_not_have_taken_its_memory_yet(parts: Parts, free: dict[str, int]) -> None:
    """Runs that were started together are not all let in by the memory that was free before any of them had begun."""
    numbers = [parts.queue(notebook="big.ipynb") for _ in range(4)]
    parts.dispatch.look()
    assert [parts.state(run) for run in numbers] == [S.STARTING, S.STARTING, S.QUEUED, S.QUEUED]
    assert "2 GB of 8 GB not needed by runs on their way" in parts.reason(numbers[2])


def test_with_nothing_running_a_run_starts_whatever_is_free(parts: Parts, free: dict[str, int]) -> None:
    """It never waits for ever."""
    free["free"] = 0
    big = parts.queue(notebook="big.ipynb")
    parts.dispatch.look()
    assert parts.state(big) is S.STARTING


def test_one_that_has_waited_for_memory_for_long_is_passed_by_none(
    parts: Parts, free: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Small runs that always fit do not keep a large one waiting for ever."""
    free["free"] = 2 * GIB
    first, big = parts.queue(), parts.queue(notebook="big.ipynb")
    parts.dispatch.look()
    monkeypatch.setattr(admission, "LONG", -1.0)
    small = parts.queue()
    parts.dispatch.look()
    assert [parts.state(run) for run in (first, big, small)] == [S.STARTING, S.QUEUED, S.QUEUED]
    assert parts.reason(small) == f"waits for run {big}, which waits for memory for long"
    parts.end(first)
    parts.dispatch.look()
    assert parts.state(big) is S.STARTING


def test_memory_that_is_free_is_that_of_our_own_cgroup(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the program may use less than the machine has, kernels of `process` may too; containers are beside it."""
    monkeypatch.setattr(oom, "counter_of", lambda *_, **__: "somewhere/memory.events")
    monkeypatch.setattr(oom, "limit", lambda _: GIB)
    monkeypatch.setattr(oom, "in_use", lambda _: GIB // 2)
    free, total = admission.available(EngineName.PROCESS)
    assert total <= GIB - GIB // 4
    assert free <= GIB // 2 - GIB // 4
    assert admission.available(EngineName.DOCKER)[1] > total


def test_a_run_that_does_not_begin_in_its_time_ends(parts: Parts) -> None:
    """With what it waited for; and the next look comes when the next of them would."""
    terms = Terms(queue=7200)
    late, soon = parts.queue("building", terms=terms), parts.queue("building", terms=replace(terms, queue=7260))
    parts.dispatch.look()
    parts.bench.clock = lambda: NOW + timedelta(hours=2)
    assert parts.dispatch.look() == 60
    assert parts.state(late) is S.TIMED_OUT
    assert parts.reason(late) == "did not begin within 2h00m: building environment building"
    assert parts.state(soon) is S.QUEUED


def test_one_that_began_is_not_held_to_the_time_for_that(parts: Parts) -> None:
    """Neither while it runs, nor when it waits for another try."""
    run = parts.queue(terms=Terms(queue=60))
    parts.dispatch.look()
    with parts.bench.store.write() as connection:
        assert rows.change(
            connection, run, S.STARTING, S.RETRYING, attempt=1, at=NOW, actor=parts.bench.actor,
            not_before=NOW + timedelta(hours=3),
        )  # fmt: skip
    parts.bench.clock = lambda: NOW + timedelta(hours=2)
    parts.dispatch.look()
    assert parts.state(run) is not S.TIMED_OUT
