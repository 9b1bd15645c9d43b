"""Schedules in the program: a line explained while it is typed, pauses with an end, runs for past times, the ledger."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from ui.seeding import Seed, story
from ui.staging import BIG
from ui.test_forms import filled

from workbench.services import runs, schedules
from workbench.ui.modals.backfill import BackfillForm
from workbench.ui.modals.pause import PauseForm
from workbench.ui.modals.schedule import ScheduleForm


async def test_a_line_is_explained_while_it_is_typed(seed: Seed, stage: Callable[..., Any]) -> None:
    """Words, how often, the next times here and in UTC, clock changes and overlaps; a line that never comes is an error."""
    story(seed)
    async with stage(BIG) as on:
        await on.list("schedules", rows=2)
        await on.press("n")
        form = await on.modal(ScheduleForm)
        await filled(on, ScheduleForm, "timezone", "Europe/Helsinki")
        await filled(on, ScheduleForm, "when", "30 3 13 * fri")
        await on.see("either is enough, as crontab(5) has it", "days a year", "UTC")
        await filled(on, ScheduleForm, "when", "30 3 * * *")
        await on.see("once a day", "03:30 does not exist in Europe/Helsinki: it fires at 04:00")
        form.field("notebook").widget.value = "notebooks/churn.ipynb"
        await filled(on, ScheduleForm, "when", "0 0 31 2 *")
        await on.see("0 0 31 2 * never comes")


async def test_a_pause_with_a_reason_and_an_end(seed: Seed, stage: Callable[..., Any]) -> None:
    """P asks why and until when; an end that is none is said, and the list and the detail tell it afterwards."""
    story(seed)
    async with stage() as on:
        await on.list("schedules", rows=2)
        await on.select("sales/nightly")
        await on.press("P")
        form = await on.modal(PauseForm)
        await filled(on, PauseForm, "reason", "the warehouse moves")
        await filled(on, PauseForm, "until", "soon")
        await on.see("As until: 2026-01-02 06:30")
        end = seed.bench.now() + timedelta(days=3)
        await filled(on, PauseForm, "until", f"{end:%Y-%m-%d}")
        await on.until(lambda: f"--until {end:%Y-%m-%d}" in form.considered.command, "the command")
        await on.press("ctrl+s")
        await on.see("Paused sales/nightly")
    row = schedules.get(seed.bench, "sales/nightly").row
    assert row
    assert (row.pause_reason, row.paused) == ("the warehouse moves", True)
    assert row.paused_until


async def test_runs_for_past_times(seed: Seed, stage: Callable[..., Any]) -> None:
    """b shows what would run before it runs; without an end it is one run, as for that time; the ledger tells both."""
    story(seed)
    before = len(runs.page(seed.bench))
    first, last = (seed.bench.now() - timedelta(days=days) for days in (20, 14))
    async with stage(BIG) as on:
        await on.list("schedules", rows=2)
        await on.select("sales/nightly")
        await on.press("b")
        form = await on.modal(BackfillForm)
        await filled(on, BackfillForm, "first", f"{first:%Y-%m-%d}")
        await on.until(lambda: "schedules now" in form.considered.command, "one run")
        await filled(on, BackfillForm, "last", f"{last:%Y-%m-%d}")
        await on.until(lambda: "schedules backfill" in form.considered.command, "a stretch")
        await on.see("oldest first, one after the other")
        await on.press("ctrl+s")
        await on.see("are queued")
    made = len(runs.page(seed.bench)) - before
    lines = [line for line in schedules.ledger(seed.bench, "sales/nightly") if line.by_hand]
    assert made == len(lines) > 1
    assert all(first.date() <= line.due.date() <= last.date() for line in lines)
