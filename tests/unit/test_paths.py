"""A home is found where people expect it, is private, and is never taken from a stranger."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from workbench.errors import Refused, StoreError
from workbench.paths import MARKER, find_home, open_home, private_folder, state_folder


@pytest.fixture(autouse=True)
def _no_home_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORKBENCH_HOME", raising=False)


def test_a_home_is_found_from_any_folder_in_it(tmp_path: Path) -> None:
    """The nearest parent with a marker is the home."""
    home = open_home(tmp_path / "home")
    deep = home.projects / "churn" / "notebooks"
    deep.mkdir(parents=True)
    assert find_home(cwd=deep) == home.root


def test_what_is_said_wins_over_what_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """--home, then WORKBENCH_HOME, then the parents, then ~/workbench."""
    inside = open_home(tmp_path / "inside").root
    monkeypatch.setenv("HOME", str(tmp_path / "me"))
    assert find_home(cwd=tmp_path) == tmp_path / "me" / "workbench"
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "named"))
    assert find_home(cwd=inside) == tmp_path / "named"
    assert find_home(tmp_path / "said", cwd=inside) == tmp_path / "said"


def test_state_is_private_even_where_it_was_not(tmp_path: Path) -> None:
    """The state's folder is 0700, also after somebody opened it up."""
    state = open_home(tmp_path / "home").state
    state.chmod(0o755)
    assert stat.S_IMODE(open_home(tmp_path / "home").state.stat().st_mode) == 0o700


@pytest.mark.skipif(os.getuid() != 0, reason="needs root to give a folder away")
def test_the_marker_of_another_account_is_refused(tmp_path: Path) -> None:
    """A stranger's clone never becomes one's home."""
    marker = open_home(tmp_path / "home").state
    os.chown(marker, 12345, 12345)
    assert find_home(cwd=tmp_path / "home") != tmp_path / "home"
    with pytest.raises(StoreError, match="12345"):
        open_home(tmp_path / "home")


def test_a_link_is_no_private_folder(tmp_path: Path) -> None:
    """A link put in the place of a private folder is refused."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StoreError):
        private_folder(tmp_path / "link")


def test_a_folder_that_is_no_home_stays_none(tmp_path: Path) -> None:
    """Reading commands make nothing."""
    with pytest.raises(Refused, match="no home"):
        open_home(tmp_path, create=False)
    assert not (tmp_path / MARKER).exists()


def test_state_of_a_home_on_a_network_is_local(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Locks and sockets need a local file system."""
    network = tmp_path / "net"
    monkeypatch.setattr("workbench.paths.file_system", lambda path: "nfs4" if path.is_relative_to(network) else "ext4")
    state = state_folder(network / "home", {"XDG_STATE_HOME": str(tmp_path / "local")})
    assert state.is_relative_to(tmp_path / "local")
