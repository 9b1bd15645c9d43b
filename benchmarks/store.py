"""A million runs in the store: how long each page of the history takes, and what a run costs to write.

    .venv/bin/python benchmarks/store.py [--runs N] [--rounds N] [--keep FOLDER]

The rows are those of a home of three years: 40 projects, 400 notebooks, 300 schedules, one project with half of all runs;
a twentieth of the runs failed. Each page is asked for as lists and screens do, by the same functions, the cache of the
connection cold (a new connection each round). Promised: <= 30 ms, reached for: 10 ms; and flat: a home of a hundredth of the
size is asked too.
"""

from __future__ import annotations

import argparse
import sqlite3
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

from workbench.model.run import UNSUCCESSFUL, RunState
from workbench.store import Store, durations, memory, run_pages, runs, waiting
from workbench.store.events import Actor
from workbench.store.rows import stamp
from workbench.store.run_pages import RunFilter

MUST, REACH = 30.0, 10.0  # milliseconds
PROJECTS, NOTEBOOKS, SCHEDULES, YEARS = 40, 400, 300, 3
NOW = datetime(2026, 11, 1, tzinfo=UTC)
WHO = Actor("ann", "ann", "cli")


@dataclass(frozen=True)
class Took:
    """Milliseconds on the clock, and of the processor: on a busy machine the former says more of its neighbours."""

    wall: float
    cpu: float


def fill(path: Path, number: int) -> None:
    """A store with so many ended runs, each with its attempt, in the real schema."""
    store = Store(path)
    store.close()
    step = timedelta(days=365 * YEARS) / number

    def row(index: int) -> tuple[object, ...]:
        project = 0 if index % 2 else index // 2 % PROJECTS
        notebook = project * 10 + index * 40503 // 64 % (NOTEBOOKS // PROJECTS)
        schedule = f"project-{project:02}/nightly-{notebook % 8}" if index % 4 else None
        state = RunState.SUCCEEDED if index % 20 else (RunState.FAILED if index % 40 else RunState.TIMED_OUT)
        made = stamp(NOW - step * (number - index))
        return (
            index + 1, f"project-{project:02}", f"notebooks/report-{notebook:03}.ipynb", f"report-{notebook:03}", "python",
            "process", "r1", '{"region": "north", "rows": 100}', state, 1, "" if state is RunState.SUCCEEDED else "it failed",
            schedule, 20, 20, f"/home/ann/workbench/projects/p/runs/{index}", made, made, made, 12.5, 3 * 10**8, 2.5,
            "ann", "ann", "cli",
        )  # fmt: skip

    columns = (
        "id, project, notebook, name, environment, engine, revision, parameters, state, attempt, reason, schedule, cells,"
        " cells_done, output, created, started, ended, seconds, peak_memory, cpu_seconds, by, account, origin"
    )
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous=OFF")
        connection.execute("PRAGMA cache_size=-400000")
        kept = connection.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = 'runs'"
        ).fetchall()
        for name, _ in kept:
            connection.execute(f"DROP INDEX {name}")
        connection.execute("BEGIN")
        connection.executemany(f"INSERT INTO runs ({columns}) VALUES ({', '.join('?' * 24)})", map(row, range(number)))
        connection.execute(
            "INSERT INTO attempts (run, number, token, state, started, ended, seconds, by, account, origin)"
            " SELECT id, 1, hex(randomblob(16)), state, started, ended, seconds, by, account, origin FROM runs"
        )
        for _, sql in kept:
            connection.execute(sql)
        connection.execute("COMMIT")


def pages() -> dict[str, RunFilter]:
    """What is asked for, by the words of the promise."""
    return {
        "newest page": RunFilter(),
        "by project (half of all)": RunFilter(project="project-00"),
        "by project (one of many)": RunFilter(project="project-07"),
        "by state": RunFilter(states=frozenset({RunState.TIMED_OUT})),
        "by states (unsuccessful)": RunFilter(states=UNSUCCESSFUL),
        "by state that none is in": RunFilter(states=frozenset({RunState.CRASHED})),
        "by project and states": RunFilter(project="project-00", states=UNSUCCESSFUL),
        "by notebook": RunFilter(project="project-07", notebook="notebooks/report-070.ipynb"),
        "by notebook, any project": RunFilter(notebook="notebooks/report-070.ipynb"),
        "by schedule": RunFilter(schedule="project-07/nightly-0"),
        "by schedule and states": RunFilter(schedule="project-00/nightly-1", states=UNSUCCESSFUL),
        "by time: last hour": RunFilter(since=NOW - timedelta(hours=1)),
        "by time: last year": RunFilter(since=NOW - timedelta(days=365)),
        "by time, states, project": RunFilter(
            since=NOW - timedelta(days=1), states=UNSUCCESSFUL, project="project-07"
        ),
        "by words (common)": RunFilter(text="report"),
        "by words (in one notebook)": RunFilter(text="report-073"),
        "by words (in none)": RunFilter(text="no such words"),
        "by words and state": RunFilter(text="report-073", states=frozenset({RunState.TIMED_OUT})),
    }  # fmt: skip


