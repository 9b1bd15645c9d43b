"""Which installed distributions own files of the package `workbench`: there should be one, ours.

Only the standard library and nothing of our own is imported here, so that this works where the other distribution has
overwritten half of the package.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

OURS = "dsw-lite"
PACKAGE = "workbench"


@dataclass(frozen=True)
class Owner:
    """A distribution that has files in `workbench/`; `location` is the folder it is installed in."""

    name: str
    version: str
    location: str


def others(path: Sequence[str] | None = None) -> tuple[Owner, ...]:
    """Distributions other than ours that own `workbench/` in this Python (on `path` where that is given)."""
    return tuple(sorted(set(_others(path)), key=lambda owner: (owner.name, owner.location)))


def problem(path: Sequence[str] | None = None) -> str:
    """One sentence that names them and says what to do; empty where `workbench/` is ours alone."""
    found = others(path)
    if not found:
        return ""
    names = " and ".join(f"{owner.name} {owner.version}" for owner in found)
    return (
        f"{names} in {found[0].location} also has a package named {PACKAGE}; the two overwrite each other. "
        f"Install {OURS} in a Python of its own: uv tool install {OURS}"
    )


def _others(path: Sequence[str] | None) -> Iterator[Owner]:
    found = metadata.distributions() if path is None else metadata.distributions(path=list(path))
    for distribution in found:
        name = distribution.metadata["Name"] if distribution.metadata else None
        if name and name.lower().replace("_", "-") != OURS and _owns_package(distribution):
            yield Owner(name, distribution.version, str(Path(str(distribution.locate_file("")))))


def _owns_package(distribution: metadata.Distribution) -> bool:
    # RECORD lists every installed file, and top_level.txt is what setuptools leaves; either is read as plain text,
    # because parsing all RECORDs of a large environment takes seconds.
    record = distribution.read_text("RECORD") or ""
    if record.startswith(f"{PACKAGE}/") or f"\n{PACKAGE}/" in record or f"\n{PACKAGE}.py," in record:
        return True
    return PACKAGE in (distribution.read_text("top_level.txt") or "").split()
