"""Sessions waited for, their pages, and ports that somebody else has, for tests of sessions."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from browsing import Page
from waiting import until

from workbench.model.session import ENDED, Session, SessionState
from workbench.services import sessions
from workbench.services.bench import Bench


def settled(bench: Bench, number: int, state: SessionState, *, seconds: float = 120.0) -> Session:
    """The session once it is in `state`; fails at once where it ended in another."""

    def look() -> Session | None:
        now = sessions.get(bench, number)
        if now.state is not state and now.state in ENDED and now.desired == "down":
            pytest.fail(f"it is {now.state}: {now.reason}")
        return now if now.state is state else None

    return until(look, f"session {number} to be {state}", seconds=seconds)


def page(bench: Bench, session: Session) -> Page:
    """Its page, with its secret."""
    return Page(session, sessions.secret_url(bench, session.id).rpartition("token=")[2])


@contextmanager
def taken(port: int) -> Iterator[None]:
    """Another program listens at `port` meanwhile."""
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", port))
        other.listen()
        yield
