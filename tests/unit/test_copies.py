"""Code as it was: its files are copied beside the loop, and by the next supervisor where one was killed over it."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from supervisor_parts import NOW, Parts, parts
from waiting import until

from workbench.model.code import code
from workbench.model.disk import ENDED, Policy, Report
from workbench.model.project import Project
from workbench.model.run import Request, RunState
from workbench.services import disk, projects, runs
from workbench.services.asking import checking, queueing
from workbench.services.bench import Bench
from workbench.services.code import seen, trees
from workbench.services.supervision import control
from workbench.store import runs as rows
from workbench.supervisor.disk import Disk
from workbench.supervisor.queue.copies import WAITS, Copies

__all__ = ["parts"]
PATH = "notebooks/n.ipynb"


@pytest.fixture
def project(parts: Parts) -> Project:
    """Its project, with a notebook and a module beside it."""
    found = projects.get(parts.bench, "p")
    (found.path / "notebooks").mkdir(exist_ok=True)
    nbformat.write(nbformat.v4.new_notebook(metadata={"language_info": {"name": "python"}}), found.path / PATH)
    (found.path / "notebooks/helper.py").write_text("then")
    parts.environments.answers = {"python": parts.environments.answers["there"]}
    return found


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Copies are made only once this is set: a project so large."""
    go_on, real = threading.Event(), trees.of_folder

    def slow(bench: Bench, project: Project) -> str:
        assert go_on.wait(60)
        return real(bench, project)

    monkeypatch.setattr(trees, "of_folder", slow)
    return go_on


def asked(parts: Parts, what: str = "frozen") -> int:
    """A run as a schedule asks for it."""
    checked = checking.check(parts.bench, Request("p", PATH, code=code(what)), later=True)
    with parts.bench.store.write() as connection:
        return queueing.insert(parts.bench, connection, checked, parts.bench.actor)


def started(parts: Parts, run: int) -> Callable[[], bool]:
    """Whether it starts, looked at anew."""

    def look() -> bool:
        parts.dispatch.look()
        return parts.state(run) is RunState.STARTING

    return look


def test_what_is_due_is_a_row_at_once_and_the_loop_goes_on(
    parts: Parts, project: Project, held: threading.Event
) -> None:
    """A frozen run is queued in time and says what it waits for, while others start; then it has the files that there were
    when the copy was made, in a folder of its own, and two that were due together share them."""
    (project.path / "schedules").mkdir(exist_ok=True)
    for name, what in (("one", "frozen"), ("two", "frozen"), ("live", "live")):
        text = f"notebook: {PATH}\ncron: '0 11 * * *'\ntimezone: UTC\ncode: {what}\nenvironment: python\n"
        (project.path / f"schedules/{name}.yaml").write_text(text)
    schedules = parts.dispatch.schedules
    schedules.look(woken=True)
    parts.bench.clock = lambda: NOW.replace(hour=11, minute=0, second=1)
    schedules.look(woken=True)
    found = {run.name: run.id for run in runs.page(parts.bench)}
    until(started(parts, found["live"]), "the live one to start")
    assert [parts.state(found[name]) for name in ("one", "two")] == [RunState.QUEUED] * 2
    until(lambda: (parts.dispatch.look(), parts.reason(found["one"]) == WAITS)[1], "what it waits for")
    parts.end(found["live"])
    held.set()
    until(started(parts, found["one"]), "the first to start")
    (project.path / "notebooks/helper.py").write_text("now")
    until(started(parts, found["two"]), "the second to start")
    trees_of = {seen.tree_of(runs.noted(parts.bench, found[name])) for name in ("one", "two")}
    assert len(trees_of) == 1
    places = []
    for name in ("one", "two"):
        job = json.loads((parts.bench.home.attempt_folder(found[name], 1) / "job.json").read_text())
        places.append(Path(job["workspace"]["cwd"]))
    assert [(place / "helper.py").read_text() for place in places] == ["then", "then"]
    assert places[0] != places[1]


