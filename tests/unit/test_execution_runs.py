"""One run from its job to its result, with real kernels of the process engine: how each way of ending is told."""

from __future__ import annotations

import json
import os
import signal
import stat
import time
from dataclasses import replace
from pathlib import Path

import pytest
from attempts import Desk, code, desk, finished, notebook, processes_of, runner
from waiting import until

from workbench.execution.fence import hold
from workbench.execution.result import Result, write_result
from workbench.model.environment import EngineName
from workbench.model.run import RunState

__all__ = ["desk"]

SLEEP_IN_C = "import ctypes\nprint('sleeping', flush=True)\nctypes.CDLL(None).sleep(300)"


def test_a_run_that_succeeds_leaves_output_log_and_record(desk: Desk) -> None:
    """The published folder holds output, log and record, `latest` names it, and nothing of the kernel is left."""
    cells = notebook(code("month = 'jan'  # which\nn = 1", "parameters"), "print(month, n)", "n + 1")
    attempt, result = desk.run(
        cells, parameters={"n": 41}, record={"git": {"commit": "abc", "dirty": True}, "by": "ann", "as": "svc"}
    )
    assert (result.state, result.reason, result.published) == (RunState.SUCCEEDED, "", True)
    assert (result.cells, result.cells_done) == (4, 4)
    place = Path(result.output)
    assert sorted(path.name for path in place.iterdir()) == ["log.txt", "output.ipynb", "record.json"]
    assert (place.parent / "latest").readlink() == Path(place.name)
    assert [path.name for path in place.parent.iterdir() if path.name.startswith(".2")] == []
    record = json.loads((place / "record.json").read_text())
    assert record["parameters"] == {"n": 41}
    assert (record["by"], record["as"], record["git"]["dirty"]) == ("ann", "svc", True)
    assert record["revision"]["id"] == desk.revision.id
    assert any(line.startswith("ipykernel==") for line in record["revision"]["packages"])
    assert [cell["status"] for cell in record["cells"]] == ["ok"] * 4
    assert "jan 41" in (place / "log.txt").read_text()
    assert "jan 41" in attempt.said()
    assert [event["name"] for event in attempt.events("phase")] == ["starting", "running", "finishing"]
    assert processes_of(desk) == []


def test_an_error_names_cell_source_and_traceback(desk: Desk) -> None:
    """What failed comes with its cell, error, source and cleaned traceback; later cells were not begun."""
    attempt, result = desk.run(notebook("x = 1", "def f():\n    return x / 0\nf()", "x"))
    failure = result.failure
    assert failure is not None
    assert result.state is RunState.FAILED
    assert result.reason == "ZeroDivisionError: division by zero (cell 2)"
    assert (failure.cell, failure.error, failure.message) == (2, "ZeroDivisionError", "division by zero")
    assert failure.source.startswith("def f():")
    assert "return x / 0" in failure.traceback
    assert "\x1b" not in failure.traceback
    assert attempt.statuses() == ["completed", "failed", "pending"]
    assert Path(result.output, "output.ipynb").exists()
    assert result.cells_done == 1


def test_a_kernel_killed_in_a_cell_is_a_crash(desk: Desk) -> None:
    """Within 5 s the run is `crashed`, naming cell and signal; the output is whole and claims nothing."""
    attempt, process = desk.start(notebook("x = 1", f"import os\nprint('pid', os.getpid())\n{SLEEP_IN_C}", "x"))
    attempt.until_output("sleeping")
    pid = int(attempt.said().split()[1])
    began = time.monotonic()
    os.kill(pid, signal.SIGKILL)
    result = finished(attempt, process)
    assert time.monotonic() - began < 5
    assert result.state is RunState.CRASHED
    assert result.reason.startswith("kernel killed by SIGKILL in cell 2 `import os`")
    assert "Not by workbench" in result.hint
    assert result.kernel_exit == "killed by SIGKILL"
    assert result.failure is not None
    assert result.failure.cell == 2
    assert attempt.statuses() == ["completed", "failed", "pending"]


