"""Freeing the disk: the dry run is shown, and many things go only when that is typed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ui.seeding import Seed

from workbench.model.disk import Entry, Kind, Report, TaskState
from workbench.services import disk
from workbench.store import disk as rows
from workbench.store.events import SUPERVISOR, Actor
from workbench.ui.modals.confirm import Confirm
from workbench.ui.modals.text import TextModal

MAKER = Actor(SUPERVISOR, "ann", SUPERVISOR)


def entry(number: int, stays: str = "") -> Entry:
    """A revision of the environment `python`."""
    return Entry(
        "revision", f"python r{number}", f"sha256:{number}", "docker", "python", f"r{number}", 500_000_000, 1_000_000,
        stays=stays,
    )  # fmt: skip


def work(seed: Seed, kind: Kind, report: Report) -> bool:
    """Do what the supervisor would, where such a task is open."""
    with seed.bench.store.read() as connection:
        task = next((one for one in rows.open_ones(connection) if one.kind is kind), None)
    if task is None:
        return False
    with seed.bench.store.write() as connection:
        rows.end(connection, task.id, TaskState.DONE, at=seed.bench.now(), actor=MAKER, report=report)
    return True


async def test_the_dry_run_is_shown_before_anything_goes(seed: Seed, stage: Callable[..., Any]) -> None:
    """D looks what can go, names it with its bytes and the command line; for many the word is to be typed; then just that
    plan is asked for."""
    found = Report(tuple(entry(number) for number in range(4)), freed=4_000_000)
    async with stage() as on:
        await on.list("environments")
        await on.press("D")
        await on.until(lambda: work(seed, Kind.PLAN, found), "the plan to be asked for")
        question = await on.modal(Confirm)
        await on.see("Remove 4 things, 4.0 MB?", "revision python r3: 1.0 MB of its own", "$ workbench prune --keep 1")
        await on.press("y")
        assert question.query("Button").last().disabled
        await on.press("backspace", *"prune", "tab", "tab", "enter")
        await on.until(lambda: work(seed, Kind.PRUNE, found), "the prune to be asked for")
        await on.see("Removed 4 things, 4.0 MB")
        with seed.bench.store.read() as connection:
            done = rows.newest(connection, Kind.PRUNE)
            planned = rows.newest(connection, Kind.PLAN)
        assert done
        assert planned
        assert done.plan == planned.id
        await on.select("python")
        await on.see("4 revisions, the largest 500 MB, 4.0 MB of their own")


async def test_where_nothing_can_go_it_is_said_why(seed: Seed, stage: Callable[..., Any]) -> None:
    """Each thing with its reason, and nothing is asked."""
    async with stage() as on:
        await on.list("environments")
        await on.press("D")
        await on.until(
            lambda: work(seed, Kind.PLAN, Report((entry(1, "active in python"),))), "the plan to be asked for"
        )
        await on.modal(TextModal)
        await on.see("Nothing can go.", "active in python")
        assert disk.newest(seed.bench)


async def test_read_only_looks_and_removes_nothing(seed: Seed, stage: Callable[..., Any]) -> None:
    """D shows what was measured last, with what could go; nothing is asked of the supervisor, which may not run."""
    async with stage(read_only=True) as on:
        await on.list("environments")
        await on.press("D")
        await on.see("It was not measured yet")
        disk.measure(seed.bench)
        work(seed, Kind.MEASURE, Report((entry(1), entry(2, "active in python")), freed=1_000_000))
        await on.press("D")
        await on.modal(TextModal)
        await on.see("1.0 MB can go: workbench prune --dry-run", "active in python")
    with seed.bench.store.read() as connection:
        assert rows.open_ones(connection) == []
