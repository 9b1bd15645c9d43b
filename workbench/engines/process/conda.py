"""Conda environments of this machine by name, and what activating one sets; conda itself is asked only where its own lists do not know."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

from workbench import conda
from workbench.errors import Refused

PATIENCE = 60.0  # seconds for conda to answer
# Sources what packages have put there for that, then prints the variables there are.
ACTIVATE = 'for script in "$CONDA_PREFIX"/etc/conda/activate.d/*.sh; do . "$script" >/dev/null 2>&1; done; env -0'


def folder(name: str, *, home: Path | None = None) -> Path:
    """The folder of a conda environment. Raises `Refused` with the names there are."""
    person = home or Path.home()
    known = conda.known(person)
    if name not in known:
        known |= conda.by_name(_asked(person))
    if name not in known:
        there = ", ".join(sorted(known)) or "none that conda knows of"
        raise Refused(
            f"there is no conda environment {name!r}",
            hint=f"There are: {there}. A path may be named as well: `use: /path/to/env`.",
        )
    return known[name]


def activated(prefix: Path, env: Mapping[str, str]) -> dict[str, str]:
    """Variables as they are once the environment at `prefix` is activated; as they were where it is none of conda's.

    Packages such as gdal find their data by variables that their scripts in `etc/conda/activate.d` set.
    """
    found = dict(env)
    if not (prefix / conda.META).is_dir():
        return found
    found |= {"CONDA_PREFIX": str(prefix), "CONDA_DEFAULT_ENV": prefix.name, "CONDA_SHLVL": "1"}
    if not any(prefix.glob("etc/conda/activate.d/*.sh")):
        return found
    try:
        answer = subprocess.run(
            [shutil.which("bash") or "sh", "-c", ACTIVATE],
            env=found, capture_output=True, timeout=PATIENCE, check=True, cwd="/", stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return found
    lines = (line.partition("=") for line in answer.stdout.decode("utf-8", "replace").split("\0") if "=" in line)
    return {name: value for name, _, value in lines if name not in ("_", "SHLVL", "PWD", "OLDPWD")}


def _asked(person: Path) -> Iterator[Path]:
    """What conda itself says; its settings may name other folders for environments."""
    programs = [
        os.environ.get("CONDA_EXE"),
        shutil.which("conda"),
        *(root / "bin" / "conda" for root in conda.roots(person)),
    ]
    program = next((str(one) for one in programs if one and os.access(one, os.X_OK)), None)
    if program is None:
        return
    try:
        answer = subprocess.run(
            [program, "info", "--json"],
            capture_output=True, text=True, timeout=PATIENCE, check=True, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        names = json.loads(answer.stdout).get("envs", [])
    except (OSError, subprocess.SubprocessError, ValueError, AttributeError):
        return
    yield from (Path(str(name)) for name in names)
