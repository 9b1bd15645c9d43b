"""Which engine to talk to, and why that one.

The order is that of the docker command: DOCKER_HOST, DOCKER_CONTEXT, the current context of `config.json`; then the
sockets where engines usually listen. docker-py's own choice differs between its releases, so it is never asked.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from workbench.errors import Refused
from workbench.text import one_line

LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True)
class Endpoint:
    """An engine's address (`unix:///var/run/docker.sock`) and, for people, where it was taken from."""

    url: str
    source: str

    @property
    def socket(self) -> Path | None:
        """The socket's path, where it is one."""
        parts = urlsplit(self.url)
        return Path(parts.path) if parts.scheme == "unix" else None

    @property
    def on_this_machine(self) -> bool:
        """Whether its bind mounts are this machine's folders."""
        parts = urlsplit(self.url)
        return parts.scheme == "unix" or (parts.scheme == "tcp" and parts.hostname in LOCAL_HOSTS)


def find_endpoint(environ: Mapping[str, str] = os.environ) -> Endpoint:
    """The engine to use. Refused where a context is named that does not exist, or one on another machine."""
    endpoint = _named(environ) or _usual(environ)
    if not endpoint.on_this_machine:
        raise Refused(
            f"the engine {one_line(endpoint.url)} ({endpoint.source}) is on another machine",
            hint="Folders of this machine cannot be shown to it. Run workbench there, or unset DOCKER_HOST.",
        )
    return endpoint


def _named(environ: Mapping[str, str]) -> Endpoint | None:
    if environ.get("DOCKER_HOST"):
        return Endpoint(environ["DOCKER_HOST"], "DOCKER_HOST")
    folder = Path(environ.get("DOCKER_CONFIG") or Path(environ.get("HOME") or Path.home()) / ".docker")
    if environ.get("DOCKER_CONTEXT"):
        return _context(folder, environ["DOCKER_CONTEXT"], "DOCKER_CONTEXT")
    config = _read(folder / "config.json")
    if config.get("currentContext"):
        return _context(folder, str(config["currentContext"]), str(folder / "config.json"))
    return None


def _context(folder: Path, name: str, source: str) -> Endpoint | None:
    """The endpoint of a context; `default` stands for the usual socket."""
    if name == "default":
        return None
    digest = hashlib.sha256(name.encode()).hexdigest()
    meta = _read(folder / "contexts" / "meta" / digest / "meta.json")
    try:
        url = str(meta["Endpoints"]["docker"]["Host"])
    except (KeyError, TypeError):
        raise Refused(
            f"the Docker context {one_line(name)} ({source}) does not exist",
            hint="`docker context ls` lists those that do; `docker context use default` goes back.",
        ) from None
    return Endpoint(url, f"context {name} of {source}")


def _read(path: Path) -> dict[str, Any]:
    """A JSON object of Docker's own files; empty where it is missing or broken."""
    try:
        data = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}


def _usual(environ: Mapping[str, str]) -> Endpoint:
    """The first usual socket this account may use, else the first that is there, else Docker's."""
    known = list(_sockets(environ))
    there = [(path, source) for path, source in known if path.exists()]
    usable = [entry for entry in there if os.access(entry[0], os.R_OK | os.W_OK)]
    path, source = (usable or there or known)[0]
    return Endpoint(f"unix://{path}", source)


def _sockets(environ: Mapping[str, str]) -> Iterator[tuple[Path, str]]:
    runtime = Path(environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.getuid()}")
    own = Path(environ.get("HOME") or Path.home()) / ".docker"
    yield Path("/var/run/docker.sock"), "Docker's usual socket"
    yield runtime / "docker.sock", "rootless Docker"
    yield own / "desktop" / "docker.sock", "Docker Desktop"
    yield own / "run" / "docker.sock", "Docker Desktop"
    yield runtime / "podman" / "podman.sock", "Podman of this account"
    yield Path("/run/podman/podman.sock"), "Podman of the machine"
