"""A failed run's kernel is kept, its cell corrected, and a new run goes on in the same state; process engine, whole program."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest
from waiting import until
from world import (
    PROJECT,
    end,
    ended,
    in_cell,
    kernel_python,
    kill_runner,
    kill_supervisor,
    notebook,
    start,
    states_of,
    until_nothing_is_left,
)

from workbench.errors import Conflict, Refused
from workbench.model.run import Request, Run, RunState
from workbench.model.terms import Terms
from workbench.services import projects, runs
from workbench.services.bench import Bench, open_bench
from workbench.services.history import comparison, continuing, exact

__all__ = ["kernel_python"]
FIRST = "import os\nx = 41 + n\nmade = [os.getpid()]\nprint('first')"
BAD, GOOD = "x / 0", "x += 1\nprint('x is', x)"
LAST = "made.append(os.getpid())\nprint('same' if len(set(made)) == 1 else 'other', x)"


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory, kernel_python: Path) -> Iterator[Bench]:
    """One home for all of them, with room for one run at once; afterwards nothing is left of it."""
    opened = open_bench(tmp_path_factory.mktemp("kept") / "home")
    (opened.home.environments / "bare.yaml").write_text(f"engine: process\nuse: {kernel_python}\nides: []\n")
    opened.home.settings_file.write_text("concurrency: 1\nwarm_kernels: 1\n")
    projects.create(opened, PROJECT, environment="bare")
    yield opened
    end(opened)
    until_nothing_is_left(opened)
    opened.close()


def asked(bench: Bench, path: str, *, keep: float = 600.0, **more: Any) -> int:
    """A run whose kernel is to be kept."""
    return runs.submit(bench, Request(PROJECT, path, terms=Terms(keep=keep), **more))


def failed(bench: Bench, number: int, state: RunState = RunState.FAILED) -> Run:
    """The run once it has failed and its kernel is kept."""
    run = ended(bench, number)
    assert run.state is state, (run.reason, run.failure)
    assert run.kept_until, run
    return run


def said(bench: Bench, run: int) -> list[str]:
    """What each cell of a run's output printed, papermill's banners left out."""
    found = runs.artifacts(bench, run).notebook
    assert found
    cells = [cell for cell in json.loads(found.read_text())["cells"] if cell["cell_type"] == "code"]
    return ["".join("".join(output.get("text", ())) for output in cell["outputs"]).strip() for cell in cells]


def test_a_corrected_cell_goes_on_in_the_same_state(bench: Bench) -> None:
    """The notebook is edited and saved, and the new run goes on from the failed cell in the same process: its output has the
    earlier cells as they ran and says what was changed from which run; the notebook is not written."""
    path = notebook(bench, "fix.ipynb", FIRST, BAD, LAST, parameters="n = 0")
    number = asked(bench, path, parameters={"n": 1})
    run = failed(bench, number)
    assert run.kept_cell == 4  # papermill has put the parameters behind the first
    notebook(bench, "fix.ipynb", FIRST, GOOD, LAST, parameters="n = 0")
    file = projects.get(bench, PROJECT).path / path
    before = file.read_bytes()
    after = ended(bench, continuing.go_on(bench, number))
    assert after.state is RunState.SUCCEEDED, (after.reason, after.failure)
    assert said(bench, after.id) == ["", "", "first", "x is 43", "same 43"]
    assert (after.cells, after.cells_done, after.continues, after.parameters) == (5, 5, number, {"n": 1})
    assert file.read_bytes() == before
    record = json.loads((Path(after.output) / "record.json").read_text())["continues"]
    assert (record["run"], record["cell"]) == (number, 4)
    assert [one["cell"] for one in record["changes"]] == [4]
    assert "-x / 0" in record["changes"][0]["diff"]
    output = json.loads((Path(after.output) / "output.ipynb").read_text())
    assert output["metadata"]["workbench"]["continues"] == [record]
    assert output["cells"][3]["metadata"]["workbench"]["corrected"]["before_sha256"]
    until_gone(bench, number)
    assert runs.get(bench, number).state is RunState.FAILED
    assert ("continues", "-", f"run {number} from cell 4, cell 4 changed") in comparison.compare(
        bench, number, after.id
    ).facts
    with pytest.raises(Conflict, match=f"run {after.id} went on"):
        continuing.go_on(bench, number)


def gone(process: int) -> bool:
    """Whether there is no such process any more."""
    return not psutil.pid_exists(process)


def until_swept(bench: Bench, number: int) -> None:
    """Until nothing is left of the kernel that was begun for a run."""
    until(
        lambda: not bench.home.kernel_records(f"{number}.1"),
        f"nothing of the kernel of run {number} to be left",
        seconds=60,
    )


def until_gone(bench: Bench, number: int) -> None:
    """Until its row says that its kernel is not kept any more."""
    until(lambda: runs.get(bench, number).kept_until is None, f"the kernel of run {number} to be gone", seconds=60)


def test_cells_that_ran_may_not_be_changed(bench: Bench) -> None:
    """With a change of what ran already nothing is queued, the cell is named and `again` offered; a text for one cell does
    not look at the notebook; a second failure keeps the kernel again, and it goes on from there."""
    path = notebook(bench, "again.ipynb", FIRST.replace("+ n", ""), "x += 1\ny = 0", BAD, LAST)
    number = asked(bench, path)
    failed(bench, number)
    notebook(bench, "again.ipynb", FIRST.replace("41 + n", "1"), "x += 1\ny = 0", GOOD, LAST)
    with pytest.raises(Refused, match="cell 1, which ran already, is another now") as refused:
        continuing.go_on(bench, number)
    assert f"workbench runs again {number}" in refused.value.hint
    with pytest.raises(Refused, match="cell 2 has run already"):
        continuing.go_on(bench, number, {2: "y = 1"})
    assert runs.page(bench)[0].id == number
    second = failed(bench, continuing.go_on(bench, number, {3: "x += 1\ny / 0"}))
    assert (second.kept_cell, second.continues) == (3, number)
    assert continuing.coming(bench, second.id).source == "x += 1\ny / 0"
    third = ended(bench, continuing.go_on(bench, second.id, {3: "print(x, y)", 4: LAST + "\nprint('end')"}))
    assert third.state is RunState.SUCCEEDED, (third.reason, third.failure)
    assert said(bench, third.id) == ["first", "", "43 0", "same 43\nend"]
    output = json.loads((Path(third.output) / "output.ipynb").read_text())
    past = output["metadata"]["workbench"]["continues"]
    assert [(one["run"], [change["cell"] for change in one["changes"]]) for one in past] == [
        (number, [3]),
        (second.id, [3, 4]),
    ]
    with pytest.raises(Refused, match="went on in the kernel of run"):
        exact.again(bench, third.id)
    until_gone(bench, number)
    until_gone(bench, second.id)


def test_kept_kernels_take_no_place_and_leave_nothing_behind(bench: Bench) -> None:
    """With room for one run at once others run while a kernel is kept. It outlives the supervisor; it goes at its time, when
    it is given back, with its runner, and with its project's environment; every row then says so."""
    bad = notebook(bench, "bad.ipynb", "import os\nprint(os.getpid())", BAD)
    number = asked(bench, bad)
    kept = failed(bench, number)
    kernel = psutil.Process(int(said(bench, number)[0]))
    other = ended(bench, runs.submit(bench, Request(PROJECT, notebook(bench, "other.ipynb", "print(1)"))))
    assert other.state is RunState.SUCCEEDED
    until(lambda: runs.get(bench, number).kept_memory, "what it holds")
    assert "kept until" in continuing.words(bench, runs.get(bench, number))
    kill_supervisor(bench)
    start(bench)
    later = ended(bench, runs.submit(bench, Request(PROJECT, "notebooks/other.ipynb")))
    assert later.state is RunState.SUCCEEDED
    assert kernel.is_running()
    assert runs.get(bench, number).kept_until == kept.kept_until

    continuing.release(bench, number)
    until_gone(bench, number)
    assert not kernel.is_running()
    assert states_of(bench, number)[-2:] == ["release asked", "kernel not kept"]

    number = asked(bench, bad, keep=1.0)
    failed(bench, number)
    until_gone(bench, number)
    with pytest.raises(Conflict, match="is not kept any more"):
        continuing.go_on(bench, number)

    number = asked(bench, bad)
    kill_runner(bench, failed(bench, number), signal.SIGKILL)
    until_gone(bench, number)
    kernel = int(said(bench, number)[0])
    until(partial(gone, kernel), "its kernel to be gone", seconds=60)
    until_swept(bench, number)
    assert runs.get(bench, number).state is RunState.FAILED

    number = asked(bench, bad)
    failed(bench, number)
    runs.remove(bench, number)
    until_swept(bench, number)


