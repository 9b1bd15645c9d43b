"""Data of a file that was written by another program, taken as what it should be or as nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def mapping(given: Any) -> Mapping[str, Any]:
    """A mapping; an empty one for anything else."""
    return given if isinstance(given, Mapping) else {}


def entries(given: Any) -> list[Any]:
    """A list; an empty one for anything else."""
    return given if isinstance(given, list) else []


def texts(given: Any) -> list[str]:
    """The texts of a list."""
    return [entry for entry in entries(given) if isinstance(entry, str)]
