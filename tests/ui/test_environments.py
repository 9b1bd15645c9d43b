"""Environments on the screen: secrets that are missing, asked for without showing them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from textual.widgets import Input
from ui.seeding import Seed

from workbench.ui.modals.line import LineModal

VALUE = "hunter2-hunter2"


async def test_a_missing_secret_is_set_without_being_shown(seed: Seed, stage: Callable[..., Any]) -> None:
    """The detail names what is not set; s asks for its value, which is masked, and then it is set."""
    (seed.bench.home.environments / "sales.yaml").write_text("extends: python\nsecrets: [PGPASSWORD]\n")
    async with stage() as on:
        await on.list("environments", rows=3)
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
