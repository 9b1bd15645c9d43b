"""What a finished run leaves in the project: a folder that appears whole or not at all, and the link `latest`."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from workbench.enclosure import FOLDER, folder
from workbench.execution.job import LOG_FILE, OUTPUT_FILE, PATCH_FILE, Job
from workbench.model.environment import EngineName

RECORD_FILE = "record.json"
LATEST = "latest"
TRIES = 100


def publish(job: Job, attempt: Path, record: Mapping[str, Any]) -> Path:
    """Make the published folder from the attempt's output and log; where it is. Never overwrites: a taken name gets
    a number. OSError where it cannot be; nothing is then left of it.

    The kernel may still live, and other code in containers writes in the project too: see `enclosure`.
    """
    assert job.published is not None
    target, hidden = job.published, _hidden(job)
    with _runs(job, make=True) as runs:
        shutil.rmtree(hidden, ignore_errors=True, dir_fd=runs)
        try:
            os.mkdir(hidden, dir_fd=runs)
            folder = os.open(hidden, FOLDER, dir_fd=runs)
            try:
                for made in (attempt / OUTPUT_FILE, attempt / LOG_FILE, job.input.parent / PATCH_FILE):
                    if made.exists():
                        with made.open("rb") as source, _new(folder, made.name) as file:
                            shutil.copyfileobj(source, file)
                            _settle(file)
                with _new(folder, RECORD_FILE) as file:
                    said = json.dumps(record, ensure_ascii=False, indent=1, default=str) + "\n"
                    file.write(said.encode(errors="replace"))
                    _settle(file)
                os.fsync(folder)
                name = _rename(runs, hidden, target.name)
                _same(runs, name, folder)
            finally:
                os.close(folder)
        except BaseException:
            shutil.rmtree(hidden, ignore_errors=True, dir_fd=runs)
            raise
        os.fsync(runs)
        _point(runs, name, job.token)
    return target.with_name(name)


def abandon(job: Job) -> None:
    """Remove what is hidden of a publication whose runner died over it; to be called with the attempt's lock held."""
    if job.published is None:
        return
    with contextlib.suppress(OSError), _runs(job) as runs:
        shutil.rmtree(_hidden(job), ignore_errors=True, dir_fd=runs)
        os.unlink(_next_latest(job.token), dir_fd=runs)


@contextlib.contextmanager
def _runs(job: Job, *, make: bool = False) -> Iterator[int]:
    """The folder of published runs. Where the kernel is a local process it may be a link of the person's."""
    assert job.published is not None
    place, project = job.published.parent, job.workspace.project
    if job.engine is EngineName.PROCESS or not place.is_relative_to(project):
        place = place.resolve()
        project = place.parent
    inner = place.relative_to(project).as_posix()
    new = make and not os.path.lexists(place)
    # A project that was removed meanwhile is not made anew.
    with folder(project, inner, make=make) as runs:
        if new:
            with contextlib.suppress(OSError), _new(runs, ".gitignore") as file:
                file.write(b"*\n")
        yield runs


def _hidden(job: Job) -> str:
    assert job.published is not None
    return f".{job.published.name}.{job.token[:8] or job.label}"


def _next_latest(token: str) -> str:
    return f".{LATEST}.{token[:8]}"


def _new(folder: int, name: str) -> BinaryIO:
    """A file that was not there, in an open folder."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    return open(os.open(name, flags, 0o666, dir_fd=folder), "wb")


def _settle(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


def _there(folder: int, name: str) -> os.stat_result | None:
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None


def _rename(runs: int, hidden: str, name: str) -> str:
    for number in range(1, TRIES):
        free = name if number == 1 else f"{name}-{number}"
        if not _there(runs, free):
            os.rename(hidden, free, src_dir_fd=runs, dst_dir_fd=runs)
            return free
    raise FileExistsError(f"{name} and {TRIES} names like it are taken")


def _same(runs: int, name: str, folder: int) -> None:
    """Raises OSError where what stands there now is not the folder that was filled."""
    found, made = _there(runs, name), os.fstat(folder)
    if found is None or (found.st_dev, found.st_ino) != (made.st_dev, made.st_ino):
        raise OSError(errno.ESTALE, f"runs/{name} was replaced while it was made", name)


def _point(runs: int, name: str, token: str) -> None:
    """Let `latest` name the newest; something else of that name, or a file system without links, is left alone."""
    there = _there(runs, LATEST)
    if there and not stat.S_ISLNK(there.st_mode):
        return
    temporary = _next_latest(token)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(temporary, dir_fd=runs)
    with contextlib.suppress(OSError):
        os.symlink(name, temporary, dir_fd=runs)
        os.replace(temporary, LATEST, src_dir_fd=runs, dst_dir_fd=runs)
