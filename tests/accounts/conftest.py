"""Which of these tests apply: root makes an account and runs the rest as it; an ordinary account runs them itself."""

from __future__ import annotations

import os

import pytest

MAKER = "test_as_an_account.py"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Root would own everything and may do anything, so nothing about owners and rights is tested as root."""
    root = os.geteuid() == 0
    here = [item for item in items if item.path.parent.name == "accounts"]
    apart = [item for item in here if (item.path.name == MAKER) != root]
    if apart:
        config.hook.pytest_deselected(items=apart)
        items[:] = [item for item in items if item not in apart]
