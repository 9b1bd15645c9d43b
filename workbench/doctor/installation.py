"""Is the program itself whole: Python, packages, and the programs it calls."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from workbench import __version__
from workbench.doctor.finding import Finding, notice, ok, problem

SHOWN = ("textual", "papermill", "jupyter-client", "docker", "apscheduler", "cronsim", "uv")


def python(_root: Path) -> Iterator[Finding]:
    """The Python that runs the program, and whether it may keep bytecode."""
    yield ok("python", f"{platform.python_version()} at {sys.executable}")
    if sys.dont_write_bytecode:
        yield notice(
            "bytecode",
            "PYTHONDONTWRITEBYTECODE is set: what is not compiled yet starts several times slower",
            "Unset it.",
        )


def packages(_root: Path) -> Iterator[Finding]:
    """Whether what the program requires is there, in versions that fit."""
    try:
        requires = metadata.requires("dsw-lite") or []
    except metadata.PackageNotFoundError:
        yield notice("packages", f"workbench {__version__} runs from a folder and is not installed")
        requires = []
    wrong = [line for line in requires if "extra ==" not in line and not _fits(line)]
    if wrong:
        yield problem("packages", f"missing or of a wrong version: {', '.join(wrong)}", "Install dsw-lite anew.")
    found = [f"{name} {version}" for name in SHOWN if (version := _version(name))]
    yield ok("packages", f"workbench {__version__}; {', '.join(found)}")


def ownership(_root: Path) -> Iterator[Finding]:
    """Whether another distribution has files in `workbench/` of this Python."""
    from workbench import distribution

    text = distribution.problem()
    yield problem("workbench/", text) if text else ok("workbench/", "owned by dsw-lite alone")


def programs(_root: Path) -> Iterator[Finding]:
    """git, which projects use, and uv, which makes environments of the process engine."""
    for name, use in (("git", "projects are made without a repository, and runs do not know their commit"),):
        path = shutil.which(name)
        if path is None:
            yield notice(name, f"not on PATH: {use}", f"Install {name}.")
        else:
            yield ok(name, f"{_first_line([path, '--version'])} at {path}")
    uv = _uv()
    if uv is None:
        yield problem("uv", "not found: environments of local processes cannot be built", "Install dsw-lite anew.")
    else:
        yield ok("uv", f"{_first_line([uv, '--version'])} at {uv}")


def editor(_root: Path) -> Iterator[Finding]:
    """The editor that `edit` opens."""
    from workbench.doctor.editors import find_editor

    argv = find_editor()
    if not argv:
        yield notice("editor", "none found: neither VISUAL nor EDITOR is set", "Set EDITOR, as EDITOR=nano.")
    elif shutil.which(argv[0]) is None:
        yield problem("editor", f"{argv[0]} is not on PATH", "Set VISUAL or EDITOR to an editor that is installed.")
    else:
        yield ok("editor", " ".join(argv))


def _uv() -> str | None:
    beside = Path(sys.executable).parent / "uv"
    if beside.is_file() and os.access(beside, os.X_OK):
        return str(beside)
    return shutil.which("uv")


def _first_line(argv: list[str]) -> str:
    done = subprocess.run(argv, capture_output=True, text=True, timeout=10, check=False)
    return (done.stdout or done.stderr).strip().partition("\n")[0]


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def _fits(line: str) -> bool:
    """Whether a requirement as wheels write it (`docker<8,>=7.1`) is met; True where it cannot be judged."""
    import re

    head = line.partition(";")[0].strip()
    found = re.match(r"[A-Za-z0-9._-]+", head)
    if not found:
        return True
    have = _version(found[0])
    if not have:
        return False
    for sign, wanted in re.findall(r"(>=|<)\s*([0-9.]+)", head):
        old_enough = _numbers(have) >= _numbers(wanted)
        if old_enough != (sign == ">="):
            return False
    return True


def _numbers(version: str) -> tuple[int, ...]:
    import re

    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])
