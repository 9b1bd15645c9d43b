"""What a builder says, read line by line: steps, bytes, and at the end why it failed.

The lines are those of BuildKit's plain progress; `classic` writes the same:

    #7 [3/5] RUN uv pip install …        a step begins
    #7 1.204 Resolved 81 packages        it says something
    #4 sha256:1f2e… 3.1MB / 28.2MB 0.4s  it pulls
    #7 CACHED | DONE 6.5s | ERROR: …     it ends
"""

from __future__ import annotations

import re
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from workbench.engines.docker.images.failure import explain
from workbench.errors import BuildFailed
from workbench.model.build import BuildProgress
from workbench.text import clean, one_line

TAIL = 120  # lines of a failed step, in which its reason is looked for
_LINE = re.compile(r"#(\d+) (.*)")
_STEP = re.compile(r"\[(?:\S+ +)?(\d+)/(\d+)\] (.*)")
_SAID = re.compile(r"\d+(?:\.\d+)? (.*)")
_PULL = re.compile(
    r"(?:extracting )?(sha256:[0-9a-f]+|[0-9a-f]{12}) ([\d.]+)(k?B|[KMGT]i?B) / ([\d.]+)(k?B|[KMGT]i?B)\b"
)
_UNITS = {"B": 1, "K": 1000, "k": 1000, "M": 1000**2, "G": 1000**3, "T": 1000**4}


@dataclass
class _Step:
    """A step of the build as it is told."""

    name: str = ""
    number: int = 0
    of: int = 0
    error: str = ""
    tail: deque[str] = field(default_factory=lambda: deque(maxlen=TAIL))
    layers: dict[str, tuple[int, int]] = field(default_factory=dict)


class Transcript:
    """Turns lines into progress, and remembers enough to explain a failure.

    `titles` names steps for people, by their command (see `Recipe.titles`).
    """

    def __init__(
        self,
        titles: Mapping[str, str],
        progress: Callable[[BuildProgress], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._titles = titles
        self._progress = progress
        self._clock = clock
        self._steps: dict[str, _Step] = {}
        self._loose: deque[str] = deque(maxlen=TAIL)  # lines of no step: the builder's own
        self._told = 0.0

    def read(self, line: str) -> str:
        """Take a line in; the line cleaned, for the log."""
        line = clean(line).rstrip()
        found = _LINE.fullmatch(line)
        if not found:
            if line.strip(" -"):
                self._loose.append(line.strip())
            return line
        step = self._steps.setdefault(found[1], _Step())
        rest = found[2]
        if begun := _STEP.fullmatch(rest):
            if not step.name:
                step.number, step.of = int(begun[1]), int(begun[2])
                step.name = self._title(begun[3])
                self._tell(step, step.name)
        elif pulled := _PULL.match(rest):
            step.layers[pulled[1]] = (_bytes(pulled[2], pulled[3]), _bytes(pulled[4], pulled[5]))
            self._tell(step, step.name or "Pulling the base image", hurry=False)
        elif rest.startswith("ERROR"):
            step.error = rest.removeprefix("ERROR").lstrip(": ")
        elif (said := _SAID.fullmatch(rest)) and said[1].strip():
            step.tail.append(said[1].rstrip())
            self._tell(step, f"{step.name}: {one_line(said[1], 80)}" if step.name else said[1], hurry=False)
        elif not step.name and rest.startswith("["):
            step.name = rest.replace("[internal] load metadata for", "Looking for the image")
        return line

    def failure(self, name: str) -> BuildFailed:
        """Why it failed, from what was said last."""
        failed = next((step for step in self._steps.values() if step.error), _Step())
        return explain(name, one_line(failed.name, 120), failed.error, tuple(failed.tail), tuple(self._loose))

    def _title(self, command: str) -> str:
        squeezed = squeeze(command)
        for known, title in self._titles.items():
            if known in squeezed:
                return title
        return one_line(command, 100)

    def _tell(self, step: _Step, text: str, *, hurry: bool = True) -> None:
        """Pass progress on, small talk at most five times a second."""
        now = self._clock()
        if not hurry and now - self._told < 0.2:
            return
        self._told = now
        done = sum(layer[0] for layer in step.layers.values())
        total = sum(layer[1] for layer in step.layers.values())
        self._progress(BuildProgress(one_line(text, 160), step.number, step.of, done, total))


def squeeze(command: str) -> str:
    """A command as builders repeat it: continuation lines joined, one space between words."""
    return " ".join(command.replace("\\\n", " ").split())


def _bytes(number: str, unit: str) -> int:
    return int(float(number) * _UNITS[unit[0]])
