"""The store: whole transactions, states that change only as allowed, many writers, backups, refusals."""

from __future__ import annotations

import contextlib
import itertools
import os
import sqlite3
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.errors import StoreError
from workbench.model import build as build_model
from workbench.model import run as run_model
from workbench.model import session as session_model
from workbench.model.run import RunState
from workbench.model.schedule import DueState
from workbench.model.session import Desired, SessionState
from workbench.store import Store, builds, environments, events, ledger, pauses, run_pages, runs, schedules, sessions
from workbench.store import migrations as migration_list
from workbench.store.connection import wal_is_safe
from workbench.store.events import Actor

NOW = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
WHO = Actor("ann", "ann", "cli")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """An empty store."""
    made = Store(tmp_path / "state.db")
    yield made
    made.close()


def queued(store: Store, **fields: object) -> int:
    """A queued run."""
    with store.write() as connection:
        return runs.insert(
            connection, project="p", notebook="n.ipynb", name="n", environment="python", parameters={"x": [1, "ü"]},
            cells=3, created=NOW, actor=WHO, **fields,
        )  # fmt: skip


def run_of(store: Store, number: int) -> run_model.Run:
    """A run's row."""
    with store.read() as connection:
        found = runs.get(connection, number)
    assert found
    return found


def test_a_transaction_is_whole(store: Store) -> None:
    """What fails in the middle leaves nothing behind."""

    def fails() -> None:
        with store.write() as connection:
            events.append(connection, NOW, "run", 1, "queued", WHO)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fails()
    with store.read() as connection:
        assert run_pages.page(connection, run_pages.RunFilter()) == []
        assert events.newest(connection) == 0


def test_every_row_says_who_wrote_it(store: Store) -> None:
    """The person, the account and where from, in every table."""
    with store.read() as connection:
        tables = [
            row[0]
            for row in connection.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
            ).fetchall()
        ]
        columns = {
            table: {row["name"] for row in connection.execute(f"PRAGMA table_info({table})").fetchall()}
            for table in tables
        }
    assert {"runs", "attempts", "due_times", "revisions", "ports", "engines"} <= columns.keys()
    assert [table for table, names in columns.items() if not {"by", "account", "origin"} <= names] == []
    assert {"paused_by", "paused_account"} <= columns["schedules"]


def test_files_are_private(store: Store) -> None:
    """The database is of its owner alone."""
    assert store.path.stat().st_mode & 0o777 == 0o600


def test_what_goes_in_comes_out(store: Store) -> None:
    """A run's row holds its parameters, who asked, and times with their microseconds."""
    run = run_of(store, queued(store, schedule="p/s", due=NOW, timeout=5.0, retries=2))
    assert (run.parameters, run.created, run.due, run.by, run.timeout, run.retries) == (
        {"x": [1, "ü"]}, NOW, NOW, "ann", 5.0, 2,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("allowed", "ended"),
    [
        (run_model.ALLOWED, run_model.ENDED),
        (build_model.ALLOWED, build_model.ENDED),
    ],
)
def test_ends_are_ends(allowed: dict[object, frozenset[object]], ended: frozenset[object]) -> None:
    """Nothing leads out of an end, and every other state leads to one."""
    assert not ended & allowed.keys()
    for state in allowed:
        reached = {state}
        while more := {new for old in reached for new in allowed.get(old, frozenset())} - reached:
            reached |= more
        assert reached & ended


@settings(max_examples=60, deadline=None)
@given(steps=st.lists(st.sampled_from(list(RunState)), max_size=12))
def test_no_sequence_of_changes_leaves_the_table(
    tmp_path_factory: pytest.TempPathFactory, steps: list[RunState]
) -> None:
    """Whatever is tried, a state changes only as the table allows, and an ended run never again."""
    store = Store(tmp_path_factory.mktemp("s") / "state.db")
    number = queued(store)
    for new in steps:
        run = run_of(store, number)
        with store.write() as connection:
            if new in run_model.ALLOWED.get(run.state, frozenset()):
                assert runs.change(connection, number, run.state, new, attempt=run.attempt, at=NOW, actor=WHO)
            else:
                with pytest.raises(ValueError, match="may not go"):
                    runs.change(connection, number, run.state, new, attempt=run.attempt, at=NOW, actor=WHO)
    with store.read() as connection:
        told = [event.what for event in events.of(connection, "run", number)]
    assert sum(what in set(run_model.ENDED) for what in told) <= 1
    for old, new in itertools.pairwise(told):
        assert new in run_model.ALLOWED[RunState(old)]
    store.close()


