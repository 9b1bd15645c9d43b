"""Disks that are really full: builds and sessions say so, and go on once there is room, with nothing started anew."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import toy_ide
from containers import LABEL, build_ended, built, endpoint
from docker import APIClient
from images import mirror
from waiting import until
from world import PROJECT, end

from workbench.errors import StoreError
from workbench.model.build import Build, BuildState
from workbench.model.session import ENDED, Session, SessionState
from workbench.services import environments, projects, sessions
from workbench.services.bench import Bench, open_bench

pytestmark = [
    pytest.mark.timeout(600),
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to mount a small disk"),
]
BRIDGE, ADDRESS = "wb-full0", "172.31.77.1/24"


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A disk of 330 MB, in memory."""
    place = tmp_path / "small"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=330m", "tmpfs", place], check=True)
    yield place
    subprocess.run(["umount", "--lazy", place], check=True)


def fill(disk: Path) -> Path:
    """Take all that is free; the file that holds it."""
    with (disk / "fill").open("ab") as file:
        for block in (1 << 20, 1 << 12):
            with contextlib.suppress(OSError):
                while True:
                    os.posix_fallocate(file.fileno(), file.seek(0, os.SEEK_END), block)
    return disk / "fill"


def build(bench: Bench, name: str) -> int:
    """Ask for a build that is needed."""
    number = environments.build(bench, name, force=True)
    assert number
    return number


def ended_session(bench: Bench, number: int) -> Session:
    """A session that is up, or has ended."""
    until(
        lambda: sessions.get(bench, number).state in (*ENDED, SessionState.READY),
        "ready or ended",
        seconds=120,
        every=0.1,
    )
    return sessions.get(bench, number)


def test_a_home_on_a_full_disk(small: Path, kernel_python: Path) -> None:
    """A venv that does not fit is not begun, one that fills the disk says that it is full, a session is not asked for;
    with room again all of them go well under the same supervisor."""
    bench = open_bench(small / "home")
    try:
        bench.home.settings_file.write_text("engine: process\n")
        (bench.home.environments / "six.yaml").write_text("python: {packages: [six]}\nides: []\n")
        (bench.home.environments / "toy.yaml").write_text(f"use: {kernel_python}\nides: [toy]\n")
        projects.create(bench, PROJECT, environment="toy")
        toy_ide.declare(bench.home.root, projects.get(bench, PROJECT).path)
        built(bench, "toy")

        midway = build(bench, "six")
        until(lambda: "$ uv venv" in _text(bench.home.build_log(midway)), "uv to begin")
        filled = fill(small)
        assert_failed(build_ended(bench, midway), "the disk is full")
        fill(small)  # what the failed build gave back
        with pytest.raises(StoreError, match="disk is full"):
            sessions.start(bench, PROJECT, ide="toy")
        assert sessions.listing(bench) == []

        os.truncate(filled, filled.stat().st_size - (60 << 20))
        before = build(bench, "six")
        assert_failed(build_ended(bench, before), "look for room: it needs about 300 MB")
        assert ended_session(bench, sessions.start(bench, PROJECT, ide="toy")).state is SessionState.READY
        filled.unlink()
        assert build_ended(bench, build(bench, "six")).state is BuildState.READY
    finally:
        stop_all(bench)


