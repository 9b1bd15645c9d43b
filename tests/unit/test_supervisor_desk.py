"""What the parts of the supervisor share: threads that leave nothing, and one thing of many that goes wrong."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from workbench.errors import StoreError
from workbench.services.bench import open_bench
from workbench.supervisor.desk import Desk


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """The desk of a home without a loop."""
    bench = open_bench(tmp_path / "home")
    yield Desk(bench, lambda: None, Path("/nowhere"))
    bench.close()


def test_threads_leave_no_files_open(desk: Desk) -> None:
    """A supervisor that has swept and checked for months has as many files open as one that just began."""
    desk.bench.store.data_version()
    before = len(os.listdir("/proc/self/fd"))

    def body() -> None:
        desk.bench.store.data_version()
        raise RuntimeError

    for number in range(30):
        desk.thread(f"sweep-{number}", body).join()
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_fault_hits_one_thing_and_is_told_once(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    """What goes wrong for one run is logged with its traceback the first time, told every time, and stays with it."""
    told: list[str] = []

    def fails() -> None:
        raise RuntimeError("a\nb")

    with caplog.at_level(logging.ERROR):
        assert not any(desk.apart("run 1", fails, told.append) for _ in range(3))
    assert told == ["workbench itself failed: RuntimeError: a b"] * 3
    (record,) = caplog.records
    assert record.exc_info
    assert desk.apart("run 1", lambda: None)
    assert not desk.apart("run 1", fails)
    assert len(caplog.records) == 2


def test_what_the_store_says_is_no_one_things_fault(desk: Desk) -> None:
    """With a full disk the whole part is looked at again later, and not each of a thousand runs in vain.

    A row that the store refuses is that of one thing.
    """

    def full() -> None:
        raise StoreError("the disk is full")

    def refused() -> None:
        with desk.write() as connection:
            connection.execute("INSERT INTO events (at) VALUES (NULL)")

    with pytest.raises(StoreError):
        desk.apart("run 1", full)
    assert not desk.apart("run 1", refused)
