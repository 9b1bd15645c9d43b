"""The registry: no key twice, names that read alike, the written page current."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from workbench.ui import keys, registry
from workbench.ui.actions import LOGS
from workbench.ui.widgets.lines import MODES

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("mode", [mode for mode, _ in MODES])
def test_no_key_has_two_meanings_on_a_screen(mode: str) -> None:
    """Each key of a screen does one thing."""
    found = [key for action in registry.of(mode) for key in action.key.split(",")]
    assert sorted(found) == sorted(set(found))


def test_ids_and_names_are_unique_and_read_alike() -> None:
    """Ids are unique, and every name reads `area: verb object`."""
    assert len(registry.BY_ID) == len(registry.ACTIONS)
    assert [action.name for action in registry.ACTIONS if not re.fullmatch(r"[a-z]+: \S.*", action.name)] == []
    assert len({action.name for action in registry.ACTIONS}) == len(registry.ACTIONS)


def test_what_is_dangerous_also_changes() -> None:
    """Whatever asks first is taken away by --read-only too."""
    assert [action.id for action in registry.ACTIONS if action.dangerous and not action.changes] == []


def test_the_page_of_keys_is_current() -> None:
    """docs/keys.md is what the registry says now."""
    assert (ROOT / "docs" / "keys.md").read_text(encoding="utf-8") == keys.page()


def test_every_list_has_the_agreed_keys() -> None:
    """n makes a new thing everywhere, d removes everywhere."""
    for mode, _ in MODES:
        held = {action.key: action for action in registry.of(mode)}
        assert held["n"].verb == "new"
        assert held["d"].verb == "remove"
        assert held["d"].dangerous
    assert {action.key for action in registry.of_logs()} >= {"slash", "w", "ctrl+s", "c"}
    assert all(action.area == LOGS for action in registry.of_logs())
