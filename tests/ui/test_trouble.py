"""Trouble: engines down, wrong files, small terminals, quitting while things run."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from typing import Any

import pytest
from ui.seeding import Seed, story
from ui.staging import BIG, SMALL

from workbench import locks
from workbench.errors import StoreError
from workbench.model.run import RunState
from workbench.services import runs
from workbench.services.supervision import control, holder, pulse
from workbench.store import sessions
from workbench.ui.modals.confirm import Confirm
from workbench.ui.modals.help import Help


async def test_what_needs_me_comes_first(seed: Seed, stage: Callable[..., Any]) -> None:
    """The first screen names what failed and what was missed above everything; ! leads to the thing."""
    story(seed)
    async with stage() as on:
        await on.see("! 2 need you", "churn.ipynb failed", "weather/weekly missed")
        text = on.text
        assert text.index("churn.ipynb failed") < text.index("Projects 3")
        await on.press("exclamation_mark")
        await on.see("What needs you")
        await on.press("enter")
        await on.until(lambda: on.app.current_mode == "runs" and on.screen.listing.cursor == "6", "run 6")


async def test_an_engine_that_is_down_is_named_with_what_still_works(seed: Seed, stage: Callable[..., Any]) -> None:
    """The header says that Docker does not answer and that local processes work; it recovers by itself."""
    seed.engine(problem="connection refused")
    async with stage() as on:
        await on.see("docker does not answer   ● local processes", "! 1 needs you", "docker: connection refused")
        await on.press("exclamation_mark")
        await on.see("What needs you", "Is it running?")
        await on.press("escape")
        seed.engine()
        await on.see("● docker 27.3.1")


async def test_a_killed_supervisor_is_started_again(
    seed: Seed, stage: Callable[..., Any], asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the program is open, a supervisor that ended without being stopped is started again, and that is said."""
    monkeypatch.setattr("workbench.ui.app.REVIVE", 0.2)
    async with stage() as on:
        holder.present(seed.bench.home, "detached", wake=seed.bench.home.state)
        await on.see("The supervisor had ended. It is started again.")
        assert asked.count("ensure") > 1