def test_a_lost_race_is_false(store: Store) -> None:
    """Of two that change the same row one wins; the other is told, and nothing is written for it."""
    number = queued(store)
    outcomes: list[bool] = []

    def claim() -> None:
        run = run_of(store, number)
        barrier.wait()
        with store.write() as connection:
            outcomes.append(
                runs.begin_attempt(connection, run, token="t", revision="r", engine="process", at=NOW, actor=WHO)
            )

    barrier = threading.Barrier(6)
    threads = [threading.Thread(target=claim) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == [False] * 5 + [True]
    with store.read() as connection:
        assert len(runs.attempts(connection, number)) == 1


def test_a_withdrawn_attempt_did_not_happen(store: Store) -> None:
    """An attempt whose runner never began leaves no row, and the next one has its number."""
    number = queued(store)
    for token in ("first", "second"):
        with store.write() as connection:
            run = runs.get(connection, number)
            assert run
            assert runs.begin_attempt(connection, run, token=token, revision="r", engine="process", at=NOW, actor=WHO)
        run = run_of(store, number)
        assert (run.state, run.attempt) == (RunState.STARTING, 1)
        if token == "first":
            with store.write() as connection:
                assert runs.withdraw_attempt(connection, run, at=NOW, actor=WHO, reason="no runner")
            assert run_of(store, number).attempt == 0
    with store.read() as connection:
        assert runs.token(connection, number, 1) == "second"
        assert len(runs.attempts(connection, number)) == 1


def test_ids_are_never_used_again(store: Store) -> None:
    """A removed run's number stays its own: its folder may still lie there."""
    number = queued(store)
    with store.write() as connection:
        runs.change(connection, number, RunState.QUEUED, RunState.CANCELLED, attempt=0, at=NOW, actor=WHO)
        assert runs.delete(connection, number, at=NOW, actor=WHO)
    assert queued(store) == number + 1


def test_a_due_time_is_one_row_for_ever(store: Store) -> None:
    """The second who notes a due time is told so; a removed run leaves its row."""
    number = queued(store, schedule="p/s", due=NOW)
    with store.write() as connection:
        assert schedules.add_due(connection, "p/s", NOW, DueState.FIRED, at=NOW, actor=WHO, run=number)
        assert not schedules.add_due(connection, "p/s", NOW, DueState.MISSED, at=NOW, actor=WHO)
        assert not schedules.add_due(connection, "p/s", NOW.astimezone(), DueState.FIRED, at=NOW, actor=WHO)
        runs.change(connection, number, RunState.QUEUED, RunState.CANCELLED, attempt=0, at=NOW, actor=WHO)
        runs.delete(connection, number, at=NOW, actor=WHO)
    with store.read() as connection:
        (row,) = ledger.page(connection, "p/s")
    assert (row.state, row.run) == (DueState.FIRED, None)


def noticed(store: Store, timing: str, *, at: datetime = NOW, problem: str = "", digest: str = "") -> None:
    """A schedule's file as it is now."""
    with store.write() as connection:
        schedules.notice(
            connection, key="p/s", project="p", name="s", digest=digest or timing + problem, timing=timing,
            problem=problem, at=at, actor=WHO,
        )  # fmt: skip


def schedule_of(store: Store) -> schedules.Schedule:
    """Its row."""
    with store.read() as connection:
        found = schedules.get(connection, "p/s")
    assert found
    return found


def test_an_edit_of_the_time_starts_at_now(store: Store) -> None:
    """A changed timing starts anew; other edits and a bad edit do not; a file that comes back starts anew."""
    noticed(store, "a")
    later = NOW + timedelta(hours=5)
    noticed(store, "a", at=later, digest="other text")
    assert schedule_of(store).evaluated_until == NOW
    noticed(store, "", at=later, problem="broken")
    assert (schedule_of(store).evaluated_until, schedule_of(store).timing) == (NOW, "a")
    noticed(store, "b", at=later)
    assert (schedule_of(store).evaluated_until, schedule_of(store).problem) == (later, "")
    with store.write() as connection:
        assert schedules.gone(connection, "p/s", at=later, actor=WHO)
        assert not schedules.gone(connection, "p/s", at=later, actor=WHO)
    noticed(store, "b", at=later + timedelta(days=1))
    assert schedule_of(store).present
    assert schedule_of(store).evaluated_until == later + timedelta(days=1)


def test_a_pause_is_kept_with_its_reason_and_its_end(store: Store) -> None:
    """Who paused it, why and until when; a second word about it changes that; it ends once, and is not forgotten."""
    noticed(store, "a")
    later = NOW + timedelta(days=9)
    with store.write() as connection:
        assert pauses.begin(connection, "p/s", at=NOW, actor=WHO, reason="holiday")
        assert not pauses.begin(connection, "p/s", at=NOW, actor=WHO, reason="long holiday", until=later)
    row = schedule_of(store)
    assert (row.paused_by, row.pause_reason, row.paused_until) == ("ann", "long holiday", later)
    with store.write() as connection:
        assert not pauses.end(connection, "p/s", at=later, actor=WHO, until=NOW)
        assert pauses.end(connection, "p/s", at=later, actor=WHO, until=later)
        assert not pauses.end(connection, "p/s", at=later, actor=WHO)
        (pause,) = pauses.of(connection, "p/s", NOW)
        assert pauses.of(connection, "p/s", later) == []
    assert str(pause) == "paused by ann: long holiday"
    assert [pause.covers(NOW + timedelta(days=days)) for days in (0, 1, 8, 9)] == [False, True, True, False]
    assert not schedule_of(store).paused


def test_an_evaluation_that_was_overtaken_is_told(store: Store) -> None:
    """Two that evaluate the same stretch: the second is told that it was done."""
    noticed(store, "a")
    with store.write() as connection:
        assert schedules.evaluated(connection, "p/s", NOW, NOW + timedelta(hours=1))
        assert not schedules.evaluated(connection, "p/s", NOW, NOW + timedelta(hours=2))


def session(store: Store, name: str = "p-jupyter") -> int:
    """A session that is asked for."""
    with store.write() as connection:
        return sessions.insert(
            connection, name=name, project="p", ide="jupyter", environment="python", file="", at=NOW, actor=WHO
        )


def session_of(store: Store, number: int) -> session_model.Session:
    """Its row."""
    with store.read() as connection:
        found = sessions.get(connection, number)
    assert found
    return found


def test_a_session_is_wanted_anew_by_a_generation(store: Store) -> None:
    """Up while it is up is nothing; up after its end, or a restart, is a new generation; down and up again is none."""
    number = session(store)

    def want(desired: Desired, *, again: bool = False) -> bool:
        with store.write() as connection:
            return sessions.want(connection, session_of(store, number), desired, at=NOW, actor=WHO, again=again)

    assert not want(Desired.UP)
    assert want(Desired.UP, again=True)
    assert session_of(store, number).generation == 2
    assert want(Desired.DOWN)
    with store.write() as connection:
        assert sessions.change(connection, number, SessionState.QUEUED, SessionState.STOPPED, at=NOW, actor=WHO)
    assert want(Desired.UP)
    fresh = session_of(store, number)
    assert (fresh.state, fresh.generation) == (SessionState.QUEUED, 3)


def test_what_ended_unasked_is_wanted_no_more_unless_asked_again(store: Store) -> None:
    """A failed session is not started over and over; a restart that came meanwhile is kept."""
    number = session(store)
    with store.write() as connection:
        assert not sessions.settle(connection, number, 1)
        assert sessions.get(connection, number).desired is Desired.DOWN  # type: ignore[union-attr]
        sessions.want(connection, session_of(store, number), Desired.UP, at=NOW, actor=WHO, again=True)
        assert sessions.settle(connection, number, 1)


def test_names_and_ports_are_kept(store: Store) -> None:
    """Two sessions never share a name or a port; a removed one frees its name, and its port is kept for it."""
    number = session(store)
    with pytest.raises(StoreError):
        session(store)
    with store.write() as connection:
        assert sessions.keep_port(connection, "p-jupyter", 40001, actor=WHO)
        assert not sessions.keep_port(connection, "other", 40001, actor=WHO)
        assert not sessions.remove(connection, number, at=NOW, actor=WHO)
        sessions.change(connection, number, SessionState.QUEUED, SessionState.STOPPED, at=NOW, actor=WHO)
        assert sessions.remove(connection, number, at=NOW, actor=WHO)
        assert sessions.named(connection, "p-jupyter") is None
    again = session(store)
    assert again != number
    with store.read() as connection:
        assert sessions.port_of(connection, "p-jupyter") == 40001


def test_one_open_build_a_declaration(store: Store) -> None:
    """Asking twice is one build; after its end asking is a new one."""
    with store.write() as connection:
        first = builds.request(connection, "python", "f", at=NOW, actor=WHO)
        assert builds.request(connection, "python", "f", at=NOW, actor=WHO) == first
        assert builds.request(connection, "python", "g", at=NOW, actor=WHO) != first
        builds.change(
            connection, first, build_model.BuildState.QUEUED, build_model.BuildState.FAILED, at=NOW, actor=WHO
        )
        assert builds.request(connection, "python", "f", at=NOW, actor=WHO) > first


def test_an_engine_is_chosen_once(store: Store) -> None:
    """The first choice stays, whoever chooses later, until the person declares another."""
    name = environments.EngineName
    with store.write() as connection:
        environments.choose_engine(connection, "python", name.PROCESS, "no docker", at=NOW, actor=WHO)
        chosen = environments.choose_engine(connection, "python", name.DOCKER, "docker is back", at=NOW, actor=WHO)
        assert (chosen.engine, chosen.engine_reason) == (name.PROCESS, "no docker")
        changed = environments.choose_engine(
            connection, "python", name.DOCKER, "declared", at=NOW, actor=WHO, declared=True
        )
    assert (changed.engine, changed.engine_reason) == (name.DOCKER, "declared")


def test_several_processes_write(tmp_path: Path) -> None:
    """Four processes with forty transactions each: all are there, none waits in vain."""
    path = tmp_path / "state.db"
    Store(path).close()
    text = (
        "import sys; from pathlib import Path; from datetime import datetime, UTC\n"
        "from workbench.store import Store, events\n"
        "store = Store(Path(sys.argv[1]))\n"
        "for n in range(40):\n"
        "    with store.write() as c: events.append(c, datetime.now(UTC), 'k', n, 'w', events.Actor('a','a','cli'))\n"
        "store.close()\n"
    )
    started = [subprocess.Popen([sys.executable, "-c", text, str(path)]) for _ in range(4)]
    assert [process.wait(120) for process in started] == [0] * 4
    store = Store(path)
    with store.read() as connection:
        assert events.newest(connection) == 160
    assert store.integrity() == []
    store.close()


def open_files(path: Path) -> int:
    """How often this process has the database open."""
    count = 0
    for link in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            count += os.readlink(link) == str(path)
    return count


def test_threads_that_ended_leave_nothing_open(store: Store) -> None:
    """Whatever number of threads has used the store: files are open for those that live."""
    queued(store)
    before = open_files(store.path)

    def use(done: threading.Barrier | None = None) -> None:
        store.data_version()
        if done:
            done.wait()

    for _ in range(20):
        thread = threading.Thread(target=use)
        thread.start()
        thread.join()
    assert open_files(store.path) <= before + 1
    together = threading.Barrier(9)
    threads = [threading.Thread(target=use, args=[together]) for _ in range(8)]
    for thread in threads:
        thread.start()
    together.wait()
    for thread in threads:
        thread.join()
    other = threading.Thread(target=lambda: (use(), store.release()))
    other.start()
    other.join()
    assert open_files(store.path) == before


def test_a_full_disk_is_told_as_such(store: Store) -> None:
    """A transaction that finds no room changes nothing and says that the disk is full; the next ones go on."""
    number = queued(store)

    def fill() -> None:
        with store.write() as connection:
            pages = connection.execute("PRAGMA page_count").fetchone()[0]
            connection.execute(f"PRAGMA max_page_count={pages}")
            runs.set_reason(connection, number, "x" * 1_000_000)

    with pytest.raises(StoreError, match="the disk is full") as caught:
        fill()
    assert "Free space" in caught.value.hint
    with store.write() as connection:
        connection.execute("PRAGMA max_page_count=1000000")
        runs.set_reason(connection, number, "room again")
    assert run_of(store, number).reason == "room again"


def test_readers_notice_writes_of_others(tmp_path: Path) -> None:
    """`data_version` differs after another connection has committed, and only then."""
    mine, other = Store(tmp_path / "state.db"), Store(tmp_path / "state.db")
    before = mine.data_version()
    assert mine.data_version() == before
    queued(other)
    assert mine.data_version() != before
    mine.close()
    other.close()


def test_a_newer_schema_is_refused_and_unchanged(tmp_path: Path) -> None:
    """A database of a newer program is not touched."""
    path = tmp_path / "state.db"
    Store(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version=99")
    connection.close()
    with pytest.raises(StoreError, match="newer workbench") as caught:
        Store(path)
    assert "Upgrade" in caught.value.hint
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA user_version").fetchone()[0] == 99
    connection.close()


def test_an_older_schema_is_backed_up_and_migrated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before a migration there is a copy of its own; a migration that fails leaves the old schema."""
    path = tmp_path / "state.db"
    store = Store(path)
    queued(store)
    store.close()

    def broken(connection: sqlite3.Connection) -> None:
        connection.execute("CREATE TABLE half (x)")
        raise RuntimeError

    first = migration_list.MIGRATIONS
    monkeypatch.setattr("workbench.store.connection.MIGRATIONS", (*first, broken))
    with pytest.raises(RuntimeError):
        Store(path)
    monkeypatch.setattr(
        "workbench.store.connection.MIGRATIONS",
        (*first, lambda connection: connection.execute("CREATE TABLE whole (x)")),
    )
    store = Store(path)
    with store.read() as connection:
        names = {row[0] for row in connection.execute("SELECT name FROM sqlite_master").fetchall()}
        assert len(run_pages.page(connection, run_pages.RunFilter())) == 1
    store.close()
    assert "whole" in names
    assert "half" not in names
    copies = list((tmp_path / "backups").glob(f"schema-{len(first)}-*.db"))
    assert copies
    assert copies[0].stat().st_mode & 0o777 == 0o600


def test_what_is_no_database_is_told(tmp_path: Path) -> None:
    """A damaged file and one that cannot be opened are explained."""
    path = tmp_path / "state.db"
    path.write_bytes(b"this is not a database at all, it is text" * 100)
    with pytest.raises(StoreError, match="damaged") as caught:
        Store(path)
    assert "doctor" in caught.value.hint  # which looks whether there is a copy at all


@pytest.mark.parametrize(
    ("version", "safe"),
    [((3, 40, 1), False), ((3, 44, 5), False), ((3, 44, 6), True), ((3, 45, 0), False), ((3, 50, 6), False),
     ((3, 50, 7), True), ((3, 51, 2), False), ((3, 51, 3), True), ((3, 52, 0), True)],
)  # fmt: skip
def test_wal_only_where_it_is_safe(version: tuple[int, int, int], safe: bool) -> None:
    """WAL is used only with the WAL-reset fix."""
    assert wal_is_safe(version) is safe


def test_pages_go_by_id(store: Store) -> None:
    """The next page begins where this one ends, also while rows are added."""
    numbers = [queued(store) for _ in range(7)]
    with store.read() as connection:
        first = run_pages.page(connection, run_pages.RunFilter(), limit=3)
    queued(store)
    with store.read() as connection:
        second = run_pages.page(connection, run_pages.RunFilter(), before=first[-1].id, limit=3)
    assert [run.id for run in first + second] == sorted(numbers, reverse=True)[:6]
