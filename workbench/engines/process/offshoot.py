"""A venv that begins as another one: what was installed there is linked, so that only what is new is left to do.

Links are safe for both: uv itself links files from its cache, and installers replace files rather than write to them.
Scripts name their venv, so they are written anew.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

SCRIPTS = "bin"
LONGEST = 1_000_000  # bytes of a file that may be a script


def grow(source: Path, target: Path, check: Callable[[], None]) -> None:
    """Put what is installed in the venv `source` into the new venv `target`; `check` may raise to end it.

    Raises `OSError` where `source` is going away meanwhile, or links cannot be made.
    """
    for entry in os.scandir(source):
        if entry.name == SCRIPTS:
            _scripts(source, target)
        elif entry.is_dir(follow_symlinks=False):
            _link(entry.path, str(target / entry.name), check)


def _link(source: str, target: str, check: Callable[[], None]) -> None:
    """Link a folder's files; what is there already stays."""
    check()
    os.makedirs(target, exist_ok=True)
    with os.scandir(source) as entries:
        for entry in entries:
            place = f"{target}/{entry.name}"
            if entry.is_dir(follow_symlinks=False):
                _link(entry.path, place, check)
                continue
            try:
                os.link(entry.path, place, follow_symlinks=False)
            except FileExistsError:
                continue


def _scripts(source: Path, target: Path) -> None:
    """Copy programs that the new venv does not have, with its path in place of the old one."""
    old, new = os.fsencode(source), os.fsencode(target)
    for path in sorted((source / SCRIPTS).iterdir()):
        place = target / SCRIPTS / path.name
        if os.path.lexists(place):
            continue
        if path.is_symlink() or not path.is_file() or path.stat().st_size > LONGEST:
            shutil.copy2(path, place, follow_symlinks=False)
            continue
        place.write_bytes(path.read_bytes().replace(old, new))
        shutil.copystat(path, place)
