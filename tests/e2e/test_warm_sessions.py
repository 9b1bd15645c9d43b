"""Warm projects through the whole: a real session that is up before it is asked for, taken, adopted, given back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import world
from browsing import Page
from containers import containers
from docker import APIClient
from docker.errors import NotFound
from session_world import page, settled
from waiting import until
from world import PROJECT, bench, kernel_python, kill_supervisor, lab_python, start

from workbench.model.session import ENDED, Session, SessionState
from workbench.services import projects, sessions
from workbench.services.bench import Bench
from workbench.services.supervision import control
from workbench.store import sessions as session_rows
from workbench.store import spares as rows

__all__ = ["bench", "kernel_python", "lab_python"]
pytestmark = pytest.mark.timeout(600)
S = SessionState


def warm(bench: Bench, on: bool = True) -> None:
    """Declare the project warm, or not."""
    path = projects.get(bench, PROJECT).path / "project.yaml"
    lines = [line for line in path.read_text().splitlines() if not line.startswith("warm:")]
    path.write_text("\n".join([*lines, *(["warm: true"] if on else [])]) + "\n")


def spares(bench: Bench) -> list[Session]:
    """Their rows."""
    with bench.store.read() as connection:
        return rows.listing(connection)


def spare(bench: Bench) -> Session:
    """The one spare, once it is up."""
    return until(
        lambda: next((one for one in spares(bench) if one.state is S.SPARE), None), "a spare to be up", seconds=120
    )


def no_spare(bench: Bench) -> None:
    """Wait until there is none, up or going."""
    until(lambda: not spares(bench), "no spare", seconds=60)


@pytest.fixture
def warm_lab(lab: Bench) -> Iterator[Bench]:
    """The home over Docker with a project that is warm; afterwards it is not, and nothing is up."""
    warm(lab)
    start(lab)
    yield lab
    warm(lab, on=False)
    start(lab)
    for session in sessions.listing(lab):
        sessions.stop(lab, session.id)
    control.wake(lab)
    no_spare(lab)
    until(lambda: all(one.state in ENDED for one in sessions.listing(lab)), "their ends", seconds=60)


@pytest.mark.docker
def test_a_container_is_up_before_it_is_asked_for(warm_lab: Bench, engine: APIClient) -> None:
    """The next start takes the very container that is up: it answers at its name to who has its secret, to nobody
    else; it outlives kill -9 of the supervisor before; and where the declaration changes it is not what is taken."""
    found = spare(warm_lab)
    (container,) = containers(warm_lab, engine)
    assert container["Id"] == found.handle
    assert [(one.name, one.state) for one in sessions.listing(warm_lab)] == [(f"{PROJECT}-jupyter", S.SPARE)]

    kill_supervisor(warm_lab)
    start(warm_lab)
    with warm_lab.store.read() as connection:
        until(lambda: session_rows.get(connection, found.id).reason, "it to be found again", seconds=30)
    assert [one["Id"] for one in containers(warm_lab, engine)] == [found.handle]

    number = sessions.start(warm_lab, PROJECT)
    taken = settled(warm_lab, number, S.READY)
    assert (taken.id, taken.handle, taken.generation, taken.port) == (found.id, found.handle, 1, found.port)
    assert taken.by == warm_lab.actor.by
    assert page(warm_lab, taken).status("/lab") == 200
    assert Page(taken).status() == 403
    assert page(warm_lab, taken).status(Host="evil.example") == 403
    token = page(warm_lab, taken).token

    sessions.stop(warm_lab, number)
    again = spare(warm_lab)
    assert (again.id, again.generation, again.port) == (number, 2, taken.port)
    secret = (warm_lab.home.session_folder(number) / "token").read_text()
    assert secret != token, "a spare has a secret of its own"
    shown = sessions.get(warm_lab, number)
    assert (shown.state, shown.desired) == (S.STOPPED, "down")

    declaration = projects.get(warm_lab, PROJECT).path / "project.yaml"
    data = warm_lab.home.root / "some-data"
    data.mkdir()
    declaration.write_text(declaration.read_text() + f"data: [{data}]\n")
    assert sessions.start(warm_lab, PROJECT) == number
    cold = settled(warm_lab, number, S.READY)
    assert (cold.generation, cold.port) == (3, taken.port)
    with pytest.raises(NotFound):
        engine.inspect_container(again.handle)
    assert [one["Id"] for one in containers(warm_lab, engine)] == [cold.handle]


@pytest.mark.docker
def test_the_end_of_the_service_takes_spares_along(warm_lab: Bench, engine: APIClient) -> None:
    """Nobody would look after a spare: it goes when the service stops, and comes again with it. One that is removed
    behind our back is given back without a word."""
    found = spare(warm_lab)
    engine.remove_container(found.handle, force=True)
    until(lambda: not any(one.handle == found.handle for one in spares(warm_lab)), "it to be missed", seconds=60)
    assert all(one.state is not S.FAILED for one in sessions.listing(warm_lab))
    control.stop(warm_lab)
    start(warm_lab)
    found = spare(warm_lab)
    control.stop(warm_lab)
    with pytest.raises(NotFound):
        engine.inspect_container(found.handle)
    assert spares(warm_lab) == []
    assert containers(warm_lab, engine) == []


def test_a_local_process_is_up_before_it_is_asked_for(bench: Bench, lab_python: Path) -> None:
    """The same without containers: the process that is up is the one that is taken."""
    (bench.home.environments / "bare.yaml").write_text(f"engine: process\nuse: {lab_python}\nides: [jupyter]\n")
    number = sessions.start(bench, PROJECT)
    settled(bench, number, S.READY)
    sessions.stop(bench, number)
    until(lambda: sessions.get(bench, number).state in ENDED, "its end")
    warm(bench)
    control.wake(bench)
    found = spare(bench)
    assert sessions.start(bench, PROJECT) == number
    taken = settled(bench, number, S.READY)
    assert (taken.handle, taken.generation) == (found.handle, 2)
    assert page(bench, taken).status() == 200
    warm(bench, on=False)
    sessions.stop(bench, number)
    until(lambda: sessions.get(bench, number).state in ENDED, "its end")
    assert not world.processes(bench, "start.py")
