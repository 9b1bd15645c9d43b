"""The standing of a session: its row is moved, settled and given a reason here, for all who look after sessions."""

from __future__ import annotations

import logging

from workbench.model.session import Session, SessionState
from workbench.store import sessions as rows
from workbench.supervisor.desk import Desk
from workbench.supervisor.sessions.fronts import Fronts
from workbench.text import one_line

log = logging.getLogger("workbench.supervisor.sessions")


class Standing:
    """Changes rows of sessions; each only where it still is as the caller saw it."""

    def __init__(self, desk: Desk, fronts: Fronts) -> None:
        self.desk = desk
        self.fronts = fronts

    def change(self, session: Session, new: SessionState, *, reason: str = "", hint: str = "") -> bool:
        """Move it; False where another was first."""
        with self.desk.write() as connection:
            return rows.change(
                connection, session.id, session.state, new, at=self.desk.now(), actor=self.desk.actor, reason=reason,
                hint=hint,
            )  # fmt: skip

    def settle(self, session: Session, state: SessionState, reason: str, hint: str = "") -> None:
        """It ended without being asked to: it is not wanted up any more, unless it was asked for again meanwhile."""
        with self.desk.write() as connection:
            done = session.state is not state and rows.change(
                connection, session.id, session.state, state, at=self.desk.now(), actor=self.desk.actor,
                reason=reason, hint=hint,
            )  # fmt: skip
            if done:
                again = rows.settle(connection, session.id, session.generation)
                if again:
                    rows.change(
                        connection, session.id, state, SessionState.QUEUED, at=self.desk.now(), actor=self.desk.actor
                    )
        if done:
            self.fronts.down(session.id)
            log.info("session %s: %s, %s", session.name, state, one_line(reason, 300))

    def say(self, session: Session, reason: str, hint: str = "") -> None:
        """Give it a reason beside its state, where that is new."""
        if (session.reason, session.hint) == (reason, hint):
            return
        with self.desk.write() as connection:
            rows.set_facts(connection, session.id, reason=reason, hint=hint)

    def end_idle(self, session: Session, reason: str) -> Session | None:
        """It is stopped for want of work, unless somebody wanted something of it meanwhile; its row if so."""
        with self.desk.write() as connection:
            now = rows.get(connection, session.id)
            if now is None or (now.state, now.generation, now.kept) != (session.state, session.generation, False):
                return None
            if not rows.stop_idle(connection, now, at=self.desk.now(), actor=self.desk.actor, reason=reason):
                return None
            return rows.get(connection, session.id)
