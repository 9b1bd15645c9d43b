"""Environments: what is declared, the revision it resolves to, and what a build made of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any


class EngineName(StrEnum):
    """Where an environment lives: containers, or venvs and local processes."""

    DOCKER = "docker"
    PROCESS = "process"


@dataclass(frozen=True)
class Limits:
    """Bounds on one session or kernel: cores, bytes of memory and shared memory, number of processes."""

    cpus: float | None = None
    memory: int | None = None
    shared_memory: int | None = None
    pids: int | None = None


@dataclass(frozen=True)
class PythonPart:
    """Python of an environment: version as `3.13`, requirement lines, package index."""

    version: str | None = None
    packages: tuple[str, ...] = ()
    requirements: Path | None = None  # a requirements file that was named; its lines are in `packages` already
    index: str | None = None


@dataclass(frozen=True)
class RPart:
    """R of an environment: version, CRAN package names, CRAN repository."""

    version: str | None = None
    packages: tuple[str, ...] = ()
    repository: str | None = None


@dataclass(frozen=True)
class EnvironmentSpec:
    """A declared environment with `extends` followed; equal content gives an equal `fingerprint`.

    `name` is the file's name, or `<project>/<file>` where a project's own file declares it.
    """

    name: str
    source: Path | None = None
    engine: EngineName | None = None  # None: chosen once, at the first build
    image: str | None = None
    use: str | None = None  # an existing Python of the machine, `process` only
    python: PythonPart | None = None
    r: RPart | None = None
    apt: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()
    limits: Limits = Limits()
    ides: tuple[str, ...] = ("jupyter",)
    title: str = ""
    description: str = ""
    shipped: bool = False

    @property
    def shape(self) -> dict[str, Any]:
        """Everything that shapes the image or venv, and nothing that does not (limits, secrets, titles)."""
        return {
            "engine": self.engine,
            "image": self.image,
            "use": self.use,
            "python": _plain(self.python, drop=("requirements",)),
            "r": _plain(self.r),
            "apt": sorted(self.apt),
            "env": dict(sorted(self.env.items())),
            "ides": sorted(self.ides),
        }

    @property
    def fingerprint(self) -> str:
        """64 hex digits of `shape`: changes when a build would."""
        return hashlib.sha256(json.dumps(self.shape, sort_keys=True).encode()).hexdigest()

    @property
    def slug(self) -> str:
        """`name` as it may stand in an image tag or a folder name."""
        return "".join(c if c.isalnum() and c.isascii() else "-" for c in self.name.lower()).strip("-") or "env"


@dataclass(frozen=True)
class KernelSpec:
    """A kernel an environment offers; `argv` holds `{connection_file}`, `language` as nbformat spells it."""

    name: str
    display_name: str
    language: str
    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    interrupt_mode: str = "signal"


@dataclass(frozen=True)
class Revision:
    """An environment that was built or pulled: where it is, and exactly what is in it.

    `reference` is the image tag or the venv's path, `digest` the image id (None for a venv), `packages` the
    resolved packages as `name==version`, sizes in bytes.
    """

    id: str
    engine: EngineName
    reference: str
    digest: str | None = None
    python_version: str | None = None
    r_version: str | None = None
    packages: tuple[str, ...] = ()
    kernels: tuple[KernelSpec, ...] = ()
    ides: tuple[str, ...] = ()
    size: int | None = None

    def to_json(self) -> str:
        """As one JSON object, for the store and for a run's job file."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Revision:
        """The reverse of `to_json`."""
        data = json.loads(text)
        data["engine"] = EngineName(data["engine"])
        data["kernels"] = tuple(KernelSpec(**{**k, "argv": tuple(k["argv"])}) for k in data["kernels"])
        for key in ("packages", "ides"):
            data[key] = tuple(data[key])
        return cls(**data)


def _plain(part: PythonPart | RPart | None, drop: tuple[str, ...] = ()) -> dict[str, Any] | None:
    if part is None:
        return None
    return {key: value for key, value in asdict(part).items() if key not in drop}
