"""Asking for sessions: one row a name, wanted up or down, and its secret only where it belongs."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from workbench.errors import Conflict, NotFound, Refused
from workbench.model.forward import Forward
from workbench.model.session import Desired, Session, SessionState
from workbench.services import forwards, projects, sessions
from workbench.services.bench import Bench, open_bench
from workbench.services.supervision import control
from workbench.store import sessions as rows

S = SessionState


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """A home with a project; asking starts no supervisor here."""
    monkeypatch.setattr(control, "ensure", lambda _: None)
    opened = open_bench(tmp_path / "home")
    projects.create(opened, "churn")
    yield opened
    opened.close()


def observed(bench: Bench, number: int, *states: SessionState, **facts: object) -> Session:
    """Move a session through `states`, as the supervisor would."""
    for state in states:
        with bench.store.write() as connection:
            assert rows.change(
                connection, number, sessions.get(bench, number).state, state, at=bench.now(), actor=bench.actor
            )
    if facts:
        with bench.store.write() as connection:
            rows.set_facts(connection, number, **facts)
    return sessions.get(bench, number)


def test_starting_twice_is_one_session(bench: Bench) -> None:
    """The same act pressed twice does nothing twice."""
    assert sessions.start(bench, "churn") == sessions.start(bench, "churn")
    (session,) = sessions.listing(bench)
    assert (session.name, session.desired, session.state, session.generation) == (
        "churn-jupyter",
        Desired.UP,
        S.QUEUED,
        1,
    )


def test_a_tool_that_could_not_be_reached_is_not_asked_for(bench: Bench) -> None:
    """Jupyter listens on a port, which an environment without a network has none of; what workbench signs in to is reached
    by a socket."""
    (bench.home.environments / "alone.yaml").write_text("engine: docker\nnetwork: false\nides: [jupyter, marimo]\n")
    projects.create(bench, "alone", environment="alone")
    with pytest.raises(Refused, match="has no network, could not be reached"):
        sessions.start(bench, "alone", "jupyter")
    assert sessions.start(bench, "alone", "marimo")


def test_a_session_that_ended_starts_anew_under_its_name(bench: Bench) -> None:
    """A new generation of the same row, so that its port and address stay."""
    number = sessions.start(bench, "churn")
    observed(bench, number, S.STARTING, S.READY, S.VANISHED)
    assert sessions.start(bench, "churn") == number
    session = sessions.get(bench, number)
    assert (session.state, session.generation, session.desired) == (S.QUEUED, 2, Desired.UP)


def test_a_restart_of_a_living_session_is_a_new_generation(bench: Bench) -> None:
    """Restart asks for another generation; from then on the old one is not ready, so that nobody is led to it."""
    number = sessions.start(bench, "churn")
    observed(bench, number, S.STARTING, S.READY)
    assert sessions.restart(bench, number)
    session = sessions.get(bench, number)
    assert (session.generation, session.state) == (2, S.STOPPING)
    with pytest.raises(Conflict, match="stopping"):
        sessions.secret_url(bench, number)


def test_a_wish_in_the_moment_of_its_end_is_not_lost(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A session that ends by itself while it is asked for again is started again."""
    number = sessions.start(bench, "churn")
    observed(bench, number, S.STARTING, S.READY)
    write = bench.store.write

    @contextmanager
    def late() -> Iterator[sqlite3.Connection]:
        with write() as connection:
            rows.change(connection, number, S.READY, S.VANISHED, at=bench.now(), actor=bench.actor)
            rows.settle(connection, number, 1)
        with write() as connection:
            yield connection

    monkeypatch.setattr(bench.store, "write", late)
    assert sessions._want(bench, number, Desired.UP)
    session = sessions.get(bench, number)
    assert (session.state, session.desired, session.generation) == (S.QUEUED, Desired.UP, 2)


def test_stopping_is_asked_once(bench: Bench) -> None:
    """The second wish says that there was one."""
    number = sessions.start(bench, "churn")
    assert sessions.stop(bench, number)
    assert not sessions.stop(bench, number)


def test_what_cannot_start_is_refused(bench: Bench) -> None:
    """Unknown project, tool and file; a name that no host can have; a name of another project."""
    projects.create(bench, "sales")
    with pytest.raises(NotFound, match="chrn"):
        sessions.start(bench, "chrn")
    with pytest.raises(NotFound, match="vim"):
        sessions.start(bench, "churn", "vim")
    with pytest.raises(NotFound, match=r"gone\.ipynb"):
        sessions.start(bench, "churn", file="gone.ipynb")
    for place in ("/etc/passwd", ".."):
        with pytest.raises(Refused, match="is not in churn"):
            sessions.start(bench, "churn", file=place)
    for name in ("-x", "x-", "X", "a.b", "a" * 64, "é"):
        with pytest.raises(Refused):
            sessions.start(bench, "churn", name=name)
    sessions.start(bench, "churn", name="mine")
    with pytest.raises(Conflict, match="churn"):
        sessions.start(bench, "sales", name="mine")


