"""Notebooks from the committed queued row to the published output, against the papermill command line, interleaved.

    .venv/bin/python benchmarks/run_latency.py [ROUNDS] [trivial plot small large]

Both run the same notebook with the same environment (a venv, all of it compiled to bytecode); `papermill` is the whole
command. Kernels of ours are warm, `plot` with `preload`. Medians; trust the ratios over the seconds.
"""

from __future__ import annotations

import sys
from statistics import median

from peers.home import LARGE, PLOT, PRELOAD, SMALL, TRIVIAL, Bench, load

ROWS = {
    "trivial": ("trivial notebook, 3 cells", TRIVIAL, ()),
    "plot": ("pandas and a plot, with preload", PLOT, PRELOAD),
    "small": ("200 small cells", SMALL, ()),
    "large": ("50 cells of 200 kB output", LARGE, ()),
}


def main(rounds: int, wanted: list[str]) -> None:
    """Measure and print."""
    print(f"{rounds} rounds, medians, {load()}")
    for preload in {ROWS[name][2]: None for name in wanted}:
        with Bench(preload) as bench:
            for name in (name for name in wanted if ROWS[name][2] == preload):
                title, cells, _ = ROWS[name]
                path = bench.notebook(name, cells)
                bench.warm(path)
                bench.papermill(path)
                theirs, ours = [], []
                for _ in range(rounds):
                    theirs.append(bench.papermill(path))
                    ours.append(bench.run(path))
                base, middle = median(theirs), median(ours)
                print(
                    f"  {title:<32} papermill {base:6.2f} s   ours {middle:6.3f} s   {base / middle:5.1f} ×"
                    f"   worst {max(ours):.3f} s   {load()}",
                    flush=True,
                )


if __name__ == "__main__":
    numbers = [int(word) for word in sys.argv[1:] if word.isdigit()]
    names = [word for word in sys.argv[1:] if word in ROWS]
    main(numbers[0] if numbers else 10, names or list(ROWS))
