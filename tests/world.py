"""A home with a real supervisor over the process engine, for tests of the whole: fixtures and what they ask it.

The kernel's Python is one small venv that all tests of a session share by `use:`; each test has its own home.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import psutil
import pytest
from shared import python
from waiting import until

from workbench.execution.fence import is_held
from workbench.model.run import ENDED, Request, Run, RunState
from workbench.services import projects, runs
from workbench.services.bench import Bench, open_bench
from workbench.services.supervision import control
from workbench.store import run_pages
from workbench.store.events import of

PROJECT = "lab"


@pytest.fixture(scope="session")
def kernel_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python with ipykernel and nothing else."""
    return python(tmp_path_factory, "kernel-python", "ipykernel")


@pytest.fixture
def bench(tmp_path: Path, kernel_python: Path) -> Iterator[Bench]:
    """A home with one project whose environment has a kernel; its supervisor is not started yet."""
    opened = open_bench(tmp_path / "home")
    environments = opened.home.environments
    (environments / "bare.yaml").write_text(f"engine: process\nuse: {kernel_python}\nides: []\n")
    opened.home.settings_file.write_text("concurrency: 2\n")
    projects.create(opened, PROJECT, environment="bare")
    yield opened
    end(opened)
    try:
        until(lambda: not leftovers(opened), "nothing to be left", seconds=15)
    except AssertionError:
        pytest.fail("left behind:\n  " + "\n  ".join(leftovers(opened)), pytrace=False)
    opened.close()


def end(bench: Bench) -> None:
    """Stop the supervisor where one runs, and then what it left running on purpose."""
    control.stop(bench)
    for run in active(bench):
        with contextlib.suppress(ProcessLookupError):  # it ended meanwhile
            kill_runner(bench, run, signal.SIGTERM)


def notebook(bench: Bench, name: str, *cells: str, parameters: str = "") -> str:
    """Write a notebook of code cells into the project; its path there."""
    import nbformat

    made = nbformat.v4.new_notebook(
        metadata={
            "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
            "language_info": {"name": "python"},
        }
    )
    if parameters:
        made.cells.append(nbformat.v4.new_code_cell(parameters, metadata={"tags": ["parameters"]}))
    made.cells += [nbformat.v4.new_code_cell(cell) for cell in cells]
    path = projects.get(bench, PROJECT).path / "notebooks" / name
    path.parent.mkdir(exist_ok=True)
    nbformat.write(made, path)
    return f"notebooks/{name}"


def submit(bench: Bench, path: str, **parameters: Any) -> int:
    """Queue a run."""
    return runs.submit(bench, Request(PROJECT, path, parameters=parameters))


def ended(bench: Bench, run: int, *, seconds: float = 60.0) -> Run:
    """The run once it has ended."""
    until(lambda: runs.get(bench, run).state in ENDED, f"run {run} to end", seconds=seconds)
    return runs.get(bench, run)


def in_state(bench: Bench, run: int, state: RunState, *, seconds: float = 60.0) -> Run:
    """The run once it is in `state`."""
    until(lambda: runs.get(bench, run).state is state, f"run {run} to be {state}", seconds=seconds)
    return runs.get(bench, run)


def in_cell(bench: Bench, run: int, cell: int, *, seconds: float = 60.0) -> Run:
    """The run once its runner has said that `cell` (1-based) began."""
    until(lambda: any(event.get("cell") == cell for event in events_of(bench, run)), f"cell {cell}", seconds=seconds)
    return runs.get(bench, run)


def events_of(bench: Bench, run: int, attempt: int | None = None) -> list[dict[str, Any]]:
    """What the runner of a run's newest (or that) attempt wrote."""
    number = attempt or runs.get(bench, run).attempt
    path = bench.home.attempt_folder(run, number) / "events.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def states_of(bench: Bench, run: int) -> list[str]:
    """Every state the journal has of a run, in order."""
    with bench.store.read() as connection:
        return [event.what for event in of(connection, "run", run)]


