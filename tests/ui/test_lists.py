"""Lists: filter, sort, what stays selected, what is said when there is nothing, a thousand rows."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from ui.seeding import HOSTILE, Seed, story
from ui.staging import SMALL

from workbench.model.run import RunState
from workbench.services import runs
from workbench.ui.modals.confirm import Confirm

UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


async def test_the_filter_narrows_while_typing(seed: Seed, stage: Callable[..., Any]) -> None:
    """/ opens it, typing narrows, enter keeps it and returns to the list, esc clears; the title counts."""
    story(seed)
    async with stage() as on:
        listing = await on.list("runs", rows=10)
        await on.press("slash", *"night")
        assert len(listing.keys) == 5
        await on.see("Runs 5 of 10")
        assert str(on.screen.detail.border_title).endswith(f"#{listing.cursor}"), "the detail follows at once"
        await on.press("enter")
        assert listing.has_focus
        await on.press("escape")
        assert len(listing.keys) == 10


async def test_letters_in_the_filter_are_letters(seed: Seed, stage: Callable[..., Any]) -> None:
    """Typing s, q, 1 and x in the filter writes them and does nothing else."""
    story(seed)
    async with stage() as on:
        await on.list("runs", rows=10)
        await on.press("slash", "s", "q", "1", "x", "d")
        assert on.screen.listing.filter == "sq1xd"
        assert on.app.current_mode == "runs"
        assert on.app.screen is on.screen
        await on.see("Nothing matches 'sq1xd'. esc clears.")


async def test_the_same_thing_stays_selected_when_rows_come_and_go(seed: Seed, stage: Callable[..., Any]) -> None:
    """A row that goes above the selected one, or comes, leaves the same thing selected: the question names it."""
    numbers = [seed.run() for _ in range(6)]
    async with stage() as on:
        listing = await on.list("runs", rows=6)
        await on.select(str(numbers[2]))
        runs.remove(seed.bench, numbers[5])
        seed.run()
        seed.run(RunState.RUNNING)
        await on.until(lambda: len(listing.keys) == 7, "the new list")
        assert listing.cursor == str(numbers[2])
        await on.press("d")
        question = await on.modal(Confirm)
        assert f"run {numbers[2]} " in question.question.title


async def test_a_thousand_rows_scroll_stays(seed: Seed, stage: Callable[..., Any]) -> None:
    """The list holds at most 1,000 rows, a key press is answered in < 100 ms, and scrolling stays on refresh."""
    seed.runs(1010)
    async with stage(SMALL) as on:
        listing = await on.list("runs", rows=1000)
        await on.press("G")
        top = listing.scroll_y
        seed.run()
        await on.until(lambda: "1011" in listing.keys, "the new run")
        assert listing.cursor == "12"
        assert abs(listing.scroll_y - top) <= 1
        best = 9.0
        for _ in range(5):
            start = time.thread_time()  # of this thread alone, so that a busy machine does not decide
            await on.press("k")
            best = min(best, time.thread_time() - start)
        assert best < 0.1


async def test_sorting_cycles_and_the_head_shows_it(seed: Seed, stage: Callable[..., Any]) -> None:
    """What runs comes first; S sorts by the next column and the head has an arrow; after the last it is as before."""
    story(seed)
    async with stage() as on:
        listing = await on.list("runs", rows=10)
        assert [listing.item(key).state for key in listing.keys[:3]] == ["running", "running", "queued"]
        await on.press("S")
        assert listing.keys == [str(number) for number in range(10, 0, -1)]
        await on.press("S")
        await on.see("State ↑")
        await on.press("S", "S", "S", "S", "S")
        assert listing.sorted_by is None
        assert listing.keys[0] == "9"


async def test_empty_is_not_loading_and_names_the_next_key(seed: Seed, stage: Callable[..., Any]) -> None:
    """An empty list says which key makes the first thing; before the first answer it says that it looks."""
    async with stage() as on:
        await on.see("Press n to make one")
        for mode, text in (("sessions", "No sessions. Press n to launch one."), ("runs", "Press n to run a notebook")):
            await on.list(mode, rows=0)
            await on.see(text)
        await on.list("schedules")
        on.app.feed.stop()  # or the next reading would say that there is none
        on.screen.listing.loaded = False
        on.screen.listing.refresh()
        await on.see("Looking for schedules...")


async def test_ages_tick_without_moving_anything(seed: Seed, stage: Callable[..., Any]) -> None:
    """Time passes in the rows by itself; the cursor stays."""
    seed.run(RunState.QUEUED, ago=2)
    seed.run(RunState.QUEUED, ago=1)
    async with stage(SMALL) as on:
        listing = await on.list("runs", rows=2)
        await on.press("down")
        cursor = listing.cursor
        seed.clock.now += timedelta(minutes=20)
        await on.see("20m")
        assert listing.cursor == cursor


async def test_states_read_without_colour(seed: Seed, stage: Callable[..., Any], monkeypatch: Any) -> None:
    """A state is a glyph and a word, also with NO_COLOR and in the terminal's own colours."""
    story(seed)
    monkeypatch.setenv("NO_COLOR", "1")
    async with stage() as on:
        await on.list("runs", rows=10)
        await on.see("● running", "✗ failed", "✓ succeeded", "○ queued")
        for theme in ("ansi-dark", "ansi-light", "workbench-light"):
            on.app.theme = theme
            await on.pilot.pause()
            await on.see("● running", "✗ failed")


async def test_hostile_text_is_shown_as_it_is(seed: Seed, stage: Callable[..., Any]) -> None:
    """Markup is literal and no control or bidi character reaches the terminal, in lists, details and questions."""
    seed.project("sales", {"report.ipynb": ""})
    seed.run(name=HOSTILE, notebook=HOSTILE, project=HOSTILE, parameters={HOSTILE: HOSTILE})
    seed.failed_run(name=HOSTILE, hint=HOSTILE)
    seed.session(name="s" + HOSTILE, file=HOSTILE)
    async with stage() as on:
        for mode in ("projects", "runs", "sessions"):
            await on.list(mode)
            await on.until(lambda: on.screen.current is not None, "a row")
            for _ in on.screen.tabs():
                await on.press("right_square_bracket", "down")
            await on.press("d")
            await on.pilot.pause()
            wrong = [line for line in on.text.split("\n") if UNSAFE.search(line)]
            assert wrong == []
            await on.press("escape")
        await on.list("runs")
        await on.see("[/x]", "gnp.exe [b")
