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
    """What a home's secrets hold, by name. Raises `Refused` where one was removed, or its keyring cannot be used."""
    for name, path in secrets.items():
        if not path.is_file():
            raise Refused(f"secret {name} is not set", hint=f"Set it: workbench secrets set {name}")
    try:
        return vault.values(secrets)
    except (OSError, UnicodeDecodeError) as error:
        raise Refused("a secret cannot be read", hint="Set it again: workbench secrets list") from error


def in_keyring(secrets: Mapping[str, Path]) -> bool:
    """Whether any of them is not in its file: what would have to be asked again and again for it."""
    return any(vault.service_of(path) for path in secrets.values())


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
