"""Ports of the loopback interface: whether one is free, and whose account listens on it."""

from __future__ import annotations

import errno
import os
import socket
import struct
from collections.abc import Iterator

from workbench.paths import account_name

ESTABLISHED, LISTENING = "01", "0A"  # states in /proc/net/tcp, proc(5)
# Addresses on which a connection to 127.0.0.1 or ::1 may arrive, as the kernel prints them: words in its byte order.
_LOOPBACK = frozenset(
    {
        f"{struct.unpack('=I', socket.inet_aton(address))[0]:08X}"
        for address in ("127.0.0.1", "0.0.0.0")  # noqa: S104 - looked for
    }
    | {
        "".join(f"{word:08X}" for word in struct.unpack("=4I", socket.inet_pton(socket.AF_INET6, address)))
        for address in ("::1", "::", "::ffff:127.0.0.1")
    }
)


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


def listeners(port: int) -> set[int]:
    """The uids of those who listen on `port` of this machine's loopback, IPv4 and IPv6."""
    found = set()
    for fields in _sockets():
        address, _, number = fields[1].rpartition(":")
        if fields[3] == LISTENING and int(number, 16) == port and address in _LOOPBACK:
            found.add(int(fields[7]))
    return found


def connected(port: int) -> bool:
    """Whether any program of this machine, a browser or the end of an ssh tunnel, is connected to `port` of loopback."""
    for fields in _sockets():
        address, _, number = fields[2].rpartition(":")
        if fields[3] == ESTABLISHED and int(number, 16) == port and address in _LOOPBACK:
            return True
    return False


def _sockets() -> Iterator[list[str]]:
    """The fields of all TCP sockets of this machine."""
    for name in ("tcp", "tcp6"):
        try:
            with open(f"/proc/net/{name}") as file:
                lines = file.read().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            yield line.split()


def stranger(port: int) -> str:
    """The name of another account that listens on `port`; empty for none. A secret is sent to no such port.

    Root is none: it is who publishes ports of containers.
    """
    others = listeners(port) - {0, os.getuid()}
    return account_name(min(others)) if others else ""


def guard(port: int) -> socket.socket | None:
    """Hold `port` of ::1 without listening, so that nobody else can: browsers try ::1 before 127.0.0.1 for names below
    `localhost`. None where there is no such address. Raises `OSError` where somebody has it."""
    try:
        held = socket.socket(socket.AF_INET6)
    except OSError:
        return None
    try:
        held.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        held.bind(("::1", port))
    except OSError as error:
        held.close()
        if error.errno == errno.EADDRNOTAVAIL:
            return None
        raise
    return held
