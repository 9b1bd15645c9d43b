"""Spares of warm projects: rows that nobody asked for yet, taken by one, shown as what they are."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from world import together

from workbench.errors import Conflict
from workbench.model.environment import EngineName, Revision
from workbench.model.session import Desired, Session, SessionState
from workbench.services import environments, ides, overview, projects, sessions, spares
from workbench.services.bench import Bench, open_bench
from workbench.services.supervision import control
from workbench.store import environments as environment_rows
from workbench.store import revisions
from workbench.store import sessions as session_rows
from workbench.store import spares as rows
from workbench.store.events import SUPERVISOR, Actor, of
from workbench.supervisor.desk import Desk
from workbench.supervisor.engines import Engines
from workbench.supervisor.sessions.spares import KEPT_FOR, Spares

S = SessionState
REVISION = "0123456789abcdef"
WE = Actor(SUPERVISOR, "tester", SUPERVISOR)


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """A home with a warm project whose environment counts as built; asking starts no supervisor here."""
    monkeypatch.setattr(control, "ensure", lambda _: None)
    opened = open_bench(tmp_path / "home")
    folder = projects.create(opened, "churn").path
    (folder / "project.yaml").write_text("environment: python\nwarm: true\n")
    built(opened)
    yield opened
    opened.close()


def built(bench: Bench) -> None:
    """Have a revision of the environment as it is declared now."""
    spec = environments.spec(bench, "python")
    revision = Revision(REVISION, EngineName.PROCESS, "/nowhere", ides=("jupyter",))
    with bench.store.write() as connection:
        environment_rows.choose_engine(connection, "python", EngineName.PROCESS, "", at=bench.now(), actor=WE)
        revisions.add(connection, "python", spec.fingerprint, revision, build=None, at=bench.now(), actor=WE)


@pytest.fixture
def policy(bench: Bench) -> Spares:
    """What decides which spares there are; nobody brings them up here."""
    desk = Desk(bench, lambda: None, bench.home.root)
    return Spares(desk, Engines(desk))


def raw(bench: Bench) -> list[Session]:
    """The rows of spares."""
    with bench.store.read() as connection:
        return rows.listing(connection)


def looked(policy: Spares) -> None:
    """Let it look now."""
    policy._next = 0.0
    policy.look()


def up(bench: Bench, policy: Spares) -> Session:
    """A spare that is up, as the supervisor makes one."""
    looked(policy)
    (spare,) = raw(bench)
    with bench.store.write() as connection:
        at = {"at": bench.now(), "actor": WE}
        session_rows.change(connection, spare.id, S.QUEUED, S.STARTING, **at, revision=REVISION, engine="process")
        session_rows.change(connection, spare.id, S.STARTING, S.SPARE, **at, ended=spare.ended)
        session_rows.set_facts(connection, spare.id, handle="h", port=40_000)
    (spare,) = raw(bench)
    return spare


def down(bench: Bench) -> None:
    """What was given back is down, as the supervisor says it."""
    for spare in raw(bench):
        assert spare.desired is Desired.DOWN
        with bench.store.write() as connection:
            at = {"at": bench.now(), "actor": WE}
            session_rows.change(connection, spare.id, spare.state, S.STOPPING, **at)
            session_rows.change(connection, spare.id, S.STOPPING, S.STOPPED, **at, ended=spare.ended)
            rows.ended(connection, spare, at=bench.now())


def used(bench: Bench) -> int:
    """A session that was up and that its person stopped."""
    number = sessions.start(bench, "churn")
    with bench.store.write() as connection:
        at = {"at": bench.now(), "actor": bench.actor}
        if session_rows.get(connection, number).state is S.QUEUED:
            session_rows.change(connection, number, S.QUEUED, S.STARTING, **at)
        session_rows.change(connection, number, S.STARTING, S.READY, **at)
    sessions.stop(bench, number)
    with bench.store.write() as connection:
        session_rows.change(connection, number, S.READY, S.STOPPING, **at)
        session_rows.change(connection, number, S.STOPPING, S.STOPPED, **at)
    return number


def test_a_warm_project_has_one_spare(bench: Bench, policy: Spares) -> None:
    """One is asked for by the supervisor, under the name that the next start has; looking again asks for no other."""
    looked(policy)
    looked(policy)
    (spare,) = raw(bench)
    assert (spare.name, spare.state, spare.desired, spare.by) == ("churn-jupyter", S.QUEUED, Desired.UP, SUPERVISOR)


def test_a_project_that_is_not_warm_has_none(bench: Bench, policy: Spares) -> None:
    """Neither before nor after: one that was there is given back when `warm` is taken out."""
    up(bench, policy)
    (projects.get(bench, "churn").path / "project.yaml").write_text("environment: python\n")
    looked(policy)
    down(bench)
    looked(policy)
    assert raw(bench) == []
    assert sessions.listing(bench) == []


def test_the_next_start_takes_it(bench: Bench, policy: Spares) -> None:
    """The very row becomes the person's: same id, generation, port and container; it is only looked at once more."""
    spare = up(bench, policy)
    assert sessions.start(bench, "churn") == spare.id
    (taken,) = sessions.listing(bench)
    assert (taken.state, taken.generation, taken.port, taken.handle) == (S.STARTING, 1, 40_000, "h")
    assert (taken.by, taken.spare, taken.desired) == (bench.actor.by, "", Desired.UP)
    looked(policy)
    assert raw(bench) == []


