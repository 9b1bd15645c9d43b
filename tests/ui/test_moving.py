"""Moving about: modes, levels, keys that work wherever arrows do, palette, mouse."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ui.seeding import Seed, story
from ui.staging import SMALL

from workbench.ui import registry
from workbench.ui.actions import LOGS
from workbench.ui.modals.schedule import ScheduleForm
from workbench.ui.palette import RegistryCommands
from workbench.ui.widgets.listing import Listing


async def test_the_first_list_has_the_focus(seed: Seed, stage: Callable[..., Any]) -> None:
    """From the start, arrows move in the first list; no tab is needed."""
    story(seed)
    async with stage() as on:
        assert isinstance(on.app.focused, Listing)
        await on.press("down")
        assert on.screen.listing.cursor == "sales"


async def test_numbers_switch_modes_and_each_keeps_its_place(seed: Seed, stage: Callable[..., Any]) -> None:
    """1 to 5 switch lists; coming back finds the same selection and filter."""
    story(seed)
    async with stage() as on:
        listing = await on.list("runs", rows=10)
        await on.press("slash", *"nightly", "enter", "down", "down")
        chosen = listing.cursor
        for number, mode in enumerate(("projects", "environments", "sessions", "runs", "schedules"), start=1):
            await on.press(str(number))
            await on.until(lambda mode=mode: on.screen.noun.mode == mode, mode)
        await on.list("runs")
        assert on.screen.listing.cursor == chosen
        assert on.screen.listing.filter == "nightly"


async def test_enter_opens_and_escape_goes_back_and_never_leaves(seed: Seed, stage: Callable[..., Any]) -> None:
    """enter opens the selected thing, esc goes back one level, and any number of esc never quits."""
    story(seed)
    async with stage(SMALL) as on:
        await on.list("runs")
        await on.press("enter")
        assert on.screen.detail.has_focus_within
        assert not on.screen.pane.display
        await on.press("escape")
        assert on.screen.listing.has_focus
        assert on.screen.pane.display
        await on.press(*["escape"] * 5)
        assert on.app.is_running


async def test_letters_move_where_arrows_do(seed: Seed, stage: Callable[..., Any]) -> None:
    """j, k, g, G and the page keys move in a list."""
    for _ in range(60):
        seed.run()
    async with stage(SMALL) as on:
        listing = await on.list("runs", rows=60)
        first = listing.cursor
        await on.press("j", "j", "k")
        assert listing.keys.index(listing.cursor) == 1
        await on.press("G")
        assert listing.cursor == listing.keys[-1]
        await on.press("pageup")
        assert 0 < listing.keys.index(listing.cursor) < 59
        await on.press("g")
        assert listing.cursor == first


async def test_brackets_change_the_tab(seed: Seed, stage: Callable[..., Any]) -> None:
    """[ and ] change the tab of the detail pane, and the tab stays when the selection moves."""
    story(seed)
    async with stage() as on:
        await on.list("runs", rows=10)
        await on.press("right_square_bracket", "right_square_bracket", "right_square_bracket")
        await on.select("8")
        await on.see("growth", "0.07")
        await on.press("down", "up", "left_square_bracket")
        assert on.screen.tab() == "Log"


async def test_a_breadcrumb_says_where_i_am(seed: Seed, stage: Callable[..., Any]) -> None:
    """The detail pane names list, notebook and run."""
    story(seed)
    async with stage() as on:
        await on.list("runs", rows=10)
        await on.select("6")
        await on.see("Runs > churn.ipynb > #6")


async def test_the_palette_goes_to_a_list_by_its_name(seed: Seed, stage: Callable[..., Any]) -> None:
    """`:runs` and enter go to Runs."""
    story(seed)
    async with stage() as on:
        await on.press("colon", *"runs")
        await on.see("go to Runs")
        await on.press("enter")
        await on.until(lambda: on.app.current_mode == "runs", "Runs")


async def test_every_key_is_in_the_palette_and_the_reverse(seed: Seed, stage: Callable[..., Any]) -> None:
    """The palette offers what the keys of this screen do, then what those of the other screens do, and nothing else."""
    story(seed)
    async with stage() as on:
        for mode in ("projects", "environments", "sessions", "runs", "schedules"):
            await on.list(mode)
            await on.until(lambda: on.screen.current is not None, "a row")
            screen = on.screen
            bound = {
                binding.id
                for bindings in screen._bindings.key_to_bindings.values()
                for binding in bindings
                if binding.id in registry.BY_ID
            }
            offered = [hit.text async for hit in RegistryCommands(screen).discover()]
            assert set(offered[: len(bound)]) == {registry.BY_ID[name].name for name in bound}
            assert set(offered) == {action.name for action in registry.ACTIONS if action.area != LOGS}
            assert bound >= {f"program.{other}" for other in ("projects", "runs", "help", "quit")}


async def test_the_palette_reaches_the_acts_of_other_screens(seed: Seed, stage: Callable[..., Any]) -> None:
    """An act that needs no thing is done on its screen; for one that does, the list is shown and nothing is done yet."""
    story(seed)
    async with stage() as on:
        await on.press("colon", *"schedules: add")
        await on.see("key n in Schedules")
        await on.press("enter")
        await on.modal(ScheduleForm)
        await on.press("escape")
        await on.press("colon", *"cancel run")
        await on.see("key x in Runs")
        await on.press("enter")
        await on.see("Choose one, then x: cancel")
        assert on.app.current_mode == "runs"
        assert on.app.screen is on.screen


async def test_the_mouse_selects_rows_tabs_and_modes(seed: Seed, stage: Callable[..., Any]) -> None:
    """A click selects a row, a click on a tab shows it, a click on a mode goes there."""
    story(seed)
    async with stage() as on:
        listing = await on.list("runs", rows=10)
        await on.pilot.click("#list", offset=(10, 4))
        assert listing.cursor == listing.keys[3]
        await on.pilot.click("#tabs", offset=(12, 0))
        assert on.screen.tab() == "Output"
        await on.pilot.click("#modes", offset=(5, 0))
        await on.until(lambda: on.app.current_mode == "projects", "Projects")
