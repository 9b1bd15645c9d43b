"""Bytecode of a new venv, taken from venvs that have the very same source files, compiled only where none has.

uv links a package's files from its cache into each venv, so the same inode is the same source. Compiling is most of
the time a build takes; this way a package that is added costs its own compilation only. The path in the bytecode
does not matter: Python sets it when it imports.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

CACHE = "__pycache__"
FEW = 100  # files that one process compiles sooner than several


def compile_command(python: Path, listing: Path, count: int) -> list[str]:
    """argv that compiles the `count` files named in `listing`; files of other Pythons among them fail quietly."""
    workers = str(min(4, len(os.sched_getaffinity(0)))) if count > FEW else "1"
    return [str(python), "-I", "-m", "compileall", "-q", "-j", workers, "-i", str(listing)]


def missing(folder: Path) -> list[str]:
    """Python files in the site-packages `folder` that have no bytecode."""
    tag = _tag(folder)
    found = []
    for root, _, names in os.walk(folder):
        cached = set(os.listdir(f"{root}/{CACHE}")) if os.path.isdir(f"{root}/{CACHE}") else set()
        found += [
            f"{root}/{name}"
            for name in names
            if name.endswith(".py") and f"{name.removesuffix('.py')}.{tag}.pyc" not in cached
        ]
    return found


def packages(venv: Path) -> Path | None:
    """The site-packages of a venv."""
    return next(iter(sorted(venv.glob("lib/python*/site-packages"))), None)


def seed(target: Path, others: Iterable[Path]) -> int:
    """Link bytecode of the same files from the site-packages `others` into `target`; how many there were."""
    wanted = dict(_sources(target))
    tag = _tag(target)
    count = 0
    for other in others:
        if not wanted or other == target or other.parent.name != target.parent.name:
            continue
        for key, path in _sources(other):
            if key in wanted and _link(path, wanted[key], tag):
                del wanted[key]
                count += 1
    return count


def _tag(folder: Path) -> str:
    """What names bytecode of the Python that `folder`, a site-packages, belongs to (PEP 3147)."""
    return f"cpython-{folder.parent.name.removeprefix('python').replace('.', '')}"


def _link(source: str, target: str, tag: str) -> bool:
    """Link the bytecode of `source`, for the Python of `tag`, to where `target` looks for its own."""
    (source_folder, name), target_folder = os.path.split(source), os.path.dirname(target)
    cached = f"{CACHE}/{name.removesuffix('.py')}.{tag}.pyc"
    try:
        os.makedirs(f"{target_folder}/{CACHE}", exist_ok=True)
        os.link(f"{source_folder}/{cached}", f"{target_folder}/{cached}")
    except OSError:
        return False
    return True


def _sources(folder: Path) -> Iterator[tuple[tuple[int, int], str]]:
    """Python files below `folder` that are linked from elsewhere too, by what identifies a file."""
    for root, _, names in os.walk(folder):
        for name in names:
            if name.endswith(".py"):
                path = os.path.join(root, name)
                facts = os.lstat(path)
                if facts.st_nlink > 1:
                    yield (facts.st_dev, facts.st_ino), path
