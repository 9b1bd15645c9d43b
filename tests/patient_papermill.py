"""papermill's own command, unchanged but for one thing: while it waits for a message it looks again now and then.

Sending on a channel can swallow the signal that a message has come (zmq's descriptor is edge-triggered, pyzmq #1203);
nbclient sends while it waits wherever an Output widget is used, and on a busy machine it then waits for ever.
"""

from __future__ import annotations

from typing import Any

from jupyter_client.channels import AsyncZMQSocketChannel
from papermill.cli import papermill

AGAIN = 200  # milliseconds
once = AsyncZMQSocketChannel.get_msg


async def get_msg(self: AsyncZMQSocketChannel, timeout: float | None = None) -> dict[str, Any]:  # noqa: ASYNC109 - theirs
    """The next message."""
    while timeout is None:
        if await self.socket.poll(AGAIN):
            return await self._recv()
    return await once(self, timeout)


AsyncZMQSocketChannel.get_msg = get_msg

if __name__ == "__main__":
    papermill()
