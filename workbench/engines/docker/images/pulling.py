"""What a pull says, read line by line: layers, bytes, and at the end why it failed."""

from __future__ import annotations

import json
import re
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from workbench.errors import BuildFailed
from workbench.model.build import BuildProgress
from workbench.text import clean, one_line

QUIET = 5.0  # seconds without a word, after which that is said
TAIL = 20
_BYTES = frozenset({"Downloading", "Extracting"})
_HELD = frozenset({"Already exists", "Pull complete"})
# What registries and the Engine say, and what a person can do about it; the first that fits. {host} is the registry.
_HINTS: tuple[tuple[str, str], ...] = (
    (r"no space left on device", "The engine's disk is full: `workbench disk` shows what takes it."),
    (
        r"toomanyrequests|429 Too Many|rate limit",
        "{host} limits pulls: wait, log in (`docker login {host}`), or set `registries:` to a mirror.",
    ),
    (
        r"no basic auth credentials|authentication required|unauthorized|\b401\b|\bdenied\b",
        "{host} wants a login: `docker login {host}` as this account. Or the name is wrong, or `pull: never` is meant.",
    ),
    (r"unknown blob|blob unknown", "{host} has only a part of the image: it has to be pushed there again."),
    (r"no matching manifest for", "The image is not made for this engine's kind of processor."),
    (
        r"HTTP response to HTTPS client",
        "{host} speaks HTTP: the engine has to be told (`insecure-registries` in /etc/docker/daemon.json).",
    ),
    (
        r"x509|certificate",
        "The engine does not trust the certificate of {host}: put its CA into /etc/docker/certs.d/{host}/ca.crt.",
    ),
    (
        r"manifest unknown|not found|name unknown|repository does not exist|\b404\b",
        "{host} has no such image: are its name and tag right?",
    ),
    (r"\b5\d\d\b", "{host} itself failed: try again later, or ask who runs it."),
    (
        r"connection refused|no such host|timeout|timed out|unreachable|EOF|reset by peer|handshake",
        "{host} cannot be reached, or broke off: check the network and the engine's proxy; `registries:` sets a mirror.",
    ),
)


class Pulling:
    """Turns the messages of a pull into progress and lines for the log. `name` is the image as people know it."""

    def __init__(
        self,
        name: str,
        progress: Callable[[BuildProgress], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self.error = ""
        self.notices: list[str] = []
        self.tail: deque[str] = deque(maxlen=TAIL)
        self._progress = progress
        self._clock = clock
        self._layers: dict[str, tuple[int, int]] = {}  # by id: bytes so far, and in all
        self._done: set[str] = set()
        self._told = 0.0
        self._owed = ""

    def read(self, line: str) -> str:
        """Take a message in; the line for the log, empty where it only says that some more bytes have come."""
        try:
            message = json.loads(line)
        except ValueError:
            message = {"status": line}
        if not isinstance(message, dict):
            return ""
        if "error" in message:
            self.error = one_line(str(message["error"]), 500)
            return f"ERROR: {self.error}"
        if "notice" in message:
            self.notices.append(one_line(str(message["notice"]), 300))
            return self.notices[-1]
        return self._moment(message)

    def _moment(self, message: dict[str, Any]) -> str:
        status, layer = one_line(str(message.get("status", "")), 200), one_line(str(message.get("id", "")), 40)
        detail = message.get("progressDetail") or {}
        total, current = int(detail.get("total") or 0), int(detail.get("current") or 0)
        if status == "Downloading" and total:
            self._layers[layer] = (current, total)
            self._tell(f"{self._counted}", hurry=False)
            return ""
        if status in _BYTES:
            self._tell(f"{self._counted}, unpacking", hurry=False)
            return ""
        if status in ("Pulling fs layer", "Waiting", *_HELD):
            self._layers.setdefault(layer, (0, 0))
        if status in ("Download complete", "Verifying Checksum", *_HELD):
            self._layers[layer] = (self._layers.get(layer, (0, 0))[1],) * 2
        if status in _HELD:
            self._done.add(layer)
        retrying = status.startswith("Retrying")
        hurry = retrying or status in _HELD or status == "Download complete"
        self._tell(f"{self._counted}{f': {status.lower()}' if retrying else ''}", hurry=hurry)
        line = clean(f"{layer}: {status}" if layer else status)
        self.tail.append(line)
        return line

    def silent(self, seconds: float) -> None:
        """Nothing was said for so long. What was too much to tell at once is told now."""
        if self._owed:
            self._tell(self._owed, hurry=True)
        elif seconds >= QUIET:
            self._tell(f"{self._counted}: nothing came for {int(seconds)} s", hurry=False)

    @property
    def _counted(self) -> str:
        return f", {len(self._done)} of {len(self._layers)} layers" if self._layers else ""

    def _tell(self, more: str, *, hurry: bool) -> None:
        now = self._clock()
        if not hurry and now - self._told < 0.2:
            self._owed = more
            return
        self._told, self._owed = now, ""
        done = sum(layer[0] for layer in self._layers.values())
        total = sum(layer[1] for layer in self._layers.values())
        self._progress(BuildProgress(f"Pulling {self.name}{more}", 0, 0, done, total))

    def failure(self, environment: str, host: str) -> BuildFailed:
        """Why it failed, in the registry's words, and what to do."""
        message = self.error or "the pull ended without a word"
        hint = next((hint for pattern, hint in _HINTS if re.search(pattern, message, re.IGNORECASE)), "")
        lines = [hint.replace("{host}", host), *(f"{notice}." for notice in self.notices)]
        return BuildFailed(
            message,
            title=f"environment {environment}, pulling {self.name}",
            hint="\n".join(line for line in lines if line) or "The build's log has the whole story.",
            step=f"Pulling {self.name}",
            tail=tuple(self.tail),
        )
