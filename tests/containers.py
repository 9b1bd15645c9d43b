"""A home with a real supervisor over a Docker Engine, for tests of the whole: shared by the tests of a module.

The verbs of `world` work on it. Images are built where the engine does not have them; afterwards they are found.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from docker import APIClient
from docker.errors import APIError, NotFound
from images import mirror
from images.marks import unmark
from waiting import until
from world import PROJECT, end, leftovers

from workbench.engines.docker.connection import Connection
from workbench.engines.docker.daemon import Daemon
from workbench.engines.docker.endpoint import Endpoint
from workbench.model.build import ENDED, Build, BuildState
from workbench.model.environment import Revision
from workbench.services import environments, projects
from workbench.services.bench import Bench, open_bench

COLD = 500.0  # seconds for the first build of an environment on a machine
LABEL = "io.workbench."


def endpoint() -> str:
    """The engine that the tests use, by its own socket."""
    return os.environ.get("WORKBENCH_TEST_DOCKER") or os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock"


@functools.cache
def daemon() -> Daemon:
    """What that engine says of itself."""
    return Connection(Endpoint(endpoint(), "the tests")).daemon()


def ids_inside() -> tuple[int, int]:
    """The numbers that the person has in a container: in rootless Docker, root inside is the person outside."""
    return (0, 0) if daemon().rootless and not daemon().podman else (os.getuid(), os.getgid())


@pytest.fixture(scope="session")
def engine() -> Iterator[APIClient]:
    """The engine itself, to look behind the program's back."""
    client = APIClient(base_url=endpoint())
    yield client
    client.close()


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory, engine: APIClient) -> Iterator[Bench]:
    """A home with one project in the shipped environment `python`, built on the engine."""
    opened = make_home(tmp_path_factory.mktemp("containers") / "home")
    built(opened, "python")
    yield opened
    end(opened)
    gone(opened, engine)
    opened.close()


def make_home(root: Path, *, warm: bool = False) -> Bench:
    """A home with an empty project; nothing is built. Kernels are started ahead where it is `warm`."""
    opened = open_bench(root)
    mirror.use(opened.home.root)
    with opened.home.settings_file.open("a") as file:
        file.write("concurrency: 2\n" + ("" if warm else "warm_kernels: 0\n"))
    projects.create(opened, PROJECT, environment="python")
    return opened


def built(bench: Bench, name: str) -> Revision:
    """An environment's revision, waited for."""
    number = environments.build(bench, name)
    if number is not None:
        build = build_ended(bench, number)
        assert build.state is BuildState.READY, f"{build.reason}\n{build.hint}"
    found = environments.view(bench, name).revision
    assert found
    return found


def build_ended(bench: Bench, number: int, *, seconds: float = COLD) -> Build:
    """A build once it has ended."""
    until(lambda: environments.get_build(bench, number).state in ENDED, f"build {number}", seconds=seconds, every=0.1)
    return environments.get_build(bench, number)


def declare(bench: Bench, name: str, text: str) -> None:
    """Write an environment's declaration."""
    (bench.home.environments / f"{name}.yaml").write_text(text)


def containers(bench: Bench, engine: APIClient, **labels: str) -> list[dict[str, Any]]:
    """Containers of this home with these labels, whatever their state, as inspect gives them."""
    wanted = [f"{LABEL}home={bench.home.id}", *(f"{LABEL}{key}={value}" for key, value in labels.items())]
    found = []
    for entry in engine.containers(all=True, filters={"label": wanted}):
        try:
            found.append(engine.inspect_container(entry["Id"]))
        except APIError as error:
            # Removed meanwhile; Podman may say that with 500.
            if not isinstance(error, NotFound) and "no such container" not in str(error):
                raise
    return found


def gone(bench: Bench, engine: APIClient, *, seconds: float = 20.0) -> None:
    """Wait until nothing of the home is left: containers, processes, sockets, folders of kernels. Its marks on images go."""
    unmark(bench.home.id)

    def left() -> list[str]:
        names = [f"container {one['Name']} {one['Config']['Labels']}" for one in containers(bench, engine)]
        kept = bench.home.state / "containers"
        return [*names, *leftovers(bench), *(map(str, kept.iterdir()) if kept.exists() else ())]

    try:
        until(lambda: not left(), "nothing to be left", seconds=seconds)
    except AssertionError:
        pytest.fail("left behind:\n  " + "\n  ".join(left()), pytrace=False)


def kernel_of(bench: Bench, engine: APIClient, run: int) -> dict[str, Any]:
    """The container of a run's kernel, once it runs."""

    def running() -> dict[str, Any] | None:
        found = [one for one in containers(bench, engine, role="kernel") if _run(one).partition(".")[0] == str(run)]
        return found[0] if found and found[0]["State"]["Running"] else None

    return until(running, f"the container of run {run}")


def _run(container: dict[str, Any]) -> str:
    return str(container["Config"]["Labels"].get(f"{LABEL}run", ""))


def without_kernels(bench: Bench, engine: APIClient, *, seconds: float = 60.0) -> None:
    """Wait until no container of a kernel is left in this home."""
    until(lambda: not containers(bench, engine, role="kernel"), "no container of a kernel", seconds=seconds)
