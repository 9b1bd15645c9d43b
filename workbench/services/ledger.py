"""The ledger: what became of every due time, of one schedule or of all."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from workbench.model.schedule import DueState, DueTime
from workbench.services.bench import Bench
from workbench.store import ledger as rows


def ledger(bench: Bench, key: str, *, before: datetime | None = None, limit: int = 100) -> list[DueTime]:
    """What became of its due times, newest first; also of a schedule whose file is gone."""
    return lines(bench, key, before=before, limit=limit)


def lines(
    bench: Bench,
    key: str = "",
    *,
    since: datetime | None = None,
    before: datetime | None = None,
    states: Iterable[DueState] = (),
    limit: int = 100,
) -> list[DueTime]:
    """The same of one schedule or, without a `key`, of all; from `since` on, in any of `states`."""
    with bench.store.read() as connection:
        return rows.page(connection, key, since=since, before=before, states=states, limit=limit)
