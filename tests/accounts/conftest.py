"""Which of these tests apply: root makes an account and runs the rest as it; an ordinary account runs them itself."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from accounts.machine import Account, Installed, install, made, python_for_all, unmade
from shared import once, public

MAKERS = ("test_as_an_account.py", "test_fronted_neighbours.py", "test_neighbours.py")


@pytest.fixture(scope="session")
def place() -> Path:
    """A folder that every account may enter, for the checkout and the venv."""
    return public()


@pytest.fixture(scope="session")
def installed(place: Path) -> Installed:
    """The program, where every account may run it."""
    folder = once(place, "program", install)
    return Installed(folder / "checkout", folder / "venv" / "bin" / "python")


@pytest.fixture(scope="session")
def lab_for_all(place: Path) -> Path:
    """A Python with JupyterLab and ipykernel that every account may run."""

    def make(folder: Path) -> None:
        uv = [sys.executable, "-m", "uv"]
        subprocess.run([*uv, "venv", "--quiet", "--clear", "--python", python_for_all(), folder], check=True)
        wanted = ["--link-mode", "copy", "--compile-bytecode", "jupyterlab", "ipykernel"]
        subprocess.run([*uv, "pip", "install", "--quiet", "--python", folder / "bin" / "python", *wanted], check=True)

    return once(place, "lab", make) / "bin" / "python"


@pytest.fixture
def new_account(place: Path) -> Iterator[Callable[[], Account]]:
    """Makes ordinary accounts; they and what they run are gone at the end."""
    accounts: list[Account] = []

    def make() -> Account:
        accounts.append(made(place))
        return accounts[-1]

    yield make
    for one in accounts:
        unmade(one)


@pytest.fixture
def account(new_account: Callable[[], Account]) -> Account:
    """A new ordinary account."""
    return new_account()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Root would own everything and may do anything, so nothing about owners and rights is tested as root."""
    root = os.geteuid() == 0
    here = [item for item in items if item.path.parent.name == "accounts"]
    apart = [item for item in here if (item.path.name in MAKERS) != root]
    if apart:
        config.hook.pytest_deselected(items=apart)
        items[:] = [item for item in items if item not in apart]
