"""A scheduled run: from its due time to its first cell running, over many due times of projects that do nothing else.

    .venv/bin/python benchmarks/scheduled_run.py [DUE_TIMES]

Each line of the result is one engine, with what is made ready before a due time and without (`warm_kernels: 0`). One schedule
a due time, each of another project, so that no run profits from the one before; all are `once`, three seconds apart after a first
pause in which the supervisor sees them. The time is that of the journal of the run: its first `cell` event less the due time.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

REGISTRY = os.environ.get("WORKBENCH_TEST_REGISTRY", "127.0.0.1:5000")
APART, PAUSE = 6.0, 25.0  # seconds
ENVIRONMENT = {
    "process": "engine: process\npython: {packages: [ipykernel]}\n",
    "docker": "engine: docker\npython: {packages: [ipykernel]}\n",
}
NOTEBOOK = {
    "cells": [{"cell_type": "code", "execution_count": None, "id": "one", "metadata": {}, "outputs": [], "source": "6 * 7"}],
    "metadata": {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}},
    "nbformat": 4,
    "nbformat_minor": 5,
}  # fmt: skip


def measure(engine: str, count: int, settings: str) -> list[float]:
    """Seconds from each due time to the first cell."""
    from workbench.model.run import ENDED, Run
    from workbench.services import environments, projects
    from workbench.services.bench import open_bench
    from workbench.services.supervision import control
    from workbench.store import run_pages as rows

    folder = Path(tempfile.mkdtemp(prefix="workbench-bench-"))
    root = folder / "home"
    root.mkdir()
    (root / "workbench.yaml").write_text(
        f'registries: {{docker.io: "{REGISTRY}"}}\ntimezone: UTC\nconcurrency: 4\n{settings}'
    )
    bench = open_bench(root)
    try:
        (bench.home.environments / "bench.yaml").write_text(ENVIRONMENT[engine])
        build = environments.build(bench, "bench")
        while build is not None and environments.get_build(bench, build).ended is None:
            time.sleep(0.1)
        first = datetime.now(UTC) + timedelta(seconds=PAUSE)
        for number in range(count):
            made = projects.create(bench, f"p{number}", environment="bench").path
            (made / "notebooks").mkdir(exist_ok=True)
            (made / "notebooks" / "one.ipynb").write_text(json.dumps(NOTEBOOK))
            (made / "schedules").mkdir(exist_ok=True)
            due = first + timedelta(seconds=APART * number)
            text = f"notebook: notebooks/one.ipynb\nonce: '{due:%Y-%m-%d %H:%M:%S}'\n"
            (made / "schedules" / "due.yaml").write_text(text)
        control.ensure(bench)
        deadline = time.monotonic() + PAUSE + APART * count + 60
        found: list[Run] = []
        while len(found) < count or any(run.state not in ENDED for run in found):
            time.sleep(0.5)
            with bench.store.read() as connection:
                found = rows.page(connection, rows.RunFilter(), limit=count)
            if time.monotonic() > deadline:
                raise SystemExit(f"{len(found)} of {count} runs came")
        late = []
        for run in found:
            if not run.ended_well or run.due is None:
                raise SystemExit(f"run {run.id} {run.state}: {run.reason}")
            events = (bench.home.attempt_folder(run.id, run.attempt) / "events.jsonl").read_text().splitlines()
            began = next(one["t"] for one in map(json.loads, events) if one["kind"] == "cell")
            late.append((datetime.fromisoformat(began) - run.due).total_seconds())
        return late
    finally:
        control.stop(bench)
        bench.close()
        shutil.rmtree(folder, ignore_errors=True)


def main(count: int) -> None:
    """Measure and print."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    for engine in ("process", "docker"):
        for name, settings in (("warm", ""), ("cold", "warm_kernels: 0\n")):
            late = sorted(measure(engine, count, settings))
            print(
                f"{engine:<8} {name:<5} due time to first cell: median {median(late) * 1000:5.0f} ms   best"
                f" {late[0] * 1000:5.0f} ms   worst {late[-1] * 1000:5.0f} ms   ({count} due times)",
                flush=True,
            )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10)
