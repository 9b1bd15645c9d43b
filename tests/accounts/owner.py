"""An ordinary account that uses the program, as tests that root runs see it."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from accounts.machine import Account, Installed
from waiting import until


@dataclass(frozen=True)
class Owner:
    """An account with a home of its own, and the program."""

    account: Account
    installed: Installed
    groups: tuple[int, ...] = ()

    @property
    def home(self) -> Path:
        """Its home of workbench, which others may look into."""
        return self.account.home / "workbench"

    def says(self, *words: str) -> subprocess.CompletedProcess[str]:
        """One command, ended in any way."""
        line = (self.installed.python, "-m", "workbench", *words)
        return self.account.run(*line, groups=self.groups, WORKBENCH_HOME=str(self.home))

    def asks(self, *words: str) -> Any:
        """One command that must succeed; what it says as JSON."""
        done = self.says(*words, "--json")
        assert done.returncode == 0, f"{words}: {done.stdout}\n{done.stderr}"
        return json.loads(done.stdout)

    def ends(self, *ids: str) -> None:
        """Stop runs and sessions, then the supervisor: once sessions have ended, for it would leave them as they are."""
        self.says("stop", *ids)
        ended = {"stopped", "failed", "vanished"}
        until(
            lambda: {one["state"] for one in self.asks("sessions", "list")} <= ended,
            "sessions to end",
            seconds=90,
            every=0.3,
        )
        self.says("service", "stop")

    def writes(self, path: str, text: str) -> None:
        """A file below its home of workbench, with its folders."""
        target = self.home / path
        script = 'mkdir -p "$(dirname "$1")" && printf %s "$2" > "$1"'
        done = self.account.run("sh", "-c", script, "sh", target, text)
        assert done.returncode == 0, done.stderr
