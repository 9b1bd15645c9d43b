"""What most schedules do not say is folded away in their forms, and can be filled in there all the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from textual.widgets import Collapsible
from ui.seeding import Seed, story

from workbench.services import schedules
from workbench.ui.modals.run import RunForm
from workbench.ui.modals.schedule import ScheduleForm
from workbench.ui.modals.schedule_keys import TITLE
from workbench.ui.modals.schedule_parameters import ScheduleParameters


async def test_the_rest_of_a_schedule_is_folded_away(seed: Seed, stage: Callable[..., Any]) -> None:
    """One line says what there is; opened it is filled in, checked while typed, and becomes the file and the command line."""
    story(seed)
    async with stage() as on:
        await on.list("schedules", rows=2)
        await on.press("n")
        form = await on.modal(ScheduleForm)
        await on.see(TITLE)
        assert "keep runs" not in on.text
        form.field("name").widget.value = "more"
        form.field("when").widget.value = "0 7 1 * *"
        form.query_one("CollapsibleTitle").focus()
        await on.press("enter")
        await on.see("keep runs", "while one runs", "tell of failures")
        form.field("k:retries.count").widget.value = "many"
        await on.until(lambda: "k:retries.count" in form.considered.errors, "the error")
        form.query_one(Collapsible).collapsed = True
        await on.press("ctrl+s")
        await on.until(lambda: not form.query_one(Collapsible).collapsed, "it to be opened where it is wrong")
        for name, text in {
            "k:retries.count": "2", "k:timeout.cell": "10m", "k:start": "2030-01-01", "k:overlap": "queue",
            "k:notify.failure": "ann@acme.example, bob@acme.example", "k:deliver": "/srv/a.html", "k:keep.last": "30",
            "k:tags": "month-end, north",
            "k:": "keep.failed=true",
        }.items():  # fmt: skip
            form.field(name).widget.value = text
        await on.until(lambda: "--set keep.failed=true" in form.considered.command, "the command")
        command = form.considered.command
        for part in (
            "--retries 2",
            "--cell-timeout 10m",
            "--overlap queue",
            "--notify failure=bob@acme.example",
            "--deliver",
            "--tag month-end --tag north",
        ):
            assert part in command
        await on.press("ctrl+s")
        await on.until(lambda: on.screen.listing.cursor.endswith("/more"), "the schedule")
        spec = schedules.get(seed.bench, "more").spec
        assert spec
        assert (spec.retries, spec.terms.cell, spec.overlap, spec.start) == (2, 600, "queue", "2030-01-01")
        assert spec.tags == ("month-end", "north")
        assert spec.keep
        assert (spec.keep.last, spec.keep.failed) == (30, True)


async def test_what_a_file_says_is_changed_in_the_form(seed: Seed, stage: Callable[..., Any]) -> None:
    """v has what the file says in its lines; what is emptied goes out of it, what is not touched stays."""
    story(seed)
    path = schedules.get(seed.bench, "sales/nightly").path
    path.write_text(path.read_text() + "timeout: 45m  # as agreed\nretries: {count: 3, delay: 30s}\ncode: frozen\n")
    async with stage() as on:
        await on.list("schedules", rows=2)
        await on.select("sales/nightly")
        await on.press("v")
        form = await on.modal(ScheduleParameters)
        await on.until(lambda: any(one.field_name == "code" for one in form.query("Field")), "the parameters")
        assert form.field("k:timeout.run").value == "45m"
        assert form.field("k:retries.count").value == "3"
        form.field("k:retries.count").widget.value = ""
        await on.until(lambda: "k:retries.count" in form.considered.errors, "that it needs one while there is a delay")
        form.field("k:retries.count").widget.value = "5"
        form.field("k:jitter").widget.value = "2m"
        form.field("code").widget.value = "v1.2"
        await on.until(lambda: form.field("fetch").display, "the question whether the remote is asked")
        form.field("code").widget.value = ""
        await on.until(lambda: "--jitter 2m" in form.considered.command, "the command")
        await on.press("ctrl+s")
        await on.until(lambda: "jitter: 2m" in path.read_text(), "the file")
    assert "timeout: 45m  # as agreed" in path.read_text()
    spec = schedules.get(seed.bench, "sales/nightly").spec
    assert spec
    assert (spec.retries, spec.terms.delay, spec.jitter, spec.code.live) == (5, 30, 120, True)


async def test_a_run_by_hand_may_ask_the_remote(seed: Seed, stage: Callable[..., Any]) -> None:
    """Where a branch is named, and only then, the form asks whether it is fetched first."""
    story(seed)
    async with stage() as on:
        await on.list("projects")
        await on.press("r")
        form = await on.modal(RunForm)
        await on.until(lambda: any(one.field_name == "fetch" for one in form.query("Field")), "the parameters")
        assert not form.field("fetch").display
        form.field("code").widget.value = "main"
        await on.until(lambda: form.field("fetch").display, "the question")
        form.field("fetch").widget.value = "first"
        await on.until(lambda: "--code main --fetch" in form.considered.command, "the command")
