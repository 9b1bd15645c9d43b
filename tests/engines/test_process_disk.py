"""What venvs take on the disk, and their removal."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from engines.conftest import Bench

from workbench.engines.process import stock, venv
from workbench.engines.process.engine import ProcessEngine
from workbench.errors import Conflict
from workbench.paths import open_home
from workbench.settings import Settings


def test_a_venv_is_held_with_what_would_be_free_without_it(process_bench: Bench) -> None:
    """Files that the package cache has too are not counted as its own; the whole is what lies in the folder."""
    found = process_bench.engine.stock([process_bench.revision])
    held = next(one for one in found.holdings if one.revision == process_bench.revision.id)
    folder = process_bench.home.environment_folder(process_bench.spec.slug) / process_bench.revision.id
    assert held.whole
    assert held.size == venv.size(folder)
    assert 0 < found.freed([held]) <= held.size
    assert found.free


def test_what_a_broken_build_has_left_goes_and_what_is_made_now_stays(tmp_path: Path) -> None:
    """A half-made venv is a leftover; while somebody holds its lock it is not touched; a Dockerfile is the other engine's."""
    home = open_home(tmp_path / "home")
    engine = ProcessEngine(home, Settings())
    folder = home.environment_folder("sales") / ("a" * 16)
    (folder / "venv").mkdir(parents=True)
    (folder / "venv" / "file").write_bytes(b"x" * 10_000)
    other = home.environment_folder("sales") / ("b" * 16)
    other.mkdir()
    (other / "Dockerfile").touch()
    linked = tmp_path / "cache"
    (folder / "venv" / "linked").hardlink_to(_written(linked))
    (held,) = engine.stock([]).holdings
    assert (held.whole, held.environment) == (False, "sales")
    assert engine.stock([]).freed([held]) < held.size
    with venv.alone(folder), pytest.raises(Conflict):
        engine.discard(held)
    assert folder.exists()
    engine.discard(held)
    assert not folder.exists()
    assert other.exists()
    assert linked.exists()
    engine.discard(held)
    shutil.rmtree(other)
    assert stock.stock(home.state / "environments").holdings == ()


def _written(path: Path) -> Path:
    path.write_bytes(b"y" * 20_000)
    return path