def test_one_takes_it_in_a_race(bench: Bench, policy: Spares) -> None:
    """Of many who ask at once one takes it, and all have the same session."""
    spare = up(bench, policy)
    ready = threading.Barrier(6)

    def ask() -> int:
        own = open_bench(bench.home.root)
        ready.wait()
        try:
            return sessions.start(own, "churn")
        finally:
            own.close()

    assert set(together([ask] * 6)) == {spare.id}
    with bench.store.read() as connection:
        taken = [event for event in of(connection, "session", spare.id) if event.detail == "a spare"]
    assert len(taken) == 1
    assert sessions.get(bench, spare.id).generation == 1


def test_another_name_is_begun_cold(bench: Bench, policy: Spares) -> None:
    """A spare answers to its own name alone, so one that was asked for by another name is made; then the spare goes."""
    spare = up(bench, policy)
    other = sessions.start(bench, "churn", name="own-name")
    assert other != spare.id
    assert sessions.get(bench, other).state is S.QUEUED
    looked(policy)
    assert [one.desired for one in raw(bench)] == [Desired.DOWN]


@pytest.mark.parametrize("change", ["env: {A: b}", "limits: {pids: 77}", "secrets: [KEY]"])
def test_what_was_declared_otherwise_is_not_taken(bench: Bench, policy: Spares, change: str) -> None:
    """A spare was started by what was declared then: another declaration begins anew, and nobody gets the old one."""
    spare = up(bench, policy)
    (bench.home.environments / "python.yaml").write_text(
        f"python: {{}}\nides: [jupyter]\n{change}\n".replace("python: {}", "python: {packages: []}")
    )
    if "secrets" in change:
        from workbench.services import secrets

        secrets.put(bench, "KEY", "value")
    assert sessions.start(bench, "churn") == spare.id
    session = sessions.get(bench, spare.id)
    assert (session.state, session.generation, session.spare) == (S.STOPPING, 2, "")


def test_another_revision_is_not_taken(bench: Bench, policy: Spares) -> None:
    """An environment that was built anew under the same declaration is what the next session has."""
    spare = up(bench, policy)
    with bench.store.write() as connection:
        session_rows.set_facts(connection, spare.id, revision="f" * 16)
    sessions.start(bench, "churn")
    assert sessions.get(bench, spare.id).generation == 2


