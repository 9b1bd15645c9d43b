"""A run again exactly: what of it is made again from what was kept, and what is refused with the reason."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from code_home import FILES, notebook, project
from repositories import git, repository

from workbench.errors import Refused
from workbench.model.code import code
from workbench.model.environment import EngineName, Revision
from workbench.model.project import Project
from workbench.model.run import Request
from workbench.services import groups, projects, runs, secrets
from workbench.services.bench import Bench, open_bench
from workbench.services.code import patch, seen, trees
from workbench.services.history import exact
from workbench.services.supervision import control
from workbench.store import asked as asked_rows
from workbench.store import revisions

PATH = "notebooks/report.ipynb"
HELPER = "notebooks/helper.py"
__all__ = ["project"]


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """A home whose project `churn` lies in a folder of a repository with one commit."""
    monkeypatch.setattr(control, "ensure", lambda _: None)
    opened = open_bench(tmp_path / "home")
    repository(tmp_path / "team", {f"deep/churn/{name}": text for name, text in FILES.items()})
    projects.add(opened, tmp_path / "team/deep/churn")
    yield opened
    opened.close()


def ran(bench: Bench, *, borrowed: bool = False, **more: Any) -> int:
    """A run that was asked for, and began in a revision of its environment."""
    number = runs.submit(bench, Request("churn", PATH, **more))
    made = Revision("r1", EngineName.PROCESS, "a venv", borrowed=borrowed)
    with bench.store.write() as connection:
        revisions.add(connection, "python", "f", made, build=None, at=bench.now(), actor=bench.actor)
        asked_rows.set_revision(connection, number, None, made)
    return number


def seen_by(bench: Bench, number: int) -> Path:
    """The files that a run sees."""
    return trees.shown(bench, runs.noted(bench, number)["code"]["tree"])


def test_code_input_values_and_revision_are_those_of_then(bench: Bench, project: Project) -> None:
    """The tree is the commit with the patch, in a project that is a folder of a repository too; what has been committed
    since, the notebook of today and the newest revision have no part in it, and it can be repeated itself."""
    (project.path / PATH).write_text(notebook("import helper  # then"))
    (project.path / HELPER).write_text("VALUE = 'edited'  # no end of line")
    (project.path / "tool.sh").unlink()
    first = ran(
        bench, parameters={"rows": 3}, allow_unknown_parameters=True, name="nightly", retries=2, inputs=("data/a",)
    )
    then = (bench.home.run_folder(first) / "input.ipynb").read_bytes()
    (project.path / PATH).write_text(notebook("now"))
    (project.path / HELPER).write_text("VALUE = 'later'\n")
    git(project.path, "commit", "-qam", "later")
    with bench.store.write() as connection:
        newer = Revision("r2", EngineName.PROCESS, "another")
        revisions.add(connection, "python", "f", newer, build=None, at=bench.now(), actor=bench.actor)
    for number in (exact.again(bench, first), exact.again(bench, exact.again(bench, first))):
        run, record = runs.get(bench, number), runs.noted(bench, number)
        assert (run.parameters, run.name, run.retries, run.cells) == ({"rows": 3}, "nightly", 2, 1)
        assert (run.revision, run.engine) == ("r1", "process")
        assert (bench.home.run_folder(number) / "input.ipynb").read_bytes() == then
        assert (seen_by(bench, number) / HELPER).read_text() == "VALUE = 'edited'  # no end of line"
        assert not (seen_by(bench, number) / "tool.sh").exists()
        assert record["again"] == {"of": run.exactly, "exactly": True}
        assert record["git_commit"] == runs.noted(bench, first)["git_commit"]
        assert record["inputs_declared"] == ["data/a"]
        assert exact.told(bench, run) == f"of run {run.exactly}, exactly"
        assert seen.words(record) == f"as it was at {record['git_commit'][:10]}"
        assert runs.request_of(bench, run).code.live  # as things are now it is the project's folder


def test_frozen_files_that_are_still_there_are_used_and_else_made_again(bench: Bench, project: Project) -> None:
    """Also where git did not know them, as long as they are there; gone, they come from the commit of then. Of a commit of
    another branch the same."""
    (project.path / HELPER).write_text("VALUE = 'frozen'\n")
    first = ran(bench, code=code("frozen"))
    again = exact.again(bench, first)
    assert runs.noted(bench, again)["code"]["tree"] == runs.noted(bench, first)["code"]["tree"]
    git(project.path, "commit", "-qam", "later")
    (project.path / HELPER).write_text("VALUE = 'later'\n")
    of_commit = ran(bench, code=code("HEAD"))
    for tree in (bench.home.code / "trees").iterdir():
        trees.remove(tree)
    for number, value in ((first, "frozen"), (of_commit, "frozen")):
        again = exact.again(bench, number)
        assert (seen_by(bench, again) / HELPER).read_text() == f"VALUE = '{value}'\n"
        assert seen.again(runs.noted(bench, again)).what == ("frozen" if number == first else "HEAD")


def _new_file(project: Project, bench: Bench) -> None:
    with (project.path / "notebooks/new.py").open("wb") as file:
        file.truncate(patch.MOST_MARKED + 1)


def _binary(project: Project, bench: Bench) -> None:
    (project.path / "tool.sh").write_bytes(b"\0\1\2")


def _secret(project: Project, bench: Bench) -> None:
    secrets.put(bench, "TOKEN", "hunter2-hunter2")
    (project.path / HELPER).write_text("TOKEN = 'hunter2-hunter2'\n")


def _large(project: Project, bench: Bench) -> None:
    (project.path / HELPER).write_text("VALUE = 1\n" * 40_000)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (_new_file, r"large files that git did not know .* notebooks/new\.py"),
        (_binary, "not kept whole: binary"),
        (_secret, "not kept whole"),
        (_large, "too much to be kept whole"),
    ],
)
def test_code_that_was_not_kept_whole_is_refused(
    bench: Bench, project: Project, change: Callable[[Project, Bench], None], why: str
) -> None:
    """With the reason and the command for a run as things are now; nothing is queued."""
    change(project, bench)
    number = ran(bench)
    with pytest.raises(Refused, match=why) as caught:
        exact.again(bench, number)
    assert caught.value.hint.endswith(f"workbench runs again {number}")
    assert len(runs.page(bench)) == 1


def test_files_that_git_does_not_know_are_there_as_long_as_they_are_as_they_were(
    bench: Bench, project: Project
) -> None:
    """Their content is kept nowhere, so that no run publishes it: they are copied where they are to the byte what they were,
    and else it is said which is not."""
    (project.path / "notebooks/new.py").write_text("NEW = 1\n")
    (project.path / "notebooks/link.py").symlink_to("helper.py")
    (project.path / "run.sh").write_text("#!/bin/sh\n")
    (project.path / "run.sh").chmod(0o755)
    number = ran(bench)
    assert b"NEW" not in b"".join(path.read_bytes() for path in bench.home.run_folder(number).iterdir())
    files = seen_by(bench, exact.again(bench, number))
    assert (files / "notebooks/new.py").read_text() == "NEW = 1\n"
    assert (files / "notebooks/link.py").read_text() == FILES[HELPER]
    assert os.access(files / "run.sh", os.X_OK)
    again = exact.again(bench, number)
    (project.path / "notebooks/new.py").write_text("NEW = 2\n")
    for tree in (bench.home.code / "trees").iterdir():
        trees.remove(tree)
    for asked in (number, again):
        with pytest.raises(Refused, match=r"notebooks/new\.py, which git did not know, is not as it was"):
            exact.again(bench, asked)


def test_what_is_gone_is_named(bench: Bench, project: Project) -> None:
    """The revision, a commit that was thrown away, a frozen notebook; an existing Python, a run that never began and a
    project without git are told too."""
    never = runs.submit(bench, Request("churn", PATH))
    continuing = ran(bench)
    with bench.store.write() as connection:
        connection.execute("UPDATE runs SET continues = ? WHERE id = ?", (never, continuing))
    with pytest.raises(Refused, match=f"went on in the kernel of run {never}"):
        exact.again(bench, continuing)
    with pytest.raises(Refused, match="it never began"):
        exact.again(bench, never)
    with pytest.raises(Refused, match="a Python of yours"):
        exact.again(bench, ran(bench, borrowed=True))
    (project.path / HELPER).write_text("VALUE = 'thrown away'\n")
    git(project.path, "commit", "-qam", "thrown away")
    number = ran(bench)
    git(project.path, "reset", "-q", "--hard", "HEAD~1")
    git(project.path, "reflog", "expire", "--expire=now", "--all")
    git(project.path, "gc", "-q", "--prune=now")
    with pytest.raises(Refused, match="no branch, tag or commit"):
        exact.again(bench, number)
    clean = ran(bench)
    (bench.home.run_folder(clean) / "input.ipynb").unlink()
    with pytest.raises(Refused, match="its frozen notebook is gone"):
        exact.again(bench, clean)
    with bench.store.write() as connection:
        revisions.drop(connection, "python", "r1")
    with pytest.raises(Refused, match="revision r1 of environment python was removed"):
        exact.again(bench, clean)
    plain = bench.home.projects / "plain"
    plain.mkdir()
    (plain / "a.ipynb").write_text(notebook("1"))
    number = runs.submit(bench, Request("plain", "a.ipynb"))
    with bench.store.write() as connection:
        made = Revision("r1", EngineName.PROCESS, "a venv")
        revisions.add(connection, "python", "f", made, build=None, at=bench.now(), actor=bench.actor)
        asked_rows.set_revision(connection, number, None, made)
    with pytest.raises(Refused, match="in no git repository"):
        exact.again(bench, number)


def test_no_filter_of_the_repository_runs_and_no_patch_leaves_the_tree(
    bench: Bench, project: Project, tmp_path: Path
) -> None:
    """A patch that was tampered with writes nothing beside the tree, and smudge filters start no program."""
    trap = tmp_path / "trap.sh"
    trap.write_text(f"#!/bin/sh\ntouch {tmp_path}/sprung\nexec cat\n")
    trap.chmod(0o755)
    git(project.path, "config", "filter.trap.smudge", str(trap))
    (project.path / ".gitattributes").write_text("* filter=trap\n")
    git(project.path, "add", ".gitattributes")
    git(project.path, "commit", "-qm", "attributes")
    (project.path / HELPER).write_text("VALUE = 'edited'\n")
    number = ran(bench)
    (tmp_path / "sprung").unlink(missing_ok=True)
    assert (seen_by(bench, exact.again(bench, number)) / HELPER).read_text() == "VALUE = 'edited'\n"
    assert not (tmp_path / "sprung").exists()
    kept = bench.home.run_folder(number) / "changes.patch"
    outside = "--- /dev/null\n+++ b/deep/churn/../../../out.txt\n@@ -0,0 +1 @@\n+x\n"
    kept.write_text(kept.read_text() + "diff --git a/out.txt b/out.txt\nnew file mode 100644\n" + outside)
    with pytest.raises(Refused, match="do not fit"):
        exact.again(bench, number)
    found = subprocess.run(["find", tmp_path, "-name", "out.txt"], capture_output=True, text=True, check=True)
    assert found.stdout == ""


def test_inputs_that_differ_are_told(bench: Bench) -> None:
    """Data are not kept: the hashes of before and now are compared, and of what was not hashed nothing is claimed."""
    first = ran(bench, inputs=("data/*",))
    number = exact.again(bench, first)
    again = runs.get(bench, number)
    assert exact.differing(bench, again) is None
    for run, mark in ((first, "1"), (number, "2")):
        inputs = [{"path": "data/same", "sha256": "5"}, {"path": "data/other", "sha256": mark}]
        with bench.store.write() as connection:
            asked_rows.add_facts(connection, run, {"inputs": inputs})
    assert exact.differing(bench, again) == ("data/other",)
    assert exact.told(bench, again) == f"of run {first}, exactly, but other inputs: data/other"


def test_a_group_is_repeated_exactly(bench: Bench, project: Project) -> None:
    """All its combinations as a new group, each of its own revision and code; one that cannot be is a refusal of all."""
    sweep = {"region": ["north", "south"]}
    first = runs.submit(bench, Request("churn", PATH, sweep=sweep, allow_unknown_parameters=True))
    group = runs.get(bench, first).group or 0
    made = Revision("r1", EngineName.PROCESS, "a venv")
    with bench.store.write() as connection:
        revisions.add(connection, "python", "f", made, build=None, at=bench.now(), actor=bench.actor)
        asked_rows.set_revision(connection, first, None, made)
        connection.execute("UPDATE runs SET state = 'succeeded'")
    with pytest.raises(Refused, match=f"run {first + 1} cannot be repeated exactly"):
        groups.again(bench, group, exactly=True)
    with bench.store.write() as connection:
        asked_rows.set_revision(connection, first + 1, None, made)
    again, count = groups.again(bench, group, exactly=True)
    assert count == 2
    members = groups.members(bench, again)
    assert [(run.exactly, run.parameters["region"]) for run in members] == [(first, "north"), (first + 1, "south")]