def test_cancel_ends_a_sleep_in_c_and_its_children(desk: Desk) -> None:
    """SIGTERM to the runner ends a kernel that sleeps in C, and what its cells started."""
    start = "import subprocess\nchild = subprocess.Popen(['sleep', '301'], start_new_session=True)\nprint(child.pid)"
    attempt, process = desk.start(notebook(start, SLEEP_IN_C))
    attempt.until_output("sleeping")
    child = Path(f"/proc/{attempt.said().split()[0]}")
    process.send_signal(signal.SIGTERM)
    result = finished(attempt, process, 20)
    assert (result.state, result.reason) == (RunState.CANCELLED, "cancelled in cell 2 `import ctypes`")
    assert processes_of(desk) == []
    assert not child.exists()


def test_a_kernel_that_ignores_everything_is_killed(desk: Desk) -> None:
    """A kernel that swallows the interrupt and SIGTERM is killed by the ladder; a second SIGTERM hurries it."""
    stubborn = "import signal, time\nsignal.signal(15, signal.SIG_IGN)\nprint('armed', flush=True)\n"
    stubborn += (
        "while True:\n    try:\n        time.sleep(300)\n    except KeyboardInterrupt:\n        print('no', flush=True)"
    )
    attempt, process = desk.start(notebook(stubborn))
    attempt.until_output("armed")
    process.send_signal(signal.SIGTERM)
    attempt.until_output("no")
    process.send_signal(signal.SIGTERM)
    assert finished(attempt, process, 20).state is RunState.CANCELLED
    assert any("it is killed" in event["text"] for event in attempt.events("note"))
    assert processes_of(desk) == []


def test_a_run_over_its_time_names_the_cell(desk: Desk) -> None:
    """The limit holds for the whole run; the cell in which it passed is named."""
    for seconds in (3, 15, 45):  # a busy machine may need more before the first cell
        _, result = desk.run(notebook("1", "import time\ntime.sleep(300)", "2"), timeout=float(seconds))
        assert result.state is RunState.TIMED_OUT
        if result.cells_done:
            break
    assert result.reason == f"took longer than {seconds}s in cell 2 `import time`"
    assert result.failure is not None
    assert result.failure.cell == 2


@pytest.mark.parametrize("ask", ["input('name?')", "get_ipython().kernel._allow_stdin = True\ninput('name?')"])
def test_a_question_is_a_failure_not_a_hang(desk: Desk, ask: str) -> None:
    """`input()` fails the run at once, also with a kernel that asks although it was told not to, as IRkernel does."""
    _, result = desk.run(notebook(ask, "1"))
    assert result.state is RunState.FAILED
    assert result.reason.startswith("asked for input in cell 1")
    assert "parameter" in result.hint


def test_an_error_that_is_allowed_does_not_fail(desk: Desk) -> None:
    """A cell tagged `raises-exception` may fail; the output has its error and no banner."""
    attempt, result = desk.run(notebook(code("1/0", "raises-exception"), "print('after')"))
    assert result.state is RunState.SUCCEEDED
    cells = attempt.output()["cells"]
    assert [cell["cell_type"] for cell in cells] == ["code", "code"]
    assert cells[0]["outputs"][0]["ename"] == "ZeroDivisionError"
    assert attempt.statuses() == ["completed", "completed"]


def test_an_error_that_was_only_shown_fails(desk: Desk) -> None:
    """`%run` of a script that fails shows the error and goes on: the run has failed all the same."""
    (desk.project / "s.py").write_text("1/0")
    attempt, result = desk.run(notebook("%run s.py", "print('after')"))
    assert result.state is RunState.FAILED
    assert result.reason == "ZeroDivisionError: division by zero (cell 1)"
    assert "after" in attempt.said()