@pytest.fixture
def engine_on_a_small_disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """A Docker Engine of its own whose images are on a disk of 2.5 GB: that disk, and its address."""
    folder = Path(subprocess.check_output(["mktemp", "-d", "/tmp/wbXXXX"], text=True).strip())  # short, for its sockets
    disk = folder / "root"
    disk.mkdir()
    with (folder / "image").open("wb") as file:
        file.truncate(2_500_000_000)
    subprocess.run(["mkfs.ext4", "-q", "-m", "0", folder / "image"], check=True)
    subprocess.run(["mount", "-o", "loop", folder / "image", disk], check=True)
    for words in (f"link add {BRIDGE} type bridge", f"addr add {ADDRESS} dev {BRIDGE}", f"link set {BRIDGE} up"):
        subprocess.run(["ip", *words.split()], check=True)
    argv = [
        "dockerd", f"--data-root={disk}", f"--exec-root={folder}/exec", f"--host=unix://{folder}/s", "--iptables=false",
        f"--pidfile={folder}/pid", f"--bridge={BRIDGE}", "--ip-forward=false",
    ]  # fmt: skip
    with (folder / "log").open("wb") as log:
        engine = subprocess.Popen(argv, stdout=log, stderr=log)
    address = f"unix://{folder}/s"
    try:
        until(lambda: _quiet(["docker", "-H", address, "version"]), "the engine", seconds=60, every=0.2)
        yield disk, address
    finally:
        engine.terminate()
        engine.wait(60)
        subprocess.run(["umount", "--lazy", disk], check=True)
        subprocess.run(["ip", "link", "del", BRIDGE], check=True)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.docker
@pytest.mark.soak
@pytest.mark.skipif(not shutil.which("dockerd"), reason="needs dockerd, to start an engine of its own")
def test_an_engine_on_a_full_disk(
    engine_on_a_small_disk: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An image that does not fit is not begun, a step that fills the disk says so, and so does a session; one that is up
    stays so; with room again all go well."""
    disk, address = engine_on_a_small_disk
    here = open_bench(tmp_path / "here")
    mirror.use(here.home.root)
    image = built(here, "python").reference
    end(here)
    here.close()
    copied = f"docker -H {endpoint()} save {image} | docker -H {address} load"
    subprocess.run(copied, shell=True, check=True)

    monkeypatch.setenv("DOCKER_HOST", address)
    bench = open_bench(tmp_path / "home")
    mirror.use(bench.home.root)
    try:
        made = projects.create(bench, "own").path / "Dockerfile"
        projects.create(bench, PROJECT, environment="python")
        built(bench, "python")
        made.write_text("FROM debian:trixie-slim\nRUN dd if=/dev/zero of=/big bs=1M count=9000\n")
        failed = build_ended(bench, build(bench, "own/Dockerfile"))
        assert_failed(failed, "No space left on device")
        assert "engine's disk is full" in failed.hint
        until(lambda: shutil.disk_usage(disk).free > 500_000_000, "what the step had written to go", seconds=60)

        filled = fill(disk)
        made.write_text("FROM debian:trixie-slim\nRUN true\n")
        assert_failed(build_ended(bench, build(bench, "own/Dockerfile")), "look for room: it needs about")
        refused = ended_session(bench, sessions.start(bench, PROJECT))
        assert refused.state is SessionState.FAILED
        assert "no space left on device" in refused.reason
        assert not APIClient(base_url=address).containers(all=True, filters={"label": f"{LABEL}home={bench.home.id}"})

        filled.unlink()
        assert build_ended(bench, build(bench, "own/Dockerfile")).state is BuildState.READY
        up = ended_session(bench, sessions.start(bench, PROJECT))
        assert up.state is SessionState.READY
        fill(disk)
        seen = time.monotonic()
        until(lambda: time.monotonic() - seen > 20, "some looks at it", seconds=30, every=1.0)
        assert sessions.get(bench, up.id).state is SessionState.READY
    finally:
        stop_all(bench)


def assert_failed(build: Build, reason: str) -> None:
    """It failed for this reason, with what to do."""
    assert build.state is BuildState.FAILED
    assert reason in build.reason
    assert build.hint


def stop_all(bench: Bench) -> None:
    """End its sessions, then its supervisor."""
    stopped: list[Callable[[], bool]] = []
    for session in sessions.listing(bench):
        if session.state not in ENDED:
            sessions.stop(bench, session.id)
            stopped.append(lambda number=session.id: sessions.get(bench, number).state in ENDED)
    until(lambda: all(one() for one in stopped), "the sessions' ends", seconds=60)
    end(bench)
    bench.close()


def _text(path: Path) -> str:
    return path.read_text() if path.exists() else ""


def _quiet(argv: list[str]) -> bool:
    return subprocess.run(argv, capture_output=True).returncode == 0
