"""Runs whose kernel lives in a container: what they see and leave, and every way they end."""

from __future__ import annotations

import json
import math
import os
import signal
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
from containers import built, daemon, declare, ids_inside, kernel_of, without_kernels
from docker import APIClient
from waiting import until
from world import (
    PROJECT,
    ended,
    ends_of,
    events_of,
    in_cell,
    kill_runner,
    kill_supervisor,
    notebook,
    start,
    submit,
)

from workbench.model.run import Request, RunState
from workbench.model.terms import Terms
from workbench.services import environments, projects, runs
from workbench.services.bench import Bench
from workbench.services.history import attaching, continuing

pytestmark = [pytest.mark.docker, pytest.mark.timeout(600)]
ENDLESS = "import time\nprint('in it', flush=True)\nwhile True:\n    time.sleep(0.1)"
SOON = 5.0  # seconds in which a dead kernel is noticed


def code_cells(path: Path) -> list[dict[str, Any]]:
    """The code cells of a notebook."""
    return [cell for cell in json.loads(path.read_text())["cells"] if cell["cell_type"] == "code"]


def in_r(lab: Bench, path: str) -> None:
    """Make a notebook one of R."""
    file = projects.get(lab, PROJECT).path / path
    text = json.loads(file.read_text())
    text["metadata"] = {"kernelspec": {"name": "ir", "display_name": "R", "language": "R"}}
    file.write_text(json.dumps(text))


def test_what_a_run_sees_and_leaves(lab: Bench, tmp_path: Path) -> None:
    """It runs in the notebook's folder as the person, sees data read-only below data/, and records image and revision."""
    (tmp_path / "sales.csv").write_text("a,b\n")
    project = projects.get(lab, PROJECT)
    declared = project.path / "project.yaml"
    before = declared.read_text()
    declared.write_text(f"{before}data: [{{path: {tmp_path}, as: sales}}]\n")
    path = notebook(
        lab,
        "sees.ipynb",
        "import json, os, pathlib, getpass",
        """\
pathlib.Path("made/deep").mkdir(parents=True)
pathlib.Path("made/deep/file.txt").write_text(day)
try:
    open("../data/sales/new.csv", "w")
except OSError as error:
    refused = error.strerror
print(json.dumps({
    "cwd": os.getcwd(), "uid": os.getuid(), "gid": os.getgid(), "who": getpass.getuser(),
    "home": os.path.isdir(os.path.expanduser("~")), "data": os.listdir("../data/sales"), "refused": refused,
    "variables": {name: value for name, value in os.environ.items() if name.startswith("WORKBENCH_")},
    "inside": any(map(os.path.exists, ("/.dockerenv", "/run/.containerenv"))), "state": os.path.exists(os.environ.get("STATE", "/nowhere")),
}))""",
        parameters='day = "sunday"',
    )
    run = ended(lab, submit(lab, path, day="monday"))
    declared.write_text(before)
    assert run.ended_well, run.reason
    assert run.peak_memory, "what its kernel held in the container"
    assert 10_000_000 < run.peak_memory < 1_000_000_000
    assert run.cpu_seconds
    left = runs.artifacts(lab, run.id)
    assert left.notebook
    assert left.record
    saw = json.loads(code_cells(left.notebook)[3]["outputs"][0]["text"][0])
    assert saw["cwd"] == str(project.path / "notebooks")
    assert (saw["uid"], saw["gid"]) == ids_inside()
    assert saw["data"] == ["sales.csv"]
    assert saw["refused"] == "Read-only file system"
    assert saw["variables"] == {
        "WORKBENCH_RUN": str(run.id),
        "WORKBENCH_ATTEMPT": "1",
        "WORKBENCH_PROJECT": str(project.path),
        "WORKBENCH_NOTEBOOK": path,
        "WORKBENCH_PARAM_day": "monday",
    }
    assert (saw["inside"], saw["home"], saw["state"]) == (True, True, False)
    made = project.path / "notebooks" / "made" / "deep" / "file.txt"
    assert made.read_text() == "monday"
    assert {(path.stat().st_uid, path.stat().st_gid) for path in (made, made.parent)} == {(os.getuid(), os.getgid())}
    record = json.loads(left.record.read_text())
    revision = environments.view(lab, "python").revision
    assert revision
    assert record["engine"] == "docker"
    assert (record["revision"]["id"], record["revision"]["digest"]) == (revision.id, revision.digest)
    assert record["revision"]["digest"].startswith("sha256:")
    assert record["parameters"] == {"day": "monday"}