@pytest.mark.parametrize(("value", "state"), [("0", RunState.SUCCEEDED), ("3", RunState.FAILED)])
def test_sys_exit(desk: Desk, value: str, state: RunState) -> None:
    """`sys.exit(0)` ends the run well and says where; another code is a failure."""
    attempt, result = desk.run(notebook("import sys", f"sys.exit({value})", "1"))
    assert result.state is state
    assert result.reason == ("stopped early at cell 2" if value == "0" else "SystemExit: 3 (cell 2)")
    assert attempt.statuses()[2] == "pending"


def test_a_kernel_that_leaves_by_itself_never_succeeds(desk: Desk) -> None:
    """`os._exit(0)` in a cell is a crash, whatever its code says."""
    _, result = desk.run(notebook("import os\nos._exit(0)", "1"))
    assert (result.state, result.kernel_exit) == (RunState.CRASHED, "exit code 0")


def test_what_a_kernel_does_at_its_end_is_done(desk: Desk) -> None:
    """Exit handlers run: the kernel is asked to end and given time."""
    late = (
        "import atexit, time\n@atexit.register\ndef late():\n    time.sleep(0.5)\n    open('late.txt', 'w').write('x')"
    )
    _, result = desk.run(notebook(late))
    assert result.state is RunState.SUCCEEDED
    assert (desk.project / "late.txt").read_text() == "x"


def test_a_kernel_that_does_not_exist_is_named(desk: Desk) -> None:
    """A kernel the environment does not have is refused with those it has; nothing is started."""
    spec = {"name": "julia-1.11", "display_name": "Julia", "language": "julia"}
    _, result = desk.run(notebook("1", kernelspec=spec))
    assert result.state is RunState.FAILED
    assert "julia" in result.reason
    assert "python3 (python)" in result.hint


def test_a_kernel_that_cannot_start_says_why(desk: Desk) -> None:
    """The last words of a kernel that ended while starting are in the reason."""

    kernel = replace(desk.revision.kernels[0], argv=("python", "-m", "no_such_kernel", "{connection_file}"))
    _, result = desk.run(notebook("1"), revision=replace(desk.revision, kernels=(kernel,)))
    assert result.state is RunState.CRASHED
    assert result.reason.startswith("the kernel ended while starting: exit code 1: ")
    assert "no_such_kernel" in result.reason


def test_a_runner_does_nothing_where_a_result_is(desk: Desk) -> None:
    """A result that is there already, of whoever held the lock, ends a late runner at once."""
    attempt = desk.write(notebook("open('ran.txt', 'w')"))
    write_result(attempt.folder, Result(RunState.INTERRUPTED, "token", "the machine was restarted"))
    assert runner(attempt.folder).wait(20) == 0
    assert attempt.ended is not None
    assert attempt.ended.state is RunState.INTERRUPTED
    assert not (desk.project / "ran.txt").exists()
    assert attempt.events() == []


def test_a_runner_does_nothing_where_another_holds_the_lock(desk: Desk) -> None:
    """Two runners of one attempt: the second leaves without a trace."""
    attempt = desk.write(notebook("open('ran.txt', 'w')"))
    lock = hold(attempt.folder)
    assert lock is not None
    assert runner(attempt.folder).wait(20) == 3
    os.close(lock)
    assert attempt.ended is None
    assert attempt.events() == []


def test_nothing_is_published_over_something(desk: Desk) -> None:
    """A name that is taken stays as it is; the run's folder gets a number."""
    taken = desk.project / "runs" / "taken"
    taken.mkdir(parents=True)
    (taken / "mine.txt").write_text("keep")
    _, result = desk.run(notebook("1"), published=taken)
    assert Path(result.output) == taken.with_name("taken-2")
    assert [path.name for path in taken.iterdir()] == ["mine.txt"]


def test_a_place_that_cannot_be_written_is_told(desk: Desk) -> None:
    """Where publishing fails the result says so, and the output stays in the attempt's folder."""
    (desk.project / "runs").write_text("a file in the way")
    attempt, result = desk.run(notebook("print('hi')"))
    assert result.state is RunState.FAILED
    assert result.reason.startswith("its output could not be published: ")
    assert result.hint.startswith(f"It belongs into {desk.project / 'runs'}. What there is of it: {attempt.folder}")
    assert (result.output, result.published) == (str(attempt.folder), False)
    assert attempt.output()["cells"][0]["outputs"][0]["text"] == ["hi\n"]


