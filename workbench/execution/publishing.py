"""Owns what a finished run leaves in the project: a folder that appears whole or not at all, and the link `latest`."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workbench.execution.job import LOG_FILE, OUTPUT_FILE, Job, sync_folder

RECORD_FILE = "record.json"
LATEST = "latest"
TRIES = 100


def publish(job: Job, attempt: Path, record: Mapping[str, Any]) -> Path:
    """Make the published folder from the attempt's output and log; where it is. Never overwrites: a taken name gets
    a number. OSError where it cannot be; nothing is then left of it.
    """
    assert job.published is not None
    target = job.published
    runs = target.parent
    _make(runs)
    hidden = _hidden(job, target)
    shutil.rmtree(hidden, ignore_errors=True)
    try:
        hidden.mkdir()
        for name in (OUTPUT_FILE, LOG_FILE):
            if (attempt / name).exists():
                _copy(attempt / name, hidden / name)
        with (hidden / RECORD_FILE).open("w", encoding="utf-8", errors="replace") as file:
            json.dump(record, file, ensure_ascii=False, indent=1, default=str)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        sync_folder(hidden)
        place = _rename(hidden, target)
    except BaseException:
        shutil.rmtree(hidden, ignore_errors=True)
        raise
    sync_folder(runs)
    _point(runs / LATEST, place.name, job.token)
    return place


def abandon(job: Job) -> None:
    """Remove what is hidden of a publication whose runner died over it; to be called with the attempt's lock held."""
    if job.published is None:
        return
    shutil.rmtree(_hidden(job, job.published), ignore_errors=True)
    with contextlib.suppress(OSError):
        _next_latest(job.published.parent, job.token).unlink(missing_ok=True)


def _hidden(job: Job, target: Path) -> Path:
    return target.with_name(f".{target.name}.{job.token[:8] or job.label}")


def _next_latest(runs: Path, token: str) -> Path:
    return runs / f".{LATEST}.{token[:8]}"


def _make(runs: Path) -> None:
    try:
        runs.mkdir()  # a project that was removed meanwhile is not made anew
    except FileExistsError:
        return
    with contextlib.suppress(OSError):  # only of a folder that is ours from its beginning
        (runs / ".gitignore").write_text("*\n")


def _copy(source: Path, target: Path) -> None:
    shutil.copyfile(source, target)
    descriptor = os.open(target, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _rename(hidden: Path, target: Path) -> Path:
    for number in range(1, TRIES):
        place = target if number == 1 else target.with_name(f"{target.name}-{number}")
        if os.path.lexists(place):
            continue
        hidden.rename(place)
        return place
    raise FileExistsError(f"{target} and {TRIES} names like it are taken")


def _point(link: Path, name: str, token: str) -> None:
    """Let `latest` name the newest; something else of that name, or a file system without links, is left alone."""
    if os.path.lexists(link) and not link.is_symlink():
        return
    temporary = _next_latest(link.parent, token)
    with contextlib.suppress(OSError):
        temporary.unlink(missing_ok=True)
        temporary.symlink_to(name)
        temporary.replace(link)