async def test_a_supervisor_that_hangs_is_told_once(
    seed: Seed, stage: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It holds its lock and looks at nothing, though it was woken: a word says since when, and what to try, and stays."""
    monkeypatch.setattr("workbench.ui.app.REVIVE", 0.2)
    monkeypatch.setattr(pulse, "ANSWER", 0.1)
    home = seed.bench.home
    descriptor = locks.take(home.supervisor_lock)
    assert descriptor is not None
    holder.present(home, "detached", wake=home.state / "nobody")
    for path in (home.supervisor_lock, holder.card_path(home)):
        os.utime(path, (1_790_000_000, 1_790_000_000))
    try:
        async with stage() as on:
            await on.see(
                "! 1 needs you", "The supervisor does not answer since 2026-09-21", "Try: workbench service restart"
            )
            await on.until(lambda: bool(on.screen.query_one("#needs").display), "a line above everything that stays")
    finally:
        os.close(descriptor)


async def test_a_wrong_file_never_stops_the_program(
    seed: Seed, stage: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bad YAML is listed with file, line and the nearest key; the rest loads; e opens it at that line."""
    story(seed)
    bad = seed.bench.home.environments / "bad.yaml"
    bad.write_text("extends: python\npyton: {packages: [pandas]}\n")
    opened: list[list[str]] = []
    monkeypatch.setenv("EDITOR", "ed")
    async with stage() as on:
        monkeypatch.setattr(on.app.desk, "run_over", lambda argv, cwd=None: opened.append(list(argv)))
        await on.see("environments/bad.yaml:2", "did you mean 'python'")
        await on.list("environments")
        await on.select("bad")
        await on.see("✗ invalid", "✓ ready")
        await on.press("e")
        await on.until(lambda: opened == [["ed", "+2", str(bad)]], "the editor")
        bad.write_text("extends: python\n")
        await on.press("1")
        await on.gone("environments/bad.yaml:2")


async def test_a_project_that_cannot_be_read_is_still_listed(seed: Seed, stage: Callable[..., Any]) -> None:
    """Its row says invalid and its page says why; what needs its declaration does not apply."""
    seed.project("good")
    seed.project("wrong", declaration="environmint: python\n")
    async with stage() as on:
        await on.select("wrong")
        await on.see("✗ invalid", "environmint")
        assert on.screen.check_action("act", ("projects.run",)) is None
        await on.select("good")
        assert on.screen.check_action("act", ("projects.run",)) is True


async def test_a_store_that_cannot_be_read_is_said_once(
    seed: Seed, stage: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reading that fails is said in a toast, once, as literal text; the program goes on and recovers."""
    seed.run()
    async with stage() as on:
        await on.list("runs", rows=1)
        page = runs.page

        def broken(*args: Any, **more: Any) -> Any:
            raise StoreError("the disk [/is] full")

        monkeypatch.setattr(runs, "page", broken)
        for _ in range(3):
            on.app.feed.look()
            await on.see("the disk [/is] full")
        assert len([note for note in on.app._notifications if "disk" in note.message]) == 1
        monkeypatch.setattr(runs, "page", page)
        seed.run()
        await on.until(lambda: len(on.screen.listing.keys) == 2, "the new run")


async def test_what_is_said_stands_there_once(seed: Seed, stage: Callable[..., Any]) -> None:
    """Also while a window lies over the list, and after it."""
    story(seed)
    async with stage(BIG) as on:
        await on.list("projects", rows=3)
        on.app.notify("Only once", timeout=600)
        await on.see("Only once")
        await on.press("question_mark")
        await on.modal(Help)
        await on.until(lambda: on.text.count("Only once") == 1, "it once, over the help")
        await on.press("escape")
        await on.until(lambda: on.screen is on.app.noun_screen and on.text.count("Only once") == 1, "it once")


@pytest.mark.parametrize("size", [SMALL, BIG, (60, 15), (100, 24)])
async def test_every_size_is_usable(seed: Seed, stage: Callable[..., Any], size: tuple[int, int]) -> None:
    """List, detail and footer have their place in each size, and the footer always has help."""
    story(seed)
    async with stage(size) as on:
        for mode in ("projects", "environments", "sessions", "runs", "schedules"):
            await on.list(mode)
            await on.until(lambda: on.screen.current is not None, "a row")
            last = on.text.split("\n")[-1]
            assert re.search(r"\? \d+ more", last)
            assert on.screen.listing.size.height >= 3
            assert on.screen.detail.size.height >= 2
            side_by_side = on.screen.detail.region.x > 0
            assert side_by_side == (size[0] >= 100)


async def test_too_small_is_said_and_nothing_is_lost(seed: Seed, stage: Callable[..., Any]) -> None:
    """Below 60 by 15 one sentence is shown; back at a usable size everything is where it was."""
    story(seed)
    async with stage() as on:
        listing = await on.list("runs", rows=10)
        await on.press("down", "down")
        chosen = listing.cursor
        for size in ((59, 24), (80, 14), (20, 6)):
            await on.pilot.resize_terminal(*size)
            await on.see("too small")
        await on.pilot.resize_terminal(80, 24)
        await on.see("Runs 10")
        assert listing.cursor == chosen


async def test_help_shows_the_keys_of_this_screen(seed: Seed, stage: Callable[..., Any]) -> None:
    """? shows the keys of the list that is up, grouped by purpose; in read-only those that change things are missing."""
    story(seed)
    async with stage() as on:
        await on.list("schedules")
        await on.press("question_mark")
        await on.modal(Help)
        await on.see("Keys of Schedules", "Act on it", "pause or resume schedule", "(asks first)")
        assert "cancel build" not in on.text
        await on.press("escape")
    async with stage(read_only=True) as on:
        await on.list("schedules")
        await on.press("question_mark")
        await on.modal(Help)
        await on.see("Keys of Schedules")
        assert "pause or resume schedule" not in on.text


async def test_quitting_says_what_continues(seed: Seed, stage: Callable[..., Any]) -> None:
    """q with active runs says what goes on, and asks; without any it leaves at once."""
    story(seed)
    async with stage() as on:
        await on.press("q")
        await on.modal(Confirm)
        await on.see("2 runs keep running", "1 waiting will start", "1 session stays up", "Schedules keep firing")
        await on.press("escape")
        on.app.overviewed = None  # as right after the start
        await on.press("q")
        await on.see("2 runs keep running")
        await on.press("n")
        assert on.app.is_running
        await on.press("q", "y")
        await on.until(lambda: not on.app.is_running, "the end")


async def test_quitting_an_idle_program_asks_nothing(seed: Seed, stage: Callable[..., Any]) -> None:
    """q leaves at once where nothing runs."""
    seed.project("sales")
    async with stage() as on:
        await on.press("q")
        await on.until(lambda: not on.app.is_running, "the end")


async def test_the_supervisor_is_asked_for_at_the_start(
    seed: Seed, stage: Callable[..., Any], asked: list[str]
) -> None:
    """Opening the program sees to it that schedules fire."""
    async with stage() as on:
        await on.until(lambda: "ensure" in asked, "the supervisor")
        assert control.ensure is not None


async def test_what_another_terminal_does_is_seen(seed: Seed, stage: Callable[..., Any]) -> None:
    """A run queued elsewhere appears by itself, within a tick or two."""
    async with stage() as on:
        await on.list("runs", rows=0)
        seed.run(RunState.QUEUED)
        await on.see("○ queued", "0 running · 1 waiting")


def test_starting_imports_nothing_of_the_engines() -> None:
    """The program starts without docker, papermill, nbformat and the like."""
    import json
    import subprocess
    import sys

    code = "import sys, json, workbench.ui.app; print(json.dumps(sorted({name.split('.')[0] for name in sys.modules})))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(json.loads(done.stdout))
    assert "textual" in loaded
    assert (
        loaded & {"docker", "papermill", "nbformat", "nbconvert", "nbclient", "apscheduler", "pydantic", "aiohttp"}
        == set()
    )


async def test_a_port_that_moved_is_told_once(
    seed: Seed, stage: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On whatever screen, with the old and the new port, for bookmarks and tunnels lead elsewhere now."""
    number = seed.session()
    with seed.bench.store.write() as connection:
        sessions.set_facts(connection, number, moved_from=41234)
    async with stage() as on:
        told = f"sales-jupyter: port 41234 was taken by another program, so it is at {40000 + number} this time"
        await on.until(lambda: [note for note in on.app._notifications if note.message == told], "the word of it")
        again: list[str] = []
        monkeypatch.setattr(on.app.desk, "warn", again.append)
        seed.run()
        await on.list("runs", rows=1)
        assert again == []
