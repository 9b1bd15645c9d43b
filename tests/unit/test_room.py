"""Whether a build will fit on its disk."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from workbench.engines import room
from workbench.errors import BuildFailed
from workbench.model.environment import EngineName, EnvironmentSpec, PythonPart, Revision

GB = 1_000_000_000


@pytest.fixture
def free(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Bytes that the disk has free, to be set."""
    left = [0]
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=left[0]))
    return left


def test_a_build_that_cannot_fit_is_refused_with_numbers(free: list[int]) -> None:
    """Less than half of what it takes is not begun with: what is needed, what is free and where are said."""
    free[0] = 2 * GB
    with pytest.raises(BuildFailed, match=r"about 6\.\d GB, and 2\.0 GB are free on the disk of /data") as caught:
        room.look(
            "ml",
            Path("/data"),
            room.needed(EnvironmentSpec("ml", python=PythonPart(packages=("torch>=2",))), [], image=True),
        )
    assert "prune" in caught.value.hint
    free[0] = room.LEAST - 1
    with pytest.raises(BuildFailed):
        room.look("ml", Path("/data"), 1)


def test_close_is_said_and_room_is_not(free: list[int]) -> None:
    """Where it may get close that is said; with room, or where a disk cannot be seen, nothing is."""
    free[0] = GB
    assert "about 900 MB are needed, and 1.0 GB are free" in room.look("x", Path("/data"), 900_000_000)
    assert room.look("x", Path("/data"), 100_000_000) == ""


def test_a_disk_that_cannot_be_seen_says_nothing() -> None:
    """The engine may keep its images on another machine."""
    assert room.look("x", Path("/no/such/place"), 10**15) == ""


def test_what_was_built_before_tells_more_than_an_estimate() -> None:
    """The size of the revision before bounds what is thought to be needed."""
    before = Revision("a", EngineName.DOCKER, "x", size=123)
    spec = EnvironmentSpec("x", python=PythonPart(packages=("pandas",)))
    assert room.needed(spec, [before], image=True) == 123
    assert room.needed(spec, [], image=True) > room.IMAGE