def test_shapes_differ_by_what_a_session_sees(bench: Bench) -> None:
    """Data folders and the tool make another shape; titles and descriptions do not."""
    project, spec = projects.get(bench, "churn"), environments.spec(bench, "python")
    ide = ides.named(bench, "jupyter")
    shape = spares.shape(bench, project, spec, ide)
    assert shape == spares.shape(bench, replace(project, description="x"), replace(spec, title="y"), ide)
    others = [
        spares.shape(bench, replace(project, path=Path("/elsewhere")), spec, ide),
        spares.shape(bench, project, replace(spec, env={"A": "b"}), ide),
        spares.shape(bench, project, spec, replace(ide, port=1)),
    ]
    assert len({shape, *others}) == 4


def test_a_stopped_session_stays_what_it_is(bench: Bench, policy: Spares) -> None:
    """While a spare of it is up, a person's stopped session is stopped, with its times; the spare is said beside it."""
    number = used(bench)
    before = sessions.get(bench, number)
    spare = up(bench, policy)
    assert (spare.id, spare.generation) == (number, before.generation + 1)
    now = sessions.get(bench, number)
    assert (now.state, now.desired, now.ended, now.by) == (S.STOPPED, Desired.DOWN, before.ended, before.by)
    assert "spare" in now.reason
    with pytest.raises(Conflict):
        sessions.secret_url(bench, number)
    assert overview.overview(bench).up == ()
    assert [one.name for one in overview.overview(bench).spares] == ["churn-jupyter"]


def test_one_that_a_person_gave_back_stays_away(bench: Bench, policy: Spares) -> None:
    """Stopping a spare frees its memory; it comes again after the project was used."""
    number = used(bench)
    spare = up(bench, policy)
    assert sessions.stop(bench, number)
    down(bench)
    policy.ended(spare)
    looked(policy)
    assert raw(bench) == []
    assert sessions.get(bench, number).state is S.STOPPED
    used(bench)
    looked(policy)
    assert len(raw(bench)) == 1


def test_a_removed_session_takes_its_spare_along(bench: Bench, policy: Spares) -> None:
    """Removing a stopped session that has a spare takes it from the list at once."""
    number = used(bench)
    up(bench, policy)
    sessions.remove(bench, number)
    assert sessions.listing(bench) == []
    down(bench)
    with bench.store.read() as connection:
        assert session_rows.named(connection, "churn-jupyter") is None


def test_none_beside_an_open_session(bench: Bench, policy: Spares) -> None:
    """While a person has a session of the project, no memory is held for another."""
    sessions.start(bench, "churn")
    looked(policy)
    assert raw(bench) == []


def test_none_for_a_project_left_alone(bench: Bench, policy: Spares, monkeypatch: pytest.MonkeyPatch) -> None:
    """A spare that nobody took for hours is given back, and comes again when the project is used."""
    up(bench, policy)
    later = bench.now() + KEPT_FOR + timedelta(minutes=1)
    monkeypatch.setattr(Desk, "now", lambda _: later)
    looked(policy)
    assert [one.desired for one in raw(bench)] == [Desired.DOWN]


@pytest.mark.parametrize("line", ["warm_sessions: 0", "warm_memory: 64M"])
def test_settings_bound_them(bench: Bench, policy: Spares, line: str) -> None:
    """No more than the settings allow, by number and by memory; what is too much already is given back."""
    spare = up(bench, policy)
    policy._takes[spare.project] = 100 * 1024**2
    bench.home.settings_file.write_text(f"{line}\n")
    looked(policy)
    assert [one.desired for one in raw(bench)] == [Desired.DOWN]
    down(bench)
    policy._returned.clear()
    looked(policy)
    assert raw(bench) == []


def test_none_while_memory_is_short(bench: Bench, policy: Spares, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the machine has no memory left, spares are what goes first."""
    up(bench, policy)
    monkeypatch.setattr("workbench.supervisor.sessions.spares.memory_left", lambda: -1)
    looked(policy)
    assert [one.desired for one in raw(bench)] == [Desired.DOWN]


def test_a_project_with_a_spare_can_be_removed(bench: Bench, policy: Spares) -> None:
    """A spare keeps nobody from removing its project, and goes with it."""
    up(bench, policy)
    projects.remove(bench, "churn", delete_files=True)
    assert [one.desired for one in raw(bench)] == [Desired.DOWN]
