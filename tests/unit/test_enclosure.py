"""What is inside of a folder, opened while others put links there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from workbench import enclosure
from workbench.enclosure import LinkError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with a file, a folder, and links out of both."""
    root = tmp_path / "root"
    (root / "sub").mkdir(parents=True)
    (root / "sub" / "file").write_text("inside")
    (tmp_path / "away").mkdir()
    (tmp_path / "away" / "file").write_text("private")
    (root / "link").symlink_to(tmp_path / "away")
    (root / "sub" / "out").symlink_to(tmp_path / "away" / "file")
    return root


@pytest.mark.parametrize("inner", ["link/file", "sub/out", "link"])
def test_no_link_is_followed(root: Path, inner: str) -> None:
    """Neither the last part nor one on the way, to read or to write; the error names the link."""
    for flags in (os.O_RDONLY, os.O_WRONLY | os.O_CREAT):
        with pytest.raises(LinkError) as caught:
            enclosure.opened(root, inner, flags)
        assert caught.value.strerror.startswith(("link is a link", "sub/out is a link"))
    with pytest.raises(ValueError, match="no name"):
        enclosure.opened(root, "sub/../../away/file")


def test_what_is_open_stays_what_it_was(root: Path) -> None:
    """A folder that is replaced by a link after it was opened is still the one in which things are made."""
    with enclosure.folder(root, "sub/new", make=True) as folder:
        (root / "sub").rename(root / "moved")
        (root / "sub").symlink_to(root.parent / "away")
        os.close(os.open("made", os.O_WRONLY | os.O_CREAT, dir_fd=folder))
    assert (root / "moved" / "new" / "made").exists()
    assert sorted(path.name for path in (root.parent / "away").iterdir()) == ["file"]


def test_links_inside_may_be_followed_where_that_is_asked(root: Path) -> None:
    """A path behind links that stay in the folder is told; one that leads out is refused."""
    (root / "short").symlink_to("sub/file")
    assert enclosure.real(root, root / "short") == "sub/file"
    with pytest.raises(ValueError, match="is not in the subpath"):
        enclosure.real(root, root / "sub" / "out")
