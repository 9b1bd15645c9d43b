"""Seeing: details that follow, live progress, failed runs, logs that grow."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from ui.seeding import Seed, story
from ui.staging import SMALL

from workbench.model.build import BuildProgress
from workbench.model.run import RunState
from workbench.services import runs as service
from workbench.store import runs
from workbench.ui.modals.help import Help
from workbench.ui.nouns.runs import Runs
from workbench.ui.sources import Chunk
from workbench.ui.widgets.logview import MOST_LINES


async def test_moving_fast_never_shows_another_rows_detail(
    seed: Seed, stage: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A detail that comes late is dropped when another row is selected by then, and keys do not wait for it."""
    for number in range(3):
        seed.run(name=f"name{number}", notebook=f"notebooks/n{number}.ipynb")
    go_on, slow, page = threading.Event(), threading.Event(), Runs.page

    def slowly(self: Runs, bench: Any, item: Any, tab: str) -> Any:
        if item.id == 3:
            slow.set()
            go_on.wait(5)
        return page(self, bench, item, tab)

    monkeypatch.setattr(Runs, "page", slowly)
    async with stage() as on:
        await on.list("runs", rows=3)
        await on.until(slow.is_set, "the slow page")
        await on.press("j", "j")
        assert on.screen.listing.cursor == "1"
        go_on.set()
        await on.see("sales/notebooks/n0.ipynb")
        assert "n2.ipynb" not in on.text


@pytest.mark.parametrize("size", [SMALL, (160, 48)])
async def test_a_failed_run_says_first_what_went_wrong(
    seed: Seed, stage: Callable[..., Any], size: tuple[int, int]
) -> None:
    """Cell, error and message, then the source, then the rest; the traceback is last."""
    seed.failed_run()
    async with stage(size) as on:
        await on.list("runs", rows=1)
        await on.press("enter")
        await on.see("failed in cell 7", "KeyError: 'region'", 'df.groupby("region")')
        text = on.text
        assert text.index("failed in cell 7") < text.index("KeyError") < text.index("groupby")
        page = str(on.screen.detail.query_one("#text").content)
        assert page.index("groupby") < page.index("notebook ") < page.index("Traceback")


async def test_a_running_run_shows_how_far_it_is(seed: Seed, stage: Callable[..., Any]) -> None:
    """Cell of cells, time so far and the usual time; they follow the store by themselves."""
    for ago in (5000, 4000, 3000):
        seed.run(ago=ago, seconds=300)
    number = seed.run(RunState.RUNNING, ago=125, cells_done=6)
    async with stage() as on:
        await on.list("runs", rows=4)
        await on.see("cell 7 of 23", "2m05s of usually 5m00s", "6/23")
        with seed.bench.store.write() as connection:
            runs.note_progress(connection, number, 1, cells=23, done=11)
        await on.see("cell 12 of 23", "11/23")


async def test_output_arrives_while_it_runs(seed: Seed, stage: Callable[..., Any]) -> None:
    """The Output tab follows the run's events."""
    number = seed.run(RunState.RUNNING)
    async with stage() as on:
        await on.list("runs", rows=1)
        await on.press("right_square_bracket")
        await on.see("No cell has written anything yet.")
        seed.events(
            number, {"kind": "cell", "cell": 2, "n": 1, "of": 5}, {"kind": "output", "cell": 2, "text": "hello\n"}
        )
        await on.see("cell 2 (1 of 5)", "hello")


async def test_output_can_be_shown_with_its_times(seed: Seed, stage: Callable[..., Any]) -> None:
    """t puts the time of each line before it, in the home's zone, and takes it away again."""
    number = seed.run(RunState.RUNNING)
    begins = {"t": "2026-03-02T05:06:07.123+00:00", "kind": "cell", "cell": 2, "n": 1, "of": 5}
    seed.events(number, begins, {**begins, "kind": "output", "text": "hello\nworld\n"})
    async with stage() as on:
        await on.list("runs", rows=1)
        await on.press("right_square_bracket", "enter")
        await on.see("cell 2 (1 of 5)", "hello")
        await on.press("t")
        moment = datetime.fromisoformat(begins["t"]).astimezone(seed.bench.zone)
        await on.see(f"{moment:%H:%M:%S} hello", f"{moment:%H:%M:%S} world", "times")
        await on.press("t")
        await on.until(lambda: f"{moment:%H:%M:%S}" not in on.text, "the times to go")


async def test_the_keys_of_a_log_are_shown_while_it_has_the_focus(seed: Seed, stage: Callable[..., Any]) -> None:
    """Footer and ? show what the keys mean where they go: in a log find, wrap and the like, and no key twice."""
    number = seed.run(RunState.RUNNING)
    seed.log(number, "hello\nworld\nhello again\n")
    async with stage(SMALL) as on:
        await on.list("runs", rows=1)
        await on.see("n new", "e change")
        await on.press("l")
        await on.see("/ find", "n next", "w wrap", "ctrl+s save", "c copy")
        assert "n new" not in on.text
        assert "e change" not in on.text
        await on.press("n")
        await on.see("Nothing is looked for yet.")
        await on.press("slash", *"hello", "enter")
        await on.see("2 lines match")
        await on.press("n", "question_mark")
        page = await on.modal(Help)
        keys = [key for action in page.actions for key in action.keys]
        assert sorted(keys) == sorted(set(keys))
        await on.see("Keys of Runs, in a log", "go to next match", "copy all lines")
        await on.press("escape", "escape")
        await on.see("n new", "e change")
        await on.press("question_mark")
        await on.see("Keys of Runs", "run notebook")
        assert "find text" not in on.text


