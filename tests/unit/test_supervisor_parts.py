"""What the parts of the supervisor do with many rows: the one that goes wrong or waits holds up no other."""

from __future__ import annotations

import threading
import time
from datetime import timedelta

import pytest
from supervisor_parts import NOW, Parts

from workbench.engines.base import SessionFacts
from workbench.errors import StoreError
from workbench.execution.result import Result, write_result
from workbench.model.build import BuildState
from workbench.model.environment import EngineName, Revision
from workbench.model.run import RunState
from workbench.model.session import ENDED as SESSION_ENDED
from workbench.model.session import SessionState as S
from workbench.services import environments, runs, sessions
from workbench.services.bench import open_bench
from workbench.store import builds as build_rows
from workbench.store import revisions as revision_rows
from workbench.store import runs as rows
from workbench.store import sessions as session_rows
from workbench.supervisor.queue.dispatch import FIRST
from workbench.supervisor.queue.endings import LONGEST_PAUSE
from workbench.supervisor.reconcile import unowned


def test_a_run_behind_many_that_wait_is_started(parts: Parts) -> None:
    """However many runs wait for an engine or for each other, one that can run does."""
    with parts.bench.store.write() as connection:
        for number in range(2 * FIRST):
            rows.insert(
                connection, project="p", notebook="n.ipynb", name="n", parameters={}, cells=1, created=NOW,
                environment="down" if number % 2 else "there", actor=parts.bench.actor,
                schedule=None if number % 2 else "p/s",
            )  # fmt: skip
    first, *_, last = [run.id for run in reversed(runs.page(parts.bench, limit=1000))]
    healthy = parts.queue()
    parts.dispatch.look()
    assert parts.state(first) is RunState.STARTING
    assert parts.state(healthy) is RunState.STARTING
    assert parts.state(last) is RunState.WAITING
    assert runs.get(parts.bench, last - 1).reason == f"waits for run {first} of the same schedule"


def test_a_second_look_at_many_that_wait_writes_nothing(parts: Parts) -> None:
    """Why a run stays is written when it changes, all in one transaction."""
    for _ in range(5):
        parts.queue("building")
    watcher = open_bench(parts.bench.home.root)
    before = watcher.store.data_version()
    parts.dispatch.look()
    once = watcher.store.data_version()
    assert once == before + 1
    parts.dispatch.look()
    assert watcher.store.data_version() == once
    watcher.close()


def test_many_that_cannot_start_end_in_one_transaction(parts: Parts) -> None:
    """However many runs are refused at once, it is one write, so that the others are not held up."""
    refused = [parts.queue("never") for _ in range(5)]
    watcher = open_bench(parts.bench.home.root)
    before = watcher.store.data_version()
    parts.dispatch.look()
    assert watcher.store.data_version() == before + 1
    assert {parts.state(run) for run in refused} == {RunState.FAILED}
    assert {runs.get(parts.bench, run).reason for run in refused} == {"it cannot be built"}
    watcher.close()


def test_places_are_kept_to(parts: Parts) -> None:
    """As many runs at once as the settings say, the oldest first, and the others say what they wait for."""
    numbers = [parts.queue() for _ in range(4)]
    parts.dispatch.look()
    assert [parts.state(number) for number in numbers] == [RunState.STARTING] * 2 + [RunState.QUEUED] * 2
    assert runs.get(parts.bench, numbers[3]).reason == "waits for a place: 2 runs at once"


def test_a_run_that_never_will_holds_up_no_other_of_its_schedule(parts: Parts) -> None:
    """The next run of its schedule begins at once; behind one that begins the others wait."""
    numbers = [parts.queue(name, schedule="p/s") for name in ("never", "there", "there")]
    parts.dispatch.look()
    assert [parts.state(number) for number in numbers] == [RunState.FAILED, RunState.STARTING, RunState.QUEUED]


