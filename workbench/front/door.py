"""Connections to the socket of a tool, and to nothing else.

What runs in a container may put anything into the folder that it shares with the front: a link in the socket's place could
name a socket of this machine, Docker's among them, and the page of a tool would then be talking to that.
"""

from __future__ import annotations

import asyncio
import os
import socket
import stat
from functools import partial

from aiohttp import BaseConnector, ClientRequest, ClientTimeout
from aiohttp.client_proto import ResponseHandler
from aiohttp.tracing import Trace


class Door(BaseConnector):
    """Connects to the socket `path`; one connection a request, so that none is reused that was closed meanwhile."""

    def __init__(self, path: str) -> None:
        super().__init__(limit=0, force_close=True)
        self._socket = path

    async def _create_connection(
        self,
        req: ClientRequest,  # noqa: ARG002 - as all connectors are called
        traces: list[Trace],  # noqa: ARG002
        timeout: ClientTimeout,  # noqa: ARG002, ASYNC109
    ) -> ResponseHandler:
        """What a connector has to do. Raises `OSError`."""
        loop = asyncio.get_running_loop()
        made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            made.setblocking(False)
            await connect(made, self._socket)
            _, protocol = await loop.create_unix_connection(partial(ResponseHandler, loop), sock=made)
        except BaseException:
            made.close()
            raise
        return protocol


async def connect(made: socket.socket, path: str) -> None:
    """Connect to the socket at `path`, held meanwhile, so that what was looked at is what is connected to. Raises `OSError`."""
    held = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        if not stat.S_ISSOCK(os.fstat(held).st_mode):
            raise OSError("no socket is there")
        await asyncio.get_running_loop().sock_connect(made, f"/proc/self/fd/{held}")
    finally:
        os.close(held)