def test_the_output_is_there_and_whole_while_a_cell_runs(desk: Desk) -> None:
    """From the first moment there is an output notebook, and text of a long cell arrives in it."""
    attempt, process = desk.start(notebook("print('before')", SLEEP_IN_C))
    until((attempt.folder / "output.ipynb").exists, "the output notebook")
    until(lambda: attempt.output()["cells"][1]["outputs"], "output of the running cell", seconds=15)
    assert attempt.statuses() == ["completed", "running"]
    process.send_signal(signal.SIGTERM)
    assert finished(attempt, process).state is RunState.CANCELLED


def test_a_flood_of_output_is_bounded(desk: Desk) -> None:
    """Text over the limit is not kept in the notebook, and a marker says how much and where it is."""
    flood = "for i in range(20_000):\n    print('x' * 99)\nprint('y' * 40_000_000)"
    attempt, result = desk.run(notebook(flood, "'next'"), cell_output_limit=100_000)
    assert result.state is RunState.SUCCEEDED
    outputs = attempt.output()["cells"][0]["outputs"]
    kept = sum(len("".join(output["text"])) for output in outputs)
    assert 100_000 <= kept < 101_000
    assert "41.9 MB more of text were not kept here: see log.txt" in "".join(outputs[-1]["text"])
    log = (attempt.folder / "log.txt").stat().st_size
    assert 15_000_000 < log < 20_000_000
    assert (attempt.folder / "events.jsonl").stat().st_size < 21_500_000


def test_state_is_private_and_locks_are_not_inherited(desk: Desk) -> None:
    """The kernel does not hold the runner's lock, and state files are of this account alone."""
    look = "import os\nprint([os.readlink(f'/proc/self/fd/{n}') for n in os.listdir('/proc/self/fd') if n.isdigit() "
    look += "and os.path.exists(f'/proc/self/fd/{n}')])"
    attempt, result = desk.run(notebook(look))
    assert result.state is RunState.SUCCEEDED
    assert str(attempt.folder) not in attempt.said()
    assert stat.S_IMODE((attempt.folder / "lock").stat().st_mode) == 0o600


def test_a_notebook_that_is_none_fails_with_its_line(desk: Desk) -> None:
    """A frozen input that is no notebook ends the run with the reader's words."""
    _, result = desk.run(b'{"cells": [\n')
    assert result.state is RunState.FAILED
    assert "cut off" in result.reason


def test_an_engine_that_is_away_has_begun_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the engine does not answer nothing was run or published, and the result says so: the run may wait."""
    monkeypatch.setenv("DOCKER_HOST", f"unix://{desk.project}/no.sock")
    _, result = desk.run(notebook("1"), engine=EngineName.DOCKER)
    assert result.never_began
    assert not result.published
    assert not (desk.project / "runs").exists()


def test_a_folder_that_is_gone_is_named(desk: Desk) -> None:
    """A notebook whose folder was removed meanwhile fails with the folder's name."""
    attempt = desk.write(notebook("1"))
    desk.project.rmdir()
    result = finished(attempt, runner(attempt.folder))
    assert (result.state, result.reason.split(";")[0]) == (
        RunState.FAILED,
        f"{desk.project}: No such file or directory",
    )
    assert not desk.project.exists()


def test_cancelled_while_starting_leaves_nothing(desk: Desk) -> None:
    """Cancelled as soon as the runner lives, it ends as cancelled before its first cell, and no kernel is left."""
    attempt, process = desk.start(notebook("1"))
    until(lambda: attempt.events("phase"), "the start")
    process.send_signal(signal.SIGTERM)
    result = finished(attempt, process)
    assert (result.state, result.reason) == (RunState.CANCELLED, "cancelled before its first cell")
    assert processes_of(desk) == []
