"""A home for benchmarks of runs: one environment for ours and for papermill, all of it compiled to bytecode."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import psutil

PROJECT = "bench"
PRELOAD = ("numpy", "pandas", "matplotlib.pyplot")
PACKAGES = ("matplotlib", "pandas")
TRIVIAL = ("import sys\nprint(sys.executable)", "total = sum(range(1000))", "total")
PLOT = (
    "import numpy as np\nimport pandas as pd\nimport matplotlib.pyplot as plt",
    "table = pd.DataFrame({'x': np.arange(100), 'y': np.arange(100) ** 2})\ntable.describe()",
    "table.plot(x='x', y='y')\nplt.show()",
)
SMALL = tuple(f"n{number} = {number}\nprint(n{number})" for number in range(200))
LARGE = tuple(f"print('{number % 10}' * 200_000)" for number in range(50))


def notebook(path: Path, cells: Sequence[str]) -> Path:
    """Write a notebook of code cells."""
    made = [
        {"cell_type": "code", "execution_count": None, "id": f"c{n}", "metadata": {}, "outputs": [], "source": source}
        for n, source in enumerate(cells)
    ]
    spec = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"cells": made, "metadata": spec, "nbformat": 4, "nbformat_minor": 5}))
    return path


class Bench:
    """The home, with a supervisor once a run was asked for, and papermill's command beside it."""

    def __init__(self, preload: Sequence[str] = (), concurrency: int = 2) -> None:
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        os.environ["WORKBENCH_ENGINE"] = "process"
        from workbench.services import environments, projects
        from workbench.services.bench import open_bench

        self.folder = Path(tempfile.mkdtemp(prefix="workbench-bench-"))
        self.bench = open_bench(self.folder / "home")
        home = self.bench.home
        home.settings_file.write_text(f"concurrency: {concurrency}\n")
        loaded = f"kernel: {{preload: [{', '.join(preload)}]}}\n" if preload else ""
        text = f"python: {{packages: [{', '.join(PACKAGES)}]}}\nides: []\n{loaded}"
        (home.environments / "science.yaml").write_text(text)
        self.project = projects.create(self.bench, PROJECT, environment="science").path
        build = environments.build(self.bench, "science")
        while build is not None and environments.get_build(self.bench, build).ended is None:
            time.sleep(0.1)
        (self.python,) = home.environment_folder("science").glob("*/venv/bin/python")
        spec = self.folder / "jupyter" / "kernels" / "bench"
        spec.mkdir(parents=True)
        argv = [str(self.python), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        (spec / "kernel.json").write_text(json.dumps({"argv": argv, "display_name": "b", "language": "python"}))
        self.env = {**os.environ, "JUPYTER_PATH": str(self.folder / "jupyter")}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        from workbench.services.supervision import control

        control.stop(self.bench)
        self.bench.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def notebook(self, name: str, cells: Sequence[str]) -> Path:
        """A notebook of the project."""
        return notebook(self.project / "notebooks" / f"{name}.ipynb", cells)

    def submit(self, path: Path) -> tuple[int, Path]:
        """Queue a run; its number and the file that is there once its output has its name."""
        from workbench.model.run import Request
        from workbench.services import runs

        number = runs.submit(self.bench, Request(PROJECT, str(path.relative_to(self.project))))
        return number, self.bench.home.attempt_folder(number, 1) / "result.json"

    def run(self, path: Path) -> float:
        """Seconds from the committed row to the published output."""
        from workbench.services import runs

        number, result = self.submit(path)
        began = time.perf_counter()
        while not result.exists():
            time.sleep(0.001)
        seconds = time.perf_counter() - began
        while not (run := runs.get(self.bench, number)).ended:
            time.sleep(0.01)
        if not run.ended_well:
            raise SystemExit(f"run {number} {run.state}: {run.reason}")
        return seconds

    def warm(self, path: Path) -> None:
        """Run it until kernels are warm."""
        from workbench.services import warmth

        deadline = time.monotonic() + 120
        self.run(path)
        while not any(one.memory for one in warmth.kernels(self.bench)):
            if time.monotonic() > deadline:
                raise SystemExit("no kernel became warm")
            time.sleep(0.1)
        self.run(path)

    def papermill(self, path: Path, output: str = "out.ipynb") -> float:
        """Seconds of papermill's command, from start to exit."""
        began = time.perf_counter()
        command = [sys.executable, "-m", "papermill", "--no-progress-bar", "-k", "bench", path, self.folder / output]
        done = subprocess.run(
            [str(part) for part in command], env=self.env, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise SystemExit(f"papermill failed:\n{done.stderr}")
        return time.perf_counter() - began

    def memory(self) -> int:
        """Bytes that all processes of the home hold, shared pages divided among those that share them."""
        ours = str(self.bench.home.id)
        total = 0
        for process in psutil.process_iter():
            try:
                line = " ".join(process.cmdline())
                if process.pid != os.getpid() and (ours in line or str(self.folder) in line):
                    total += process.memory_full_info().pss
            except psutil.Error:
                continue
        return total


def load() -> str:
    """How busy the machine is, for the record."""
    return f"load {os.getloadavg()[0]:.1f} on {len(os.sched_getaffinity(0))} cores"
