"""Conda environments of this machine by name, and what activating one sets; conda itself is asked only where its own lists do not know."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

from workbench.errors import Refused

BASE = "base"
META = "conda-meta"  # a folder that every conda environment has
LIST = Path(".conda/environments.txt")  # below the person's home: every environment conda has made for them
# Where installers put conda by themselves, below the person's home and /opt.
USUAL = ("miniconda3", "anaconda3", "miniforge3", "mambaforge", "micromamba", "conda")
PATIENCE = 60.0  # seconds for conda to answer
# Sources what packages have put there for that, then prints the variables there are.
ACTIVATE = 'for script in "$CONDA_PREFIX"/etc/conda/activate.d/*.sh; do . "$script" >/dev/null 2>&1; done; env -0'


def folder(name: str, *, home: Path | None = None) -> Path:
    """The folder of a conda environment. Raises `Refused` with the names there are."""
    person = home or Path.home()
    known = _by_name(_listed(person))
    if name not in known:
        known |= _by_name(_asked(person))
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
    if not (prefix / META).is_dir():
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


def _by_name(folders: Iterator[Path]) -> dict[str, Path]:
    """Environments by the names conda gives them; a root is `base`, and the first of a name counts."""
    found: dict[str, Path] = {}
    for place in folders:
        if (place / META).is_dir() and os.access(place / "bin" / "python", os.X_OK):
            found.setdefault(BASE if (place / "condabin").is_dir() else place.name, place)
    return found


def _roots(person: Path) -> Iterator[Path]:
    for variable in ("CONDA_EXE", "MAMBA_EXE"):
        if os.environ.get(variable):
            yield Path(os.environ[variable]).parents[1]
    if os.environ.get("MAMBA_ROOT_PREFIX"):
        yield Path(os.environ["MAMBA_ROOT_PREFIX"])
    for program in ("conda", "mamba"):
        path = shutil.which(program)
        if path:
            yield Path(path).resolve().parents[1]
    for parent in (person, Path("/opt")):
        yield from (parent / name for name in USUAL)


def _listed(person: Path) -> Iterator[Path]:
    """What lies below the places of conda that are known, then what it has written down."""
    for root in _roots(person):
        yield root
        yield from sorted((root / "envs").glob("*"))
    try:
        lines = (person / LIST).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return
    yield from (Path(line) for line in lines if line.startswith("/"))


def _asked(person: Path) -> Iterator[Path]:
    """What conda itself says; its settings may name other folders for environments."""
    programs = [
        os.environ.get("CONDA_EXE"),
        shutil.which("conda"),
        *(root / "bin" / "conda" for root in _roots(person)),
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
