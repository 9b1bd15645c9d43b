"""Many schedules: how exactly they fire together, how fast a supervisor with 10,000 is up, what an idle one takes.

    .venv/bin/python benchmarks/schedules.py [together|many|idle …] [--rounds N]

together  200 schedules of 10 projects due in the same second: from that second to the commit of each due time's row, and of
          its run's, as another process sees them in the store
many      10,000 schedule files: from the start of the process until each has its next time, for files never seen before
          and for known ones; memory then
idle      an empty home, nothing warm: memory and CPU over 60 s; the same with 10,000 schedules
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

import psutil

TOGETHER, PROJECTS, MANY = 200, 10, 10_000
LEAD = 4.0  # seconds from the last file to the due time
SECONDS = 60.0  # that an idle one is watched


def notebook(path: Path) -> None:
    """A notebook of one cell."""
    cell = {"cell_type": "code", "execution_count": None, "id": "a", "metadata": {}, "outputs": [], "source": "1 + 1"}
    spec = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"cells": [cell], "metadata": spec, "nbformat": 4, "nbformat_minor": 5}))


@contextmanager
def home(projects: int) -> Iterator[Path]:
    """A home with empty projects `p0`, `p1` …, each a repository with one notebook."""
    from workbench.services import projects as service
    from workbench.services.bench import open_bench

    folder = Path(tempfile.mkdtemp(prefix="workbench-bench-"))
    os.environ["WORKBENCH_ENGINE"] = "process"
    bench = open_bench(folder / "home")
    try:
        for number in range(projects):
            project = service.create(bench, f"p{number}", environment="minimal")
            notebook(project.path / "notebooks" / "n.ipynb")
            (project.path / "schedules").mkdir(exist_ok=True)
            git = ("git", "-C", str(project.path), "-c", "user.name=b", "-c", "user.email=b@b")
            subprocess.run([*git, "add", "."], check=True)
            subprocess.run([*git, "commit", "-qm", "as it was"], check=True)
        yield bench.home.root
    finally:
        bench.close()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def supervisor(root: Path) -> Iterator[tuple[psutil.Process, float]]:
    """A supervisor of the home, and the seconds from its start until every schedule has its next time."""
    log = root / ".workbench" / "supervisor.log"
    log.unlink(missing_ok=True)
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    began = time.perf_counter()
    command = [sys.executable, "-P", "-m", "workbench.supervisor", "--home", str(root), "--how", "detached"]
    child = subprocess.Popen(command, env=environ, cwd="/", start_new_session=True)
    try:
        until(lambda: log.exists() and "next due" in log.read_text(), 120)
        yield psutil.Process(child.pid), time.perf_counter() - began
    finally:
        child.terminate()
        child.wait(30)


def until(true: Callable[[], bool], seconds: float) -> None:
    """Wait for a condition."""
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            raise SystemExit("it did not come")
        time.sleep(0.005)


def together(rounds: int) -> None:
    """The latency of 200 due times in one second."""
    slowest, middles = [], []
    with home(PROJECTS) as root, supervisor(root):
        build(root)
        for turn in range(rounds):
            due = (datetime.now(UTC) + timedelta(seconds=LEAD)).replace(microsecond=0)
            for number in range(TOGETHER):
                path = root / "projects" / f"p{number % PROJECTS}" / "schedules" / f"s{turn}-{number}.yaml"
                path.write_text(f"notebook: notebooks/n.ipynb\nonce: {due:%Y-%m-%d %H:%M:%S}\ntimezone: UTC\n")
            seen = watch(root, due)
            middles.append(median(seen))
            slowest.append(max(seen))
            print(f"  round {turn + 1}: median {median(seen):.0f} ms, last {max(seen):.0f} ms", flush=True)
            clear(root)
    print(f"{TOGETHER} due in one second: last row after {median(slowest):.0f} ms (median of {rounds} rounds, worst")
    print(f"  {max(slowest):.0f} ms), a row's median {median(middles):.0f} ms; must 250 ms, reach 100 ms")


def build(root: Path) -> None:
    """The environment that their runs start in."""
    from workbench.services import environments
    from workbench.services.bench import open_bench

    bench = open_bench(root)
    number = environments.build(bench, "minimal")
    until(lambda: number is None or environments.get_build(bench, number).ended is not None, 600)
    bench.close()


def clear(root: Path) -> None:
    """Cancel what was not run yet, and wait for what is running."""
    from workbench.model.run import ENDED, RunState
    from workbench.services import runs
    from workbench.services.bench import open_bench

    bench = open_bench(root)
    left = runs.RunFilter(states=frozenset(set(RunState) - ENDED))
    for run in runs.page(bench, left, limit=1000):
        runs.cancel(bench, run.id)
    until(lambda: not runs.page(bench, left, limit=1), 120)
    bench.close()


def watch(root: Path, due: datetime) -> list[float]:
    """Milliseconds from `due` until each of its rows, with the row of its run, is there for another process."""
    connection = sqlite3.connect(root / ".workbench" / "state.db", isolation_level=None, timeout=30)
    count = "SELECT count(*) FROM due_times d JOIN runs r ON r.id = d.run WHERE d.due = ?"
    stamp = due.isoformat(timespec="microseconds")
    time.sleep(max(0.0, (due - datetime.now(UTC)).total_seconds() - 0.1))
    seen: list[float] = []
    deadline = time.monotonic() + 30
    while len(seen) < TOGETHER and time.monotonic() < deadline:
        there = connection.execute(count, (stamp,)).fetchone()[0]
        seen += [(datetime.now(UTC) - due).total_seconds() * 1000] * (there - len(seen))
        time.sleep(0.002)
    connection.close()
    if len(seen) < TOGETHER:
        raise SystemExit(f"only {len(seen)} of {TOGETHER} fired")
    return seen


def write_many(root: Path) -> None:
    """10,000 schedules, most of them of different times, none of them due soon."""
    soon = datetime.now(UTC).hour
    for number in range(MANY):
        hour = (soon + 2 + number // 60 % 20) % 24
        (root / "projects" / f"p{number % 20}" / "schedules" / f"s{number}.yaml").write_text(
            f"notebook: notebooks/n.ipynb\ncron: {number % 60} {hour} * * *\ntimezone: Europe/Berlin\n"
            'parameters: {day: "${due - 1 day}", region: north}\n'
        )


def many(rounds: int) -> None:
    """Start and memory with 10,000."""
    with home(20) as root:
        write_many(root)
        with supervisor(root) as (process, seconds):
            told = f"up in {seconds:.2f} s, {cpu(process):.2f} s of CPU, {rss(process):.0f} MB"
            print(f"{MANY} schedules, files never seen before: {told}", flush=True)
        took, sizes, used = [], [], []
        for _ in range(rounds):
            with supervisor(root) as (process, seconds):
                took.append(seconds)
                sizes.append(rss(process))
                used.append(cpu(process))
    print(f"{MANY} schedules, known files: up in {median(took):.2f} s (worst {max(took):.2f} s)")
    print(f"  {median(used):.2f} s of CPU, {median(sizes):.0f} MB; must 3 s and 150 MB, reach 1.5 s and 100 MB")


def idle(_rounds: int) -> None:
    """What nothing to do takes."""
    for count, projects in ((0, 1), (MANY, 20)):
        with home(projects) as root:
            if count:
                write_many(root)
                with supervisor(root):
                    pass
            with supervisor(root) as (process, _):
                time.sleep(5)
                before = process.cpu_times()
                time.sleep(SECONDS)
                after = process.cpu_times()
                used = (after.user + after.system - before.user - before.system) / SECONDS * 100
                print(f"idle with {count} schedules: {rss(process):.0f} MB, {used:.2f} % of a core", flush=True)
    print("  must 60 MB and 0.2 % with none, reach 50 MB")


def rss(process: psutil.Process) -> float:
    """Memory in MB."""
    return float(process.memory_info().rss) / 1e6


def cpu(process: psutil.Process) -> float:
    """Seconds of CPU it has used."""
    times = process.cpu_times()
    return float(times.user + times.system)


def main(words: list[str]) -> None:
    """What is named, or all."""
    rounds = int(words[words.index("--rounds") + 1]) if "--rounds" in words else 10
    for name, act in (("together", together), ("many", many), ("idle", idle)):
        if name in words or not {"together", "many", "idle"} & set(words):
            act(rounds)


if __name__ == "__main__":
    main(sys.argv[1:])