def test_a_run_that_goes_on_is_as_any_other(bench: Bench) -> None:
    """While it runs the supervisor may be killed, and it ends well; it is cancelled as any run is, and the kernel goes with it;
    of one whose runner is killed that is said, and nothing is left."""
    path = notebook(bench, "life.ipynb", "import os, time\nprint(os.getpid())", BAD)
    wait = "while not os.path.exists({!r}):\n    time.sleep(0.05)"
    go = projects.get(bench, PROJECT).path / "go"
    first = failed(bench, asked(bench, path))
    after = in_cell(bench, continuing.go_on(bench, first.id, {2: wait.format(str(go))}), 2)
    kill_supervisor(bench)
    start(bench)
    go.touch()
    assert ended(bench, after.id).state is RunState.SUCCEEDED
    until_gone(bench, first.id)

    for state in (RunState.CANCELLED, RunState.CRASHED):
        first = failed(bench, asked(bench, path))
        kernel = int(said(bench, first.id)[0])
        after = in_cell(bench, continuing.go_on(bench, first.id, {2: "time.sleep(600)"}), 2)
        if state is RunState.CANCELLED:
            runs.cancel(bench, after.id)
        else:
            kill_runner(bench, after)
        assert ended(bench, after.id).state is state
        until(partial(gone, kernel), "the kernel to be gone", seconds=60)
        until_gone(bench, first.id)
        until_swept(bench, first.id)
        assert runs.get(bench, after.id).kept_until is None
