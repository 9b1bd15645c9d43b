"""Environments end to end on the process engine: secrets on their way into a run."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from cli_home import Shell
from waiting import until
from world import PROJECT, bench, ended, kernel_python, notebook, start, submit

from workbench import keyrings
from workbench.model.run import RunState
from workbench.services import projects, secrets
from workbench.services.bench import Bench

__all__ = ["bench", "kernel_python"]
VALUE = "hunter2-hunter2"


def test_a_run_has_its_secret_and_leaves_no_trace(bench: Bench) -> None:
    """The notebook reads it; the store, job, events, record, logs and journal do not have it. One that is removed before the
    run begins ends it at once, with what to do."""
    file = bench.home.environments / "bare.yaml"
    file.write_text(f"{file.read_text()}secrets: [PGPASSWORD]\n")
    secrets.put(bench, "PGPASSWORD", VALUE)
    path = notebook(bench, "reads.ipynb", "import os\nassert len(os.environ['PGPASSWORD']) == 15")
    first = submit(bench, path)
    secrets.remove(bench, "PGPASSWORD")
    start(bench)
    lost = ended(bench, first)
    assert (lost.state, lost.reason) == (RunState.FAILED, "secret PGPASSWORD of environment bare is not set")
    assert "workbench secrets set PGPASSWORD" in lost.hint
    secrets.put(bench, "PGPASSWORD", VALUE)
    done = ended(bench, submit(bench, path))
    assert done.state is RunState.SUCCEEDED, done.reason
    until(lambda: not bench.home.kernel_records(f"{done.id}.1"), "its kernel to be gone")
    bench.store.close()
    own = bench.home.secrets / "PGPASSWORD"
    roots = (bench.home.root, bench.home.state, projects.get(bench, PROJECT).path)
    holders = {
        file for root in roots for file in root.rglob("*") if file.is_file() and VALUE.encode() in file.read_bytes()
    }
    assert holders == {own}
    record = next(projects.get(bench, PROJECT).path.glob("runs/*/record.json"))
    assert json.loads(record.read_text())["environment"] == "bare"


def test_a_run_goes_back_to_an_older_revision(
    bench: Bench, kernel_python: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Declared anew, built anew, and the older one made active again by the command: each run records what it used. Built by
    force it is a revision of its own. What was removed is refused with what to do."""
    monkeypatch.setenv("WORKBENCH_HOME", str(bench.home.root))
    shell = Shell(capsys, bench=bench)
    path = notebook(bench, "which.ipynb", "1")

    def used() -> str:
        done = ended(bench, submit(bench, path))
        assert done.state is RunState.SUCCEEDED, done.reason
        assert done.output
        record = json.loads((Path(done.output) / "record.json").read_text())
        assert record["revision"]["pinned"] is False
        assert record["revision"]["id"] == done.revision
        return str(done.revision)

    first = used()
    file = bench.home.environments / "bare.yaml"
    file.write_text(file.read_text().replace(str(kernel_python), str(kernel_python.parents[1])))
    second = used()
    assert second != first
    assert f"bare is held at revision {first}" in shell("environments", "activate", "bare", first)
    assert used() == first
    assert "what is declared now is another" in shell("environments", "show", "bare")
    assert "process, not pinned" in shell("environments", "list")
    rows = {row["id"]: row for row in shell.json("environments", "revisions", "bare")}
    assert [(rows[one]["state"], rows[one]["runs"], rows[one]["declared"]) for one in (first, second)] == [
        ("held", 2, False),
        ("", 1, True),
    ]
    assert "is active" in shell("environments", "activate", "bare", "--newest")
    assert used() == second
    third = shell.json("environments", "build", "bare", "--force")["revision"]
    assert third == f"{second}-1"
    assert used() == third
    shutil.rmtree(bench.home.environment_folder("bare") / first)
    shell("environments", "activate", "bare", first)
    assert (shell.code, "is gone" in shell.err, "environments build bare" in shell.err) == (1, True, True)


def test_a_run_has_its_secret_from_the_keyring(bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The runner asks for it when it starts, and leaves it out of what is kept; a value that was taken out of the keyring
    ends the run with what to do."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyrings.alt.file.PlaintextKeyring")
    file = bench.home.environments / "bare.yaml"
    file.write_text(f"{file.read_text()}secrets: [PGPASSWORD]\n")
    bench.home.settings_file.write_text("concurrency: 2\nsecrets: keyring\n")
    secrets.put(bench, "PGPASSWORD", VALUE)
    path = notebook(
        bench, "reads.ipynb", "import os\nassert len(os.environ['PGPASSWORD']) == 15\nprint(os.environ['PGPASSWORD'])"
    )
    done = ended(bench, submit(bench, path))
    assert done.state is RunState.SUCCEEDED, (done.reason, done.failure)
    assert "[secret]" in (Path(done.output) / "output.ipynb").read_text()
    until(lambda: not bench.home.kernel_records(f"{done.id}.1"), "its kernel to be gone")
    bench.store.close()
    roots = (bench.home.root, bench.home.state, projects.get(bench, PROJECT).path)
    assert [
        one for root in roots for one in root.rglob("*") if one.is_file() and VALUE.encode() in one.read_bytes()
    ] == []
    keyrings.remove(f"workbench {bench.home.id}", "PGPASSWORD")
    lost = ended(bench, submit(bench, path))
    assert lost.state is RunState.FAILED
    assert "the keyring does not have PGPASSWORD any more" in lost.reason
