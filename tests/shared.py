"""What is dear to make and that tests only look at: made once for a run of the suite, whichever of its workers asks first."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest


def worker() -> bool:
    """Whether this process is one of several that run the tests."""
    return "PYTEST_XDIST_WORKER" in os.environ


def public() -> Path:
    """A folder of this run that every account of the machine may enter, removed by `forget` at its end."""
    folder = _public()
    folder.mkdir(mode=0o755, exist_ok=True)
    if folder.lstat().st_uid != os.getuid():
        raise PermissionError(f"{folder} belongs to somebody else")
    folder.chmod(0o755)
    return folder


def forget() -> None:
    """Remove what is not in the temporary folder of the tests, once all of them are done."""
    if not worker() and _public().exists():
        subprocess.run(["rm", "-rf", _public()], check=False)


def _public() -> Path:
    return Path(f"/var/tmp/workbench-account-{os.getppid() if worker() else os.getpid()}")


def once(root: Path, name: str, make: Callable[[Path], None]) -> Path:
    """The folder `name` in `root`, made by `make`; the others wait meanwhile."""
    folder = root / name
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

    root = factory.getbasetemp()
    return once(root.parent if worker() else root, name, make) / "bin" / "python"
