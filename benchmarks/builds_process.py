"""The environment `python` as a venv: unchanged, and with one package more, both with a warm package cache.

    .venv/bin/python benchmarks/builds_process.py [ROUNDS]

From asking (a row in the queue) to the environment being ready; each round adds another small package to the same
list. The peer makes the same venv anew with uv and compiles it, from the same cache. Medians.
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

PACKAGES = ("jupyterlab>=4.3", "ipykernel>=6.29", "pandas>=2.2", "matplotlib>=3.9")
MORE = ("tqdm", "tabulate", "toolz", "humanize", "pyfiglet", "emoji", "pluggy", "sortedcontainers")
NAME = "benchmark-python"


def peer(folder: Path, packages: tuple[str, ...]) -> float:
    """Seconds that uv alone takes."""
    from workbench.engines.process.uv import binary, settings

    place = folder / "peer"
    shutil.rmtree(place, ignore_errors=True)
    env = settings(os.environ, None)
    began = time.perf_counter()
    for words in (
        ["venv", "-q", "--python", sys.executable, str(place)],
        ["pip", "install", "-q", "--compile-bytecode", "--python", str(place), *packages],
    ):
        subprocess.run([binary(), *words], check=True, env=env, capture_output=True)
    return time.perf_counter() - began


def main(rounds: int) -> None:
    """Measure and print."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    from workbench.services import environments
    from workbench.services.bench import open_bench
    from workbench.services.supervision import control

    folder = Path(tempfile.mkdtemp(prefix="workbench-bench-"))
    bench = open_bench(folder / "home")
    path = folder / "home" / "environments" / f"{NAME}.yaml"
    path.parent.mkdir(exist_ok=True)

    def built(packages: tuple[str, ...]) -> float:
        keys = {"engine": "process", "python": {"packages": list(packages)}, "ides": ["jupyter"]}
        path.write_text(json.dumps(keys))
        began = time.perf_counter()
        number = environments.build(bench, NAME)
        while number is not None and (build := environments.get_build(bench, number)).ended is None:
            time.sleep(0.005)
        if number is not None and build.state != "ready":
            raise SystemExit(f"build {number} {build.state}: {build.reason}")
        return time.perf_counter() - began

    took: dict[str, list[float]] = {"peer": [], "added": [], "unchanged": []}
    try:
        built(PACKAGES)
        for round_ in range(rounds):
            more = (*PACKAGES, MORE[round_ % len(MORE)])
            took["peer"].append(peer(folder, more))
            took["added"].append(built(more))
            took["unchanged"].append(built(more))
            built(PACKAGES)
    finally:
        control.stop(bench)
        bench.close()
        shutil.rmtree(folder, ignore_errors=True)
    mine, other = median(took["added"]), median(took["peer"])
    print(f"environment python as a venv, {rounds} rounds, medians; load {os.getloadavg()[0]:.1f}")
    print(
        f"  added      {mine:6.2f} s   uv {other:6.2f} s   ratio {mine / other:.3f}   worst {max(took['added']):.2f} s"
    )
    print(f"  unchanged  {1000 * median(took['unchanged']):6.1f} ms   worst {1000 * max(took['unchanged']):.1f} ms")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 7)
