"""Exactly what a venv is, what an update of it would change, and files from which it can be made elsewhere."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from workbench.engines import resolver
from workbench.engines.process import venv
from workbench.engines.process.resolution import LOCK, WANTED
from workbench.engines.process.uv import settings
from workbench.engines.process.wanted import resolved_whole
from workbench.errors import Refused
from workbench.model.environment import EnvironmentSpec, Revision
from workbench.model.lock import Change, Lock, changes


@dataclass(frozen=True)
class Pinning:
    """Answers about one revision of `spec`, which lies in `folder`."""

    spec: EnvironmentSpec
    revision: Revision
    folder: Path
    index: str | None
    log: Path
    cancelled: Event

    def lock(self) -> Lock:
        """What was resolved, with hashes out of the index."""
        self._own()
        lines = resolver.joined((self.folder / LOCK).read_text(encoding="utf-8"))
        pins = [line.split()[0] for line in lines if "==" in line.split()[0]]
        return Lock(
            engine="process",
            platform=f"linux/{platform.machine()}",
            python_version=self.revision.python_version or "",
            python=resolver.hashed(pins, self._options(), env=self._env(), log=self.log, cancelled=self.cancelled),
        )

    def outdated(self) -> list[Change]:
        """What a forced build would bring."""
        self._own()
        wanted = resolver.joined((self.folder / WANTED).read_text(encoding="utf-8"))
        made = resolver.compiled(wanted, self._options(), env=self._env(), log=self.log, cancelled=self.cancelled)
        return changes("python", resolver.versions(self.revision.packages), resolver.versions(made))

    def export(self, folder: Path) -> None:
        """`requirements.txt` with hashes, and the version of Python."""
        lock = self.lock()
        if folder.exists() and any(folder.iterdir()):
            raise Refused(f"{folder} is not empty", title="export", hint="Name a new folder.")
        folder.mkdir(parents=True, exist_ok=True)
        head = f"# {self.spec.name}, Python {lock.python_version}: pip install --require-hashes -r requirements.txt\n"
        (folder / "requirements.txt").write_text(head + "".join(f"{line}\n" for line in lock.python), encoding="utf-8")
        (folder / ".python-version").write_text(f"{lock.python_version}\n", encoding="utf-8")

    def _own(self) -> None:
        if self.spec.use:
            raise Refused(
                "`use:` takes an existing Python as it is: it is not pinned",
                title=f"environment {self.spec.name}",
                hint="Declare `python:` with its packages instead.",
            )
        if resolved_whole(self.spec):
            raise Refused(
                "its versions come from a lock file of its own, or it has packages of the project itself",
                title=f"environment {self.spec.name}",
                hint="Pin them there: uv lock.",
            )

    def _options(self) -> list[str]:
        return ["--python", str(venv.interpreter(self.revision))]

    def _env(self) -> dict[str, str]:
        return settings(os.environ, (self.spec.python and self.spec.python.index) or self.index)
