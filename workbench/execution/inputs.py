"""What is kept of the files that a run was said to read: each one's hash as it was before the first cell."""

from __future__ import annotations

import glob
import hashlib
import os
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from workbench import enclosure
from workbench.execution.job import Job
from workbench.model.code import OUTSIDE
from workbench.model.environment import EngineName
from workbench.text import one_line

MOST_FILES = 1000
MOST_BYTES = 2_000_000_000  # of all of them, and so of one; larger ones are told by size and time
BLOCK = 1 << 20


def inputs_of(job: Job) -> list[dict[str, Any]]:
    """Path, size, time and SHA-256 of each file that a pattern of `job.inputs` finds, in order."""
    found: list[dict[str, Any]] = []
    left = MOST_BYTES
    for pattern in job.inputs:
        paths = sorted(_paths(job, pattern))
        if not paths:
            found.append({"path": pattern, "problem": "there is no such file"})
        for path in paths:
            if len(found) >= MOST_FILES:
                return [*found, {"path": pattern, "problem": f"only the first {MOST_FILES} files are kept"}]
            told = _file(job, path, left)
            left -= told["size"] if told.get("sha256") else 0
            found.append(told)
    return found


def _paths(job: Job, pattern: str) -> Iterator[str]:
    """Paths in the project that the pattern finds: itself, or with `*`, `?`, `[…]` and `**`."""
    root, inner, top = _place(job, pattern)
    if not glob.has_magic(inner):
        if (root / inner).exists():
            yield pattern
        return
    for path in glob.iglob(glob.escape(str(root)) + "/" + inner, recursive=True):
        relative = os.path.relpath(path, root)
        if Path(path).is_file() and _reached(job, root, relative):
            yield f"{top}/{relative}" if top else relative


def _place(job: Job, path: str) -> tuple[Path, str, str]:
    """The folder that a path of the project lies in, the rest of it there, and what comes before: folders from elsewhere
    are below `data`, which a local process may have as a link."""
    space = job.workspace
    parts = Path(path).parts
    for mount in space.data:
        if parts[:2] == ("data", mount.target) and len(parts) > 2:
            return mount.path, str(Path(*parts[2:])), "/".join(parts[:2])
    if parts[0] in OUTSIDE or not job.root:
        return space.project, path, ""
    return job.root, path, ""


def _file(job: Job, path: str, most: int) -> dict[str, Any]:
    root, inner, _ = _place(job, path)
    told: dict[str, Any] = {"path": path}
    try:
        descriptor = _opened(job.engine, root, inner)
        with open(descriptor, "rb") as file:
            facts = os.fstat(descriptor)
            if not stat.S_ISREG(facts.st_mode):
                return {**told, "problem": "it is no file"}
            told |= {"size": facts.st_size, "changed": datetime.fromtimestamp(facts.st_mtime, UTC).isoformat()}
            if facts.st_size > most:
                return {**told, "problem": "too large to be read whole: size and time are what is kept"}
            digest = hashlib.sha256()
            while block := file.read(BLOCK):
                digest.update(block)
            return {**told, "sha256": digest.hexdigest()}
    except (OSError, ValueError) as error:
        return {**told, "problem": one_line(getattr(error, "strerror", None) or str(error), 200)}


def _reached(job: Job, root: Path, inner: str) -> bool:
    """Whether no link was laid on the way to it; else names of files elsewhere would be told."""
    if job.engine is EngineName.PROCESS:
        return True
    try:
        with enclosure.folder(root, os.path.dirname(inner)):
            return True
    except OSError:
        return False


def _opened(engine: EngineName, root: Path, inner: str) -> int:
    """Where code in containers writes in the folder, no link in it is followed: it could lead anywhere."""
    if engine is EngineName.PROCESS:
        return os.open(root / inner, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    return enclosure.opened(root, inner)
