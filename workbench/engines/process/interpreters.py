"""The Pythons of this machine: found by name in the usual places, none is ever downloaded unasked."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from workbench.engines.process import conda
from workbench.errors import Refused
from workbench.text import one_line

NAME = re.compile(r"python(\d+\.\d+)$")
# What an interpreter is asked once, at a build. It prints one line of JSON.
QUESTION = """
import json, platform, sys
from importlib import metadata
try:
    import ipykernel.kernelapp
    kernel = ""
except Exception as error:
    kernel = f"{type(error).__name__}: {error}"
packages = sorted({f"{d.metadata['Name']}=={d.version}" for d in metadata.distributions() if d.metadata['Name']})
print(json.dumps({"version": platform.python_version(), "prefix": sys.prefix, "kernel": kernel, "packages": packages}))
"""


def own() -> Path:
    """The Python this program was made from, not its venv's."""
    base = Path(sys.base_prefix) / "bin" / f"python{sys.version_info.major}.{sys.version_info.minor}"
    return base if base.exists() else Path(sys.executable).resolve()


def asked(version: str | None) -> str:
    """The version an environment gets: as declared, else our own `X.Y`."""
    return version or f"{sys.version_info.major}.{sys.version_info.minor}"


def find(version: str | None, *, home: Path | None = None) -> Path | str:
    """The interpreter for a declared version (`3.13`, `3.13.1`), or what uv is to download where that is allowed.

    Raises `Refused` with what there is. uv's own variable UV_PYTHON_DOWNLOADS=automatic allows downloads.
    """
    wanted = asked(version)
    if own().name == f"python{wanted}":
        return own()
    there: dict[str, Path] = {}
    for path in _places(home or Path.home()):
        minor = NAME.fullmatch(path.name)
        if minor and path not in there.values():
            there.setdefault(minor[1], path)
            if wanted == minor[1]:
                return path
            if wanted.startswith(f"{minor[1]}.") and _version(path) == wanted:
                return path
    if os.environ.get("UV_PYTHON_DOWNLOADS") == "automatic":
        return wanted
    there.setdefault(asked(None), own())
    known = ", ".join(sorted(there, key=lambda text: [int(part) for part in text.split(".")]))
    raise Refused(
        f"Python {wanted} is not on this machine",
        hint=f"There are: {known}. Install {wanted} (uv python install {wanted}), or change `python: version`.",
    )


def existing(use: str) -> Path:
    """The interpreter that `use:` names: a path to a Python or a venv, or `conda:NAME`. Raises `Refused`."""
    named = use.startswith("conda:")
    folder = conda.folder(use.removeprefix("conda:")) if named else Path(use).expanduser()
    path = folder / "bin" / "python" if folder.is_dir() else folder
    if not path.is_absolute():
        raise Refused(f"use: {use} is not an absolute path", hint="Write the whole path of the Python.")
    if not os.access(path, os.X_OK):
        raise Refused(f"there is no Python at {path}", hint="`use:` names an existing Python or venv.")
    return path


def question(python: Path) -> dict[str, Any]:
    """Version, prefix, packages and whether its kernel can be imported. Raises `Refused` where it does not run."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    try:
        answer = subprocess.run(
            [str(python), "-c", QUESTION],
            capture_output=True, text=True, timeout=120, check=True, env=env, cwd="/", stdin=subprocess.DEVNULL,
        )  # fmt: skip
        data = json.loads(answer.stdout.splitlines()[-1])
    except (OSError, subprocess.SubprocessError, ValueError, IndexError) as error:
        raise Refused(f"{python} does not run as a Python", hint=one_line(str(error), 300)) from error
    assert isinstance(data, dict)
    return data


def _places(home: Path) -> Iterator[Path]:
    """`python3.N` in PATH (shims answer for what is not there), then where pyenv and uv keep theirs."""
    folders = [Path(part) for part in os.environ.get("PATH", "").split(os.pathsep) if part]
    folders = [folder for folder in folders if folder.name != "shims" and folder != Path(sys.prefix) / "bin"]
    managed = Path(os.environ.get("XDG_DATA_HOME") or home / ".local" / "share") / "uv" / "python"
    pyenv = Path(os.environ.get("PYENV_ROOT") or home / ".pyenv") / "versions"
    for root in (pyenv, managed):
        folders += sorted(root.glob("*/bin"), reverse=True)
    for folder in (*folders, Path("/usr/local/bin"), Path("/usr/bin")):
        for path in sorted(folder.glob("python3.*")):
            if os.access(path, os.X_OK):
                yield path


def _version(python: Path) -> str:
    try:
        answer = subprocess.run([str(python), "-V"], capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):
        return ""
    return answer.stdout.removeprefix("Python").strip()
