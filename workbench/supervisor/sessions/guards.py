"""Guards of sessions' ports: what a browser could reach in a session's place is held by nobody else.

A session listens on 127.0.0.1. Browsers take `<name>.localhost` for ::1 first, and there any account could listen and
be given the secret; so the same port of ::1 is held while the supervisor lives.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterable

from workbench import ports


class Guards:
    """Ports held on ::1; used from the threads of all sessions."""

    def __init__(self) -> None:
        self._held: dict[int, socket.socket | None] = {}
        self._changing = threading.Lock()

    def hold(self, port: int) -> bool:
        """Hold `port` from now on; False where somebody else has it."""
        with self._changing:
            if port not in self._held:
                try:
                    self._held[port] = ports.guard(port)
                except OSError:
                    return False
        return True

    def keep(self, wanted: Iterable[int]) -> None:
        """Let go of all but `wanted`."""
        with self._changing:
            for port in self._held.keys() - set(wanted):
                held = self._held.pop(port)
                if held:
                    held.close()
