"""A trivial notebook, from asking to the finished output: ours against the papermill command line, interleaved.

    .venv/bin/python benchmarks/run_latency.py [ROUNDS]

Both run the same notebook in the same environment (a venv, all of it compiled to bytecode). `queued` is from the row
in the queue to the run's end with its output published, as the terminal program and schedules ask; `workbench run`
and `papermill` are whole commands, from start to exit. Medians; trust the ratios over the seconds.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

CELLS = ("import sys\nprint(sys.executable)", "total = sum(range(1000))", "total")


def notebook(path: Path) -> None:
    """Write the notebook of three cells."""
    cells = [
        {"cell_type": "code", "execution_count": None, "id": f"c{n}", "metadata": {}, "outputs": [], "source": source}
        for n, source in enumerate(CELLS)
    ]
    spec = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    path.write_text(json.dumps({"cells": cells, "metadata": spec, "nbformat": 4, "nbformat_minor": 5}))


def command(*arguments: str | Path, env: dict[str, str]) -> float:
    """Seconds that a whole command takes; it has to succeed."""
    began = time.perf_counter()
    done = subprocess.run([str(part) for part in arguments], env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{arguments} failed:\n{done.stdout}\n{done.stderr}")
    return time.perf_counter() - began


def main(rounds: int) -> None:
    """Measure and print."""
    from workbench.model.run import ENDED, Request
    from workbench.services import control, environments, projects, runs
    from workbench.services.bench import open_bench

    folder = Path(tempfile.mkdtemp(prefix="workbench-bench-"))
    os.environ["WORKBENCH_ENGINE"] = "process"
    env = {**os.environ, "WORKBENCH_HOME": str(folder / "home")}
    env.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    bench = open_bench(folder / "home")
    project = projects.create(bench, "bench")
    path = project.path / "notebooks" / "trivial.ipynb"
    notebook(path)
    build = environments.build(bench, "python")
    while build is not None and environments.get_build(bench, build).ended is None:
        time.sleep(0.1)

    def queued() -> float:
        began = time.perf_counter()
        number = runs.submit(bench, Request(project="bench", notebook="notebooks/trivial.ipynb"))
        while (run := runs.get(bench, number)).state not in ENDED:
            time.sleep(0.002)
        seconds = time.perf_counter() - began
        if not run.ended_well:
            raise SystemExit(f"run {number} {run.state}: {run.reason}")
        return seconds

    try:
        queued()  # the first run of a home also starts the supervisor and the nursery
        output = runs.artifacts(bench, runs.last(bench).id).notebook
        assert output
        python = json.loads(output.read_text())["cells"][0]["outputs"][0]["text"]
        spec = folder / "jupyter" / "kernels" / "bench"
        spec.mkdir(parents=True)
        argv = ["".join(python).strip(), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        (spec / "kernel.json").write_text(json.dumps({"argv": argv, "display_name": "b", "language": "python"}))
        env["JUPYTER_PATH"] = str(folder / "jupyter")
        peer = (sys.executable, "-m", "papermill", "--no-progress-bar", "-k", "bench", path)
        ours = (sys.executable, "-m", "workbench", "--home", folder / "home", "run", path)
        took: dict[str, list[float]] = {"papermill": [], "workbench run": [], "queued": []}
        for _ in range(rounds):
            took["papermill"].append(command(*peer, folder / "out.ipynb", env=env))
            took["workbench run"].append(command(*ours, env=env))
            took["queued"].append(queued())
    finally:
        control.stop(bench)
        bench.close()
        shutil.rmtree(folder, ignore_errors=True)
    base = median(took["papermill"])
    print(f"trivial notebook, {len(CELLS)} cells, {rounds} rounds, medians")
    for name, seconds in took.items():
        middle = median(seconds)
        print(f"  {name:<14} {middle:6.2f} s   {base / middle:5.1f} × papermill   worst {max(seconds):.2f} s")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10)
