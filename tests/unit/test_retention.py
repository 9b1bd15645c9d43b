"""Retention: what is kept by a policy, and that only what no policy keeps goes, with all it left."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from old_runs import ended

from workbench.errors import Refused
from workbench.model.retention import Keep, Old, goes
from workbench.model.run import RunState
from workbench.services import projects
from workbench.services.bench import Bench, open_bench
from workbench.services.history import reports, retention, tags

NOW = datetime(2026, 5, 1, tzinfo=UTC)


def old(rank: int, days: int, state: RunState = RunState.SUCCEEDED, *, newest_success: bool = False) -> Old:
    """A run of that rank and age."""
    return Old(1, "p", "n", None, state, NOW - timedelta(days=days), "", rank, newest_success)


@pytest.mark.parametrize(
    ("keep", "run", "gone"),
    [
        (Keep(), old(999, 9999), False),
        (Keep(last=3), old(3, 9999), False),
        (Keep(last=3), old(4, 0), True),
        (Keep(seconds=86400 * 30), old(99, 29), False),
        (Keep(seconds=86400 * 30), old(99, 31), True),
        (Keep(last=3, seconds=86400 * 30), old(99, 29), False),
        (Keep(last=3), old(4, 0, RunState.FAILED), True),
        (Keep(last=3, failed=True), old(4, 0, RunState.FAILED), False),
        (Keep(seconds=1), old(1, 9999), False),
        (Keep(seconds=1), old(9, 9999, newest_success=True), False),
    ],
)
def test_what_a_policy_keeps(keep: Keep, run: Old, gone: bool) -> None:
    """Any rule that holds keeps it; the newest run and the newest success stay in any case."""
    assert goes(run, keep, NOW) is gone


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """A home with a project."""
    opened = open_bench(tmp_path / "home")
    projects.create(opened, "p")
    yield opened
    opened.close()


def test_without_a_policy_everything_is_kept(bench: Bench) -> None:
    """Nothing goes that nobody declared."""
    for _ in range(3):
        ended(bench, "a")
    assert retention.declared(bench).none
    assert retention.going(bench, retention.declared(bench)) == []


def test_tags_are_slugs_and_few(bench: Bench) -> None:
    """A tag is a short word; taking off what is not there is no error."""
    run = ended(bench, "a")
    with pytest.raises(Refused, match="no tag"):
        tags.change(bench, [run], ["not a tag"])
    tags.change(bench, [run], ["gold", "v2"], ["never"])
    tags.change(bench, [run], remove=["v2"])
    assert tags.of(bench, [run]) == {run: ["gold"]}
    with pytest.raises(Refused, match="more than"):
        tags.change(bench, [run], [f"t{number}" for number in range(25)])


def test_a_report_lies_beside_the_output_and_never_where_a_link_leads(bench: Bench, tmp_path: Path) -> None:
    """In the published folder; where code in a container put a link in its place, in the run's private state."""
    run = ended(bench, "a")
    folder = bench.home.projects / "p" / "runs" / f"a-{run}"
    content = '{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}'
    (folder / "output.ipynb").write_text(content)
    assert reports.write(bench, run) == folder / "report.html"
    assert b"<title>a</title>" in (folder / "report.html").read_bytes()
    elsewhere = tmp_path / "elsewhere"
    folder.rename(elsewhere)
    folder.symlink_to(elsewhere)
    (elsewhere / "report.html").unlink()
    private = bench.home.attempt_folder(run, 1)
    private.mkdir(parents=True)
    (private / "output.ipynb").write_text(content)
    assert reports.write(bench, run) == private / "report.html"
    assert not (elsewhere / "report.html").exists()
