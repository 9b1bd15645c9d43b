"""Environments end to end on the process engine: secrets on their way into a run."""

from __future__ import annotations

import json

from waiting import until
from world import PROJECT, bench, ended, kernel_python, notebook, start, submit

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
