"""Forty trivial runs, two at a time: ours, the papermill command line, and jupyter-scheduler given all of them at once.

    .venv/bin/python benchmarks/run_throughput.py [ROUNDS] [--scheduler PYTHON]

Ours and papermill take turns, ROUNDS times (default 3). `--scheduler` names a Python that has jupyter-scheduler and
ipykernel (`pip install jupyter-scheduler ipykernel psutil`); it is measured once, for it takes long. Runs a minute, from the first request
to the last output; memory is the most that all processes of each held, shared pages divided.
"""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median

import psutil
from peers.home import TRIVIAL, Bench, load

COUNT, WORKERS = 40, 2


def ours(bench: Bench, path: Path) -> float:
    """Runs a minute."""
    began = time.perf_counter()
    results = [bench.submit(path)[1] for _ in range(COUNT)]
    for result in results:
        while not result.exists():
            time.sleep(0.005)
    return COUNT / (time.perf_counter() - began) * 60


def held(bench: Bench, path: Path) -> int:
    """The most memory held meanwhile, in bytes: looked at in a round of its own, for looking takes time."""
    most = [0]
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.2):
            most[0] = max(most[0], bench.memory())

    watcher = threading.Thread(target=watch)
    watcher.start()
    ours(bench, path)
    over.set()
    watcher.join()
    return most[0]


def papermill(bench: Bench, path: Path) -> float:
    """Runs a minute of its command, two at a time."""
    began = time.perf_counter()
    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(lambda number: bench.papermill(path, f"out-{number}.ipynb"), range(COUNT)))
    return COUNT / (time.perf_counter() - began) * 60


def main(rounds: int, scheduler: str) -> None:
    """Measure and print."""
    print(f"{COUNT} trivial runs, {WORKERS} at a time, {rounds} rounds, medians, {load()}")
    with Bench(concurrency=WORKERS) as bench:
        path = bench.notebook("trivial", TRIVIAL)
        bench.warm(path)
        theirs, mine = [], []
        for _ in range(rounds):
            theirs.append(papermill(bench, path))
            mine.append(ours(bench, path))
        base, middle = median(theirs), median(mine)
        most = held(bench, path)
        print(f"  papermill      {base:7.0f} a minute")
        print(
            f"  ours           {middle:7.0f} a minute   {middle / base:5.1f} × papermill   {most / 1e6:.0f} MB   {load()}",
            flush=True,
        )
        if scheduler:
            peer = Path(__file__).with_name("peers") / "scheduler.py"
            done = subprocess.run([scheduler, peer, str(path), str(COUNT)], capture_output=True, text=True, check=False)
            if done.returncode:
                raise SystemExit(f"jupyter-scheduler failed:\n{done.stdout}\n{done.stderr}")
            rate, theirs_held, good = (float(word) for word in done.stdout.split()[-3:])
            print(
                f"  jupyter-scheduler {rate:4.0f} a minute   ours {middle / rate:5.1f} ×   {theirs_held / 1e6:.0f} MB,"
                f" ours {most / theirs_held:.2f} of it   {good:.0f} of {COUNT} succeeded   {load()}"
            )


if __name__ == "__main__":
    words = sys.argv[1:]
    python = words[words.index("--scheduler") + 1] if "--scheduler" in words else ""
    counts = [int(word) for word in words if word.isdigit()]
    psutil.cpu_percent()
    main(counts[0] if counts else 3, python)
