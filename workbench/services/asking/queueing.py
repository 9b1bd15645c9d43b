"""A checked request becomes rows: a run, or a group and all its runs, with their frozen copies."""

from __future__ import annotations

import sqlite3

from workbench.services.asking import frozen
from workbench.services.asking.memo import Memo
from workbench.services.asking.requests import Checked
from workbench.services.bench import Bench
from workbench.store import asked, tags
from workbench.store import groups as group_rows
from workbench.store import runs as run_rows
from workbench.store.events import Actor


def insert(
    bench: Bench, connection: sqlite3.Connection, checked: Checked, actor: Actor, memo: Memo | None = None
) -> int:
    """Add a checked request's row and its frozen copy, within the caller's transaction. Its id; of a sweep, which becomes
    a group, that of its first run."""
    if checked.group:
        return insert_group(bench, connection, checked, actor, memo)
    request = checked.request
    run = run_rows.insert(
        connection,
        project=request.project,
        notebook=request.notebook,
        name=checked.name,
        environment=checked.environment,
        parameters=request.parameters,
        cells=checked.cells,
        created=bench.now(),
        actor=actor,
        schedule=request.schedule,
        due=request.due,
        timeout=request.timeout,
        retries=request.retries or 0,
        priority=request.priority or 0,
        terms=request.terms,
        record=checked.record,
    )
    tags.give(connection, run, request.tags, actor)
    if checked.by_id:
        asked.set_parameters(connection, run, checked.by_id(run))
    if checked.revision:
        asked.set_revision(connection, run, request.exactly, checked.revision)
    frozen.freeze(bench, run, checked.content, memo, patch=checked.patch)
    return run


def insert_group(
    bench: Bench, connection: sqlite3.Connection, checked: Checked, actor: Actor, memo: Memo | None = None
) -> int:
    """Add a group and all its runs, within the caller's transaction. The id of its first run."""
    first, request = 0, checked.request
    group = group_rows.insert(
        connection,
        project=request.project,
        notebook=request.notebook,
        name=checked.name,
        names=checked.swept,
        size=len(checked.group),
        schedule=request.schedule,
        due=request.due,
        created=bench.now(),
        actor=actor,
    )
    memo = memo or Memo()
    for one in checked.group:
        run = insert(bench, connection, one, actor, memo)
        group_rows.take(connection, group, run)
        first = first or run
    return first
