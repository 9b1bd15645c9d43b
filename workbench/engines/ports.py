"""Ports of the loopback interface: whether one is free, and which account listens on it."""

from __future__ import annotations

import socket

LISTENING = "0A"  # state in /proc/net/tcp, proc(5)


def free(port: int) -> bool:
    """Whether a server could listen on 127.0.0.1:`port` now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
            probe.listen(1)
        except OSError:
            return False
    return True


def listener(port: int) -> int | None:
    """The uid of the account that listens on `port`; None where nobody does. A secret is sent to none but ours."""
    for name in ("tcp", "tcp6"):
        try:
            with open(f"/proc/net/{name}") as file:
                lines = file.read().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            fields = line.split()
            if fields[3] == LISTENING and int(fields[1].rpartition(":")[2], 16) == port:
                return int(fields[7])
    return None
