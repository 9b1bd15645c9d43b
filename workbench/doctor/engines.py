"""Do the engines answer: as the supervisor last saw them, and asked here with nothing but a socket."""

from __future__ import annotations

import http.client
import json
import os
import socket
import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from workbench.doctor.finding import Finding, notice, ok
from workbench.doctor.state import DATABASE
from workbench.paths import state_folder
from workbench.text import one_line

WAIT = 3.0  # seconds for an engine to answer


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=WAIT)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(WAIT)
        self.sock.connect(self._path)


def engines(root: Path) -> Iterator[Finding]:
    """What the supervisor noted, and whether a Docker or Podman socket answers now."""
    noted = _noted(root)
    for name, (endpoint, source, version, trouble, hint) in noted.items():
        where = f" at {endpoint} ({source})" if endpoint else ""
        if trouble:
            yield notice(
                f"{name} engine",
                one_line(trouble if endpoint and endpoint in trouble else f"{trouble}{where}"),
                one_line(hint),
            )
        else:
            yield ok(f"{name} engine", one_line(f"{version}{where}, as the supervisor saw it"))
    answered = False
    for path, why in sockets().items():
        version, trouble = ask(path)
        if version:
            answered = True
            yield ok("docker socket", f"{path} ({why}) answers: {version}")
        elif Path(path).exists() or why == "DOCKER_HOST":
            yield notice("docker socket", f"{path} ({why}): {trouble}", _remedy(path))
    if not answered:
        yield notice(
            "docker socket",
            "no engine answers here: environments are built as local processes, without apt packages or R",
            "Install Docker or Podman to have containers.",
        )


def sockets(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Unix sockets where an engine may be, with why."""
    found = {}
    host = environ.get("DOCKER_HOST", "")
    if host.startswith("unix://"):
        found[host.removeprefix("unix://")] = "DOCKER_HOST"
    runtime = environ.get("XDG_RUNTIME_DIR", "")
    if runtime:
        found[f"{runtime}/docker.sock"] = "rootless Docker"
        found[f"{runtime}/podman/podman.sock"] = "rootless Podman"
    found["/var/run/docker.sock"] = "Docker"
    found["/run/podman/podman.sock"] = "Podman"
    return found


def ask(path: str) -> tuple[str, str]:
    """The version of the engine at a unix socket and an empty text, or an empty one and why not."""
    connection = _UnixConnection(path)
    try:
        connection.request("GET", "/version")
        reply = connection.getresponse()
        body: dict[str, Any] = json.loads(reply.read(1_000_000))
    except OSError as error:
        return "", (error.strerror or str(error) or type(error).__name__).lower()
    except (http.client.HTTPException, ValueError) as error:
        return "", f"no engine answers there ({type(error).__name__})"
    finally:
        connection.close()
    return one_line(f"{body.get('Version', '?')}, API {body.get('ApiVersion', '?')}"), ""


def _noted(root: Path) -> dict[str, tuple[str, str, str, str, str]]:
    from workbench.store import holding

    path = state_folder(root) / DATABASE
    if not path.exists() or holding.stopped(path):
        return {}
    connection = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=10)
    try:
        rows = connection.execute("SELECT name, endpoint, source, version, problem, hint FROM engines").fetchall()
    except sqlite3.DatabaseError:
        return {}  # told by the check of the store
    finally:
        connection.close()
    return {name: (endpoint, source, version, trouble, hint) for name, endpoint, source, version, trouble, hint in rows}


def _remedy(path: str) -> str:
    if Path(path).exists() and not os.access(path, os.R_OK | os.W_OK):
        return "This account may not use it: add it to the group that owns the socket, or use a rootless engine."
    return "Start the engine, or correct DOCKER_HOST."
