"""The part of a folder that a build sees: what is in it, one digest of it, a copy of it.

Left out in any case: repositories, published runs, virtual environments, caches, links that lead out of the folder,
and whatever `.dockerignore` names.
"""

from __future__ import annotations

import functools
import hashlib
import os
import re
import shutil
import stat
from collections.abc import Collection, Iterator
from pathlib import Path

from workbench import enclosure
from workbench.errors import Refused
from workbench.ignoring import Ignoring
from workbench.text import one_line, size

IGNORE_FILES = (".dockerignore", ".containerignore")
# Folders of these names, wherever they are; published runs only at the top.
HIDDEN = frozenset(
    {".git", ".hg", ".svn", ".workbench", "__pycache__", ".ipynb_checkpoints", ".mypy_cache", ".pytest_cache", ".tox"}
)
TOP = frozenset({"runs"})
MOST_FILES = 50_000
MOST_BYTES = 4 * 1024**3
WHOLE_CONTENT = 32 * 1024**2  # bytes up to which a file is told by its content, larger ones by size and time


def rules(folder: Path, *, place: str = "", dockerfile: Path | None = None) -> Ignoring:
    """What `.dockerignore` leaves out: the one named after the Dockerfile where there is one (as BuildKit has it), else
    that in `place` of the folder."""
    own = [dockerfile.with_name(f"{dockerfile.name}.dockerignore")] if dockerfile else []
    for path in (*own, *(folder / place / name for name in IGNORE_FILES)):
        try:
            if path.resolve().is_relative_to(folder.resolve()):
                return Ignoring.of(path.read_text(encoding="utf-8", errors="replace")[: 256 * 1024])
        except (OSError, RuntimeError):
            continue
    return Ignoring()


def visible(folder: Path, ignoring: Ignoring | None = None, *, tops: Collection[str] | None = None) -> Iterator[str]:
    """Files and links that a build sees, as paths in the folder, in order; with `tops` only of these of its entries.

    Raises `Refused` for too many.
    """
    ignoring = ignoring or Ignoring()
    root = str(folder.resolve())
    waiting = [""]
    count = 0
    while waiting:
        inner = waiting.pop()
        try:
            entries = sorted(os.scandir(os.path.join(root, inner)), key=lambda entry: entry.name)
        except OSError:
            continue
        for entry in entries:
            if not inner and tops is not None and entry.name not in tops:
                continue
            path = f"{inner}/{entry.name}" if inner else entry.name
            out = ignoring.ignored(path)
            if entry.is_dir(follow_symlinks=False):
                hidden = entry.name in HIDDEN or (not inner and entry.name in TOP)
                venv = os.path.exists(os.path.join(entry.path, "pyvenv.cfg"))
                if not hidden and not venv and (not out or ignoring.keeps_within):
                    waiting.append(path)
                continue
            if out or not (entry.is_symlink() or entry.is_file(follow_symlinks=False)):
                continue
            if entry.is_symlink() and not _within(entry.path, root):
                continue
            count += 1
            if count > MOST_FILES:
                raise Refused(
                    f"more than {MOST_FILES} files would be copied into the build",
                    title=one_line(root),
                    hint="Name what the build does not need in .dockerignore.",
                )
            yield path


def digest(folder: Path, paths: Collection[str] | None = None, ignoring: Ignoring | None = None) -> str:
    """SHA-256 of what a build sees; with `paths` only of these files and of what is in these folders.

    A path may be a pattern (`*.txt`). Names, contents and whether a file may be run count, times do not.
    """
    known = hashlib.sha256()
    chosen = None if paths is None else Ignoring.of("\n".join(paths))
    whole = paths is None or any(path.strip("/") in ("", ".") for path in paths)
    tops = None
    if paths is not None and not whole:
        firsts = [path.removeprefix("./").strip("/").partition("/")[0] for path in paths]
        tops = None if any(re.search(r"[*?\[\\]", first) for first in firsts) else firsts
    for path in sorted(visible(folder, ignoring, tops=tops)):
        if whole or (chosen and chosen.ignored(path)):
            known.update(f"{path}\0{_told(folder / path)}\0".encode(errors="surrogateescape"))
    return known.hexdigest()


def copy(folder: Path, target: Path, ignoring: Ignoring | None = None) -> None:
    """Copy what a build sees into the new folder `target`. Raises `Refused` where that is too much."""
    target.mkdir(parents=True)
    total = 0
    for path in visible(folder, ignoring):
        source, place = folder / path, target / path
        place.parent.mkdir(parents=True, exist_ok=True)
        try:
            if source.is_symlink():
                place.symlink_to(os.readlink(source))
                continue
            total += source.lstat().st_size
            if total > MOST_BYTES:
                raise Refused(
                    f"more than {size(MOST_BYTES)} would be copied into the build",
                    title=one_line(str(folder)),
                    hint="Name what the build does not need in .dockerignore.",
                )
            _copied(folder.resolve(), path, place)
        except FileNotFoundError:
            continue  # it went meanwhile
        except OSError as error:
            raise Refused(
                f"{path} cannot be copied into the build: {error.strerror}", title=one_line(str(folder))
            ) from error


def _copied(root: Path, inner: str, place: Path) -> None:
    """Copy one file, which may have become a link by now: code in a container writes in the same folder."""
    descriptor = enclosure.opened(root, inner)
    with open(descriptor, "rb") as source, place.open("xb") as target:
        facts = os.fstat(descriptor)
        if stat.S_ISREG(facts.st_mode):
            shutil.copyfileobj(source, target)
            os.chmod(target.fileno(), stat.S_IMODE(facts.st_mode))
            os.utime(target.fileno(), ns=(facts.st_atime_ns, facts.st_mtime_ns))


def _told(path: Path) -> str:
    try:
        facts = path.lstat()
        if stat.S_ISLNK(facts.st_mode):
            return f"link {os.readlink(path)}"
        may_run = "x" if facts.st_mode & stat.S_IXUSR else "-"
        if facts.st_size > WHOLE_CONTENT:
            return f"{may_run} {facts.st_size} {facts.st_mtime_ns}"
        return f"{may_run} {_content(str(path), facts.st_ino, facts.st_size, facts.st_mtime_ns)}"
    except OSError as error:
        return f"cannot be read: {error.errno}"


@functools.lru_cache(maxsize=MOST_FILES)
def _content(path: str, inode: int, length: int, changed: int) -> str:
    """The SHA-256 of a file, asked of the disk once for each of its states."""
    del inode, length, changed
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _within(link: str, root: str) -> bool:
    try:
        real = os.path.realpath(link, strict=True)
    except OSError:
        return False
    return real == root or real.startswith(f"{root}/")