def test_state_is_never_shown_to_a_kernel(lab: Bench, engine: APIClient) -> None:
    """Of the home's private state a kernel's container sees no more than its own files."""
    run = submit(lab, notebook(lab, "endless.ipynb", ENDLESS))
    container = kernel_of(lab, engine, run)
    shown = {mount["Source"]: mount["RW"] for mount in container["Mounts"]}
    private = [source for source in shown if Path(source).is_relative_to(lab.home.state)]
    assert all("containers/" in source for source in private)
    assert str(lab.home.state) not in shown
    assert not any("docker.sock" in source for source in shown)
    assert container["HostConfig"]["RestartPolicy"]["Name"] in ("", "no")
    assert not container["HostConfig"]["AutoRemove"]
    runs.cancel(lab, run)
    ended(lab, run)


def test_progress_comes_while_it_runs_and_cancel_leaves_nothing(lab: Bench, engine: APIClient) -> None:
    """Cells and what they print are told live; cancelled, it ends within 20 s, no container is left, its output is whole."""
    path = notebook(lab, "slow.ipynb", "print('one', flush=True)", ENDLESS, "print('never')")
    run = submit(lab, path)
    in_cell(lab, run, 2)
    until(lambda: any("in it" in str(event.get("text")) for event in events_of(lab, run)), "its output")
    until(lambda: (runs.get(lab, run).cells, runs.get(lab, run).cells_done) == (3, 1), "its progress in the store")
    began = time.monotonic()
    runs.cancel(lab, run)
    assert ended(lab, run).state is RunState.CANCELLED
    without_kernels(lab, engine)
    assert time.monotonic() - began < 20
    output = runs.artifacts(lab, run).notebook
    assert output
    statuses = [cell["metadata"]["papermill"]["status"] for cell in code_cells(output)]
    assert statuses[0] == "completed"
    assert statuses[2] != "completed"


def test_cancelled_before_its_kernel_answers(lab: Bench, engine: APIClient) -> None:
    """Cancelled while its container is made, it ends as cancelled and nothing is left."""
    run = submit(lab, notebook(lab, "endless.ipynb", ENDLESS))
    until(lambda: runs.get(lab, run).state is not RunState.QUEUED, "its start")
    runs.cancel(lab, run)
    assert ended(lab, run).state is RunState.CANCELLED
    without_kernels(lab, engine)


@pytest.mark.parametrize("how", ["its process", "docker kill", "docker stop", "docker rm"])
def test_a_kernel_that_is_killed(lab: Bench, engine: APIClient, how: str) -> None:
    """Killed in mid cell from inside or behind our back: `crashed` within 5 s, the cell named, no later cell completed."""
    run = submit(lab, notebook(lab, "endless.ipynb", "a = 1", ENDLESS, "print('never')"))
    in_cell(lab, run, 2)
    container = kernel_of(lab, engine, run)
    began = time.monotonic()
    if how == "its process":
        (kernel,) = psutil.Process(container["State"]["Pid"]).children()
        kernel.send_signal(signal.SIGKILL)
    elif how == "docker kill":
        engine.kill(container["Id"])
    elif how == "docker stop":
        engine.stop(container["Id"], timeout=0)
    else:
        engine.remove_container(container["Id"], force=True)
    over = ended(lab, run, seconds=20)
    assert time.monotonic() - began < SOON
    assert over.state is RunState.CRASHED, over.reason
    assert "cell 2 `import time`" in over.reason
    assert "memory" not in over.reason
    # Without patience `docker stop` sends the one signal right after the other.
    told = {"docker stop": ("killed by SIGTERM", "killed by SIGKILL"), "docker rm": ("its container was removed",)}
    assert any(words in over.reason for words in told.get(how, ("killed by SIGKILL",)))
    assert over.failure
    assert over.failure.cell == 2
    assert "while True" in over.failure.source
    output = runs.artifacts(lab, run).notebook
    assert output
    assert [cell["metadata"]["papermill"]["status"] for cell in code_cells(output)][2] != "completed"
    without_kernels(lab, engine)
    assert ends_of(lab, run) == ["crashed"]


