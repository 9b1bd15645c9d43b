"""Projects: a folder of the person's, and what its `project.yaml` says."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Mount:
    """A folder from outside the project, seen inside it as `data/<target>`; read-only unless `write`."""

    path: Path
    target: str
    write: bool = False


@dataclass(frozen=True)
class Project:
    """A project of this home. `path` is the real folder, also where `projects/<name>` is a link to it.

    `environment` is the name that `EnvironmentSpec.name` has: of the home, shipped, or `<name>/<file>`.
    """

    name: str
    path: Path
    linked: bool = False
    environment: str | None = None
    data: tuple[Mount, ...] = ()
    description: str = ""
    warm: bool = False  # whether a next session and kernel are kept ready
    notify_failure: tuple[str, ...] = ()
    problem: str = ""  # why its declaration could not be read; the rest then holds defaults

    @property
    def runs(self) -> Path:
        """Where finished runs are published."""
        return self.path / "runs"
