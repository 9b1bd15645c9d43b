"""The loop is woken by what happens in folders of schedules."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from workbench.paths import open_home
from workbench.supervisor.wake import WakeSocket


@pytest.fixture
def socket(tmp_path: Path) -> Iterator[WakeSocket]:
    """That of a home without a supervisor."""
    found = WakeSocket(open_home(tmp_path / "home"))
    yield found
    found.close()


def test_a_file_written_or_moved_wakes(socket: WakeSocket, tmp_path: Path) -> None:
    """A schedule that is written, renamed into place or removed is looked at at once, again and again."""
    folder = tmp_path / "schedules"
    folder.mkdir()
    socket.watch.follow([str(folder)])
    assert not socket.sleep(0)
    (folder / "a.yaml").write_text("cron: '@daily'\n")
    assert socket.sleep(30)
    assert not socket.sleep(0)
    (tmp_path / "b").write_text("x")
    for act in (
        lambda: (tmp_path / "b").rename(folder / "b.yaml"),
        (folder / "a.yaml").unlink,
        lambda: (folder / "b.yaml").write_text("y"),
    ):
        socket.watch.follow([str(folder)])
        act()
        assert socket.sleep(30)


def test_a_folder_made_anew_is_watched(socket: WakeSocket, tmp_path: Path) -> None:
    """One that was removed wakes, and what comes in its place is watched like it; one that is not there does no harm."""
    folder = tmp_path / "schedules"
    folder.mkdir()
    socket.watch.follow([str(folder), str(tmp_path / "none")])
    shutil.rmtree(folder)
    assert socket.sleep(30)
    folder.mkdir()
    socket.watch.follow([str(folder)])
    (folder / "a.yaml").write_text("x")
    assert socket.sleep(30)
