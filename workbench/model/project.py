"""Projects: a folder of the person's, and what its `project.yaml` says."""

from __future__ import annotations

import os.path
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from workbench.model.forward import Port
from workbench.model.notice import Notify
from workbench.model.parameter import Declared, Taken, matches
from workbench.model.retention import Keep
from workbench.model.terms import Terms

DECLARING = ("project.yaml", "schedules", "ides")  # of a project
WHOLE = ("binder", ".binder", ".devcontainer")  # folders of files that declare an environment, and of nothing else


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
    notify: Notify | None = None  # who is told of its runs, beside what the home says
    idle_stop: float | None = None  # seconds without work after which a session stops; 0: never; None: not said
    restart_at_boot: bool = False  # whether its sessions come up again after the machine was restarted
    concurrency: int | None = None  # runs of it at once; None: as many as the home has
    keep: Keep | None = None  # which of its runs; the home's, where not said
    keep_kernel: float | None = None  # seconds for which kernels of failed runs are kept; the home's, where not said
    parameters: tuple[Taken, ...] = ()
    inputs: tuple[str, ...] = ()  # files that its runs read: their hashes are kept
    timeout: float | None = None  # seconds, of a run that names none; the home's, where not said
    terms: Terms = field(default_factory=Terms)  # its other limits, and how it is tried again
    ports: tuple[Port, ...] = ()  # that its sessions show, beside those of the environment
    retries: int | None = None  # further tries of a run that names none
    priority: int | None = None  # of a run that names none
    problem: str = ""  # why its declaration could not be read; the rest then holds defaults

    @property
    def runs(self) -> Path:
        """Where finished runs are published."""
        return self.path / "runs"

    def takes(self, notebook: str) -> tuple[Declared, ...]:
        """What it declares of the parameters of one of its notebooks; a path wins over patterns, a later one over an
        earlier."""
        fitting = [one for one in self.parameters if matches(one.notebook, notebook)]
        fitting.sort(key=lambda one: one.notebook == notebook)
        return tuple({one.name: one for taken in fitting for one in taken.parameters}.values())

    def declared(self, environment: Iterable[Path]) -> tuple[Path, ...]:
        """What of it declares: `project.yaml`, `schedules`, `ides`, whether or not they are there, and those files of its
        `environment` that are in the project; folders that hold nothing else are meant whole."""
        places = [self.path / name for name in DECLARING]
        for file in map(Path, map(os.path.normpath, environment)):
            if file.is_relative_to(self.path):
                top = file.relative_to(self.path).parts[0]
                places.append(self.path / top if top in WHOLE else file)
        return tuple(dict.fromkeys(places))
