"""Which Python goes with what a file asks for."""

from __future__ import annotations

import re
import sys

from packaging.specifiers import SpecifierSet

USUAL = "3.13"  # of the images that are made here
KNOWN = tuple(f"3.{minor}" for minor in range(14, 8, -1))
OLDEST = (3, 9)  # older ones come from conda
_EXACT = re.compile(r"(\d+)(?:\.(\d+))?(?:\.(\d+))?(?:\.\*)?", re.ASCII)


def fitting(wanted: SpecifierSet) -> str | None:
    """The version to ask for: None where both engines' usual ones fit, empty where none does."""

    def fits(version: str) -> bool:
        # The last patch release: `>=3.9.7` is met by what is installed as 3.9.
        return wanted.contains(f"{version}.99") or wanted.contains(version)

    own = f"{sys.version_info.major}.{sys.version_info.minor}"
    if fits(USUAL) and fits(own):
        return None
    return next((version for version in (USUAL, *KNOWN) if fits(version)), "")


def exact(said: str) -> str | None:
    """`3.11` out of `3.11.4`; None for `3`, which is any of them. Raises `ValueError` for what is no version."""
    found = _EXACT.fullmatch(said)
    if not found:
        raise ValueError(f"{said[:60]!r} is no version of Python")
    if found[1] == "3" and found[2] is None:
        return None
    return f"{found[1]}.{found[2] or 7}"  # `2` is 2.7


def old(version: str | None) -> bool:
    """Whether a version is too old for the images that are made here."""
    return version is not None and tuple(map(int, version.split("."))) < OLDEST
