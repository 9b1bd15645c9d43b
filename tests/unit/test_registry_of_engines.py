"""Which engine an environment gets at its first build, and how a runner opens it again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from workbench.engines import registry
from workbench.engines.base import Facts
from workbench.errors import EngineDown, Refused
from workbench.model.environment import EngineName, EnvironmentSpec, RPart
from workbench.paths import Home, open_home
from workbench.settings import Settings

DOCKER, PROCESS = EngineName.DOCKER, EngineName.PROCESS


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A home of its own."""
    return open_home(tmp_path / "home")


def test_the_nearest_word_wins(home: Home) -> None:
    """The environment, then WORKBENCH_ENGINE, then the settings; the sentence says which it was."""
    plain, own = EnvironmentSpec("x"), EnvironmentSpec("x", engine=DOCKER)
    settings = Settings(engine="process")
    assert registry.choose(plain, settings, home) == (PROCESS, "`process` by workbench.yaml")
    assert registry.choose(plain, settings, home, asked="docker") == (DOCKER, "`docker` by WORKBENCH_ENGINE")
    assert registry.choose(own, settings, home, asked="process")[0] is DOCKER
    with pytest.raises(Refused, match="'podman'"):
        registry.choose(plain, settings, home, asked="podman")


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (EnvironmentSpec("x", use="/usr/bin/python3"), PROCESS),
        (EnvironmentSpec("x", apt=("libpq5",)), DOCKER),
        (EnvironmentSpec("x", r=RPart()), DOCKER),
        (EnvironmentSpec("x", image="debian"), DOCKER),
    ],
)
def test_what_it_needs_decides_where_nobody_does(home: Home, spec: EnvironmentSpec, expected: EngineName) -> None:
    """Nothing is asked of Docker where only one engine can do it."""
    assert registry.choose(spec, Settings(), home)[0] is expected


@pytest.mark.parametrize(("problem", "expected"), [("", DOCKER), ("no socket", PROCESS)])
def test_docker_where_it_answers(
    home: Home, monkeypatch: pytest.MonkeyPatch, problem: str, expected: EngineName
) -> None:
    """Otherwise Docker is taken if it answers, else processes, and the sentence says why."""

    class Answering:
        def facts(self) -> Facts:
            return Facts(DOCKER, endpoint="unix:///x", version="20.10", problem=problem)

    monkeypatch.setattr(registry, "open_engine", lambda *_: Answering())
    name, why = registry.choose(EnvironmentSpec("x"), Settings(), home)
    assert name is expected
    assert (problem or "unix:///x") in why
    if problem:
        with pytest.raises(EngineDown, match=problem) as caught:
            registry.choose(EnvironmentSpec("x"), Settings(), home, contained=True)
        assert "`engine: process`" in caught.value.hint
        assert registry.choose(EnvironmentSpec("x"), Settings(engine="process"), home, contained=True)[0] is PROCESS


def test_a_runner_opens_the_same_engine(home: Home) -> None:
    """What is described survives JSON and opens an engine of the same home and settings."""
    settings = Settings(package_index="https://p", registries={"docker.io": "127.0.0.1:5000"})
    facts = Facts(DOCKER, endpoint="unix:///run/mine.sock", source="DOCKER_HOST")
    described = json.loads(json.dumps(registry.options(home, settings, facts)))
    docker = registry.reopen(DOCKER, described)
    assert docker.facts().endpoint == "unix:///run/mine.sock", "the one it was, whatever else may answer"
    described = json.loads(json.dumps(registry.options(home, settings)))
    engine = registry.reopen(PROCESS, described)
    assert engine.name is PROCESS
    spec = EnvironmentSpec("x")
    assert engine.revision_id(spec) == registry.open_engine(PROCESS, home, settings).revision_id(spec)
    assert engine.revision_id(spec) != registry.open_engine(PROCESS, home, Settings()).revision_id(spec)
