"""The frozen copy of a notebook that a run executes: written once, and never again."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from workbench.services.asking.memo import Memo
from workbench.services.bench import Bench

FILE = "input.ipynb"
PATCH = "changes.patch"  # what the project differed by from its commit


def freeze(bench: Bench, run: int, content: bytes, memo: Memo | None = None, *, patch: bytes = b"") -> Path:
    """Keep `content` for run `run`, on the disk before this returns. Runs of one look that share a `memo` and the
    same content share the file, as links to it: nobody writes to a frozen copy."""
    folder = bench.home.run_folder(run)
    # Ids are never reused, so whatever lies here is of a transaction that was rolled back.
    if folder.exists():
        shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700, parents=True)
    path = folder / FILE
    twin = (memo or Memo()).of(("frozen", content), lambda: _write(path, content))
    if twin != path:
        try:
            path.hardlink_to(twin)
        except OSError:  # a file system without links, too many of them, or the first was removed already
            _write(path, content)
    if patch:
        (folder / PATCH).write_bytes(patch)
    return path


def _write(path: Path, content: bytes) -> Path:
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return path