def test_the_next_supervisor_goes_on(parts: Parts, project: Project) -> None:
    """Runs whose files nobody came to keep get them when a supervisor begins; one that was cancelled meanwhile needs none."""
    first, gone = asked(parts), asked(parts)
    with parts.bench.store.write() as connection:
        assert rows.ask_cancel(connection, gone, at=NOW, actor=parts.bench.actor)
    Copies(parts.desk).find()
    until(lambda: seen.tree_of(runs.noted(parts.bench, first)), "its files")
    assert seen.tree_of(runs.noted(parts.bench, gone)) == ""
    until(started(parts, first), "it to start")


def test_files_that_cannot_be_kept_end_the_run(parts: Parts, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Too many of them: it fails with what to do, and the next one is looked at all the same. Files that were changed since
    they were kept are found out before it starts."""
    monkeypatch.setattr(trees, "MOST_FILES", 1)
    first = asked(parts)
    until(lambda: (parts.dispatch.look(), parts.state(first) is RunState.FAILED)[1], "it to fail")
    assert "more than 1 files" in parts.reason(first)
    assert "data/" in runs.get(parts.bench, first).hint
    monkeypatch.setattr(trees, "MOST_FILES", 100)
    second = asked(parts)
    parts.dispatch.schedules.copies.find()
    until(lambda: seen.tree_of(runs.noted(parts.bench, second)), "its files")
    helper = (
        parts.bench.home.code / "trees" / seen.tree_of(runs.noted(parts.bench, second)) / "files/notebooks/helper.py"
    )
    helper.chmod(0o644)
    helper.write_text("forged")
    until(lambda: (parts.dispatch.look(), parts.state(second) is RunState.FAILED)[1], "it to fail")
    assert "gone or were changed" in parts.reason(second)


def test_what_is_kept_is_seen_on_the_disk_and_pruned(
    parts: Parts, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`disk` names each copy with its bytes and the run that sees it; `prune` removes those of no run, which a dry run names,
    and what was fetched of projects that are gone; one that is asked for between the two stays."""
    monkeypatch.setattr(control, "ensure", lambda _: None)
    folder = parts.bench.home.code
    (project.path / "notebooks/large.py").write_bytes(b"#" * 200_000)
    first = asked(parts)
    parts.dispatch.schedules.copies.find()
    until(lambda: seen.tree_of(runs.noted(parts.bench, first)), "its files")
    (project.path / "notebooks/helper.py").write_text("another")
    old = trees.of_folder(parts.bench, project)
    (project.path / "notebooks/helper.py").write_text("a third")
    wanted = trees.of_folder(parts.bench, project)
    for name in ("gone", "p"):
        (folder / f"repositories/{name}-00000000.git/objects").mkdir(parents=True)
    part = Disk(parts.desk, parts.dispatch.engines, parts.builds)

    def report(number: int) -> Report:
        until(lambda: (part.look(), disk.get(parts.bench, number).state in ENDED)[1], "the task to be done")
        found = disk.get(parts.bench, number)
        assert found.report, found.reason
        return found.report

    def stays(found: Report) -> dict[str, str]:
        return {Path(one.id).name: one.stays for one in found.entries if one.kind == "code"}

    measured = report(disk.measure(parts.bench))
    tree = seen.tree_of(runs.noted(parts.bench, first))
    assert stays(measured) == {
        tree: f"seen by run {first}", old: "just made", wanted: "just made", "gone-00000000.git": "",
        "p-00000000.git": "fetched of project p",
    }  # fmt: skip
    assert next(one.own for one in measured.entries if one.id.endswith(tree)) >= 200_000
    for name in (old, wanted):
        os.utime(folder / "trees" / name, (0, 0))
    plan = disk.plan(parts.bench, Policy())
    planned = report(plan)
    assert {name for name, why in stays(planned).items() if not why} == {old, wanted, "gone-00000000.git"}
    assert trees.taken(parts.bench, wanted)
    done = report(disk.prune(parts.bench, plan))
    assert {Path(one.id).name for one in done.entries} == {old, "gone-00000000.git"}
    assert {path.name for path in (folder / "trees").iterdir()} == {tree, wanted}
    assert any("is used by now" in problem for problem in done.problems)
