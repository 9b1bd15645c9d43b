"""Environments: what is declared, the revision it resolves to, and what a build made of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from workbench.model.forward import Port
from workbench.model.ide import Ide, Needs
from workbench.model.lock import Lock


class EngineName(StrEnum):
    """Where an environment lives: containers, or venvs and local processes."""

    DOCKER = "docker"
    PROCESS = "process"


class Pull(StrEnum):
    """When an image comes from its registry."""

    ALWAYS = "always"
    MISSING = "missing"
    NEVER = "never"


@dataclass(frozen=True)
class Limits:
    """Bounds on one session or kernel: cores, bytes of memory and shared memory, number of processes, GPUs or `all`.

    `assumed` names those that nobody asked for: they hold where that can be had, and are no reason to refuse.
    """

    cpus: float | None = None
    memory: int | None = None
    shared_memory: int | None = None
    pids: int | None = None
    gpus: int | str | None = None
    assumed: tuple[str, ...] = ()


@dataclass(frozen=True)
class NamedFile:
    """A file that a declaration names, and the SHA-256 of its content when the declaration was read."""

    path: Path
    sha256: str


@dataclass(frozen=True)
class LocalPackage:
    """A package in a folder or archive of this machine, the SHA-256 of what is in it, and its extras as `[dev]`."""

    path: Path
    sha256: str
    extras: str = ""


@dataclass(frozen=True)
class ContextPart:
    """A folder that scripts of the build see a copy of, and the SHA-256 of those of its files that they name."""

    folder: Path
    sha256: str


@dataclass(frozen=True)
class PythonPart:
    """Python of an environment: version as `3.13`, requirement lines, package index, a file with exact versions.

    `local` are packages that are installed from this machine.
    """

    version: str | None = None
    packages: tuple[str, ...] = ()
    requirements: Path | None = None  # a requirements file that was named; its lines are in `packages` already
    index: str | None = None
    lock: NamedFile | None = None
    local: tuple[LocalPackage, ...] = ()
    extra_indexes: tuple[str, ...] = ()  # asked beside the index; of all of them the best version is taken
    constraints: tuple[str, ...] = ()  # lines that bound versions of what is installed for whatever reason


@dataclass(frozen=True)
class RPart:
    """R of an environment: version, CRAN package names, CRAN repository, a lock file of renv.

    `script` is run at the build, `local` is the folder of an R package that is installed.
    """

    version: str | None = None
    packages: tuple[str, ...] = ()
    repository: str | None = None
    lock: NamedFile | None = None
    script: NamedFile | None = None
    local: LocalPackage | None = None


@dataclass(frozen=True)
class CondaPart:
    """Packages out of conda's channels, the first channel first."""

    packages: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()


@dataclass(frozen=True)
class DockerfilePart:
    """A Dockerfile of one's own: the file, the folder it may copy from, a stage of it, values of its `ARG` lines.

    `seen` is the SHA-256 of what it copies out of the folder, empty where it copies nothing.
    """

    file: NamedFile
    context: Path
    target: str | None = None
    args: Mapping[str, str] = field(default_factory=dict)
    seen: str = ""


@dataclass(frozen=True)
class KernelPart:
    """How notebooks get their kernel: the one to prefer where theirs is not there, modules that warm ones have loaded."""

    name: str | None = None
    preload: tuple[str, ...] = ()


