"""Words over a socket between processes of one account: JSON, its length first. Standard library only, Python 3.9 on."""

from __future__ import annotations

import json
import socket
import struct
from typing import Any

LENGTH = struct.Struct("!Q")
LONGEST = 64 * 1024**2  # bytes


def send(line: socket.socket, words: dict[str, Any]) -> None:
    """Send words that `read` reads."""
    data = json.dumps(words).encode()
    line.sendall(LENGTH.pack(len(data)) + data)


def read(line: socket.socket) -> dict[str, Any]:
    """The next words; raises `EOFError` where nobody is there any more."""
    (length,) = LENGTH.unpack(_exactly(line, LENGTH.size))
    if length > LONGEST:
        raise ValueError("too long")
    words: dict[str, Any] = json.loads(_exactly(line, length))
    return words


def _exactly(line: socket.socket, length: int) -> bytes:
    data = bytearray()
    while len(data) < length:
        part = line.recv(min(length - len(data), 1 << 20))
        if not part:
            raise EOFError("nobody is there any more")
        data += part
    return bytes(data)
