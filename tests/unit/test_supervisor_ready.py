"""Whether an environment can be used now, as the supervisor sees it."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from workbench.engines.process import venv
from workbench.model.environment import EngineName, Revision
from workbench.services import environments, revisions
from workbench.services.bench import Bench, open_bench
from workbench.store import builds as build_rows
from workbench.store import environments as rows
from workbench.store import revisions as revision_rows
from workbench.supervisor.activations import Activations
from workbench.supervisor.desk import Desk
from workbench.supervisor.engines import Engines
from workbench.supervisor.queue.ready import Environments, Never, NotYet, Readiness, Usable


class Home:
    """A home with environment `own` on the process engine, and what the supervisor makes of it."""

    def __init__(self, bench: Bench, wake: Path) -> None:
        self.bench = bench
        self.desk = Desk(bench, lambda: None, wake)
        self.engines = Engines(self.desk)
        self.known = Environments(self.desk, self.engines)
        self.activations = Activations(self.desk, self.engines)

    def declare(self, more: str = "") -> None:
        """Write its declaration: an existing Python, and `more`."""
        path = self.bench.home.environments / "own.yaml"
        path.write_text(f"engine: process\nuse: {sys.executable}\nides: []\n{more}")

    def built(self) -> Revision:
        """What it is now as if a build had made it."""
        spec = environments.spec(self.bench, "own")
        number = self.engines.get(EngineName.PROCESS).revision_id(spec)
        # The same Python under every declaration would be one revision: each gets its own here.
        number = f"{spec.fingerprint[:16]}" if self.folder(number).exists() else number
        self.folder(number).mkdir(parents=True)
        made = Revision(number, EngineName.PROCESS, sys.executable, borrowed=True)
        venv.write(self.folder(number), made)
        with self.desk.write() as connection:
            at, actor = self.desk.now(), self.desk.actor
            rows.choose_engine(connection, "own", EngineName.PROCESS, "test", at=at, actor=actor)
            revision_rows.add(connection, "own", spec.fingerprint, made, build=None, at=at, actor=actor)
        return made

    def folder(self, number: str) -> Path:
        """Where a revision lies."""
        return self.bench.home.environment_folder("own") / number

    def ready(self) -> Readiness:
        """As a run would ask."""
        return self.known.ready("own", self.desk.now(), self.desk.actor)

    def used(self) -> str:
        """The revision that a run would use."""
        found = self.ready()
        assert isinstance(found, Usable), found
        return found.revision.id


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    """One with nothing built; no supervisor is started."""
    monkeypatch.setattr("workbench.services.supervision.control.ensure", lambda _bench: None)
    bench = open_bench(tmp_path / "home")
    made = Home(bench, tmp_path / "wake")
    made.declare()
    yield made
    bench.close()


def hold(home: Home, revision: Revision) -> None:
    """Have a revision used, whatever is declared."""
    revisions.activate(home.bench, "own", revision.id)
    home.activations.look()
    assert home.used() == revision.id


def test_what_is_there_is_used_while_it_is_built_anew(home: Home) -> None:
    """A forced build makes a revision of its own beside it: runs and sessions go on with what there is."""
    made = home.built()
    spec = environments.spec(home.bench, "own")
    with home.desk.write() as connection:
        build_rows.request(connection, "own", spec.fingerprint, force=True, at=home.desk.now(), actor=home.desk.actor)
    assert home.used() == made.id


def test_what_went_is_looked_for_after_a_run_that_did_not_begin(home: Home) -> None:
    """It is believed for a minute to be there; where a run makes that doubtful, it is looked for, and built again."""
    made = home.built()
    assert home.used() == made.id
    shutil.rmtree(home.folder(made.id))
    assert home.used() == made.id
    home.known.doubt("another")
    assert home.used() == made.id
    home.known.doubt("own")
    found = home.ready()
    assert isinstance(found, NotYet)
    assert found.reason == "building environment own"


def test_an_older_revision_is_made_active_again(home: Home) -> None:
    """Though its declaration has moved on; until the declaration is followed again."""
    first = home.built()
    home.declare("env: {A: b}\n")
    second = home.built()
    assert home.used() == second.id
    revisions.activate(home.bench, "own", first.id[:6])
    assert revisions.wish(home.bench, "own") == (True, "")
    home.activations.look()
    assert revisions.wish(home.bench, "own") == (False, "")
    assert home.used() == first.id
    view = environments.view(home.bench, "own")
    assert (view.state, view.held, view.moved_on, view.revision) == ("held", True, True, first)
    assert [(one.id, one.state, one.declared) for one in revisions.listing(home.bench, "own")] == [
        (second.id, "", True),
        (first.id, "held", False),
    ]
    home.declare("env: {A: c}\n")
    assert home.used() == first.id, "whatever is declared"
    home.declare("env: {A: b}\n")
    assert revisions.release(home.bench, "own") == second.id
    assert home.used() == second.id
    assert environments.view(home.bench, "own").state == "ready"


def test_a_build_ends_the_holding(home: Home) -> None:
    """What it makes is active; asked for where it is built already, that is."""
    first = home.built()
    home.declare("env: {A: b}\n")
    second = home.built()
    hold(home, first)
    assert environments.build(home.bench, "own") is None
    assert home.used() == second.id
    hold(home, first)
    home.declare("env: {A: c}\n")
    third = home.built()
    assert home.used() == third.id


def test_a_declaration_taken_back_is_followed(home: Home) -> None:
    """Written as it was before, what was built of it then is used, and is the active one."""
    first = home.built()
    home.declare("env: {A: b}\n")
    second = home.built()
    home.declare()
    assert home.used() == first.id
    with home.bench.store.read() as connection:
        chosen = rows.chosen(connection, "own")
    assert chosen
    assert (chosen.revision, chosen.held) == (first.id, False)
    assert [(one.id, one.state) for one in revisions.listing(home.bench, "own")] == [
        (second.id, ""),
        (first.id, "active"),
    ]


def test_the_newest_is_not_held(home: Home) -> None:
    """Activating what is declared now is following the declaration."""
    first = home.built()
    revisions.activate(home.bench, "own", first.id)
    assert environments.view(home.bench, "own").state == "ready"


def test_a_revision_that_is_gone_is_not_made_active(home: Home) -> None:
    """It is said, it is no longer listed, and what was active stays so."""
    first = home.built()
    home.declare("env: {A: b}\n")
    second = home.built()
    venv.remove(home.folder(first.id))
    revisions.activate(home.bench, "own", first.id)
    home.activations.look()
    waiting, refusal = revisions.wish(home.bench, "own")
    assert (waiting, f"revision {first.id} is gone" in refusal) == (False, True)
    assert home.used() == second.id
    assert [one.id for one in revisions.listing(home.bench, "own")] == [second.id]
    assert "is gone" in environments.view(home.bench, "own").refusal


def test_a_held_revision_that_goes_is_missed(home: Home) -> None:
    """Runs fail with what to do; nothing else is taken in its place."""
    first = home.built()
    home.declare("env: {A: b}\n")
    home.built()
    hold(home, first)
    venv.remove(home.folder(first.id))
    home.known._seen.clear()  # a minute later
    found = home.ready()
    assert isinstance(found, Never)
    assert (first.id in found.reason, "activate own --newest" in found.hint) == (True, True)