def test_out_of_memory_is_said_on_evidence(lab: Bench, engine: APIClient) -> None:
    """A cell that takes more than the environment's limit ends the run as out of memory, with limit and cell named."""
    declare(lab, "narrow", "extends: python\nlimits: {memory: 300M}\n")
    wide, narrow = built(lab, "python"), built(lab, "narrow")
    assert narrow.digest == wide.digest, "a limit is no reason for another image"
    path = notebook(lab, "greedy.ipynb", "kept = []", "while True:\n    kept.append(bytearray(20_000_000))")
    run = ended(lab, runs.submit(lab, Request(PROJECT, path, environment="narrow")))
    if not daemon().memory_limits:  # as that of an ordinary account on version 1 of cgroups
        assert (run.state, run.reason) == (RunState.FAILED, "this engine cannot hold the limit `memory`")
        return
    assert run.state is RunState.OUT_OF_MEMORY, run.reason
    assert "limit 300 MB" in run.reason
    assert "cell 2 `while True:`" in run.reason
    without_kernels(lab, engine)


def test_a_limit_of_time(lab: Bench, engine: APIClient) -> None:
    """A run that takes longer than its timeout is ended as timed out, in the cell that was running."""
    path = notebook(lab, "endless.ipynb", ENDLESS)
    for seconds in (3, 10, 30):  # on a busy machine a container may need more before its first cell
        run = ended(lab, runs.submit(lab, Request(PROJECT, path, timeout=float(seconds))))
        assert run.state is RunState.TIMED_OUT
        assert f"longer than {seconds}" in run.reason
        if "before its first cell" not in run.reason:
            break
    assert "cell 1 `import time`" in run.reason
    without_kernels(lab, engine)


def test_a_question_is_no_hang(lab: Bench) -> None:
    """`input()` fails at once and says that nobody is there to answer."""
    run = ended(lab, submit(lab, notebook(lab, "asks.ipynb", "x = 1", "input('Name? ')")))
    assert (run.state, run.reason) == (RunState.FAILED, "asked for input in cell 2")


def test_a_question_in_r_is_no_hang(lab: Bench) -> None:
    """R's `readline()` asks even when told not to: the run fails within a minute, saying so, and names the cell."""
    built(lab, "r")
    path = notebook(lab, "asks-r.ipynb", "x <- 1", 'name <- readline("Name? ")', 'cat("never")')
    in_r(lab, path)
    run = ended(lab, runs.submit(lab, Request(PROJECT, path, environment="r")))
    assert run.state is RunState.FAILED
    assert run.reason.startswith("asked for input in cell 2")
    assert run.hint


def test_papermill_824_resume_in_r(lab: Bench, engine: APIClient) -> None:
    """An R notebook that ran out of time is gone on with from the cell that was interrupted: what took long is not done
    again. Its container is kept, also over a supervisor that is killed, a shell into it can be had; given back, it goes."""
    built(lab, "r")
    path = notebook(lab, "long.ipynb", "x <- 41\ncat('long')", "Sys.sleep(600)", "cat(x + 1)")
    in_r(lab, path)
    asked = Request(PROJECT, path, environment="r", terms=Terms(keep=600.0, cell=3.0))
    run = ended(lab, runs.submit(lab, asked))
    assert (run.state, run.kept_cell) == (RunState.TIMED_OUT, 2), run.reason
    assert kernel_of(lab, engine, run.id)["Id"] in attaching.shell(lab, run)
    kill_supervisor(lab)
    start(lab)
    second = ended(lab, continuing.go_on(lab, run.id, {2: "stop('still wrong')"}))
    assert (second.state, second.kept_cell) == (RunState.FAILED, 2), second.reason
    third = ended(lab, continuing.go_on(lab, second.id, {2: "x <- x + 1", 3: "cat(x)\nstop('end')"}))
    assert (third.state, third.kept_cell, third.cells_done) == (RunState.FAILED, 3, 2), third.reason
    left = runs.artifacts(lab, third.id).notebook
    assert left
    assert [cell["outputs"][0]["text"] for cell in code_cells(left) if cell["outputs"]] == [["long"], ["42"]]
    continuing.release(lab, third.id)
    without_kernels(lab, engine, seconds=30)
    until(lambda: not continuing.all_kept(lab), "rows to say so")


