"""Messages of a kernel's output as they are taken: real ones, over a real socket."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest
import zmq.asyncio
from jupyter_client.session import Session

from workbench.execution import intake


def taken(texts: list[tuple[str, str, str]], *, damaged: int | None = None) -> list[tuple[str, str]]:
    """What an intake gives for messages `(cell, stream, text)` that all wait already: `(cell or type, text)` each."""

    async def go() -> list[tuple[str, str]]:
        context = zmq.asyncio.Context()
        here, there = context.socket(zmq.PAIR), context.socket(zmq.PAIR)
        there.set_hwm(0)
        here.set_hwm(0)
        here.bind("inproc://iopub")
        there.connect("inproc://iopub")
        session = Session(key=b"key")
        parents = {cell: session.msg("execute_request", {}) for cell, _, _ in texts}
        try:
            for number, (cell, stream, text) in enumerate(texts):
                content = {"name": stream, "text": text} if stream else {"execution_state": text}
                message = session.msg("stream" if stream else "status", content, parent=parents[cell])
                frames = session.serialize(message)
                if number == damaged:
                    frames[1] = b"0" * 64
                await there.send_multipart(frames)
            source = intake.Intake(SimpleNamespace(socket=here, session=session))
            found: list[tuple[str, str]] = []
            names = {parent["header"]["msg_id"]: cell for cell, parent in parents.items()}
            while len("".join(text for _, text in found)) < len("".join(text for _, _, text in texts)):
                message = await asyncio.wait_for(source.next(), 10)
                content = message["content"]
                words = content.get("text") or content["execution_state"]
                found.append((names[message["parent_header"]["msg_id"]], words))
            return found
        finally:
            here.close(0)
            there.close(0)
            context.term()

    return asyncio.run(go())


def test_what_waits_is_put_together() -> None:
    """Very many small pieces of one stream come as few, whole and in order: they cannot pile up in the memory."""
    lines = [f"{number}\n" for number in range(30_000)]
    found = taken([("a", "stdout", line) for line in lines])
    assert "".join(text for _, text in found) == "".join(lines)
    assert len(found) < 5


def test_only_what_belongs_together_is() -> None:
    """Another stream, another cell and another kind of message keep their place."""
    sent = [
        ("a", "stdout", "1"),
        ("a", "stdout", "2"),
        ("a", "stderr", "3"),
        ("b", "stderr", "4"),
        ("b", "", "idle"),
        ("b", "stderr", "5"),
        ("b", "stderr", "6"),
    ]
    assert taken(sent) == [("a", "12"), ("a", "3"), ("b", "4"), ("b", "idle"), ("b", "56")]


def test_a_message_that_is_not_the_kernels_is_never_put_in() -> None:
    """One with a wrong signature is refused as it would be alone."""
    with pytest.raises(ValueError, match="Invalid Signature"):
        taken([("a", "stdout", "1"), ("a", "stdout", "2")], damaged=1)
