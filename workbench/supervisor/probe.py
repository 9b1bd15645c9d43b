"""Whether a session answers, and only to those who have its secret."""

from __future__ import annotations

import http.client
import socket
from enum import StrEnum
from pathlib import Path

from workbench import ports
from workbench.model.ide import Ide

PATIENCE = 5.0  # seconds for one answer
FOREIGN = "workbench-probe.invalid"


class Answer(StrEnum):
    """What a look at a session gave."""

    READY = "ready"
    NOT_YET = "not yet"
    TAKEN = "is not who listens on its port"
    OPEN = "answers without its secret"
    ANY_HOST = "answers to any host name"


def ask(ide: Ide, port: int, host: str, token: str) -> Answer:
    """Look at it three times: with the secret, without, and as another host name would (DNS rebinding).

    Another account that listens there is told nothing.
    """
    if ports.stranger(port):
        return Answer.TAKEN
    with_secret = {"Authorization": f"token {token}", "Host": f"{host}:{port}"}
    if _status(ide, port, with_secret) != 200:
        return Answer.NOT_YET
    without = _status(ide, port, {"Host": f"{host}:{port}"})
    if without == 200:
        return Answer.OPEN
    foreign = _status(ide, port, {**with_secret, "Host": f"{FOREIGN}:{port}"})
    if foreign == 200:
        return Answer.ANY_HOST
    return Answer.READY if without and foreign else Answer.NOT_YET


def free_port() -> int:
    """A port of loopback that nobody has right now."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
    return port


def last_words(log: Path, secret: str, lines: int = 8) -> str:
    """The end of a session's log without its secret; empty where there is none."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, file.seek(0, 2) - 8192))
            text = file.read().decode(errors="replace")
    except OSError:
        return ""
    if secret:
        text = text.replace(secret, "…")
    return "\n".join(line for line in text.splitlines()[-lines:] if line.strip())


def _status(ide: Ide, port: int, headers: dict[str, str]) -> int:
    """The status of an answer; 0 where there is none."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        connection.request("GET", ide.probe, headers=headers)
        answer = connection.getresponse()
        answer.read(65_536)
    except (OSError, http.client.HTTPException):
        return 0
    else:
        return answer.status
    finally:
        connection.close()
