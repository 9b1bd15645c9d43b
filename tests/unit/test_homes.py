"""Homes of an account by their ids, and what other homes have is named where a list is empty."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from cli_home import make_shell

from workbench import homes
from workbench.engines.docker.images.built import mark
from workbench.engines.docker.images.stock import whose
from workbench.paths import Home, open_home
from workbench.services.supervision import control


@pytest.fixture
def other(tmp_path: Path) -> Home:
    """Another home of this account, that a supervisor has worked in, with a schedule."""
    made = open_home(tmp_path / "work")
    folder = made.projects / "churn" / "schedules"
    folder.mkdir(parents=True)
    (folder / "nightly.yaml").write_text("notebook: a.ipynb\ncron: 30 6 * * *\n")
    homes.note(made)
    return made


def test_marks_of_a_home_that_is_gone_are_told_apart(other: Home, tmp_path: Path) -> None:
    """While it is there it uses the image; once it was deleted by hand, it is said which one it was and what lets its images
    go. Of a home that nobody here knows, as of another account, nothing is claimed."""
    own, foreign = mark(other.id, "r1"), mark("0123456789ab", "r1")
    assert homes.known() == {other.id: other.root}
    assert whose([own]) == "another home uses it"
    shutil.rmtree(other.root)
    assert whose([own]) == f"home {other.root} used it, which is gone: workbench prune --shared"
    assert whose([own, foreign]) == "another home uses it"
    homes.note(open_home(tmp_path / "next"))
    assert other.id in homes.known()


def test_an_empty_list_names_homes_that_have_schedules(
    other: Home, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody in the wrong home is told where their schedules are; a list with a filter, or of that home, says nothing."""
    monkeypatch.setattr(control, "ensure", lambda _bench: None)
    shell = make_shell(capsys)
    told = f"Schedules of yours are in {other.root}: workbench --home {other.root}"
    for noun in ("schedules", "projects"):
        shell(noun)
        assert told in shell.err
    shell("schedules", "--state", "paused")
    assert told not in shell.err
    shutil.rmtree(other.root)
    shell("schedules")
    assert told not in shell.err
    shell.bench.close()
