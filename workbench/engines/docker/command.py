"""The docker command: found on this machine, and pointed at the engine that we talk to."""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from workbench.engines.docker.endpoint import Endpoint

USUAL_FOLDERS = ("/usr/bin", "/usr/local/bin")
LAST_WITH_BUILDKIT_INSIDE = 22  # since 23 the command builds with buildx alone


@dataclass(frozen=True)
class Command:
    """A docker command. `buildx`: it has that part; otherwise `buildkit` tells of BuildKit inside it."""

    path: str
    buildx: bool
    buildkit: bool


def environment(endpoint: Endpoint) -> dict[str, str]:
    """Variables with which the command talks to this engine and no other."""
    kept = {name: value for name, value in os.environ.items() if name not in {"DOCKER_CONTEXT", "DOCKER_API_VERSION"}}
    return kept | {"DOCKER_HOST": endpoint.url}


@functools.cache
def commands() -> tuple[Command, ...]:
    """The docker commands of this machine, those first on PATH first; asked once."""
    return tuple(_examine(path) for path in _paths())


def fitting(endpoint: Endpoint, version: str) -> tuple[Command, ...]:
    """Those that this engine, of this version, understands: it refuses clients much older or newer than itself."""
    return tuple(command for command in commands() if _understood(command.path, endpoint, version))


def for_builds(endpoint: Endpoint, version: str) -> Command | None:
    """The one to build with: with buildx, else with BuildKit inside."""
    found = fitting(endpoint, version)
    able = [command for command in found if command.buildx] or [command for command in found if command.buildkit]
    return able[0] if able else None


@functools.lru_cache(maxsize=32)
def _understood(path: str, endpoint: Endpoint, version: str) -> bool:
    del version  # an engine that was upgraded is asked again
    return _ask(path, "version", "--format", "{{.Server.APIVersion}}", env=environment(endpoint)) is not None


def _paths() -> Iterator[str]:
    seen = set()
    for folder in (*os.environ.get("PATH", "").split(os.pathsep), *USUAL_FOLDERS):
        path = shutil.which("docker", path=folder) if folder else None
        if path and (real := Path(path).resolve()) not in seen:
            seen.add(real)
            yield path


def _examine(path: str) -> Command:
    buildx = _ask(path, "buildx", "version") is not None
    version = re.search(r"version (\d+)", _ask(path, "--version") or "")
    inside = bool(version) and int(version[1] if version else 0) <= LAST_WITH_BUILDKIT_INSIDE
    return Command(path, buildx, buildx or inside)


def _ask(*argv: str, env: dict[str, str] | None = None) -> str | None:
    try:
        done = subprocess.run(
            argv, env=env, capture_output=True, text=True, timeout=10, check=True, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout
