"""A home with rows in it, and calls of the command in this process, for tests of the command line."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from workbench.cli.program import run
from workbench.model.run import Failure, RunState
from workbench.services.bench import Bench, open_bench
from workbench.store import runs as run_rows
from workbench.store import sessions as session_rows


@dataclass
class Shell:
    """Calls of the command and what they gave."""

    capture: pytest.CaptureFixture[str]
    out: str = ""
    err: str = ""
    code: int = 0
    bench: Bench = field(default_factory=lambda: open_bench(origin="test"))

    def __call__(self, *args: str) -> str:
        """Run `workbench ARGS`; its stdout. The rest is in `err` and `code`."""
        self.capture.readouterr()
        self.code = run(args)
        self.out, self.err = self.capture.readouterr()
        return self.out

    def json(self, *args: str) -> Any:
        """Run it with --json; what it answered."""
        return json.loads(self(*args, "--json"))

    def add_run(self, notebook: str = "notebooks/a.ipynb", *, project: str = "churn", ago: float = 60.0) -> int:
        """A queued run, asked for `ago` seconds before now."""
        with self.bench.store.write() as connection:
            return run_rows.insert(
                connection,
                project=project,
                notebook=notebook,
                name=Path(notebook).stem,
                environment="python",
                parameters={"year": 2025},
                cells=3,
                created=datetime.now(UTC) - timedelta(seconds=ago),
                actor=self.bench.actor,
            )

    def end_run(self, run_id: int, state: RunState, *, reason: str = "", failure: Failure | None = None) -> None:
        """Let a queued run start and end."""
        now = datetime.now(UTC)
        with self.bench.store.write() as connection:
            queued = run_rows.get(connection, run_id)
            assert queued
            assert run_rows.begin_attempt(
                connection, queued, token="t", revision="r1", engine="process", at=now, actor=self.bench.actor
            )
            change = {"attempt": queued.attempt + 1, "at": now, "actor": self.bench.actor}
            assert run_rows.change(connection, run_id, RunState.STARTING, RunState.RUNNING, **change)
            assert run_rows.change(
                connection, run_id, RunState.RUNNING, state, reason=reason, failure=failure, seconds=1.5, **change
            )

    def add_session(self, name: str = "churn-jupyter", *, project: str = "churn") -> int:
        """A queued session."""
        with self.bench.store.write() as connection:
            return session_rows.insert(
                connection,
                name=name,
                project=project,
                ide="jupyter",
                environment="python",
                file="",
                at=datetime.now(UTC),
                actor=self.bench.actor,
            )


def make_shell(capture: pytest.CaptureFixture[str]) -> Shell:
    """A shell on a new home."""
    return Shell(capture)
