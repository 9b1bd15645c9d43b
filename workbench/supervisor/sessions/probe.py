"""Whether a session answers, and only to those who have its secret."""

from __future__ import annotations

import base64
import http.client
import os
import socket
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path

from workbench import ports
from workbench.model.ide import Ide, SignIn

PATIENCE = 5.0  # seconds for one answer
FOREIGN = "workbench-probe.invalid"
UPGRADED, NO_SUCH_PAGE = 101, 404
GOODBYE = b"\x88\x80\0\0\0\0"  # a close frame, RFC 6455, 5.5.1


class Answer(StrEnum):
    """What a look at a session gave."""

    READY = "ready"
    NOT_YET = "no answer yet"
    NO_WEBSOCKET = "it answers, its websocket not yet"
    TAKEN = "is not who listens on its port"
    OPEN = "answers without its secret"
    ANY_HOST = "answers to any host name"


WAITING = frozenset({Answer.NOT_YET, Answer.NO_WEBSOCKET})


def ask(ide: Ide, port: int, host: str, token: str) -> Answer:
    """Look at it three times: with the secret, without, and as another host name would (DNS rebinding); then as often
    for a websocket, without which a tool shows a page and does nothing.

    Another account that listens there is told nothing. What a form asks for no header can say: there the form has to
    be there, and the start page not without it; a page of another host name has no cookie of it.
    """
    if ports.stranger(port):
        return Answer.TAKEN
    if ide.sign_in is SignIn.FORM:
        return _form(ide, port, host)
    with_secret = {"Authorization": f"{ide.scheme} {token}", "Host": f"{host}:{port}"}
    without_secret = {"Host": f"{host}:{port}"}
    elsewhere = {**with_secret, "Host": f"{FOREIGN}:{port}"}
    if _status(port, ide.ready, with_secret) != 200:
        return Answer.NOT_YET
    without = _status(port, ide.ready, without_secret)
    if without == 200:
        return Answer.OPEN
    foreign = _status(port, ide.ready, elsewhere)
    if foreign == 200:
        return Answer.ANY_HOST
    if not (without and foreign):
        return Answer.NOT_YET
    return _websocket(ide.websocket, port, with_secret, without_secret, elsewhere) if ide.websocket else Answer.READY


def _form(ide: Ide, port: int, host: str) -> Answer:
    """Whether the form is there, and the start page not without it."""
    anybody = {"Host": f"{host}:{port}"}
    if _status(port, ide.ready, anybody) != 200:
        return Answer.NOT_YET
    return Answer.OPEN if _status(port, ide.path, anybody) == 200 else Answer.READY


def _websocket(
    path: str,
    port: int,
    with_secret: Mapping[str, str],
    without_secret: Mapping[str, str],
    elsewhere: Mapping[str, str],
) -> Answer:
    """Whether a websocket opens, and only to those who have the secret. A tool too old to know `path` has none there."""
    opened = _upgrade(port, path, with_secret)
    if opened not in (UPGRADED, NO_SUCH_PAGE):
        return Answer.NO_WEBSOCKET
    if _upgrade(port, path, without_secret) == UPGRADED:
        return Answer.OPEN
    if _upgrade(port, path, elsewhere) == UPGRADED:
        return Answer.ANY_HOST
    return Answer.READY


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


def _status(port: int, path: str, headers: Mapping[str, str]) -> int:
    """The status of an answer; 0 where there is none."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        connection.request("GET", path, headers=dict(headers))
        answer = connection.getresponse()
        answer.read(65_536)
    except (OSError, http.client.HTTPException):
        return 0
    else:
        return answer.status
    finally:
        connection.close()


def _upgrade(port: int, path: str, headers: Mapping[str, str]) -> int:
    """The status of the answer to a websocket's handshake, RFC 6455, 4.1; what was opened is closed. 0: no answer."""
    asked = {
        **headers,
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode(),
    }
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        connection.request("GET", path, headers=asked)
        status = connection.getresponse().status
        if status == UPGRADED and connection.sock:
            connection.sock.sendall(GOODBYE)
    except (OSError, http.client.HTTPException):
        return 0
    else:
        return status
    finally:
        connection.close()
