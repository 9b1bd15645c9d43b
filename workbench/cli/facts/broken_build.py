"""A build that did not succeed, as a person is told: what went wrong, its last lines, what to do, where the rest is."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.errors import BuildFailed
from workbench.model.build import Build, BuildState
from workbench.text import one_line

if TYPE_CHECKING:
    from workbench.services.bench import Bench

LINES = 6
_WIDTH = 160
_READ = 16384  # bytes from the end of a log
_STEP = re.compile(r"#\d+ (?:\d+\.\d+ )?")
_NOTE = re.compile(r"(?:refused|failed): ")
_NOISE = re.compile(
    r"-+$|> \[|\[internal\]|\[[\w -]*\d+/\d+\] |sha256:|DONE |CACHED|(?:ERROR: )?executor failed running"
)


def broken(bench: Bench, build: Build) -> BuildFailed:
    """The error of a build that has ended otherwise than ready."""
    from workbench.services import environments

    said = last_lines(environments.build_log(bench, build.id), build) if build.state is BuildState.FAILED else []
    hint = [build.hint, f"Its log: workbench logs b{build.id}"]
    if said:
        hint += ["Its last lines:", *(f"  {line}" for line in said)]
    return BuildFailed(
        build.reason or f"it is {build.state}",
        title=f"build b{build.id} of {build.environment} {build.state}",
        hint="\n".join(part for part in hint if part),
    )


def last_lines(log: Path, build: Build) -> list[str]:
    """What a step said last, without the builder's own numbers and rules, and without our own note of what the build
    ended with; empty where the log cannot be read."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - _READ))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return []
    lines = (_STEP.sub("", line.strip(), count=1) for line in text.splitlines())
    fresh = (line for line in lines if line and not _NOISE.match(line) and not _noted(line, build))
    return [one_line(line, _WIDTH) for line in fresh][-LINES:]


def _noted(line: str, build: Build) -> bool:
    note = _NOTE.match(line)
    said = line[note.end() :].removeprefix(f"{build.environment}: ") if note else ""
    return bool(said and build.reason.endswith(said)) or line in build.hint.splitlines()
