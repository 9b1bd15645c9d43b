"""Owners and modes of all that is written, seen by an account that is not root."""

from __future__ import annotations

import json
import os
import stat
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from docker import APIClient
from images import mirror, stand_ins
from waiting import until

from workbench.errors import StoreError
from workbench.model.run import ENDED, Request
from workbench.model.session import SessionState
from workbench.paths import open_home
from workbench.services import environments, projects, runs, sessions
from workbench.services.bench import Bench, open_bench
from workbench.services.supervision import control

WRITES = """\
from pathlib import Path
Path("written.txt").write_text("by a cell")
Path("made").mkdir(exist_ok=True)
Path("made/deep.txt").write_text("by a cell")
"""


def mode(path: Path) -> int:
    """Permission bits."""
    return stat.S_IMODE(path.lstat().st_mode)


def wrong_owner(*roots: Path) -> list[str]:
    """Everything at and below `roots` that belongs to another account or group."""
    mine = (os.getuid(), os.getgid())
    wrong = []
    for path in (path for root in roots for path in (root, *root.rglob("*"))):
        with suppress(FileNotFoundError):  # gone meanwhile: the supervisor is at work
            facts = path.lstat()
            if (facts.st_uid, facts.st_gid) != mine:
                wrong.append(f"{path}: {facts.st_uid}:{facts.st_gid}")
    return wrong


@pytest.fixture
def open_umask() -> Iterator[None]:
    """The most careless umask there is: what is private must be so by itself."""
    old = os.umask(0)
    yield
    os.umask(old)


@pytest.fixture(params=["process", pytest.param("docker", marks=pytest.mark.docker)])
def bench(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """A home of this account with one project, whose environment is built on one of the engines."""
    monkeypatch.setenv("WORKBENCH_ENGINE", request.param)
    opened = open_bench(tmp_path / "home")
    if request.param == "docker":
        mirror.use(opened.home.root)
    project = projects.create(opened, "owned")
    cells = [{"cell_type": "code", "execution_count": None, "id": "a", "metadata": {}, "outputs": [], "source": WRITES}]
    spec = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    (project.path / "notebooks").mkdir(exist_ok=True)
    (project.path / "notebooks" / "writes.ipynb").write_text(
        json.dumps({"cells": cells, "metadata": spec, "nbformat": 4, "nbformat_minor": 5})
    )
    yield opened
    control.stop(opened)
    opened.close()


def built(bench: Bench, name: str = "python") -> None:
    """Wait for the environment; the reason where it fails."""
    number = environments.build(bench, name)
    if number is None:
        return
    build = until(
        lambda: (found := environments.get_build(bench, number)).ended and found, "the build", seconds=400, every=0.1
    )
    assert build.state == "ready", f"{build.reason}\n{environments.build_log(bench, number).read_text()[-2000:]}"


@pytest.mark.timeout(600)
def test_what_cells_and_sessions_write_is_ours(bench: Bench) -> None:
    """Files and folders that a cell makes, all that its run leaves, and a file saved in JupyterLab belong to the person
    who asked for it; the session's secret and log are readable by nobody else."""
    built(bench)
    by_a_cell(bench)
    by_a_session(bench)


def by_a_cell(bench: Bench) -> None:
    """Run the notebook and look whose everything is."""
    number = runs.submit(bench, Request(project="owned", notebook="notebooks/writes.ipynb"))
    run = until(lambda: (got := runs.get(bench, number)).state in ENDED and got, "the run", seconds=120)
    assert run.ended_well, f"{run.state}: {run.reason}"
    project = projects.get(bench, "owned").path
    assert (project / "notebooks" / "made" / "deep.txt").read_text() == "by a cell"
    assert wrong_owner(bench.home.root) == []
    assert mode(project / "notebooks" / "written.txt") == 0o644
    (project / "notebooks" / "written.txt").unlink()
    left = runs.artifacts(bench, number)
    assert left.notebook
    assert left.record
    assert mode(left.notebook) & 0o600 == 0o600


@pytest.mark.timeout(600)
@pytest.mark.parametrize("bench", [pytest.param("docker", marks=pytest.mark.docker)], indirect=True)
@pytest.mark.parametrize(
    "make",
    [
        pytest.param(stand_ins.docker_stacks, id="docker-stacks"),
        pytest.param(stand_ins.rocker, id="rocker", marks=pytest.mark.soak),
    ],
)
def test_what_ready_images_write_is_ours(bench: Bench, make: Callable[[APIClient, str], str]) -> None:
    """Images after the rules of others run a notebook and JupyterLab, as whoever's project it is."""
    built(bench)
    base = environments.view(bench, "python").revision
    assert base
    client = APIClient(base_url=os.environ.get("WORKBENCH_TEST_DOCKER") or os.environ.get("DOCKER_HOST"))
    try:
        image = make(client, base.reference)
    finally:
        client.close()
    (bench.home.environments / "ready.yaml").write_text(f"image: {image}\n")
    declared = projects.get(bench, "owned").path / "project.yaml"
    declared.write_text("environment: ready\n")
    built(bench, "ready")
    assert not environments.view(bench, "ready").lacks
    by_a_cell(bench)
    by_a_session(bench)
    assert declared.read_text() == "environment: ready\n"


def by_a_session(bench: Bench) -> None:
    """Save a file in JupyterLab and look whose everything is."""
    number = sessions.start(bench, "owned")
    session = until(
        lambda: (got := sessions.get(bench, number)).state in (SessionState.READY, SessionState.FAILED) and got,
        "the session",
        seconds=120,
    )
    assert session.state is SessionState.READY, session.reason
    token = sessions.secret_url(bench, number).rpartition("token=")[2]
    body = json.dumps({"type": "file", "format": "text", "content": "by a session"}).encode()
    asked = urllib.request.Request(
        f"http://127.0.0.1:{session.port}/api/contents/saved.txt",
        data=body,
        headers={"Authorization": f"token {token}"},
        method="PUT",
    )
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(asked, timeout=30) as answer:
        assert answer.status == 201
    saved = next(projects.get(bench, "owned").path.rglob("saved.txt"))
    assert saved.read_text() == "by a session"
    assert wrong_owner(bench.home.root) == []
    folder = bench.home.session_folder(number)
    assert mode(folder) == 0o700
    assert mode(folder / "token") == 0o600
    sessions.stop(bench, number)
    until(lambda: sessions.get(bench, number).state is SessionState.STOPPED, "its end", seconds=60)


def test_state_and_sockets_are_private(tmp_path: Path, open_umask: None) -> None:
    """Under a umask of 0 too, nobody else may enter the state or the socket folder, or read the store."""
    bench = open_bench(tmp_path / "home")
    control.ensure(bench)
    try:
        until(bench.home.wake_socket.exists, "the wake socket")
        until(bench.home.database.exists, "the store")
        assert mode(bench.home.state) == 0o700
        assert mode(bench.home.sockets) == 0o700
        assert mode(bench.home.sockets.parent) == 0o700
        assert mode(bench.home.database) & 0o077 == 0
        assert wrong_owner(bench.home.state, bench.home.sockets) == []
    finally:
        control.stop(bench)
        bench.close()


def test_state_of_another_account_is_refused() -> None:
    """A home whose state another account owns is refused, and the account is named."""
    foreign = os.environ.get("WORKBENCH_TEST_FOREIGN")
    if not foreign:
        pytest.skip("only root can make a folder that is not ours")
    with pytest.raises(StoreError, match="belongs to root"):
        open_home(Path(foreign))
