"""Taking messages of a kernel's output: one that is huge is cut before it is copied and decoded, very many small
ones are put together.

A message of n bytes costs about 3n of memory to decode, and a single `print` can be any size. A cell that prints and
flushes in a loop sends messages faster than each could be worked on by itself, and those that wait fill the memory.
"""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any

import zmq

TOGETHER = 65_536  # characters of text put together
HUGE = 16_000_000  # bytes of content that are decoded at most
TURN = 0.05  # seconds of a flood after which others get their turn
_DELIMITER = b"<IDS|MSG>"
_HEADER, _PARENT, _CONTENT = 2, 3, 5  # after the delimiter: signature, header, parent header, metadata, content
_STREAM = re.compile(rb'\s*\{\s*"name"\s*:\s*"std(?:out|err)"\s*,\s*"text"\s*:\s*"')
# Backslashes at the end, and what may follow them where the cut went through an escape.
_ESCAPE = re.compile(rb"(\\+)(?:u[0-9a-fA-F]{0,3})?$")


class Intake:
    """Messages of an iopub channel, in order. `cut` is how much the last one was shortened by, in bytes."""

    def __init__(self, channel: Any) -> None:
        self.channel = channel
        self.cut = 0
        self.turn = 0.0
        self.ahead: list[Any] | None = None  # a message that was taken and had its own place

    async def next(self) -> dict[str, Any]:
        """The next message, waited for."""
        clock = asyncio.get_running_loop().time
        if clock() - self.turn > TURN:
            await asyncio.sleep(0)  # messages that are there already are taken without a pause
            self.turn = clock()
        parts = self.ahead or _parts(await self.channel.socket.recv_multipart(copy=False))
        self.ahead = None
        start = parts.index(_DELIMITER)
        self.cut = 0
        content = parts[start + _CONTENT]
        if isinstance(content, memoryview):
            self._shorten(parts, start)
        message: dict[str, Any] = self.channel.session.deserialize(parts[start + 1 :])
        if message["msg_type"] == "stream":
            await self._join(message["content"], parts[start + _PARENT])
        return message

    async def _join(self, content: dict[str, Any], parent: bytes) -> None:
        """Put the text of messages that are there already to `content`, as far as they go on with it."""
        texts, length = [content["text"]], len(content["text"])
        while length < TOGETHER:
            try:
                parts = _parts(await self.channel.socket.recv_multipart(flags=zmq.NOBLOCK, copy=False))
            except zmq.Again:
                break
            text = self._text(parts, content["name"], parent)
            if text is None:
                self.ahead = parts
                break
            texts.append(text)
            length += len(text)
        content["text"] = "".join(texts)

    def _text(self, parts: list[Any], name: str, parent: bytes) -> str | None:
        """The text of a message that belongs to the same stream of the same cell; None for any other."""
        signature, *signed = parts[parts.index(_DELIMITER) + 1 :][:_CONTENT]
        header, of, _, content = signed
        if of != parent or isinstance(content, memoryview) or self.channel.session.sign(signed) != signature:
            return None
        if json.loads(header)["msg_type"] != "stream":
            return None
        found: dict[str, str] = json.loads(content)
        return found["text"] if found["name"] == name else None

    def _shorten(self, parts: list[Any], start: int) -> None:
        """Shorten a stream message, its signature checked before and made anew after; leave others whole."""
        session = self.channel.session
        signed = parts[start + _HEADER : start + _CONTENT + 1]
        content = parts[start + _CONTENT]
        stream = json.loads(signed[0]).get("msg_type") == "stream" and _STREAM.match(content[:200])
        if not stream or session.sign(signed) != parts[start + 1]:
            parts[start + _CONTENT] = bytes(content)
            return
        head = shortened(bytes(content[:HUGE]))
        self.cut = len(content) - len(head)
        parts[start + _CONTENT] = head
        parts[start + 1] = session.sign(parts[start + _HEADER : start + _CONTENT + 1])


def _parts(frames: list[Any]) -> list[Any]:
    """The bytes of a message's parts; what is huge is not copied."""
    return [frame.bytes if len(frame.buffer) <= HUGE else frame.buffer for frame in frames]


def shortened(head: bytes) -> bytes:
    """The beginning of a stream message's content as content that is whole: its text ends where it was cut."""
    head = head.decode("utf-8", "ignore").encode()
    escape = _ESCAPE.search(head)
    if escape and len(escape[1]) % 2:  # an even number of backslashes is text
        head = head[: escape.end(1) - 1]
    return head + b'"}'
