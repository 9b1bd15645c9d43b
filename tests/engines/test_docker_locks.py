"""Locks of images against a real engine and the real index: they repeat, are added to, and leave this machine."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from engines.conftest import DOCKER_SETTINGS, Bench, ignore
from engines.test_docker_layers import Build, additions, api, built, more
from images.mirror import registries

from workbench.engines.docker import command
from workbench.engines.docker.engine import DockerEngine
from workbench.engines.docker.images.names import mirrored
from workbench.model.environment import EnvironmentSpec, PythonPart
from workbench.paths import open_home

__all__ = ["built"]
pytestmark = pytest.mark.docker
SPEC = EnvironmentSpec("test-locked", python=PythonPart(packages=("six<1.17",)), apt=("tree",), ides=())


def test_a_lock_repeats_and_is_added_to(docker_bench: Bench, built: Build, tmp_path: Path) -> None:
    """Another home builds by the lock and gets the same packages; one that is added changes none of them; what is
    outdated is told by what the index has."""
    first = built(SPEC)
    told: dict[str, Any] = {"log": tmp_path / "log", "cancelled": Event()}
    lock = docker_bench.engine.lock(SPEC, first, **told)
    assert lock.base == first.base
    assert any(line.startswith("six==1.16.0 --hash=sha256:") for line in lock.python)
    assert all("--hash=" in line for line in lock.python)
    assert any(line.startswith("tree=") for line in lock.debian)
    loose = replace(SPEC, python=PythonPart(packages=("six",)))
    newer = [change for change in docker_bench.engine.outdated(loose, first, **told) if change.name == "six"]
    assert [(change.kind, change.installed) for change in newer] == [("python", "1.16.0")]

    elsewhere = DockerEngine(open_home(tmp_path / "elsewhere"), DOCKER_SETTINGS)
    spec = replace(loose, locked=lock)
    number = elsewhere.revision_id(spec)
    assert number != first.id
    again = elsewhere.build(spec, number, log=tmp_path / "again", progress=ignore, cancelled=Event())
    grown = built(more(spec, "iniconfig"), again)
    elsewhere.remove(again)
    assert again.packages == first.packages
    assert set(grown.packages) - set(first.packages) == {
        line for line in grown.packages if line.startswith("iniconfig==")
    }
    assert additions(docker_bench, grown) == 1


@pytest.mark.soak
def test_an_export_builds_without_us(docker_bench: Bench, built: Build, tmp_path: Path) -> None:
    """The folder has all that `docker build` needs; nothing of this machine is in it."""
    first = built(SPEC)
    folder = tmp_path / "exported"
    docker_bench.engine.export(SPEC, first, folder, log=tmp_path / "log", cancelled=Event())
    text = (folder / "Dockerfile").read_text()
    start = re.search(r"^FROM (\S+)", text, re.MULTILINE)
    assert start
    assert start[1] == first.base
    assert not [path for path in folder.iterdir() if "BEGIN CERTIFICATE" in path.read_text(errors="replace")]
    assert isinstance(docker_bench.engine, DockerEngine)
    connection = docker_bench.engine._connection
    cli = command.for_builds(connection.endpoint, connection.daemon().version)
    if cli is None:
        pytest.skip("the exported Dockerfile needs BuildKit")
    # The only word for this machine: here the public image comes from a mirror.
    (folder / "Dockerfile").write_text(text.replace(start[1], mirrored(start[1], registries())))
    words = ["buildx", "build", "--builder=default", "--load"] if cli.buildx else ["build"]
    bundle = os.environ.get("SSL_CERT_FILE", "/etc/ssl/certs/ca-certificates.crt")
    argv = [cli.path, *words, "-q", "--tag=test-exported:1", f"--secret=id=ca-bundle,src={bundle}", str(folder)]
    environ = command.environment(connection.endpoint) | {"DOCKER_BUILDKIT": "1"}
    done = subprocess.run(argv, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    with api(docker_bench) as engine:
        digest = engine.inspect_image("test-exported:1")["Id"]
        inside = docker_bench.engine._library.of(digest)
        engine.remove_image("test-exported:1")
    assert inside.packages == first.packages
