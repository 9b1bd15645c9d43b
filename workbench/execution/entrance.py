"""A way in to a kernel that is kept, for one Jupyter server: sockets and a connection file in a folder that it sees.

    JupyterLab ─▶ Jupyter server ─▶ FOLDER/kept/NAME-1 … NAME-5 ─▶ this process ─▶ the kernel's own sockets

What is said is passed on, not read, until it is closed: then nobody is in the kernel but its runner.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from workbench import enclosure

PORTS = ("shell_port", "iopub_port", "stdin_port", "hb_port", "control_port")  # of a connection file
INNER = "kept"  # where a Jupyter server of ours looks for kernels that it did not start
CHUNK = 65536
PATIENCE = 5.0  # seconds for its thread to end


class Entrance:
    """Open from the beginning. `folder` is that of a session's sockets on this machine, `seen` the same as its tool sees it."""

    def __init__(self, folder: Path, seen: str, name: str, kernel: Mapping[str, Any]) -> None:
        """`kernel`: how the runner itself connects. OSError where it cannot be made; nothing is left then."""
        self.folder = folder
        self.name = name
        self._loop = asyncio.new_event_loop()
        self._listening: list[socket.socket] = []
        self._tasks: set[asyncio.Task[None]] = set()
        try:
            with self._inner(make=True) as inner, enclosure.folder(folder.parent, folder.name) as outer:
                for number in range(1, len(PORTS) + 1):
                    self._listening.append(_listen(inner, f"{name}-{number}", os.fstat(outer)))
                facts = {key: _text(value) for key, value in kernel.items()}
                # Named as no kernel that could be started: a restart would put another in the place of this one.
                facts |= {"kernel_name": name, "transport": "ipc", "ip": f"{seen}/{INNER}/{name}"}
                facts |= {port: number for number, port in enumerate(PORTS, 1)}
                # Whole from the start: a server takes what it finds in there.
                _write(outer, self._file, json.dumps(facts))
                os.rename(self._file, self._file, src_dir_fd=outer, dst_dir_fd=inner)
        except OSError:
            self._remove()
            self._loop.close()
            raise
        targets = [f"{kernel['ip']}-{kernel[port]}" for port in PORTS]
        self._thread = threading.Thread(target=self._run, args=(targets,), name="entrance", daemon=True)
        self._thread.start()

    @property
    def there(self) -> bool:
        """Whether it can be found; its session may have gone with the folder."""
        try:
            with self._inner() as inner:
                os.stat(self._file, dir_fd=inner, follow_symlinks=False)
        except OSError:
            return False
        return True

    def close(self) -> None:
        """Nobody comes in any more, and who is in is out."""
        self._loop.call_soon_threadsafe(self._end)
        self._thread.join(PATIENCE)
        self._remove()

    @property
    def _file(self) -> str:
        return f"{self.name}.json"

    @contextmanager
    def _inner(self, *, make: bool = False) -> Iterator[int]:
        """The folder in which a server looks. What runs beside it can write there: no link is followed."""
        with enclosure.folder(self.folder.parent, f"{self.folder.name}/{INNER}", make=make) as inner:
            yield inner

    def _remove(self) -> None:
        for one in self._listening:
            one.close()
        with suppress(OSError), self._inner() as inner:
            for name in (self._file, *(f"{self.name}-{number}" for number in range(1, len(PORTS) + 1))):
                with suppress(OSError):
                    os.unlink(name, dir_fd=inner)

    def _run(self, targets: list[str]) -> None:
        asyncio.set_event_loop(self._loop)
        for one, target in zip(self._listening, targets, strict=True):
            self._begin(self._take(one, target))
        self._loop.run_forever()
        self._loop.run_until_complete(asyncio.gather(*self._tasks, return_exceptions=True))
        self._loop.close()

    def _begin(self, work: Any) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _end(self) -> None:
        for task in self._tasks:
            task.cancel()
        self._loop.stop()

    async def _take(self, listening: socket.socket, target: str) -> None:
        """Take connections until it is closed."""
        while True:
            try:
                client, _ = await self._loop.sock_accept(listening)
            except OSError:  # no more descriptors for now
                await asyncio.sleep(1.0)
                continue
            client.setblocking(False)
            self._begin(self._serve(client, target))

    async def _serve(self, client: socket.socket, target: str) -> None:
        """Carry one connection both ways, until either side ends it."""
        with client, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as kernel, suppress(OSError):
            kernel.setblocking(False)
            await self._loop.sock_connect(kernel, target)
            ways = [asyncio.ensure_future(self._carry(*pair)) for pair in ((client, kernel), (kernel, client))]
            try:
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for way in ways:
                    way.cancel()
                await asyncio.gather(*ways, return_exceptions=True)

    async def _carry(self, source: socket.socket, sink: socket.socket) -> None:
        while data := await self._loop.sock_recv(source, CHUNK):
            await self._loop.sock_sendall(sink, data)


def _listen(folder: int, name: str, owner: os.stat_result) -> socket.socket:
    """A socket in an open folder: by a short name, for its path may be too long for one, unix(7)."""
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listening.bind(f"/proc/self/fd/{folder}/{name}")
        _own(folder, name, owner)
        os.fchmod(folder, 0o700)
        listening.listen(64)
    except OSError:
        listening.close()
        raise
    listening.setblocking(False)
    return listening


def _write(folder: int, name: str, text: str) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with open(os.open(name, flags, 0o600, dir_fd=folder), "w", encoding="ascii") as file:
        file.write(text)
        _own(folder, name, os.fstat(folder))


def _own(folder: int, name: str, owner: os.stat_result) -> None:
    """Let it belong to whom the session's folder belongs: the account that its tool is."""
    if owner.st_uid != os.geteuid():
        os.chown(folder, owner.st_uid, owner.st_gid)
        os.chown(name, owner.st_uid, owner.st_gid, dir_fd=folder, follow_symlinks=False)


def _text(value: Any) -> Any:
    return value.decode() if isinstance(value, bytes) else value