def test_r_is_given_r_values(lab: Bench) -> None:
    """A flat list is a vector, mixed and nested ones are lists, é stays é, NaN and Inf are R's own; names with a dot too."""
    built(lab, "r")
    values = {
        "numbers": [1, 2.5, math.inf],
        "words": ["é", 'a"b\\', None],
        "truths": [True, False],
        "mixed": [1, "a", None],
        "nested": {"a": [1, 2], "": [["x"]]},
        "none": None,
        "nan": math.nan,
        "empty": [],
        "rows.most": 2**53,
    }
    path = notebook(
        lab,
        "values-r.ipynb",
        """\
for (x in list(numbers, words, truths, mixed, nested, none, nan, empty, rows.most)) cat(deparse(x), "\\n", sep = "")
cat(nchar(words[1]), is.na(words[3]), is.nan(nan), Sys.getenv("WORKBENCH_PARAM_rows_most"))""",
        parameters="rows.most <- 1",
    )
    in_r(lab, path)
    run = ended(lab, runs.submit(lab, Request(PROJECT, path, values, "r", allow_unknown_parameters=True)))
    assert run.ended_well, run.reason
    output = runs.artifacts(lab, run.id).notebook
    assert output
    told = "".join("".join(one["text"]) for one in code_cells(output)[2]["outputs"])
    assert told.splitlines() == [
        "c(1, 2.5, Inf)",
        r'c("é", "a\"b\\", NA)',
        "c(TRUE, FALSE)",
        'list(1, "a", NULL)',
        'list(a = c(1, 2), list("x"))',
        "NULL",
        "NaN",
        "list()",
        "9007199254740992",
        "1 TRUE TRUE 9007199254740992",
    ]


@pytest.mark.parametrize("moment", ["young", "old"])
def test_a_runner_that_is_killed(lab: Bench, engine: APIClient, moment: str) -> None:
    """kill -9 of a runner: within 10 s its container is gone and the run is `crashed`, also right after its start."""
    run = submit(lab, notebook(lab, "endless.ipynb", ENDLESS))
    container = kernel_of(lab, engine, run)
    in_cell(lab, run, 1)
    if moment == "old":
        created = psutil.Process(container["State"]["Pid"]).create_time()
        until(lambda: time.time() - created > 11, "the container to be older than a sweep's doubts")
    kill_runner(lab, runs.get(lab, run))
    without_kernels(lab, engine, seconds=10)
    assert ended(lab, run).state is RunState.CRASHED
    assert ends_of(lab, run) == ["crashed"]


def test_a_run_outlives_the_supervisor(lab: Bench, engine: APIClient) -> None:
    """kill -9 of the supervisor: the run goes on in its container, is found again, and ends once."""
    path = notebook(lab, "steps.ipynb", "import time", "time.sleep(4)", "print('to the end')")
    run = submit(lab, path)
    before = kernel_of(lab, engine, run)["Id"]
    in_cell(lab, run, 2)
    kill_supervisor(lab)
    assert kernel_of(lab, engine, run)["Id"] == before
    start(lab)
    over = ended(lab, run)
    assert over.state is RunState.SUCCEEDED, over.reason
    assert ends_of(lab, run) == ["succeeded"]
    without_kernels(lab, engine)


def test_several_at_once(lab: Bench, engine: APIClient) -> None:
    """Six runs on two places all succeed, each with its own parameter, and leave no container."""
    path = notebook(lab, "many.ipynb", "print('n is', n)", parameters="n = 0")
    asked = {submit(lab, path, n=number): number for number in range(6)}
    for run, number in asked.items():
        over = ended(lab, run)
        assert over.ended_well, over.reason
        output = runs.artifacts(lab, run).notebook
        assert output
        assert code_cells(output)[2]["outputs"][0]["text"] == [f"n is {number}\n"]
    without_kernels(lab, engine)
