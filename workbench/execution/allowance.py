"""How much of a cell's output is kept in the notebook; what is over it is in the log only, and a marker says so."""

from __future__ import annotations

import json
from typing import Any

from workbench.execution.job import LOG_FILE
from workbench.text import size

RICH = 10  # how many times the limit on text holds for pictures, tables and plots of one cell
SEPARATE = 200  # outputs of a cell that stay as they came; later text is put together
TOGETHER = 65_536  # characters of text put together


class Allowance:
    """The room that one cell has for output; `limit` in characters of text."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.text = self.rich = self.cut = self.left_out = 0

    def cleared(self) -> None:
        """The cell cleared its output: the room is free again."""
        self.text = self.rich = 0

    def admit(self, message: dict[str, Any]) -> bool:
        """Whether an output message may be kept; its text is shortened to the room there is."""
        content = message["content"]
        if message["msg_type"] == "stream":
            text = content["text"]
            room = self.limit - self.text
            if len(text) > room:
                self.cut += len(text) - max(room, 0)
                content["text"] = text = text[: max(room, 0)]
            self.text += len(text)
            return bool(text)
        if message["msg_type"] in {"display_data", "execute_result", "update_display_data"}:
            length = sum(_length(value) for value in content["data"].values())
            if message["msg_type"] != "update_display_data":
                self.rich += length
            if max(self.rich, length) > self.limit * RICH:
                self.rich -= length
                self.left_out += length
                return False
        return True

    def marker(self) -> str:
        """What to say at the end of the cell's output; empty where all was kept."""
        parts = []
        if self.cut:
            parts.append(f"{size(self.cut)} more of text were not kept here: see {LOG_FILE}")
        if self.left_out:
            parts.append(f"{size(self.left_out)} of rich output were left out, the limit is {size(self.limit * RICH)}")
        return f"\n[workbench: {'; '.join(parts)}]\n" if parts else ""


def joined(outputs: list[Any], message: dict[str, Any]) -> bool:
    """Whether a stream message was added to the last output, as is done once a cell has very many."""
    if message["msg_type"] != "stream" or len(outputs) < SEPARATE:
        return False
    last, content = outputs[-1], message["content"]
    if last.get("name") != content["name"] or len(last["text"]) > TOGETHER:
        return False
    last["text"] += content["text"]
    return True


def _length(value: Any) -> int:
    return len(value) if isinstance(value, str) else len(json.dumps(value))
