"""Conda's environments on this machine, as its folders and its own list show them; conda itself is not asked."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

BASE = "base"
META = "conda-meta"  # a folder that every conda environment has
LIST = Path(".conda/environments.txt")  # below the person's home: every environment conda has made for them
# Where installers put conda by themselves, below the person's home and /opt.
USUAL = ("miniconda3", "anaconda3", "miniforge3", "mambaforge", "micromamba", "conda")


def known(person: Path | None = None) -> dict[str, Path]:
    """The folders of environments by name, as far as they can be seen."""
    return by_name(listed(person or Path.home()))


def by_name(folders: Iterator[Path]) -> dict[str, Path]:
    """Environments by the names conda gives them; a root is `base`, and the first of a name counts."""
    found: dict[str, Path] = {}
    for place in folders:
        if (place / META).is_dir() and os.access(place / "bin" / "python", os.X_OK):
            found.setdefault(BASE if (place / "condabin").is_dir() else place.name, place)
    return found


def roots(person: Path) -> Iterator[Path]:
    """Where conda may be installed."""
    for variable in ("CONDA_EXE", "MAMBA_EXE"):
        if os.environ.get(variable):
            yield Path(os.environ[variable]).parents[1]
    if os.environ.get("MAMBA_ROOT_PREFIX"):
        yield Path(os.environ["MAMBA_ROOT_PREFIX"])
    for program in ("conda", "mamba"):
        path = shutil.which(program)
        if path:
            yield Path(path).resolve().parents[1]
    for parent in (person, Path("/opt")):
        yield from (parent / name for name in USUAL)


def listed(person: Path) -> Iterator[Path]:
    """What lies below the places of conda that are known, then what it has written down."""
    for root in roots(person):
        yield root
        yield from sorted((root / "envs").glob("*"))
    try:
        lines = (person / LIST).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return
    yield from (Path(line) for line in lines if line.startswith("/"))
