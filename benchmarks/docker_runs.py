"""Runs in containers of their own, against the papermill command line: trivial notebooks of Python and of R, interleaved.

    .venv/bin/python benchmarks/docker_runs.py [ROUNDS]

`cold` and `warm` are from the committed row in the queue to the run's end with its output published, each run in a fresh
container without a spare and with one (`warm_kernels: 0` and as it comes). For Python `papermill` is its command on this
machine, in the venv of the process engine. For R it is its command in one long-lived container of the very image that our
runs use, timed inside, so that its R is the same and no container has to start for it. All of it is compiled to bytecode.
Medians; trust the ratios over the seconds.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any

PYTHON = ("import sys\nprint(sys.executable)", "total = sum(range(1000))", "total")
R = ("cat(R.version.string)", "total <- sum(0:999)", "total")
REGISTRY = os.environ.get("WORKBENCH_TEST_REGISTRY", "127.0.0.1:5000")
TIMED = "import subprocess,sys,time\nb=time.perf_counter()\nsubprocess.run(sys.argv[1:],check=True,capture_output=True)\nprint(time.perf_counter()-b)"


def notebook(path: Path, cells: tuple[str, ...], kernel: str, language: str) -> None:
    """Write a notebook of code cells."""
    made = [
        {"cell_type": "code", "execution_count": None, "id": f"c{n}", "metadata": {}, "outputs": [], "source": source}
        for n, source in enumerate(cells)
    ]
    spec = {"kernelspec": {"display_name": kernel, "language": language, "name": kernel}}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"cells": made, "metadata": spec, "nbformat": 4, "nbformat_minor": 5}))


def command(*arguments: str | Path, env: dict[str, str] | None = None) -> str:
    """What a command prints; it has to succeed."""
    done = subprocess.run([str(part) for part in arguments], env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{arguments} failed:\n{done.stdout}\n{done.stderr}")
    return done.stdout


class Home:
    """A home with two projects, whose runs are in containers."""

    def __init__(self, root: Path, settings: str) -> None:
        from workbench.services import environments, projects
        from workbench.services.bench import open_bench

        root.mkdir(parents=True)
        (root / "workbench.yaml").write_text(f'registries: {{docker.io: "{REGISTRY}"}}\nconcurrency: 2\n{settings}')
        self.bench = open_bench(root)
        for name, text in (
            ("bench-python", "engine: docker\npython: {packages: [ipykernel]}\n"),
            ("bench-r", "engine: docker\npython: {packages: [papermill, ipykernel]}\nr: {}\n"),
        ):
            (self.bench.home.environments / f"{name}.yaml").write_text(text)
            build = environments.build(self.bench, name)
            while build is not None and environments.get_build(self.bench, build).ended is None:
                time.sleep(0.1)
        python = projects.create(self.bench, "of-python", environment="bench-python").path
        notebook(python / "notebooks" / "trivial.ipynb", PYTHON, "python3", "python")
        r = projects.create(self.bench, "of-r", environment="bench-r").path
        notebook(r / "notebooks" / "trivial.ipynb", R, "ir", "R")

    def run(self, project: str) -> float:
        """Seconds from a run's row to its end."""
        from workbench.model.run import ENDED, Request
        from workbench.services import runs

        began = time.perf_counter()
        number = runs.submit(self.bench, Request(project=project, notebook="notebooks/trivial.ipynb"))
        while (run := runs.get(self.bench, number)).state not in ENDED:
            time.sleep(0.002)
        seconds = time.perf_counter() - began
        if not run.ended_well:
            raise SystemExit(f"run {number} {run.state}: {run.reason}")
        return seconds

    def image(self, environment: str) -> str:
        """The image of an environment."""
        from workbench.services import environments

        revision = environments.view(self.bench, environment).revision
        assert revision
        return str(revision.digest)

    def close(self) -> None:
        """Stop its supervisor."""
        from workbench.services.supervision import control

        control.stop(self.bench)
        self.bench.close()


def peer_of_python(folder: Path) -> Any:
    """The papermill command on this machine, with a kernel of a venv."""
    uv = Path(sys.executable).parent / "uv"
    python = folder / "venv" / "bin" / "python"
    command(uv, "venv", "-q", "--python", sys.executable, folder / "venv")
    command(uv, "pip", "install", "-q", "--compile-bytecode", "--python", python, "ipykernel")
    spec = folder / "jupyter" / "kernels" / "bench"
    spec.mkdir(parents=True)
    argv = [str(python), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    (spec / "kernel.json").write_text(json.dumps({"argv": argv, "display_name": "b", "language": "python"}))
    path = folder / "peer.ipynb"
    notebook(path, PYTHON, "bench", "python")
    env = {**os.environ, "JUPYTER_PATH": str(folder / "jupyter")}

    def once() -> float:
        began = time.perf_counter()
        command(sys.executable, "-m", "papermill", "--no-progress-bar", path, folder / "out.ipynb", env=env)
        return time.perf_counter() - began

    return once


def peer_of_r(folder: Path, image: str, stack: ExitStack) -> Any:
    """The papermill command in a container of our image that stays."""
    work = folder / "peer-r"
    notebook(work / "trivial.ipynb", R, "ir", "R")
    argv = (
        "docker",
        "run",
        "-d",
        "--init",
        "--label",
        "workbench.bench=1",
        "-e",
        "HOME=/tmp",
        "-v",
        f"{work}:/notebooks",
    )
    name = command(*argv, "--entrypoint", "sleep", image, "36000").strip()
    stack.callback(command, "docker", "rm", "-f", name)

    def once() -> float:
        peer = ("papermill", "--no-progress-bar", "/notebooks/trivial.ipynb", "/tmp/out.ipynb")
        return float(command("docker", "exec", name, "python", "-c", TIMED, *peer))

    return once


def main(rounds: int) -> None:
    """Measure and print."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    folder = Path(tempfile.mkdtemp(prefix="workbench-bench-"))
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        cold, warm = Home(folder / "cold", "warm_kernels: 0\n"), Home(folder / "warm", "")
        stack.callback(cold.close)
        stack.callback(warm.close)
        warm.run("of-r")  # so that both have run, and both have a spare from now on
        peers = {
            "of-python": peer_of_python(folder),
            "of-r": peer_of_r(folder, cold.image("bench-r"), stack),
        }
        took: dict[tuple[str, str], list[float]] = {}
        for turn in range(rounds + 1):  # the first warms what every later one finds warm
            for project, peer in peers.items():
                for name, act in (("papermill", peer), ("cold", cold.run), ("warm", warm.run)):
                    if name == "warm" and turn:
                        ready(warm, project)
                    seconds = act() if name == "papermill" else act(project)
                    if turn:
                        took.setdefault((project, name), []).append(seconds)
    for project in peers:
        base = median(took[project, "papermill"])
        print(f"trivial notebook {project.replace('-', ' ')}, 3 cells, {rounds} rounds, medians")
        for name in ("papermill", "cold", "warm"):
            seconds = took[project, name]
            middle = median(seconds)
            print(f"  {name:<10} {middle:6.2f} s   {base / middle:5.2f} × papermill   worst {max(seconds):.2f} s")


def ready(home: Home, project: str, seconds: float = 60.0) -> None:
    """Wait until a spare kernel of the project is there."""
    from workbench.services import warmth

    deadline = time.monotonic() + seconds
    while not any(one.project == project and one.memory for one in warmth.kernels(home.bench)):
        if time.monotonic() > deadline:
            raise SystemExit(f"no kernel of {project} is kept warm")
        time.sleep(0.05)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10)
