"""The whole examination: every check, each guarded, so that one that fails is a finding and not the end."""

from __future__ import annotations

import sqlite3
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path

from workbench.doctor import engines, installation, machine, service, state
from workbench.doctor.finding import Finding, problem
from workbench.errors import WorkbenchError

Check = Callable[[Path], Iterable[Finding]]
AREAS: dict[str, tuple[tuple[str, Check], ...]] = {
    "Installation": (
        ("python", installation.python),
        ("packages", installation.packages),
        ("workbench/", installation.ownership),
        ("programs", installation.programs),
        ("editor", installation.editor),
    ),
    "Home": (
        ("home", state.home),
        ("state folder", state.folder),
        ("sqlite", state.sqlite),
        ("store", state.store),
        ("disk", state.disk),
        ("secrets", state.secrets),
    ),
    "Service": (
        ("supervisor", service.supervisor),
        ("tonight", service.tonight),
    ),
    "Engines": (("engines", engines.engines),),
    "Machine": (
        ("clock", machine.clock),
        ("time zone", machine.time_zone),
        ("ssh", machine.ssh),
        ("terminal", machine.terminal),
    ),
}


def examine(root: Path) -> list[tuple[str, Finding]]:
    """All findings with the area they belong to, for the home at `root`, which need not be there."""
    return [
        (area, finding)
        for area, checks in AREAS.items()
        for about, check in checks
        for finding in guarded(about, check, root)
    ]


def guarded(about: str, check: Check, root: Path) -> list[Finding]:
    """The findings of a check; what it could not do is a finding too."""
    try:
        return list(check(root))
    except WorkbenchError as error:
        return [problem(about, error.message, error.hint)]
    except ImportError as error:
        return [problem(about, f"{error.name} cannot be imported: {error.msg}", "Install workbench anew.")]
    except (OSError, sqlite3.Error, subprocess.SubprocessError, ValueError) as error:
        return [problem(about, f"could not be checked: {type(error).__name__}: {error}")]