def test_runs_of_one_sweep_wait_for_no_other_of_it(parts: Parts) -> None:
    """A schedule's sweep runs as wide as there are places; the sweep of its next due time waits for all of it."""
    numbers = [parts.queue(schedule="p/s") for _ in range(4)]
    with parts.bench.store.write() as connection:
        for number in numbers:
            connection.execute("UPDATE runs SET group_id = ? WHERE id = ?", (1 + (number > numbers[2]), number))
    parts.dispatch.look()
    states = [parts.state(number) for number in numbers]
    assert states == [RunState.STARTING, RunState.STARTING, RunState.QUEUED, RunState.QUEUED]
    reasons = [runs.get(parts.bench, number).reason for number in numbers[2:]]
    assert reasons == ["waits for a place: 2 runs at once", f"waits for run {numbers[0]} of the same schedule"]


def test_a_fault_of_one_queued_run_hits_no_other(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    """It stays with its reason, takes no place, and goes on when the fault is gone."""
    parts.bench.home.settings_file.write_text("concurrency: 1\n")
    parts.environments.answers = {**parts.environments.answers, "odd": RuntimeError("nobody thought of it")}
    bad, good = parts.queue("odd"), parts.queue()
    parts.dispatch.look()
    assert (parts.state(bad), parts.state(good)) == (RunState.QUEUED, RunState.STARTING)
    assert "RuntimeError: nobody thought of it" in runs.get(parts.bench, bad).reason
    parts.bench.home.settings_file.write_text("concurrency: 10\n")
    parts.environments.answers = {**parts.environments.answers, "odd": parts.environments.answers["there"]}
    parts.dispatch.look()
    assert parts.state(bad) is RunState.STARTING


def test_a_clock_that_was_set_back_delays_no_retry(parts: Parts) -> None:
    """A retry waits for its pause and never longer, whatever the clock showed when it was put off."""
    soon, late = parts.queue(), parts.queue()
    with parts.bench.store.write() as connection:
        for number, pause in ((soon, LONGEST_PAUSE / 2), (late, timedelta(hours=5))):
            connection.execute("UPDATE runs SET not_before = ? WHERE id = ?", (rows.stamp(NOW + pause), number))
    assert parts.dispatch.look() == LONGEST_PAUSE.total_seconds() / 2
    assert (parts.state(soon), parts.state(late)) == (RunState.QUEUED, RunState.STARTING)


def test_a_fault_of_one_active_run_hits_no_other(parts: Parts) -> None:
    """A run whose folder cannot be made is looked at again; the one behind it ends as it should."""
    bad, good = parts.queue(), parts.queue()
    parts.dispatch.look()
    for number in (bad, good):
        parts.dispatch.launching.discard((number, 1))
        with parts.bench.store.write() as connection:
            assert rows.change(
                connection, number, RunState.STARTING, RunState.RUNNING, attempt=1, at=NOW, actor=parts.bench.actor
            )
    folder = parts.bench.home.attempt_folder(bad, 1)
    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()
    folder.write_text("in the way")
    parts.runs.look()
    assert parts.state(bad) is RunState.RUNNING
    assert parts.state(good) is RunState.CRASHED
    folder.unlink()
    parts.runs.look()
    assert parts.state(bad) is RunState.CRASHED


def building(parts: Parts) -> int:
    """A build that its row says is under way."""
    actor = parts.bench.actor
    with parts.bench.store.write() as connection:
        number = build_rows.request(connection, "python", "f", at=NOW, actor=actor)
        assert build_rows.change(connection, number, BuildState.QUEUED, BuildState.BUILDING, at=NOW, actor=actor)
    return number


def build_state(parts: Parts, number: int) -> BuildState:
    """The state of a build."""
    with parts.bench.store.read() as connection:
        found = build_rows.get(connection, number)
    assert found
    return found.state


def test_a_build_that_nobody_works_on_is_queued_again(parts: Parts) -> None:
    """Of a supervisor that died, or because its end could not be written: it never stays `building` for ever."""
    number = building(parts)
    parts.desk.stopping.set()
    parts.builds.running[number] = threading.Event()
    parts.builds.look()
    assert build_state(parts, number) is BuildState.BUILDING
    del parts.builds.running[number]
    assert parts.builds.look() == 0.0
    assert build_state(parts, number) is BuildState.QUEUED


@pytest.mark.parametrize(
    ("state", "cells", "doubted"), [("failed", 0, True), ("failed", 1, False), ("succeeded", 0, False)]
)
def test_a_run_without_a_cell_makes_its_environment_doubtful(
    parts: Parts, state: str, cells: int, doubted: bool
) -> None:
    """What was removed behind our back is missed by the run that comes before the next look at it, and by no other."""
    run, key = parts.queue(), ("there", "r1")
    parts.dispatch.look()
    parts.environments._seen[key] = time.monotonic()
    with parts.desk.read() as connection:
        token = rows.token(connection, run, 1)
    folder = parts.bench.home.attempt_folder(run, 1)
    folder.mkdir(parents=True, exist_ok=True)
    write_result(folder, Result(RunState(state), token, "no image named r1", cells_done=cells))
    parts.runs.look()
    assert parts.state(run) is RunState(state)
    assert (key not in parts.environments._seen) is doubted


def test_a_revision_is_of_the_person_who_asked_for_its_build(parts: Parts) -> None:
    """Not of the supervisor, which makes all of them."""
    number = building(parts)
    with parts.desk.read() as connection:
        build = build_rows.get(connection, number)
    assert build
    made = Revision("0123456789abcdef", EngineName.PROCESS, "/nowhere")
    parts.builds._made(build, environments.spec(parts.bench, "python"), EngineName.PROCESS, made)
    with parts.desk.read() as connection:
        (row,) = revision_rows.every(connection, "python")
    assert row.by == parts.bench.actor.by != parts.desk.actor.by


def test_what_a_killed_build_left_goes_where_its_environment_has_no_engine(parts: Parts) -> None:
    """The engine that the build was begun on tidies, also of an environment that never got one, or has another by now."""
    with parts.bench.store.write() as connection:
        build_rows.request(
            connection, "python", "f", at=NOW, actor=parts.bench.actor, engine=str(EngineName.PROCESS)
        )  # fmt: skip
    half_made = parts.bench.home.state / "environments" / "python" / "0123456789abcdef"
    half_made.mkdir(parents=True)
    parts.builds._tidy()
    assert not half_made.exists()


def test_a_build_whose_end_cannot_be_written_is_made_again(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a disk that is full at its end nothing is lost but the time."""
    number = building(parts)
    with parts.bench.store.read() as connection:
        build = build_rows.get(connection, number)
    assert build
    cancelled = parts.builds.running[number] = threading.Event()

    def full(*_: object, **__: object) -> bool:
        raise StoreError("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(parts.builds, "_change", full)
        with pytest.raises(StoreError):
            parts.builds._body(build, cancelled)
    assert build_state(parts, number) is BuildState.BUILDING
    parts.desk.stopping.set()
    parts.builds.look()
    assert build_state(parts, number) is BuildState.QUEUED


def session(parts: Parts) -> int:
    """A session of an environment that is being built."""
    with parts.bench.store.write() as connection:
        return session_rows.insert(
            connection, name="p-jupyter", project="p", ide="jupyter", environment="building", file="", at=NOW,
            actor=parts.bench.actor,
        )  # fmt: skip


def test_an_ended_session_that_is_wanted_up_is_queued(parts: Parts) -> None:
    """However it came to be `stopped` and wanted up: it does not stay so."""
    number = session(parts)
    with parts.bench.store.write() as connection:
        assert session_rows.change(connection, number, S.QUEUED, S.STOPPED, at=NOW, actor=parts.bench.actor)
    parts.sessions.look()
    assert sessions.get(parts.bench, number).state is S.QUEUED
    parts.sessions.look()
    assert sessions.get(parts.bench, number).state is S.PREPARING


def test_what_is_left_of_an_ended_session_is_nobodys(parts: Parts) -> None:
    """A container is a session's while its row lives and names it, or names none yet; after its end it is swept."""
    number = session(parts)
    kept = SessionFacts("c1", number, 1, alive=True)

    def swept(*states: S, handle: str = "c1") -> bool:
        with parts.bench.store.write() as connection:
            for state in states:
                found = session_rows.get(connection, number)
                assert found
                assert session_rows.change(connection, number, found.state, state, at=NOW, actor=parts.bench.actor)
            session_rows.set_facts(connection, number, handle=handle)
        with parts.bench.store.read() as connection:
            living = session_rows.in_states(connection, set(S) - SESSION_ENDED)
        return unowned([kept], living) == [kept]

    assert not swept(S.STARTING, handle="")
    assert not swept(S.READY)
    assert swept(handle="c2")
    assert swept(S.FAILED)
