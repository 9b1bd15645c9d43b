"""Homes of this account that work was done in: a link each, by which another home can name them, also once they are gone.

Nothing depends on it: a link that is missing, or cannot be made, makes a sentence less precise.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from workbench.paths import MARKER, Home

MOST = 200  # links; the oldest that lead nowhere go first


def note(home: Home) -> None:
    """Keep where `home` is, by its id."""
    link = _folder() / home.id
    with suppress(OSError):
        if link.is_symlink() and Path(os.readlink(link)) == home.root:
            return
        link.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = link.with_name(f".{home.id}.{os.getpid()}")
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(home.root)
        fresh.replace(link)
        _thin()


def known() -> dict[str, Path]:
    """The folders of homes by their ids, whether they are there or not."""
    with suppress(OSError):
        return {link.name: Path(os.readlink(link)) for link in sorted(_folder().iterdir()) if link.is_symlink()}
    return {}


def is_there(root: Path) -> bool:
    """Whether a home is still at `root`."""
    return (root / MARKER).is_dir()


def _folder() -> Path:
    base = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
    return base / "workbench" / "homes"


def _thin() -> None:
    links = sorted((link for link in _folder().iterdir() if link.is_symlink()), key=lambda link: link.lstat().st_mtime)
    for link in [link for link in links if not is_there(link)][: max(0, len(links) - MOST)]:
        link.unlink()
