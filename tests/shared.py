"""What is dear to make and that tests only look at: made once for a run of the suite, whichever of its workers asks first."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest


def once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """The folder `name` of this run, made by `make`; the others wait meanwhile."""
    root = factory.getbasetemp()
    folder = (root.parent if "PYTEST_XDIST_WORKER" in os.environ else root) / name
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = folder.with_suffix(".made")
        if not done.exists():
            make(folder)
            done.touch()
    return folder


def python(factory: pytest.TempPathFactory, name: str, *packages: str) -> Path:
    """The Python of a venv with these packages and no others."""
    uv = Path(sys.executable).parent / "uv"

    def make(folder: Path) -> None:
        subprocess.run([uv, "venv", "-q", "--clear", "--python", sys.executable, folder], check=True)
        subprocess.run([uv, "pip", "install", "-q", "--python", folder / "bin/python", *packages], check=True)

    return once(factory, name, make) / "bin" / "python"
