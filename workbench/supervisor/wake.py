"""The socket on which anybody of this account wakes the supervisor: datagrams without content, unix(7)."""

from __future__ import annotations

import contextlib
import os
import selectors
import socket
from pathlib import Path

from workbench.errors import StoreError
from workbench.paths import SOCKET_PATH_LIMIT, Home
from workbench.supervisor.watch import Watch

DRAINED = 64  # datagrams taken at a time; one look answers all of them
BUFFER = 4096  # bytes the system keeps for us, so that a flood costs the sender, not this process


class WakeSocket:
    """Sleep until somebody wakes us. The socket is made again where its file was removed (logout does that)."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.path = home.wake_socket
        self._selector = selectors.DefaultSelector()
        self._socket = self._bind()
        self._here, self._there = socket.socketpair()
        for end in (self._here, self._there):
            end.setblocking(False)
        self._selector.register(self._here, selectors.EVENT_READ)
        self.watch = Watch()
        if self.watch.fileno() >= 0:
            self._selector.register(self.watch, selectors.EVENT_READ)

    def wake(self) -> None:
        """From this process: from another thread, or from a signal's handler."""
        with contextlib.suppress(BlockingIOError, OSError):
            self._there.send(b"\0")

    @property
    def signal_descriptor(self) -> int:
        """For `signal.set_wakeup_fd`: a signal ends the sleep."""
        return self._there.fileno()

    def sleep(self, seconds: float) -> bool:
        """Sleep at most so long; True where somebody woke us."""
        ready = self._selector.select(max(0.0, seconds))
        for key, _ in ready:
            source = key.fileobj
            if source is self.watch:
                self.watch.drain()
                continue
            assert isinstance(source, socket.socket)
            for _ in range(DRAINED):
                try:
                    # One byte is asked for: what a datagram holds is dropped unread. Ours come as a stream.
                    source.recv(4096 if source is self._here else 1)
                except OSError:
                    break
        return bool(ready)

    def renew(self) -> bool:
        """Bind again where our file is not there any more; True where that was so."""
        try:
            same = os.stat(self.path).st_ino == self._inode
        except OSError:
            same = False
        if same:
            return False
        self._selector.unregister(self._socket)
        self._socket.close()
        self.path = self.home.wake_socket
        self._socket = self._bind()
        return True

    def close(self) -> None:
        """Remove the file and close."""
        self._selector.close()
        with contextlib.suppress(OSError):
            if os.stat(self.path).st_ino == self._inode:
                Path(self.path).unlink()
        for end in (self._socket, self._here, self._there, self.watch):
            end.close()

    def leave_no_folder(self) -> None:
        """Remove the folder of the sockets as well, where nothing is in it."""
        with contextlib.suppress(OSError):
            self.path.parent.rmdir()

    def _bind(self) -> socket.socket:
        if len(os.fsencode(self.path)) > SOCKET_PATH_LIMIT:
            raise StoreError(f"{self.path} is too long for a socket", hint="Set XDG_RUNTIME_DIR to a short folder.")
        bound = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        bound.setblocking(False)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
        # We hold the home's lock: whatever lies here was left by one that is gone.
        self.path.unlink(missing_ok=True)
        bound.bind(str(self.path))
        self.path.chmod(0o600)
        self._inode = os.stat(self.path).st_ino
        self._selector.register(bound, selectors.EVENT_READ)
        return bound
