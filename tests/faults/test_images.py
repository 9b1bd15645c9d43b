"""What images come from is away or full: builds say so, and work again once it is not, with the same supervisor."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from containers import endpoint, make_home
from docker import APIClient
from docker.errors import DockerException
from images.marks import unmark
from images.registry import front, registry, small
from waiting import until
from world import end

from workbench.model.build import ENDED, Build, BuildState
from workbench.services import control, environments
from workbench.services.bench import Bench

pytestmark = [pytest.mark.docker, pytest.mark.timeout(300)]
IN_TIME = 30.0  # seconds within which a build shows how it is
BRIDGE = "wb-test-tight"


def declare(bench: Bench, image: str) -> None:
    """An environment that is that image."""
    (bench.home.environments / "faulty.yaml").write_text(f"engine: docker\nimage: {image}\nides: []\n")


def built(bench: Bench, *, force: bool = False) -> Build:
    """A build of it, once it has ended."""
    number = environments.build(bench, "faulty", force=force)
    assert number is not None
    until(
        lambda: environments.get_build(bench, number).state in ENDED, f"build {number}", seconds=2 * IN_TIME, every=0.1
    )
    return environments.get_build(bench, number)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Bench]:
    """A home with a project."""
    opened = make_home(tmp_path / "home")
    yield opened
    end(opened)
    unmark(opened.home.id)
    opened.close()


def forget(engine: APIClient, *words: str) -> None:
    """Remove images whose names have one of these in them."""
    for image in engine.images():
        names = [*(image["RepoTags"] or ()), *(image["RepoDigests"] or ())]
        if any(word in name for word in words for name in names):
            engine.remove_image(image["Id"], force=True)


def test_a_registry_that_is_gone(home: Bench, tmp_path: Path) -> None:
    """The build fails in the registry's words and says what to do; what was built before stays in use; a layer that stops
    coming is told while it does; once the registry is back all goes on, with the same supervisor."""
    engine = APIClient(base_url=endpoint())
    with registry(tmp_path / "registry") as place, front(place.port) as way:
        place.push(engine, small(engine, "workbench-tests/layer:1"), "gone:1")
        declare(home, f"{way.host}/gone:1")
        place.stop()
        failed = built(home)
        pid = control.status(home).pid
        assert failed.state is BuildState.FAILED
        assert f"{way.host}" in failed.hint
        assert environments.view(home, "faulty").state == "failed"
        place.start()
        assert built(home).state is BuildState.READY
        first = environments.view(home, "faulty").revision
        assert first
        place.push(engine, small(engine, "workbench-tests/layer:1"), "gone:1")
        way.hold.set()
        number = environments.build(home, "faulty", force=True)
        assert number
        until(
            lambda: "nothing came for" in (environments.build_progress(home, "faulty") or failed).__str__(),
            "the silence to be told",
            seconds=IN_TIME,
        )
        way.status = 500
        way.hold.clear()
        environments.cancel_build(home, number)
        until(lambda: environments.get_build(home, number).state in ENDED, "the end", seconds=IN_TIME)
        failed = built(home, force=True)
        assert failed.state is BuildState.FAILED
        assert f"What was built before stays in use: {first.id}." in failed.hint
        now = environments.view(home, "faulty")
        assert (now.state, now.revision and now.revision.id) == ("ready", first.id)
        way.status = 0
        assert built(home, force=True).state is BuildState.READY
        assert control.status(home).pid == pid
        forget(engine, f"{way.host}/gone", "workbench/faulty")
    engine.close()


@pytest.fixture
def tight(tmp_path: Path) -> Iterator[Path]:
    """An engine of its own on a disk of 12 MB; its folder. The disk is `data` in it."""
    program = shutil.which("dockerd", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if os.geteuid() != 0 or program is None or shutil.which("ip") is None:
        pytest.skip("needs root, dockerd and ip, to start an engine on a small disk")
    data = tmp_path / "data"
    data.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=12m", "none", data], check=False).returncode:
        pytest.skip("no file system can be mounted here")
    argv = [program, "--data-root", data, "--exec-root", tmp_path / "exec", "--pidfile", tmp_path / "pid"]
    # A bridge of its own: told to have none, an engine removes docker0, which is the machine's engine's.
    subprocess.run(["ip", "link", "add", BRIDGE, "type", "bridge"], check=False, capture_output=True)
    subprocess.run(["ip", "addr", "replace", "10.213.77.1/24", "dev", BRIDGE], check=True)
    argv += ["--host", f"unix://{tmp_path}/s", "--bridge", BRIDGE, "--iptables=false"]
    with (tmp_path / "log").open("ab") as log:
        process = subprocess.Popen(argv, stdout=log, stderr=log)
    try:
        until(lambda: _answers(tmp_path / "s"), "the engine", seconds=60)
        yield tmp_path
    finally:
        process.terminate()
        process.wait(30)
        spaces = list((tmp_path / "exec" / "netns").glob("*"))  # which an engine leaves mounted
        subprocess.run(["umount", "-l", data, *spaces], check=False)
        subprocess.run(["ip", "link", "del", BRIDGE], check=False)


def _answers(socket: Path) -> bool:
    try:
        client = APIClient(base_url=f"unix://{socket}")
    except DockerException:
        return False
    client.close()
    return True


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_engines_disk_that_is_full(tight: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The build says that the engine's disk is full and how to see what takes it; with room it works, without a restart."""
    engine = APIClient(base_url=endpoint())
    with registry(tight / "registry") as place:
        image = place.push(engine, small(engine, "workbench-tests/layer:1", noise=20_000_000), "large:1")
        engine.close()
        monkeypatch.setenv("DOCKER_HOST", f"unix://{tight}/s")
        home = make_home(tight / "home")
        try:
            declare(home, image)
            failed = built(home)
            pid = control.status(home).pid
            assert failed.state is BuildState.FAILED
            assert "no space left on device" in failed.reason
            assert "disk" in failed.hint
            subprocess.run(["mount", "-o", "remount,size=16g", tight / "data"], check=True)
            assert built(home).state is BuildState.READY
            assert control.status(home).pid == pid
        finally:
            end(home)
            home.close()
