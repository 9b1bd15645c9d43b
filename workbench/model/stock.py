"""What environments take on a disk: revisions as engines hold them, in pieces that several may share."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from workbench.model.environment import EngineName


@dataclass(frozen=True)
class Holding:
    """A revision on an engine's disk, or with `whole` unset what a broken build has left.

    `id` names it there, `reference` for people. `pieces` are layers (key, bytes); `users` say who uses it now;
    `shared` says why another home may want it, empty where none does.
    """

    engine: EngineName
    id: str
    reference: str
    revision: str
    environment: str
    pieces: tuple[tuple[str, int], ...]
    created: float  # Unix time
    users: tuple[str, ...] = ()
    shared: str = ""
    whole: bool = True

    @property
    def size(self) -> int:
        """Bytes with all it shares."""
        return sum(size for _, size in self.pieces)


@dataclass(frozen=True)
class Stock:
    """All holdings of a home on one engine. `others` are the pieces that something else holds too; `cache` is the
    engine's build cache, everybody's; both it and `free` are None where they are not known."""

    engine: EngineName
    holdings: tuple[Holding, ...] = ()
    others: frozenset[str] = frozenset()
    cache: int | None = None
    free: int | None = None

    def freed(self, going: Iterable[Holding]) -> int:
        """Bytes that are gone once all of `going` are: each piece once, and only those that nobody else holds."""
        gone = {one.id for one in going if not one.shared}
        kept = {key for one in self.holdings if one.id not in gone for key, _ in one.pieces} | self.others
        pieces = {key: size for one in self.holdings if one.id in gone for key, size in one.pieces}
        return sum(size for key, size in pieces.items() if key not in kept)