def ends_of(bench: Bench, run: int) -> list[str]:
    """The ends among them: exactly one is right."""
    return [what for what in states_of(bench, run) if what in set(ENDED)]


def active(bench: Bench) -> list[Run]:
    """Runs whose runner lives."""
    with bench.store.read() as connection:
        found = run_pages.page(connection, run_pages.RunFilter())
    return [run for run in found if is_held(bench.home.attempt_folder(run.id, run.attempt))]


def runner_pid(bench: Bench, run: int) -> int:
    """The process of a run's runner."""
    return int(until(lambda: next((e["pid"] for e in events_of(bench, run) if e["kind"] == "started"), 0), "a runner"))


def kill_runner(bench: Bench, run: Run, number: signal.Signals = signal.SIGKILL) -> None:
    """Signal the runner of an active run."""
    os.kill(runner_pid(bench, run.id), number)


def processes(bench: Bench, *words: str) -> list[psutil.Process]:
    """Processes of this home: by command line or by WORKBENCH_HOME, with all of `words` in their command line."""
    found = []
    for process in psutil.process_iter():
        try:
            line = " ".join(process.cmdline())
            # Kernels and keepers name the state folder, runners are forks of the nursery and name its socket.
            ours = str(bench.home.state) in line or str(bench.home.root) in line or bench.home.id in line
            living = process.pid != os.getpid() and process.status() != psutil.STATUS_ZOMBIE
            if ours and living and all(word in line for word in words):
                found.append(process)
        except psutil.Error:
            continue
    return found


def server(port: int) -> psutil.Process:
    """The process that listens on a port."""
    found = [c.pid for c in psutil.net_connections("tcp") if c.laddr and c.laddr.port == port and c.status == "LISTEN"]
    return psutil.Process(found[0])


def leftovers(bench: Bench) -> list[str]:
    """What is left of this home outside of its folders: processes, sockets."""
    left = []
    for process in processes(bench):
        try:
            left.append(f"{process.pid} {' '.join(process.cmdline())[:160]}")
        except psutil.Error:
            continue  # it ended meanwhile
    for folder, _, names in os.walk(bench.home.sockets):  # which minds no folder that goes meanwhile
        left += [str(path) for name in names if (path := Path(folder, name)).is_socket()]
    return left


def until_nothing_is_left(bench: Bench) -> None:
    """Wait for it; fails with what is left."""
    left: list[str] = []

    def gone() -> bool:
        left[:] = leftovers(bench)
        return not left

    try:
        until(gone, "nothing to be left", seconds=60)
    except AssertionError as error:
        raise AssertionError(f"{error}: {left}") from None


def supervisor(bench: Bench) -> psutil.Process:
    """The supervisor's process."""
    return psutil.Process(int(until(lambda: control.status(bench).pid, "a supervisor")))


def kill_supervisor(bench: Bench) -> None:
    """kill -9, and wait until its lock is free."""
    supervisor(bench).kill()
    until(lambda: not control.held(bench.home), "the lock to be free")


def start(bench: Bench, **variables: str) -> subprocess.Popen[bytes] | None:
    """Start the supervisor; with `variables` in its environment it is started by hand."""
    if not variables:
        control.ensure(bench)
        return None
    log = bench.home.supervisor_log.open("ab")
    with log:
        return subprocess.Popen(
            control.command(bench.home, "detached"),
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            env={**os.environ, **control.environment(), **variables},
        )  # fmt: skip


def together(acts: Sequence[Callable[[], Any]]) -> list[Any]:
    """Do all at once, in threads; their results."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(len(acts)) as pool:
        return [future.result() for future in [pool.submit(act) for act in acts]]


def flood(path: str, count: int) -> None:
    """Send garbage to a socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.setblocking(False)
        for number in range(count):
            try:
                sender.sendto(os.urandom(number % 1500), path)
            except OSError:
                continue


@pytest.fixture(scope="session")
def lab_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python with JupyterLab and ipykernel."""
    return python(tmp_path_factory, "lab-python", "jupyterlab", "ipykernel")
