"""What a home's venvs take on the disk. Files that uv has linked out of its cache stay there, and count as shared."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from workbench.engines.process import venv
from workbench.errors import Conflict
from workbench.model.environment import EngineName
from workbench.model.stock import Holding, Stock


def stock(environments: Path) -> Stock:
    """All venvs below the folder of environments, and what broken builds have left there."""
    holdings, others = [], set()
    for folder in _folders(environments):
        own, linked = _bytes(folder)
        made = venv.read(folder)
        others.add(f"{folder} linked")
        holdings.append(
            Holding(
                engine=EngineName.PROCESS,
                id=str(folder),
                reference=made.reference if made else str(folder),
                revision=folder.name,
                environment=folder.parent.name,
                pieces=((str(folder), own), (f"{folder} linked", linked)),
                created=_changed(folder),
                whole=made is not None,
            )
        )
    free = shutil.disk_usage(environments).free if environments.exists() else None
    return Stock(EngineName.PROCESS, tuple(holdings), frozenset(others), None, free)


def discard(environments: Path, holding: Holding) -> None:
    """Remove a venv, unless a build works in it."""
    folder = Path(holding.id)
    if folder not in set(_folders(environments)):
        return
    with venv.alone(folder) as held:
        if not held:
            raise Conflict(f"a build works in {folder}")
        venv.remove(folder)
        venv.remove(venv.aside(folder))
    Path(f"{folder}.lock").unlink(missing_ok=True)


def _folders(environments: Path) -> Iterator[Path]:
    """Folders of revisions; those with a Dockerfile are the other engine's."""
    for place in sorted(environments.glob("*/*")):
        if venv.REVISION.fullmatch(place.name) and place.is_dir() and not (place / "Dockerfile").exists():
            yield place


def _bytes(folder: Path) -> tuple[int, int]:
    """Bytes that go with the folder, and bytes of files that have names elsewhere too."""
    seen: dict[tuple[int, int], tuple[int, int, int]] = {}
    for root, _, names in os.walk(folder):
        for name in names:
            facts = os.lstat(os.path.join(root, name))
            key = (facts.st_dev, facts.st_ino)
            seen[key] = (facts.st_blocks * 512, facts.st_nlink, seen.get(key, (0, 0, 0))[2] + 1)
    own = sum(size for size, links, here in seen.values() if here >= links)
    return own, sum(size for size, links, here in seen.values() if here < links)


def _changed(folder: Path) -> float:
    try:
        return (folder / venv.READY).stat().st_mtime
    except OSError:
        return folder.stat().st_mtime
