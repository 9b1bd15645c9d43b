"""Priorities in the program."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ui.seeding import Seed, story

from workbench.model.run import RunState
from workbench.services import runs
from workbench.ui.modals.choice import Choice


async def test_a_run_that_waits_is_made_more_urgent(seed: Seed, stage: Callable[..., Any]) -> None:
    """P on it, a word chosen; the summary says so from then on."""
    story(seed)
    waits = seed.run(RunState.QUEUED, ago=5)
    async with stage() as on:
        await on.list("runs")
        await on.select(str(waits))
        await on.press("P")
        await on.modal(Choice)
        await on.see("High", "Normal", "Low")
        await on.press("enter")
        await on.see("Priority high")
        await on.until(lambda: runs.get(seed.bench, waits).priority == 10, "the row")
        await on.see("priority")
