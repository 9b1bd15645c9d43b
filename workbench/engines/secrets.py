"""Secrets as a kernel or session is given them: variables of its process, and files of a private folder of its own."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from workbench import vault
from workbench.errors import Refused
from workbench.paths import private_folder

FOLDER = "secrets"  # below the private folder of a kernel or session
VARIABLES = "env"  # the file of variables that a container reads
VARIABLE = "WORKBENCH_SECRETS"  # tells where the files are


def values(secrets: Mapping[str, Path]) -> dict[str, str]:
    """What the files of a home's secrets hold, by name. Raises `Refused` where one was removed."""
    found = {}
    for name, path in secrets.items():
        try:
            with path.open(encoding="utf-8", newline="") as file:
                found[name] = file.read()
        except (OSError, UnicodeDecodeError) as error:
            raise Refused(f"secret {name} is not set", hint=f"Set it: workbench secrets set {name}") from error
    return found


def lay_out(private: Path, given: Mapping[str, str]) -> Path:
    """The folder of files for one kernel or session, made anew below its private folder."""
    folder = private / FOLDER
    shutil.rmtree(folder, ignore_errors=True)
    private_folder(folder)
    for name, value in given.items():
        vault.write(folder / name, value)
    return folder


def forget(private: Path) -> None:
    """Remove what holds them below the private folder of a session that is gone: files, and the file of variables."""
    shutil.rmtree(private / FOLDER, ignore_errors=True)
    (private / VARIABLES).unlink(missing_ok=True)
