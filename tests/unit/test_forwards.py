"""Further ports of sessions: how they are declared, called and kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from workbench.declare import Shelf, load_environment, load_project
from workbench.model.forward import LONGEST, MOST, TOO_MANY, Forward, Port, beyond, from_json, label, merged


def test_ports_are_declared_with_or_without_a_title(tmp_path: Path) -> None:
    """A number alone or with a title, in an environment, what it extends, and a project; each once, the last title wins."""
    (tmp_path / "base.yaml").write_text("ports: [8000, {port: 9000, title: Tensorboard}]\n")
    text = "extends: base\nports: [{port: 8000, title: API}, 5173, 9000]\n"
    spec = load_environment(text, name="x", shelf=Shelf((tmp_path,))).get()
    assert spec.ports == (Port(8000, "API"), Port(9000, "Tensorboard"), Port(5173))
    bare = load_environment("extends: base\n", name="x", shelf=Shelf((tmp_path,))).get()
    assert spec.fingerprint == bare.fingerprint, "nothing is built anew for a port"
    (tmp_path / "project.yaml").write_text("ports: [{port: 5173, title: Front end}, 3000]\n")
    project = load_project(tmp_path, name="p").get()
    both = merged(spec.ports, project.ports, without=8000)
    assert [str(port) for port in both] == ["9000 Tensorboard", "5173 Front end", "3000"]


def test_ports_of_local_sessions_are_a_notice() -> None:
    """They hold up nothing, and it is said that they are not shown."""
    reading = load_environment("engine: process\nports: [8000]\n", name="x")
    assert reading.get().ports == (Port(8000),)
    (notice,) = reading.notices
    assert (notice.line, "of containers only" in notice.message) == (2, True)


@pytest.mark.parametrize("said", ["0", "65536", "-1", "8000.5", "http", "{port: x}", "{title: API}", "8000:80"])
def test_what_is_no_port_is_told(said: str) -> None:
    """Where it is written, with what one looks like."""
    (problem,) = load_environment(f"ports: [{said}]\n", name="x").problems
    assert problem.line == 1
    assert "port" in str(problem)


def test_there_may_be_many_but_not_any_number() -> None:
    """One more than a session shows is refused."""
    assert load_environment(f"ports: {list(range(8000, 8000 + MOST))}\n", name="x").value
    (problem,) = load_environment(f"ports: {list(range(8000, 8001 + MOST))}\n", name="x").problems
    assert problem.message == f"at most {MOST} entries may stand here, not {MOST + 1}"


def test_those_of_an_environment_and_a_project_may_be_too_many() -> None:
    """A session shows the first, and says of the others that it does not."""
    first, second = ([Port(number) for number in range(start, start + 15)] for start in (8000, 9000))
    wanted = merged(first, second)
    assert len(wanted) == 30
    assert beyond(wanted) == tuple(Forward(number, problem=TOO_MANY) for number in range(9005, 9015))
    assert beyond(wanted[:MOST]) == ()


def test_each_port_has_a_host_name_of_its_own() -> None:
    """The session's name and the port; a long name is cut and stays told apart; one that a session has is not taken."""
    assert label("work-jupyter", 8000) == "work-jupyter-8000"
    assert label("work-jupyter", 8000, apart=True) == "work-jupyter-port-8000"
    long = [label("a" * 60 + end, 65535, apart=apart) for end in ("b", "c") for apart in (False, True)]
    assert len({*long}) == 4
    assert max(map(len, long)) == LONGEST


def test_what_is_shown_is_kept() -> None:
    """A row's text gives the same again; what cannot be reached has no address."""
    from workbench.store.rows import column

    shown = (Forward(8000, "API", "w-8000.localhost", 41234, 41233), Forward(9000, problem="no"))
    assert from_json(column(shown)) == shown
    assert [one.url for one in shown] == ["http://w-8000.localhost:41234", ""]
