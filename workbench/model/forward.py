"""Ports inside of sessions: those that are declared, and the addresses at which a session shows them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

LONGEST = 63  # characters of one part of a host name, RFC 1035, 2.3.4
MOST = 20  # ports of one session
TOO_MANY = f"a session shows the first {MOST} that are declared"


@dataclass(frozen=True)
class Port:
    """A port that programs inside of a session listen on, as it is declared."""

    number: int
    title: str = ""

    def __str__(self) -> str:
        return f"{self.number} {self.title}".rstrip()


@dataclass(frozen=True)
class Forward:
    """A port of one session as it can be reached: at `port` of 127.0.0.1, called `host_name` by browsers.

    `problem` says why it cannot be; it has no address then.
    """

    inside: int
    title: str = ""
    host_name: str = ""
    port: int = 0
    moved_from: int = 0  # the port that is kept for it, where another program had that
    problem: str = ""

    @property
    def url(self) -> str:
        """Where it answers, without the session's secret; empty where it cannot be reached."""
        return f"http://{self.host_name}:{self.port}" if self.port else ""

    @property
    def words(self) -> str:
        """`8000 API`, for people."""
        return f"{self.inside} {self.title}".rstrip()

    @property
    def told(self) -> str:
        """Its title and address, or why it has none, for people."""
        return "  ".join(part for part in (self.title, self.url or f"not shown: {self.problem}") if part)


def merged(*groups: Iterable[Port], without: int = 0) -> tuple[Port, ...]:
    """All declared ports, each once with its last title, in the order in which they were first named; `without` is the one
    that the session's tool has for itself."""
    found: dict[int, Port] = {}
    for port in (port for group in groups for port in group):
        before = found.get(port.number)
        found[port.number] = port if port.title or before is None else before
    found.pop(without, None)
    return tuple(found.values())


def beyond(wanted: Sequence[Port]) -> tuple[Forward, ...]:
    """Those of `wanted` that a session does not show, for there are too many."""
    return tuple(Forward(one.number, one.title, problem=TOO_MANY) for one in wanted[MOST:])


def label(session: str, port: int, *, apart: bool = False) -> str:
    """The first part of a port's host name: a name of its own, because browsers share cookies across the ports of one.

    `apart`: another session is called so. What is too long is cut, and told apart by a hash.
    """
    end = f"-port-{port}" if apart else f"-{port}"
    if len(session) + len(end) > LONGEST:
        end = f"-{hashlib.sha256(session.encode()).hexdigest()[:8]}{end}"
    return f"{session[: LONGEST - len(end)].rstrip('-')}{end}"


def from_json(text: str) -> tuple[Forward, ...]:
    """Those of a session as they were kept."""
    return tuple(Forward(**one) for one in json.loads(text))
