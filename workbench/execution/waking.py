"""The datagram without content that has the supervisor look."""

from __future__ import annotations

import contextlib
import socket
from pathlib import Path


def wake(path: Path | None) -> None:
    """Tell the supervisor to look; it would in time anyway."""
    if path is None:
        return
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.setblocking(False)
        sender.sendto(b"", str(path))