def test_the_secret_is_in_the_address_that_is_asked_for_only(bench: Bench) -> None:
    """The row and its URL hold no token; the secret URL does, and only when the session is ready."""
    number = sessions.start(bench, "churn")
    with pytest.raises(Conflict, match="queued"):
        sessions.secret_url(bench, number)
    session = observed(bench, number, S.STARTING, S.READY, port=40123)
    folder = bench.home.session_folder(number)
    folder.mkdir(parents=True)
    (folder / "token").write_text("s3cret")
    assert "s3cret" not in repr(session)
    assert session.url == "http://churn-jupyter.localhost:40123"
    assert sessions.secret_url(bench, number).endswith(":40123/lab?token=s3cret")


def test_a_removed_session_frees_its_name_and_loses_its_secret(bench: Bench) -> None:
    """A living one is not removed."""
    number = sessions.start(bench, "churn")
    with pytest.raises(Conflict):
        sessions.remove(bench, number)
    observed(bench, number, S.STOPPED)
    folder = bench.home.session_folder(number)
    folder.mkdir(parents=True)
    (folder / "token").write_text("s3cret")
    sessions.remove(bench, number)
    assert sessions.listing(bench) == []
    assert not (folder / "token").exists()
    assert sessions.start(bench, "churn") != number


def test_over_ssh_one_line_brings_it_home(bench: Bench) -> None:
    """The tunnel ends at the same port, so the address is the same on both machines."""
    number = sessions.start(bench, "churn")
    session = observed(bench, number, S.STARTING, S.READY, port=40123)
    line = sessions.tunnel_line(session, {"SSH_CONNECTION": "10.0.0.2 50000 10.0.0.9 22"})
    assert "-L 40123:127.0.0.1:40123" in line
    assert line.endswith("@10.0.0.9")
    assert "-p 2222" in sessions.tunnel_line(session, {"SSH_CONNECTION": "10.0.0.2 50000 10.0.0.9 2222"})
    assert sessions.tunnel_line(session, {}) == ""


def test_its_ports_are_reached_as_it_is(bench: Bench) -> None:
    """Each at its own name with the session's secret; all by one ssh line; one that is not declared, or cannot be shown, is
    told so; no other session takes a port's name."""
    number = sessions.start(bench, "churn")
    shown = Forward(8000, "API", "churn-jupyter-8000.localhost", 40124)
    session = observed(
        bench, number, S.STARTING, S.READY, port=40123, forwards=(shown, Forward(9000, problem="no sockets"))
    )
    folder = bench.home.session_folder(number)
    folder.mkdir(parents=True)
    (folder / "token").write_text("s3cret")
    assert forwards.secret_url(bench, number, 8000) == "http://churn-jupyter-8000.localhost:40124/?token=s3cret"
    assert forwards.secret_url(bench, number, 8000, plain=True) == "http://127.0.0.1:40124/?token=s3cret"
    line = sessions.tunnel_line(session, {"SSH_CONNECTION": "10.0.0.2 50000 10.0.0.9 22"})
    assert "ssh -N -L 40123:127.0.0.1:40123 -L 40124:127.0.0.1:40124 " in line
    assert session.listening == (40123, 40124)
    with pytest.raises(Refused, match="port 9000 of session churn-jupyter cannot be shown: no sockets"):
        forwards.secret_url(bench, number, 9000)
    with pytest.raises(NotFound, match="session churn-jupyter shows no port 7000") as caught:
        forwards.secret_url(bench, number, 7000)
    assert "8000 API" in caught.value.hint
    with pytest.raises(Conflict, match="a port of session churn-jupyter is called churn-jupyter-8000"):
        sessions.start(bench, "churn", name="churn-jupyter-8000")


def test_sessions_are_found_as_people_name_them(bench: Bench) -> None:
    """`s1`, `1`, `@last` and the name."""
    number = sessions.start(bench, "churn")
    assert {sessions.find(bench, text).id for text in (f"s{number}", str(number), "@last", "churn-jupyter")} == {number}
    with pytest.raises(NotFound, match="churn-jupiter"):
        sessions.find(bench, "churn-jupiter")


def test_a_tool_that_cannot_be_told_a_file_says_so(bench: Bench) -> None:
    """code-server opens no file by its address, which is said and not left out; JupyterLab does."""
    (bench.home.environments / "both.yaml").write_text("image: tools:1\nides: [jupyter, code-server]\n")
    folder = projects.create(bench, "both", environment="both").path
    (folder / "a.py").write_text("")
    (first, second) = (sessions.start(bench, "both", tool, file="a.py") for tool in ("code-server", "jupyter"))
    assert "cannot be told to open a file: open a.py in it" in sessions.left_to_open(bench, sessions.get(bench, first))
    assert sessions.left_to_open(bench, sessions.get(bench, second)) == ""
