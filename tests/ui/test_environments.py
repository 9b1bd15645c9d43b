"""Environments on the screen: secrets that are missing, asked for without showing them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from textual.widgets import Input
from ui.seeding import Seed
from ui.staging import SHIPPED

from workbench.services import revisions
from workbench.store import revisions as rows
from workbench.ui.modals.choice import Choice
from workbench.ui.modals.line import LineModal

VALUE = "hunter2-hunter2"


async def test_a_missing_secret_is_set_without_being_shown(seed: Seed, stage: Callable[..., Any]) -> None:
    """The detail names what is not set; s asks for its value, which is masked, and then it is set."""
    (seed.bench.home.environments / "sales.yaml").write_text("extends: python\nsecrets: [PGPASSWORD]\n")
    async with stage() as on:
        await on.list("environments", rows=SHIPPED + 1)
        await on.select("sales")
        await on.see("PGPASSWORD (not set: s sets it)")
        await on.press("s")
        modal = await on.modal(LineModal)
        await on.see("Value of PGPASSWORD")
        assert modal.query_one(Input).password
        await on.press(*VALUE)
        assert VALUE not in on.text
        await on.press("enter")
        await on.see("PGPASSWORD is set")
        await on.until(lambda: "not set" not in on.text, "the detail to say so")
    assert (seed.bench.home.secrets / "PGPASSWORD").read_text() == VALUE


async def test_an_older_revision_is_chosen(seed: Seed, stage: Callable[..., Any]) -> None:
    """Its tab lists what was built; v asks which is to be used, and the wish is written for the supervisor."""
    seed.environment("python")
    path = seed.bench.home.environments / "python.yaml"
    path.write_text("extends: python\napt: [libpq5]\n")
    async with stage() as on:
        await on.list("environments", rows=SHIPPED)
        await on.select("python")
        on.screen.choose_tab("Revisions")
        await on.see("4f1c9a0e", "2 packages", "no runs", "Builds", "v makes one of them active")
        await on.press("v")
        await on.modal(Choice)
        await on.see("Revisions of python", "enter makes it active")
        await on.press("enter")
        await on.see("Revision 4f1c9a0e of python is asked for")
    assert revisions.wish(seed.bench, "python") == (True, "")
    with seed.bench.store.write() as connection:
        rows.hold(connection, "python", "4f1c9a0e", at=seed.bench.now(), actor=seed.bench.actor)
    async with stage() as on:
        await on.list("environments", rows=SHIPPED)
        await on.select("python")
        await on.see("● held", "What is declared now is another.", "the declaration again.")
        await on.press("v")
        await on.modal(Choice)
        await on.see("follow the declaration again")
        await on.press("enter")
        await on.see("python follows its declaration again", "stale")


async def test_revisions_of_what_was_never_built(seed: Seed, stage: Callable[..., Any]) -> None:
    """v says that there are none, and what makes one."""
    async with stage() as on:
        await on.list("environments", rows=SHIPPED)
        await on.select("python")
        await on.press("v")
        await on.see("python was not built yet: r builds it")