def measure(path: Path, number: int, rounds: int) -> dict[str, tuple[Took, Took]]:
    """Milliseconds of each page, and of the page that begins in the middle of the history: medians."""
    found: dict[str, tuple[Took, Took]] = {}
    for words, only in pages().items():
        first = _timed(path, rounds, lambda connection, only=only: run_pages.page(connection, only))
        deep = _timed(path, rounds, lambda connection, only=only: run_pages.page(connection, only, before=number // 2))
        found[words] = (first, deep)
    others: dict[str, Callable[[sqlite3.Connection], object]] = {
        "counts of states": runs.counts,
        "what waits": lambda connection: waiting.pending(connection, limit=200),
        "usual length of a notebook": lambda one: runs.usual_seconds(one, "project-00", "notebooks/report-001.ipynb"),
        "memory used before": lambda one: memory.used_before(one, "project-00", "notebooks/report-001.ipynb"),
        "lengths of a schedule": lambda one: durations.of_schedule(one, "project-00/nightly-1"),
        "projects that have runs": run_pages.projects,
    }
    for words, act in others.items():
        once = _timed(path, rounds, act)
        found[words] = (once, once)
    return found


def _timed(path: Path, rounds: int, act: Callable[[sqlite3.Connection], object]) -> Took:
    taken = []
    for _ in range(rounds):
        store = Store(path)
        with store.read() as connection:
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
            begun, used = time.perf_counter(), time.process_time()
            act(connection)
            taken.append(((time.perf_counter() - begun) * 1000, (time.process_time() - used) * 1000))
        store.close()
    return Took(median(wall for wall, _ in taken), median(cpu for _, cpu in taken))


def writing(path: Path, rounds: int) -> float:
    """Milliseconds that a run's row takes from queued to succeeded, four transactions."""
    store, taken = Store(path), []
    for _ in range(rounds):
        begun = time.perf_counter()
        with store.write() as connection:
            number = runs.insert(
                connection, project="project-00", notebook="notebooks/report-001.ipynb", name="report-001",
                environment="python", parameters={}, cells=3, created=NOW, actor=WHO,
            )  # fmt: skip
            run = runs.get(connection, number)
        with store.write() as connection:
            assert run
            runs.begin_attempt(connection, run, token="t", revision="r", engine="process", at=NOW, actor=WHO)
        for old, new in ((RunState.STARTING, RunState.RUNNING), (RunState.RUNNING, RunState.SUCCEEDED)):
            with store.write() as connection:
                runs.change(connection, number, old, new, attempt=1, at=NOW, actor=WHO)
        taken.append((time.perf_counter() - begun) * 1000)
    store.close()
    return median(taken)


def main() -> None:
    """Print each line beside its promise, and the same of a small store."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--keep", type=Path, help="a folder for the stores, which stay")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="workbench-bench-") as scratch:
        folder = given.keep or Path(scratch)
        folder.mkdir(exist_ok=True)
        small, large = max(given.runs // 100, 1000), given.runs
        results = {}
        for number in (small, large):
            path = folder / f"{number}.db"
            if not path.exists():
                begun = time.monotonic()
                fill(path, number)
                print(f"{number:,} runs made in {time.monotonic() - begun:.0f} s, {path.stat().st_size / 1e6:.0f} MB")
            results[number] = measure(path, number, given.rounds)
        print(f"\nmilliseconds, medians of {given.rounds}; promised {MUST:.0f}, reached for {REACH:.0f}")
        print(f"{'page':30}{'first':>8}{'middle':>8}{'processor':>12}{f'of {small:,}':>12}  verdict")
        for words, (first, deep) in results[large].items():
            worst = max(first.wall, deep.wall)
            verdict = "reached" if worst <= REACH else "kept" if worst <= MUST else "MISSED"
            used, less = max(first.cpu, deep.cpu), results[small][words][0].wall
            print(f"{words:30}{first.wall:8.1f}{deep.wall:8.1f}{used:12.1f}{less:12.1f}  {verdict}")
        for number in (small, large):
            print(
                f"a run's row from queued to its end, among {number:,}: {writing(folder / f'{number}.db', 50):.1f} ms"
            )


if __name__ == "__main__":
    main()
