"""Owns taking messages of a kernel's output: one that is huge is cut before it is copied and decoded.

A message of n bytes costs about 3n of memory to decode, and a single `print` can be any size.
"""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any

HUGE = 16_000_000  # bytes of content that are decoded at most
TURN = 0.05  # seconds of a flood after which others get their turn
_DELIMITER = b"<IDS|MSG>"
_CONTENT = 5  # after the delimiter: signature, header, parent header, metadata, content
_STREAM = re.compile(rb'\s*\{\s*"name"\s*:\s*"std(?:out|err)"\s*,\s*"text"\s*:\s*"')
# Backslashes at the end, and what may follow them where the cut went through an escape.
_ESCAPE = re.compile(rb"(\\+)(?:u[0-9a-fA-F]{0,3})?$")


class Intake:
    """Messages of an iopub channel, in order. `cut` is how much the last one was shortened by, in bytes."""

    def __init__(self, channel: Any) -> None:
        self.channel = channel
        self.cut = 0
        self.turn = 0.0

    async def next(self) -> dict[str, Any]:
        """The next message, waited for."""
        clock = asyncio.get_running_loop().time
        if clock() - self.turn > TURN:
            await asyncio.sleep(0)  # messages that are there already are taken without a pause
            self.turn = clock()
        frames = await self.channel.socket.recv_multipart(copy=False)
        parts = [frame.bytes if len(frame.buffer) <= HUGE else frame.buffer for frame in frames]
        start = parts.index(_DELIMITER)
        self.cut = 0
        content = parts[start + _CONTENT]
        if isinstance(content, memoryview):
            self._shorten(parts, start)
        message: dict[str, Any] = self.channel.session.deserialize(parts[start + 1 :])
        return message

    def _shorten(self, parts: list[Any], start: int) -> None:
        """Shorten a stream message, its signature checked before and made anew after; leave others whole."""
        session = self.channel.session
        signed = parts[start + 2 : start + _CONTENT + 1]
        content = parts[start + _CONTENT]
        stream = json.loads(signed[0]).get("msg_type") == "stream" and _STREAM.match(content[:200])
        if not stream or session.sign(signed) != parts[start + 1]:
            parts[start + _CONTENT] = bytes(content)
            return
        head = shortened(bytes(content[:HUGE]))
        self.cut = len(content) - len(head)
        parts[start + _CONTENT] = head
        parts[start + 1] = session.sign(parts[start + 2 : start + _CONTENT + 1])


def shortened(head: bytes) -> bytes:
    """The beginning of a stream message's content as content that is whole: its text ends where it was cut."""
    head = head.decode("utf-8", "ignore").encode()
    escape = _ESCAPE.search(head)
    if escape and len(escape[1]) % 2:  # an even number of backslashes is text
        head = head[: escape.end(1) - 1]
    return head + b'"}'
