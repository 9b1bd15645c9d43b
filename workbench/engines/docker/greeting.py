"""An engine asked what it is without its library, which takes 10 MB: for homes that have nothing on it."""

from __future__ import annotations

import http.client
import json
import socket
from typing import Any

from workbench.engines.base import Facts
from workbench.engines.docker.daemon import OWN, facts, is_podman, read_daemon
from workbench.engines.docker.endpoint import Endpoint, find_endpoint
from workbench.engines.docker.unreachable import unreachable
from workbench.errors import WorkbenchError
from workbench.model.environment import EngineName

SECONDS = 60.0  # for one answer


class _Socket(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=SECONDS)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def greet(endpoint: Endpoint | None = None) -> Facts | None:
    """What the engine says of itself, or why nothing answers where it listens; `endpoint` None: the one a person's tools use.

    None where that is for the library to tell: an engine over TCP, or one that answers anything but what it was asked.
    """
    try:
        endpoint = endpoint or find_endpoint()
    except WorkbenchError as error:
        return Facts(EngineName.DOCKER, problem=error.message, hint=error.hint)
    if endpoint.socket is None:
        return None
    connection = _Socket(str(endpoint.socket))
    try:
        version = _ask(connection, "/version")
        own = _ask(connection, OWN) if is_podman(version) else {}
        return facts(endpoint, read_daemon(version, _ask(connection, "/info"), own))
    except OSError as error:
        down = unreachable(endpoint, error)
        return Facts(
            EngineName.DOCKER, endpoint=endpoint.url, source=endpoint.source, problem=down.message, hint=down.hint
        )
    except (http.client.HTTPException, ValueError):
        return None
    finally:
        connection.close()


def _ask(connection: http.client.HTTPConnection, path: str) -> dict[str, Any]:
    """An answer; ValueError for anything but a JSON object."""
    connection.request("GET", path)
    with connection.getresponse() as answer:
        said = json.loads(answer.read())
        if answer.status != http.HTTPStatus.OK or not isinstance(said, dict):
            raise ValueError(f"{path}: {answer.status}")
        return said
