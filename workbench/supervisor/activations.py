"""Older revisions that people ask for: made active where their engine still has them."""

from __future__ import annotations

import logging
from functools import partial

from workbench.errors import EngineDown, WorkbenchError
from workbench.model.environment import EnvironmentSpec
from workbench.store import revisions as rows
from workbench.store.revisions import Wish
from workbench.supervisor.desk import Desk
from workbench.supervisor.engines import Engines

log = logging.getLogger("workbench.supervisor.activations")
AGAIN = 5.0  # seconds until a wish whose engine is down is looked at again


class Activations:
    """Grants wishes, or says why not."""

    def __init__(self, desk: Desk, engines: Engines) -> None:
        self.desk = desk
        self.engines = engines

    def look(self) -> float | None:
        """Settle what was asked for; seconds until the next look, None for none."""
        with self.desk.read() as connection:
            asked = rows.wishes(connection)
        waits: list[float] = []
        for wish in asked:
            self.desk.apart(
                f"environment {wish.environment}", partial(self._one, wish, waits), partial(self._refuse, wish)
            )
        return min(waits, default=None)

    def _one(self, wish: Wish, waits: list[float]) -> None:
        with self.desk.read() as connection:
            revision = rows.by_id(connection, wish.environment, wish.revision)
        if revision is None:
            self._refuse(wish, f"revision {wish.revision} is not known any more")
            return
        # Only its name and tools matter to an engine that looks for a revision: its declaration has moved on.
        spec = EnvironmentSpec(wish.environment, ides=revision.ides)
        try:
            there = self.engines.get(revision.engine).find(spec, revision.id) is not None
        except EngineDown as error:
            self.engines.fell(revision.engine, error)
            waits.append(AGAIN)
            return
        except WorkbenchError as error:
            self._refuse(wish, error.message)
            return
        if not there:
            with self.desk.write() as connection:
                rows.drop(connection, wish.environment, revision.id)
            self._refuse(wish, f"revision {wish.revision} is gone: {revision.reference} was removed")
            return
        with self.desk.write() as connection:
            rows.hold(connection, wish.environment, revision.id, at=self.desk.now(), actor=self.desk.actor)
        log.info("environment %s is held at revision %s", wish.environment, revision.id)

    def _refuse(self, wish: Wish, reason: str) -> None:
        with self.desk.write() as connection:
            rows.refuse(connection, wish.environment, reason, at=self.desk.now(), actor=self.desk.actor)
        log.info("environment %s: %s", wish.environment, reason)
