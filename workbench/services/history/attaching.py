"""A console in a kernel that is kept: the command line of one that this machine has."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from workbench.errors import NotFound, Refused
from workbench.model.run import Run
from workbench.services.bench import Bench
from workbench.services.history import continuing

PATIENCE = 20.0  # seconds for a Python that is asked whether it has a console


def console(bench: Bench, run: Run) -> list[str]:
    """argv of a Jupyter console in the kernel of a failed run. Raises `Refused` where there is none to be had, with what to
    install."""
    known = continuing.facts(bench, run)
    connection = str(known["connection"])
    python = str(known.get("python") or "")
    if python and _has_console(python):
        return [python, "-m", "jupyter_console", "--existing", connection]
    if importlib.util.find_spec("jupyter_console"):
        return [sys.executable, "-m", "jupyter_console", "--existing", connection]
    if program := shutil.which("jupyter-console"):
        return [program, "--existing", connection]
    where = f"into environment {run.environment} (`packages:`), or beside workbench " if python else "beside workbench "
    inside = f" A shell beside it: workbench runs attach {run.id} --shell" if known.get("shell") else ""
    raise Refused("there is no Jupyter console here", hint=f"Install jupyter-console: {where}with pip.{inside}")


def shell(bench: Bench, run: Run) -> list[str]:
    """argv of a shell in the container of a kernel that is kept. Raises `NotFound` where it is in none."""
    argv: Any = continuing.facts(bench, run).get("shell")
    if not argv:
        raise NotFound("container of run", str(run.id), hint="Its kernel is a process of this machine.")
    return [str(word) for word in argv]


def _has_console(python: str) -> bool:
    if not Path(python).is_absolute():
        return False
    look = "import importlib.util, sys; sys.exit(importlib.util.find_spec('jupyter_console') is None)"
    try:
        asked = subprocess.run([python, "-c", look], check=False, capture_output=True, timeout=PATIENCE)
    except (OSError, subprocess.SubprocessError):
        return False
    return asked.returncode == 0
