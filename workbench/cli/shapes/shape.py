"""What a JSON answer is described with: a shape with its keys."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Key(Generic[T]):
    """A key of a shape: its type for the page, what it means, how it is read off the thing."""

    name: str
    kind: str
    says: str
    read: Callable[[T], Any]


@dataclass(frozen=True)
class Shape(Generic[T]):
    """A thing as JSON."""

    name: str
    keys: tuple[Key[T], ...]

    def of(self, thing: T) -> dict[str, Any]:
        """`thing` as a dict whose values JSON has words for, or `output.plain`."""
        return {key.name: key.read(thing) for key in self.keys}


def same(name: str, kind: str, says: str) -> Key[Any]:
    return Key(name, kind, says, lambda thing: getattr(thing, name))


def text(name: str, says: str) -> Key[Any]:
    return Key(name, "text", says, lambda thing: str(getattr(thing, name) or ""))


def actor() -> tuple[Key[Any], ...]:
    return (
        text("by", "the person who asked"),
        Key("as", "text", "the account it happens as", lambda thing: thing.account),
        text("origin", "where it was asked: cli, ui, schedule, supervisor"),
    )
