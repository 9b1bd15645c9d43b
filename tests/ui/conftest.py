"""Fixtures of the terminal program's tests: a seeded home, the real program over it, no process started."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from ui.seeding import Seed
from ui.staging import WIDE, Stage

from workbench.services.supervision import control
from workbench.ui.app import Workbench


class Asked(list[str]):
    """What was asked of the supervisor: `ensure`, `wake`."""


@pytest.fixture(autouse=True)
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    """No supervisor is started by these tests; that one was asked for is noted."""
    found = Asked()
    monkeypatch.setattr(control, "ensure", lambda _bench: found.append("ensure"))
    monkeypatch.setattr(control, "wake", lambda _bench: found.append("wake"))
    return found


@pytest.fixture
def seed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Seed]:
    """An empty home, which commands find without being told; closed at the end."""
    made = Seed(tmp_path / "home")
    monkeypatch.setenv("WORKBENCH_HOME", str(made.root))
    yield made
    made.bench.close()


@pytest.fixture
def stage(seed: Seed) -> Callable[..., Any]:
    """`async with stage(size=…, read_only=…) as on:`."""

    @asynccontextmanager
    async def opened(size: tuple[int, int] = WIDE, **more: Any) -> AsyncIterator[Stage]:
        app = Workbench(seed.bench, **more)
        async with app.run_test(size=size, notifications=True) as pilot:
            made = Stage(app, pilot, seed)
            await made.until(lambda: app.overviewed is not None and made.screen.listing.loaded, "the first screen")
            yield made

    return opened
