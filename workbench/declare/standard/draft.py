"""An environment while it is put together from standard files: what each of them gave, and what it could not give."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

from workbench.declare.problem import DeclarationError, Problem
from workbench.declare.reader import read_bytes
from workbench.declare.standard.folder import Folder
from workbench.model.environment import LocalPackage, NamedFile

LARGEST = 16 * 1024**2  # bytes: lock files of large projects


@dataclass
class Draft:
    """Values so far. `given` says which file gave what, for people."""

    folder: Folder
    problems: list[Problem] = field(default_factory=list)
    notices: list[Problem] = field(default_factory=list)
    given: dict[str, str] = field(default_factory=dict)
    read: list[Path] = field(default_factory=list)  # every file that was looked into
    # Python
    python: bool = False
    python_version: str | None = None
    packages: list[str] = field(default_factory=list)
    local: list[LocalPackage] = field(default_factory=list)
    index: str | None = None
    extra_indexes: list[str] = field(default_factory=list)
    constraints: list[str] = field(default_factory=list)
    lock: NamedFile | None = None
    # R
    r: bool = False
    r_version: str | None = None
    r_packages: list[str] = field(default_factory=list)
    r_local: LocalPackage | None = None
    repository: str | None = None
    r_lock: NamedFile | None = None
    script: NamedFile | None = None
    # the rest
    conda_packages: list[str] = field(default_factory=list)
    channels: list[str] = field(default_factory=list)
    apt: list[str] = field(default_factory=list)
    env: dict[str, str] = field(default_factory=dict)
    post_build: NamedFile | None = None
    start: NamedFile | None = None

    def text(self, path: Path, encodings: tuple[str, ...] = ("utf-8-sig",)) -> str | None:
        """The text of a file of the project; None, and a problem, where it cannot be had."""
        content = self.content(path)
        if content is None:
            return None
        if content.startswith((b"\xff\xfe", b"\xfe\xff")):  # as PowerShell writes what it is told to
            encodings = ("utf-16", *encodings)
        for encoding in encodings:
            try:
                return content.decode(encoding)
            except UnicodeDecodeError:
                continue
        self.problem(path, "not UTF-8 text", "save the file as UTF-8")
        return None

    def content(self, path: Path) -> bytes | None:
        """The bytes of a file of the project; None, and a problem, where they cannot be had."""
        if not self.folder.safe(path):
            self.problem(path, "leads out of the project")
            return None
        self.read.append(path)
        try:
            return read_bytes(path, LARGEST, root=self.folder.root)
        except DeclarationError as error:
            self.problems += error.problems
            return None

    def named(self, path: Path) -> NamedFile | None:
        """The file with the digest of its content."""
        content = self.content(path)
        return None if content is None else NamedFile(path, hashlib.sha256(content).hexdigest())

    def problem(self, path: Path, message: str, hint: str = "") -> None:
        """Something that cannot be taken as it is."""
        self.problems.append(Problem(path, 0, 0, message, hint))

    def notice(self, path: Path, message: str, hint: str = "") -> None:
        """Something that people should know, with which the environment holds."""
        self.notices.append(Problem(path, 0, 0, message, hint, notice=True))

    def ignored(self, name: str, because: str) -> None:
        """A notice for the standard file `name`, where it is there and has no say."""
        path = self.folder.file(name)
        if path:
            self.notice(path, f"{name} is not read", because)

    def gave(self, path: Path, what: str) -> None:
        """Remember which file gave what."""
        name = self.folder.inner(path)
        self.given[name] = f"{self.given[name]}, {what}" if name in self.given else what
