"""What surrounds a local kernel or session: its environment variables."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from pathlib import Path

from workbench.engines import secrets
from workbench.engines.base import Workspace
from workbench.engines.process import conda, gpus
from workbench.engines.process.venv import interpreter
from workbench.model.environment import Revision

# Of the program's own process, not for what it starts: they would change which Python or modules are found.
OWN = ("PYTHON", "VIRTUAL_ENV", "CONDA", "UV_", "WORKBENCH", "JUPYTER", "JPY_", "PIPX", "__PYVENV")
SERVICE = frozenset({"NOTIFY_SOCKET", "INVOCATION_ID", "JOURNAL_STREAM", "LISTEN_FDS", "LISTEN_PID", "MPLBACKEND"})
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_MAX_THREADS")


def secret_variables(private: Path, workspace: Workspace) -> dict[str, str]:
    """Its secrets as variables, laid out as files below `private`; none where it has none."""
    if not workspace.secrets:
        return {}
    given = secrets.values(workspace.secrets)
    return {**given, secrets.VARIABLE: str(secrets.lay_out(private, given))}


def environment(revision: Revision, workspace: Workspace, extra: Mapping[str, str]) -> dict[str, str]:
    """The account's variables without those of our own Python, then the environment's, then `extra`.

    The environment's Python comes first on PATH. Where cores are limited, numeric libraries are told.
    """
    env = {name: value for name, value in os.environ.items() if not name.startswith(OWN) and name not in SERVICE}
    cpus = workspace.limits.cpus
    if cpus is not None:
        env.update(dict.fromkeys(THREADS, str(max(1, math.ceil(cpus)))))
    env.update(gpus.variables(workspace.limits))
    env.update(workspace.env)
    env.update(extra)
    python = interpreter(revision)
    env["PATH"] = f"{python.parent}{os.pathsep}{env.get('PATH') or os.defpath}"
    if (python.parent.parent / "pyvenv.cfg").exists():
        env["VIRTUAL_ENV"] = str(python.parent.parent)
    return conda.activated(python.parent.parent, env)
