"""How a state may change: transitions are data, and every change in the store is checked against them."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

State = TypeVar("State", bound=StrEnum)


def may_become(allowed: Mapping[State, frozenset[State]], old: State, new: State) -> bool:
    """Whether `allowed` holds the change from `old` to `new`."""
    return new in allowed.get(old, frozenset())
