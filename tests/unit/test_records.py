"""What is kept of a run: how the project differed from its commit, hashes of its inputs, who may read its output."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path

import pytest
from code_home import bench
from repositories import git

from workbench.engines.base import Workspace
from workbench.execution import inputs
from workbench.execution.job import Job
from workbench.execution.publishing import publish
from workbench.model.environment import EngineName, Revision
from workbench.model.project import Mount
from workbench.model.run import Request
from workbench.services import projects, runs, secrets
from workbench.services.bench import Bench, open_bench
from workbench.services.code import patch
from workbench.services.supervision import unit

__all__ = ["bench"]


def job(tmp_path: Path, *patterns: str, engine: EngineName = EngineName.PROCESS, **more: object) -> Job:
    """A job in the project `tmp_path/project`."""
    project = tmp_path / "project"
    project.mkdir(exist_ok=True)
    space = Workspace(home="h", project_name="p", project=project, cwd=project, **more)  # type: ignore[arg-type]
    run = tmp_path / "runs" / "1"
    run.mkdir(parents=True, exist_ok=True)
    return Job(
        1, 1, "token123", "a.ipynb", run / "input.ipynb", space, Revision("r1", engine, ""), engine, inputs=patterns,
        published=project / "runs" / "first",
    )  # fmt: skip


def test_a_run_of_changed_files_keeps_the_patch_without_secrets(bench: Bench) -> None:
    """It applies to the commit and gives what was run; new files are named; of a clean project nothing is kept."""
    project = projects.get(bench, "churn")
    clean = runs.noted(bench, runs.submit(bench, Request("churn", "notebooks/report.ipynb")))
    assert "git_patch" not in clean
    secrets.put(bench, "TOKEN", "hunter2-hunter2")
    (project.path / "notebooks/helper.py").write_text("VALUE = 'new'\nTOKEN = 'hunter2-hunter2'\n")
    (project.path / "notebooks/new.py").write_text("1")
    for made in ("__pycache__/helper.cpython-313.pyc", ".ipynb_checkpoints/report-checkpoint.ipynb"):
        (project.path / "notebooks" / made).parent.mkdir()
        (project.path / "notebooks" / made).write_text("made out of others")
    (project.path / "data/committed.csv").write_text("data is not code\n")
    number = runs.submit(bench, Request("churn", "notebooks/report.ipynb"))
    record = runs.noted(bench, number)
    kept = bench.home.run_folder(number) / "changes.patch"
    assert (record["git_dirty"], record["git_patch"], record["git_patch_cut"]) == (True, "changes.patch", False)
    assert record["git_untracked"] == ["notebooks/new.py"]
    text = kept.read_text()
    assert list(patch.files_of(text)) == ["notebooks/helper.py"]
    assert patch.files_of(text) != patch.files_of(text.replace("new", "newer"))
    assert patch.files_of("") == {}
    assert "hunter2" not in text
    assert "[secret]" in text
    assert "data is not code" not in text
    git(project.path, "stash", "--quiet")
    git(project.path, "apply", str(kept))
    assert (project.path / "notebooks/helper.py").read_text() == "VALUE = 'new'\nTOKEN = '[secret]'\n"


def test_a_large_patch_is_cut_where_a_line_ends(bench: Bench) -> None:
    """It says so, and no half of a secret is at its end."""
    project = projects.get(bench, "churn")
    (project.path / "notebooks/helper.py").write_text("x = 'secret-of-many-letters'\n" * 20_000)
    secrets.put(bench, "TOKEN", "secret-of-many-letters")
    found = patch.of(bench, project)
    assert found.cut
    assert len(found.text) < patch.MOST
    assert "secret-of" not in found.text
    assert found.text.endswith("[secret]'\n")


def test_declared_inputs_are_hashed_before_the_first_cell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By name and pattern, in data folders from elsewhere too; too large ones by size and time; what is missing is said."""
    (tmp_path / "warehouse/deep").mkdir(parents=True)
    (tmp_path / "warehouse/deep/a.csv").write_text("a")
    (tmp_path / "warehouse/b.csv").write_text("bb")
    made = job(
        tmp_path, "params.json", "data/*.txt", "data/sales/**/*.csv", "data/sales/b.csv", "gone.csv",
        data=(Mount(tmp_path / "warehouse", "sales"),),
    )  # fmt: skip
    project = made.workspace.project
    (project / "data").mkdir()
    (project / "params.json").write_text("{}")
    (project / "data/x.txt").write_text("x" * 100)
    monkeypatch.setattr(inputs, "MOST_BYTES", 50)
    found = {one["path"]: one for one in inputs.inputs_of(made)}
    assert list(found) == ["params.json", "data/x.txt", "data/sales/b.csv", "data/sales/deep/a.csv", "gone.csv"]
    assert found["params.json"]["sha256"] == hashlib.sha256(b"{}").hexdigest()
    assert found["data/sales/deep/a.csv"]["sha256"] == hashlib.sha256(b"a").hexdigest()
    assert "sha256" not in found["data/x.txt"]
    assert found["data/x.txt"]["size"] == 100
    assert "too large" in found["data/x.txt"]["problem"]
    assert "no such file" in found["gone.csv"]["problem"]


def test_a_link_laid_by_code_in_a_container_is_not_followed(tmp_path: Path) -> None:
    """No file outside of the project is read for it, by the link itself or through a folder that is one."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/secret").write_text("s")
    made = job(tmp_path, "data/secret", "data/folder/*", engine=EngineName.DOCKER)
    data = made.workspace.project / "data"
    data.mkdir()
    (data / "secret").symlink_to(tmp_path / "outside/secret")
    (data / "folder").symlink_to(tmp_path / "outside")
    for one in inputs.inputs_of(made):
        assert "sha256" not in one
        assert "size" not in one
        assert one["problem"]


@pytest.mark.parametrize(
    ("mask", "folder", "file"), [(0o027, 0o750, 0o640), (0o002, 0o775, 0o664), (0o077, 0o700, 0o600)]
)
def test_who_may_read_what_a_run_publishes_is_as_the_umask_says(
    tmp_path: Path, mask: int, folder: int, file: int
) -> None:
    """The folder and each file in it, the patch too; and a service of systemd is given the person's umask."""
    before = os.umask(mask)
    try:
        made = job(tmp_path)
        attempt = made.input.parent / "1"
        attempt.mkdir()
        for path in (attempt / "output.ipynb", attempt / "log.txt", made.input.parent / "changes.patch"):
            path.write_text("x")
        place = publish(made, attempt, {"run": 1})
        text = unit.text(open_bench(tmp_path / "home").home, ["workbench"], {})
    finally:
        os.umask(before)
    assert stat.S_IMODE(place.stat().st_mode) == folder
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in place.iterdir()}
    assert modes == dict.fromkeys(("output.ipynb", "log.txt", "changes.patch", "record.json"), file)
    assert f"UMask={mask:04o}\n" in text
