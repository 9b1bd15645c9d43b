"""Environments: what is declared joined with what was built, and builds asked for once."""

from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from workbench.declare import DeclarationError
from workbench.errors import Conflict, NotFound, Refused
from workbench.model.build import BuildProgress, BuildState
from workbench.model.environment import EngineName, Revision
from workbench.services import environments, projects
from workbench.services.bench import Bench, open_bench
from workbench.services.declared import environment_files
from workbench.services.environments import EnvironmentView
from workbench.services.overview import overview
from workbench.services.supervision import control
from workbench.store import builds as build_rows
from workbench.store import environments as rows
from workbench.store import revisions as revision_rows


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """A home whose supervisor's place is taken by this test, so that none is started."""
    opened = open_bench(tmp_path / "home")
    lock = os.open(opened.home.supervisor_lock, os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    control.present(opened.home, "detached", wake=tmp_path / "wake")
    yield opened
    os.close(lock)
    opened.close()


@pytest.fixture
def woken(tmp_path: Path) -> Iterator[socket.socket]:
    """Where the supervisor would be woken."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.setblocking(False)
        listener.bind(str(tmp_path / "wake"))
        yield listener


SHIPPED = {"minimal", "python", "python-ml", "r", "rstudio", "shiny", "shiny-python"}


def declare(bench: Bench, name: str, text: str) -> Path:
    """A declaration of the home."""
    path = bench.home.environments / f"{name}.yaml"
    path.write_text(text)
    return path


def view(bench: Bench, name: str) -> EnvironmentView:
    """One environment as lists show it."""
    return environments.view(bench, name)


def end(bench: Bench, build: int, state: BuildState, name: str = "", revision: str = "") -> None:
    """Let a build end as the supervisor would."""
    with bench.store.write() as connection:
        build_rows.change(connection, build, BuildState.QUEUED, BuildState.BUILDING, at=bench.now(), actor=bench.actor)
        assert build_rows.change(connection, build, BuildState.BUILDING, state, at=bench.now(), actor=bench.actor)
        if revision:
            spec = environments.spec(bench, name)
            rows.choose_engine(connection, name, EngineName.PROCESS, "asked for", at=bench.now(), actor=bench.actor)
            made = Revision(id=revision, engine=EngineName.PROCESS, reference="/venv")
            revision_rows.add(connection, name, spec.fingerprint, made, build=build, at=bench.now(), actor=bench.actor)


def test_shipped_environments_are_there(bench: Bench) -> None:
    """Python on either engine, R in a container, with titles; nothing is wrong."""
    found = {spec.name: spec for spec in environments.specs(bench)}
    assert set(found) == SHIPPED
    assert all(spec.shipped and spec.title for spec in found.values())
    assert (found["python"].engine, found["r"].engine) == (None, EngineName.DOCKER)
    assert environments.problems(bench) == []


def test_a_bad_file_hides_no_other(bench: Bench) -> None:
    """It is listed as invalid with its problems, which are shown as seen from the home."""
    declare(bench, "bad", "imge: x\npython: {packages: a}\n")
    declare(bench, "good", "extends: python\n")
    (bench.home.environments / "other.yml").write_text("title: x\n")
    states = {one.name: one.state for one in environments.listing(bench)}
    assert states == {"bad": "invalid", **dict.fromkeys(("good", *SHIPPED), "not built")}
    assert [str(problem) for problem in environments.problems(bench)] == [
        "environments/bad.yaml:1:1: unknown key 'imge': did you mean 'image'?",
        "environments/bad.yaml:2:20: expected a list, found text: write [a]",
        "environments/other.yml: is not read: the name ends in .yml: rename it to end in .yaml",
    ]
    bad = view(bench, "bad")
    assert bad.spec is None
    assert len(bad.problems) == 2
    assert bad.source == bench.home.environments / "bad.yaml"
    with pytest.raises(DeclarationError):
        environments.spec(bench, "bad")


def test_a_circle_is_told_of_each_file_in_it(bench: Bench) -> None:
    """Each environment of a circle of `extends` is listed with its own file."""
    for name, base in (("a", "b"), ("b", "a")):
        declare(bench, name, f"extends: {base}\n")
    for name in ("a", "b"):
        assert view(bench, name).source == bench.home.environments / f"{name}.yaml"
    assert any("circle: a → b → a" in str(problem) for problem in environments.problems(bench))


@pytest.mark.parametrize("name", ["pyton", "../x", "", "a/b", "a\0b", "x" * 5000, "a/../b"])
def test_an_unknown_name_names_the_nearest(bench: Bench, name: str) -> None:
    """Whatever is asked for, the answer is that there is none."""
    with pytest.raises(NotFound) as caught:
        environments.spec(bench, name)
    assert caught.value.hint
    if name == "pyton":
        assert caught.value.hint == "Did you mean python?"


def test_a_file_of_the_home_wins(bench: Bench) -> None:
    """It may extend the shipped one that it covers."""
    declare(bench, "python", "extends: python\ntitle: Ours\npython: {packages: [polars]}\n")
    spec = environments.spec(bench, "python")
    assert (spec.title, spec.shipped) == ("Ours", False)
    assert spec.python
    assert {"polars", "jupyterlab>=4.3"} <= set(spec.python.packages)


def test_a_project_gets_what_it_declares_or_its_files_say(bench: Bench) -> None:
    """A name, a file of its own, standard files in their order, else the home's default."""
    project = projects.create(bench, "sales")
    assert environments.for_project(bench, project).name == "python"
    (bench.home.settings_file).write_text("default_environment: r\n")
    assert environments.for_project(bench, project).name == "r"
    (project.path / "requirements.txt").write_text("pandas\n")
    assert environments.for_project(bench, project).name == "sales/requirements.txt"
    (project.path / "environment.yml").write_text("dependencies: [pip, {pip: [scipy]}]\n")
    assert environments.for_project(bench, project).name == "sales/environment.yml"
    (project.path / "project.yaml").write_text("environment: ./requirements.txt\n")
    assert environments.for_project(bench, projects.get(bench, "sales")).name == "sales/requirements.txt"
    (project.path / "project.yaml").write_text("environment: python\n")
    assert environments.for_project(bench, projects.get(bench, "sales")).name == "python"
    (project.path / "project.yaml").write_text("environment: pyton\n")
    with pytest.raises(NotFound, match="no environment named 'pyton'"):
        environments.for_project(bench, projects.get(bench, "sales"))


def test_environments_of_projects_are_listed_and_found_by_name(bench: Bench) -> None:
    """So that a queued run and a build name them; they may extend shipped ones, by name only."""
    project = projects.create(bench, "sales")
    (project.path / "environment.yaml").write_text("extends: python\npython: {packages: [acme]}\n")
    assert [spec.name for spec in environments.specs(bench)] == sorted([*SHIPPED, "sales/environment.yaml"])
    spec = environments.spec(bench, "sales/environment.yaml")
    assert spec == environments.for_project(bench, project)
    assert spec.python
    assert "acme" in spec.python.packages
    (project.path / "environment.yaml").write_text("extends: ../../x\n")
    assert view(bench, "sales/environment.yaml").state == "invalid"


def test_a_build_is_asked_for_once(bench: Bench, woken: socket.socket) -> None:
    """One open build of a declaration; the supervisor is woken; ready costs nothing until forced."""
    first = environments.build(bench, "python")
    assert first is not None
    assert woken.recv(1) == b""
    assert environments.build(bench, "python") == first
    assert environments.build(bench, "python", force=True) == first
    assert view(bench, "python").state == "queued"
    assert environments.get_build(bench, first).state is BuildState.QUEUED
    assert environments.build_log(bench, first) == bench.home.build_log(first)
    end(bench, first, BuildState.READY, "python", "rev1")
    ready = view(bench, "python")
    assert (ready.state, ready.engine, ready.engine_reason) == ("ready", EngineName.PROCESS, "asked for")
    assert ready.revision
    assert ready.revision.id == "rev1"
    assert environments.build(bench, "python") is None
    again = environments.build(bench, "python", force=True)
    assert again not in (None, first)
    assert [one.id for one in environments.builds(bench, "python")] == [again, first]


def test_states_follow_the_declaration(bench: Bench) -> None:
    """Failed, then changed; ready, then stale, then ready again when the old text is back."""
    declare(bench, "x", "python: {packages: [a]}\n")
    build = environments.build(bench, "x")
    assert build
    end(bench, build, BuildState.FAILED)
    assert view(bench, "x").state == "failed"
    declare(bench, "x", "python: {packages: [b]}\n")
    assert view(bench, "x").state == "not built"
    build = environments.build(bench, "x")
    assert build
    end(bench, build, BuildState.READY, "x", "rev1")
    declare(bench, "x", "python: {packages: [c]}\n")
    stale = view(bench, "x")
    assert stale.state == "stale"
    assert stale.revision
    declare(bench, "x", "python: {packages: [b]}\ntitle: Same build\nlimits: {cpus: 1}\n")
    assert view(bench, "x").state == "ready"
    assert environments.build(bench, "x") is None


def test_a_failed_build_is_never_silent_about_the_old(bench: Bench) -> None:
    """What is in use after a pull or build that failed is told as the older one, with why and since when, also where all
    that needs somebody is listed; the next good build ends that."""
    first = environments.build(bench, "python")
    assert first
    end(bench, first, BuildState.READY, "python", "r1")
    built = view(bench, "python").built
    second = environments.build(bench, "python", force=True)
    assert second
    with bench.store.write() as connection:
        build_rows.change(
            connection, second, BuildState.QUEUED, BuildState.FAILED, at=bench.now(), actor=bench.actor,
            reason="pull python:3.13: the registry is gone",
        )  # fmt: skip
    found = view(bench, "python")
    assert (found.state, found.revision and found.revision.id, found.built) == ("ready", "r1", built)
    assert found.behind == "pull python:3.13: the registry is gone"
    (need,) = overview(bench).needs
    assert (need.kind, need.key) == ("environment", "python")
    assert "an older one is in use: pull python:3.13: the registry is gone" in need.text
    third = environments.build(bench, "python", force=True)
    assert third
    end(bench, third, BuildState.READY, "python", "r2")
    assert (view(bench, "python").behind, overview(bench).needs) == ("", ())


def test_a_build_can_be_cancelled_and_followed(bench: Bench) -> None:
    """Asked once; its newest moment is there while it is open."""
    build = environments.build(bench, "python")
    assert build
    assert environments.build_progress(bench, "python") is None
    with bench.store.write() as connection:
        build_rows.note_progress(connection, build, BuildProgress("Collecting pandas", 3, 7))
    assert environments.build_progress(bench, "python") == BuildProgress("Collecting pandas", 3, 7)
    assert environments.cancel_build(bench, build) is True
    assert environments.cancel_build(bench, build) is False
    assert environments.get_build(bench, build).cancel_asked
    end(bench, build, BuildState.CANCELLED)
    assert view(bench, "python").state == "not built"
    assert environments.build_progress(bench, "python") is None
    for unknown in (999, -1):
        with pytest.raises(NotFound):
            environments.cancel_build(bench, unknown)


def test_an_environment_is_made_from_keys(bench: Bench) -> None:
    """It is read with what it extends before it is written; nothing that cannot hold reaches the disk."""
    spec = environment_files.create(bench, "sales", {"extends": "python", "python": {"packages": ["acme"]}})
    assert spec.python
    assert "acme" in spec.python.packages
    assert (bench.home.environments / "sales.yaml").read_text().startswith("# yaml-language-server: $schema=../.work")
    with pytest.raises(Conflict):
        environment_files.create(bench, "sales", {"title": "x"})
    for name, keys in (("a b", {"title": "x"}), ("c", {"extends": "none"}), ("d", {"limits": {"memory": "8"}})):
        with pytest.raises(Refused):
            environment_files.create(bench, name, keys)
    assert [path.name for path in bench.home.environments.iterdir()] == ["sales.yaml"]


def test_editing_a_shipped_one_edits_a_copy(bench: Bench) -> None:
    """The copy is in the home, is read, and says the same."""
    shipped = environments.spec(bench, "python")
    path = environment_files.own_copy(bench, "python")
    assert path == bench.home.environments / "python.yaml"
    assert environments.spec(bench, "python").fingerprint == shipped.fingerprint
    assert (path.parent / path.read_text().splitlines()[0].partition("$schema=")[2]).resolve().is_file()
    assert environment_files.own_copy(bench, "python") == path


def test_removing_keeps_the_file_aside(bench: Bench) -> None:
    """Not a shipped one, not one that is used or is being built; its engine may be chosen anew afterwards."""
    with pytest.raises(Refused, match="comes with the program"):
        environment_files.remove(bench, "python")
    with pytest.raises(NotFound):
        environment_files.remove(bench, "../home")
    declare(bench, "x", "title: x\n")
    projects.create(bench, "p", environment="x")
    with pytest.raises(Conflict, match="is used by p"):
        environment_files.remove(bench, "x")
    projects.remove(bench, "p", delete_files=True)
    build = environments.build(bench, "x")
    assert build
    with pytest.raises(Conflict, match="is queued"):
        environment_files.remove(bench, "x")
    end(bench, build, BuildState.READY, "x", "rev1")
    kept = environment_files.remove(bench, "x")
    assert kept.read_text() == "title: x\n"
    with pytest.raises(NotFound):
        environments.spec(bench, "x")
    with bench.store.read() as connection:
        assert rows.chosen(connection, "x") is None


def test_what_a_ready_image_lacks_is_said(bench: Bench) -> None:
    """An image without a kernel, or without the program of an IDE that was asked for, is ready and says so."""
    (bench.home.environments / "bare.yaml").write_text("image: debian:trixie-slim\nides: [jupyter]\n")
    spec = environments.spec(bench, "bare")
    made = Revision("0" * 16, EngineName.DOCKER, "workbench/bare:0")
    view = EnvironmentView("bare", spec, "ready", revision=made)
    assert view.lacks == (
        "no Jupyter kernel: notebooks cannot run in it",
        "no program of jupyter: sessions of that cannot start in it",
    )
    assert EnvironmentView("bare", spec, "not built").lacks == ()
