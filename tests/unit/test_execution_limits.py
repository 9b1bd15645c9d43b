"""Limits of the parts of a run, and what it took: by real kernels."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from attempts import Desk, notebook, plain

from workbench.engines import spent
from workbench.model.environment import KernelSpec
from workbench.model.run import RunState
from workbench.paths import open_home

MB = 1024**2
SILENT = "sleep 300"
TALKING = "echo waiting for the licence server; sleep 300"


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """One home for all of these."""
    folder = tmp_path_factory.mktemp("limits")
    project = folder / "home" / "projects" / "p"
    made = Desk(open_home(folder / "home"), plain(tmp_path_factory), project)
    project.mkdir()
    return made


def test_a_cell_may_have_a_limit_of_its_own(desk: Desk) -> None:
    """The cell that took longer is named, with its limit; those before it were in time. What the run held is known though
    its kernel was ended from outside."""
    attempt, result = desk.run(notebook(f"x = b'x' * {200 * MB}", "import time\ntime.sleep(300)"), cell_timeout=2.0)
    assert (result.peak_memory or 0) > 200 * MB
    assert (result.state, result.cells_done) == (RunState.TIMED_OUT, 1)
    assert result.reason == "took longer than 2s in cell 2 `import time`"
    assert "timeout: cell:" in result.hint
    assert json.loads((Path(result.output) / "record.json").read_text())["cell_timeout"] == 2.0
    assert attempt.statuses()[0] == "completed"


@pytest.mark.parametrize(
    ("script", "said"),
    [(TALKING, "; its last words: waiting for the licence server"), (SILENT, ", and said nothing")],
)
def test_a_kernel_that_hangs_at_start_says_so(desk: Desk, script: str, said: str) -> None:
    """After the limit of the start, with the last it said; nothing of it is left."""
    kernel = KernelSpec("python3", "Python 3", "python", ("/bin/sh", "-c", script, "{connection_file}"))
    hangs = replace(desk.revision, kernels=(kernel,))
    _, result = desk.run(notebook("1"), revision=hangs, start_timeout=2.0)
    assert result.state is RunState.TIMED_OUT
    assert result.reason == f"the kernel did not answer within 2s{said}"
    assert result.cells_done == 0


def test_what_a_run_took_is_kept(desk: Desk) -> None:
    """The memory that its processes held at most, given back before its end or not, and the processor time of all."""
    _, small = desk.run(notebook("1"))
    busy = "import time\nend = time.process_time() + 1\nwhile time.process_time() < end: pass"
    _, large = desk.run(notebook(f"hold = bytearray(b'x') * {300 * MB}\ndel hold", busy))
    assert small.peak_memory
    assert large.peak_memory
    assert 10 * MB < small.peak_memory < 250 * MB
    assert small.peak_memory + 250 * MB < large.peak_memory < small.peak_memory + 400 * MB
    assert large.cpu_seconds
    assert large.cpu_seconds >= 1
    record = json.loads((Path(large.output) / "record.json").read_text())
    assert (record["peak_memory"], record["cpu_seconds"]) == (large.peak_memory, large.cpu_seconds)


def test_children_count_and_strangers_do_not() -> None:
    """What a process started counts with it; a number that is nobody's is nothing."""
    import os
    import subprocess
    import sys

    hold = "import sys; x = bytearray(b'x') * (80 << 20); print('ready', flush=True); sys.stdin.read()"
    before = spent.of(os.getpid()).memory
    with subprocess.Popen([sys.executable, "-c", hold], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout
        child.stdout.readline()
        assert spent.of(os.getpid()).memory > before + 80 * MB
        child.communicate(b"")
    assert spent.of(None) == spent.Spent()
    assert spent.of(1 << 22) == spent.Spent()