async def test_long_values_hang_below_their_beginning(seed: Seed, stage: Callable[..., Any]) -> None:
    """A value that is longer than the pane goes on in its own column, at each width."""
    seed.run(RunState.FAILED, reason="because " * 40)
    async with stage() as on:
        await on.list("runs", rows=1)
        await on.see("because")
        for size in (SMALL, (160, 48), (110, 30)):
            await on.pilot.resize_terminal(*size)
            await on.press("enter")
            await on.until(lambda: _hangs(on), f"a hanging indent at {size}")
            await on.press("escape")


def _hangs(on: Any) -> bool:
    """Whether no line of the page is wider than the pane, and continued ones begin where a value does."""
    page = on.screen.detail.query_one("#page")
    lines = str(on.screen.detail.query_one("#text").content).split("\n")
    return max(map(len, lines)) <= page.scrollable_content_region.width


async def test_a_log_follows_until_somebody_scrolls(seed: Seed, stage: Callable[..., Any]) -> None:
    """FOLLOW is shown; scrolling up pauses and counts new lines; end resumes."""
    number = seed.run(RunState.RUNNING)
    seed.log(number, "".join(f"line {index}\n" for index in range(200)))
    async with stage(SMALL) as on:
        await on.list("runs", rows=1)
        await on.press("l")
        await on.see("FOLLOW", "line 199")
        await on.press("k", "k", "k")
        await on.see("PAUSED")
        seed.log(number, "one more\nand another\n")
        await on.see("PAUSED 2 new")
        assert "and another" not in on.text
        await on.press("end")
        await on.see("FOLLOW", "and another")


async def test_logs_can_be_searched_wrapped_saved_and_copied(
    seed: Seed, stage: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """/ finds, n goes on, w wraps, ctrl+s saves and says where, c copies, f fills the screen."""
    monkeypatch.chdir(tmp_path)
    number = seed.run(RunState.RUNNING)
    seed.log(number, "".join(f"line {index}\n" for index in range(100)) + "needle " + "x" * 300 + "\nend\n")
    async with stage() as on:
        await on.list("runs", rows=1)
        await on.press("l")
        await on.see("FOLLOW")
        log = on.screen.detail.log_view
        await on.press("slash", *"line 3", "enter")
        await on.see("11 lines match")
        await on.press("n")
        assert log._here == 3
        await on.press("w")
        await on.see("wrap")
        assert log.virtual_size.height > 103
        await on.press("ctrl+s")
        await on.see("Saved")
        assert "needle" in (tmp_path / "run-1-log.txt").read_text()
        await on.press("c")
        assert "needle" in on.app.clipboard
        await on.press("f")
        assert not on.screen.pane.display
        await on.press("escape", "escape")
        assert on.screen.listing.has_focus


async def test_many_lines_at_once_do_not_freeze(seed: Seed, stage: Callable[..., Any]) -> None:
    """20,000 lines are taken in less than 200 ms of the screen's own time, and no more than 50,000 are held."""
    number = seed.run(RunState.RUNNING)
    seed.log(number, "begin\n")
    async with stage() as on:
        await on.list("runs", rows=1)
        await on.press("l")
        await on.see("begin")
        log = on.screen.detail.log_view
        lines = tuple(f"line {index} of a log that is not short" for index in range(20_000))
        took = []
        for _ in range(4):
            start = time.thread_time()
            log.take(Chunk(lines))
            await on.pilot.pause()
            took.append(time.thread_time() - start)
        assert min(took) < 0.2  # the best of a few: a busy machine or a collection of garbage is not the program
        assert len(log.lines) == MOST_LINES


async def test_a_build_shows_bytes_and_the_expected_time(seed: Seed, stage: Callable[..., Any]) -> None:
    """A build's page says what it does, how much of how much, and how long it usually takes; its log is live."""
    seed.environment()
    build = seed.building("python", BuildProgress("Downloading pandas", 3, 7, 40_000_000, 120_000_000))
    async with stage() as on:
        await on.list("environments")
        await on.see("◐ building", "40.0 MB of 120 MB", "step 3 of 7 Downloading pandas", "20s of usually 41s")
        await on.press("l")
        await on.see("Resolved 41 packages")
        with seed.bench.home.build_log(build).open("a") as file:
            file.write("Installed everything\n")
        await on.see("Installed everything")


async def test_a_schedule_says_when_in_words_and_what_became_of_it(seed: Seed, stage: Callable[..., Any]) -> None:
    """Summary in words, the next ten times, the ledger."""
    story(seed)
    async with stage() as on:
        await on.list("schedules", rows=2)
        await on.select("sales/nightly")
        await on.see("At 06:30 on Monday through Friday", "Will it run?")
        await on.press("right_square_bracket")
        await on.until(lambda: on.text.count("06:30 CE") == 10, "ten times")
        await on.press("right_square_bracket")
        await on.see("✓ fired", "run 6")


async def test_the_detail_of_a_project_has_its_files_and_runs(seed: Seed, stage: Callable[..., Any]) -> None:
    """Notebooks and environment on the summary, then files, runs, schedules."""
    story(seed)
    async with stage(SMALL) as on:
        await on.select("sales")
        await on.see("notebooks/churn.ipynb", "environment  python")
        await on.press("right_square_bracket", "enter")
        await on.see("notebooks/", "report.ipynb", "project.yaml")
        await on.press("right_square_bracket")
        await on.see("#6", "nightly")
        await on.press("right_square_bracket")
        await on.see("sales/nightly")


async def test_the_usual_time_is_asked_from_the_service(seed: Seed) -> None:
    """The median of successes is what a page compares with."""
    for seconds in (10, 20, 90):
        seed.run(seconds=seconds)
    run = service.get(seed.bench, seed.run(RunState.RUNNING))
    assert service.usual_seconds(seed.bench, run) == 20
