"""Both engines as the contract test sees them: an engine with one built environment, and workspaces to use it in.

The sections of the two engines stay apart: each says how its engine is opened and what its environment is.
"""

from __future__ import annotations

import itertools
import os
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Event

import pytest
from images.marks import unmark
from images.mirror import registries
from tools import JUPYTER

from workbench.engines.base import Engine, KernelHost, Person, SessionRequest, Workspace
from workbench.engines.registry import open_engine
from workbench.model.build import BuildProgress
from workbench.model.environment import EngineName, EnvironmentSpec, KernelSpec, PythonPart, Revision
from workbench.paths import Home, open_home
from workbench.settings import Settings
from workbench.supervisor.sessions.probe import free_port

_numbers = itertools.count(1)


@dataclass
class Bench:
    """An engine, the home it works for, an environment built with it, and things made with it."""

    engine: Engine
    home: Home
    spec: EnvironmentSpec
    revision: Revision
    folder: Path
    sessions: list[str] = field(default_factory=list)
    hosts: list[KernelHost] = field(default_factory=list)

    def workspace(self, **changes: object) -> Workspace:
        """A project of its own, with a notebook folder in it."""
        project = self.folder / f"project-{next(_numbers)}"
        (project / "notebooks").mkdir(parents=True)
        space = Workspace(
            home=self.home.id,
            project_name=project.name,
            project=project,
            cwd=project / "notebooks",
            person=Person(os.getuid(), os.getgid(), "tester"),
        )
        return replace(space, **changes)  # type: ignore[arg-type]

    def host(self, workspace: Workspace | None = None, *, run: str = "") -> KernelHost:
        """A host for one kernel, closed after the test."""
        name = run or f"{next(_numbers)}.1"
        self.hosts.append(self.engine.host(self.revision, workspace or self.workspace(), run=name))
        return self.hosts[-1]

    def script(self, code: str) -> KernelSpec:
        """A kernel that is a few lines of Python: what the contract says of processes needs no protocol."""
        return KernelSpec("script", "Script", "python", ("python", "-c", code, "{connection_file}"))

    def request(self, **changes: object) -> SessionRequest:
        """A session of JupyterLab, with its secret in place."""
        number = next(_numbers)
        folder = self.home.session_folder(number)
        folder.mkdir(mode=0o700, parents=True)
        (folder / "token").touch(mode=0o600)
        (folder / "token").write_text(secrets.token_hex(24))
        request = SessionRequest(
            id=number,
            name=f"lab-{number}",
            generation=1,
            ide=JUPYTER,
            revision=self.revision,
            workspace=self.workspace(),
            folder=folder,
            host_name=f"lab-{number}.localhost",
            port=free_port(),
        )
        return replace(request, **changes)  # type: ignore[arg-type]

    def create(self, request: SessionRequest) -> str:
        """Make a session, removed after the test."""
        self.sessions.append(self.engine.create_session(request))
        return self.sessions[-1]

    def tidy(self) -> None:
        """Remove what a test made."""
        for host in self.hosts:
            host.kill()
            host.close()
        for handle in self.sessions:
            self.engine.remove_session(handle)
        self.hosts.clear()
        self.sessions.clear()


def ignore(_: BuildProgress) -> None:
    """A sink for progress nobody looks at."""


@dataclass(frozen=True)
class Opened:
    """An engine and its built environment, made once and used by all tests."""

    engine: Engine
    home: Home
    spec: EnvironmentSpec
    revision: Revision


def opened(name: EngineName, settings: Settings, spec: EnvironmentSpec, root: Path) -> Opened:
    """Open an engine for a new home and build `spec` with it."""
    home = open_home(root / "home")
    engine = open_engine(name, home, settings)
    log = home.build_log(0)
    log.parent.mkdir(parents=True, exist_ok=True)
    revision = engine.build(spec, engine.revision_id(spec), log=log, progress=ignore, cancelled=Event())
    return Opened(engine, home, spec, revision)


# -- docker ------------------------------------------------------------------------------------------------------------

DOCKER_SETTINGS = Settings(registries=registries())
DOCKER_SPEC = EnvironmentSpec("test-python", python=PythonPart(packages=("six",)), tools=(JUPYTER,))


@pytest.fixture(scope="session")
def docker_opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opened]:
    """The docker engine with its image, built where the engine does not have it yet, and left there."""
    made = opened(EngineName.DOCKER, DOCKER_SETTINGS, DOCKER_SPEC, tmp_path_factory.mktemp("docker"))
    yield made
    unmark(made.home.id)


# -- process -----------------------------------------------------------------------------------------------------------

PROCESS_SPEC = EnvironmentSpec("test-python", python=PythonPart(packages=("six",)), tools=(JUPYTER,))


@pytest.fixture(scope="session")
def process_opened(tmp_path_factory: pytest.TempPathFactory) -> Opened:
    """The process engine with its venv."""
    return opened(EngineName.PROCESS, Settings(), PROCESS_SPEC, tmp_path_factory.mktemp("process"))


# -- both --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def make_bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[str], Bench]]:
    """Give a bench of the engine named, and remove what was made on it."""
    made: list[Bench] = []

    def make(name: str) -> Bench:
        known: Opened = request.getfixturevalue(f"{name}_opened")
        made.append(Bench(known.engine, known.home, known.spec, known.revision, tmp_path))
        return made[-1]

    yield make
    for bench in made:
        bench.tidy()


@pytest.fixture(params=["process", pytest.param("docker", marks=pytest.mark.docker)])
def bench(request: pytest.FixtureRequest, make_bench: Callable[[str], Bench]) -> Bench:
    """A bench of each engine in turn."""
    return make_bench(request.param)


@pytest.fixture
def docker_bench(make_bench: Callable[[str], Bench]) -> Bench:
    """A bench of the docker engine."""
    return make_bench("docker")


@pytest.fixture
def process_bench(make_bench: Callable[[str], Bench]) -> Bench:
    """A bench of the process engine."""
    return make_bench("process")
