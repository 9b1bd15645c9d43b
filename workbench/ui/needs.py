"""What needs somebody, as lines that lead to the thing: failed, waiting, missed, unreadable, an engine that is down."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from workbench.text import one_line
from workbench.ui.messages import Overviewed

MODES = {
    "run": "runs",
    "session": "sessions",
    "schedule": "schedules",
    "project": "projects",
    "environment": "environments",
    "build": "environments",
}


@dataclass(frozen=True)
class Entry:
    """One line: where it leads is a list and a key, or a file and a line in it."""

    text: str
    mode: str = ""
    key: str = ""
    path: Path | None = None
    line: int = 0


def entries(seen: Overviewed | None, hung: str = "") -> list[Entry]:
    """All of them: a supervisor that is `hung`, then files, for one of them may be why a schedule is off."""
    service = [Entry(hung)] if hung else []
    if seen is None:
        return service
    wrong = [Entry(str(problem), path=problem.path, line=problem.line) for problem in seen.problems]
    needs = [Entry(one_line(need.text), MODES.get(need.kind, "runs"), need.key) for need in seen.overview.needs]
    return service + wrong + _engines(seen) + needs


def _engines(seen: Overviewed) -> list[Entry]:
    """Engines that are set up here and do not answer, with what to do."""
    down = [row for row in seen.overview.engines.values() if row.problem and row.endpoint]
    return [Entry(one_line(f"{row.name}: {row.problem}. {row.hint}".strip()), "environments") for row in down]