@dataclass(frozen=True)
class EnvironmentSpec:
    """A declared environment with `extends` followed; equal content gives an equal `fingerprint`.

    `name` is the file's name, or `<project>/<file>` where a project's own file declares it.
    """

    name: str
    source: Path | None = None
    engine: EngineName | None = None  # None: chosen once, at the first build
    image: str | None = None
    pull: Pull | None = None  # None: as the settings have it
    dockerfile: DockerfilePart | None = None
    use: str | None = None  # an existing Python of the machine: a path, or `conda:NAME`; `process` only
    python: PythonPart | None = None
    r: RPart | None = None
    conda: CondaPart | None = None
    apt: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()  # names of variables; their values are no part of it
    size: str | None = None
    limits: Limits = Limits()  # what the size says is in it
    network: bool = True
    kernel: KernelPart = KernelPart()
    post_build: NamedFile | None = None
    start: NamedFile | None = None
    idle_stop: float | None = None  # seconds without work after which a Jupyter session stops; 0, None: never
    context: ContextPart | None = None
    ides: tuple[str, ...] = ("jupyter",)
    tools: tuple[Ide, ...] = ()  # what `ides` name
    locked: Lock | None = None  # exact versions out of the lock file beside it
    title: str = ""
    description: str = ""
    shipped: bool = False
    concurrency: int | None = None  # runs in it at once; None: as many as the home has
    ports: tuple[Port, ...] = ()  # that sessions of it show beside their tool's own
    read: tuple[Path, ...] = ()  # standard files that were read for it, in no order

    @property
    def files(self) -> tuple[Path, ...]:
        """Every file that says what is in it."""
        python, r, image = self.python, self.r, self.dockerfile
        named = [part.lock for part in (python, r) if part] + [r and r.script, image and image.file]
        named += [self.post_build, self.start]
        found = [self.source, python and python.requirements, *(one.path for one in named if one), *self.read]
        return tuple(dict.fromkeys(path for path in found if path))

    @property
    def shape(self) -> dict[str, Any]:
        """Everything that shapes the image or venv, and nothing that does not (limits, secrets, titles).

        What was not declared is left out, so that a key of a later version leaves what is built as it is.
        """
        said = {
            "conda": _plain(self.conda),
            "dockerfile": _plain(self.dockerfile, drop=("context",)),
            "post_build": self.post_build and self.post_build.sha256,
            "start": self.start and self.start.sha256,
            "context": (self.context and self.context.sha256) or None,
            "locked": self.locked and self.locked.digest,
        }
        return {
            "engine": self.engine,
            "image": self.image,
            "use": self.use,
            "python": _plain(self.python, drop=("requirements",)),
            "r": _plain(self.r),
            "apt": sorted(self.apt),
            "env": dict(sorted(self.env.items())),
            "ides": {"names": sorted(self.ides), **asdict(self.needs)},
            **{key: value for key, value in said.items() if value is not None},
        }

    @property
    def needs(self) -> Needs:
        """What its IDEs need installed; nothing where an image or a Python is taken as it is."""
        return (
            Needs() if self.image or self.use or self.dockerfile else sum((tool.needs for tool in self.tools), Needs())
        )

    @property
    def fingerprint(self) -> str:
        """64 hex digits of `shape`: changes when a build would."""
        return hashlib.sha256(json.dumps(self.shape, sort_keys=True).encode()).hexdigest()

    def pulls(self, setting: str) -> Pull:
        """When its image comes from a registry; `setting` is the home's rule."""
        return self.pull or Pull(setting)

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
    resolved packages as `name==version`, sizes in bytes. `base` is what an image was made from, as it was pinned
    (`debian:trixie-slim@sha256:…`), `rules` whose rules that follows, for an image of others. `borrowed`: an existing Python
    that is used as it is, so that what is in it may change.
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
    base: str = ""
    rules: str = ""
    borrowed: bool = False

    def agrees(self, other: Revision) -> bool:
        """Whether packages that both have are of the same versions."""
        versions = dict(line.split("==", 1) for line in other.packages if "==" in line)
        mine = (line.split("==", 1) for line in self.packages if "==" in line)
        return all(versions.get(name, version) == version for name, version in mine)

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


def _plain(part: Any, drop: tuple[str, ...] = ()) -> dict[str, Any] | None:
    """A part as it shapes what is built: files by their content, and what came later only where it is there."""
    if part is None:
        return None
    plain = {key: value for key, value in asdict(part).items() if key not in drop}
    for key in ("lock", "file", "script", "local", "seen", "extra_indexes", "constraints"):
        named = plain.pop(key, None)
        if key == "local" and isinstance(named, tuple | list):
            named = [one["sha256"] + one["extras"] for one in named]
        if named:
            plain[key] = named["sha256"] if isinstance(named, dict) else named
    return plain
