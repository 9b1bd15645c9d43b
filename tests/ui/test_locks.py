"""Exact versions from the list of environments: locked, looked at, exported."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from ui.seeding import Seed

from workbench.model.pinning import Kind, TaskState
from workbench.store import pinning as rows
from workbench.store.events import SUPERVISOR, Actor
from workbench.ui.modals.line import LineModal
from workbench.ui.modals.text import TextModal

MAKER = Actor(SUPERVISOR, "ann", SUPERVISOR)


def work(seed: Seed, kind: Kind, result: str) -> bool:
    """Answer what the supervisor would, where that is asked."""
    with seed.bench.store.read() as connection:
        task = rows.oldest(connection)
    if task is None or task.kind is not kind:
        return False
    with seed.bench.store.write() as connection:
        rows.end(connection, task, TaskState.DONE, at=seed.bench.now(), actor=MAKER, result=result)
    return True


async def test_versions_are_locked_looked_at_and_exported(seed: Seed, stage: Callable[..., Any]) -> None:
    """L says where the lock was written, u lists what an update would change, E asks for the folder."""
    seed.environment()
    changes = [{"kind": "python", "name": "six", "installed": "1.16.0", "available": "1.17.0"}]
    async with stage() as on:
        await on.list("environments")
        await on.select("python")
        await on.press("L")
        await on.until(lambda: work(seed, Kind.LOCK, "/home/python.lock"), "a lock to be asked for")
        await on.see("python is locked: /home/python.lock")
        await on.press("u")
        await on.until(lambda: work(seed, Kind.OUTDATED, json.dumps(changes)), "what is outdated to be asked for")
        await on.modal(TextModal)
        await on.see("would change 1 package", "six", "1.16.0 → 1.17.0")
        await on.press("escape", "E")
        await on.modal(LineModal)
        await on.press(*"/tmp/out", "enter")
        await on.until(lambda: work(seed, Kind.EXPORT, "/tmp/out"), "an export to be asked for")
        await on.see("Wrote /tmp/out")
