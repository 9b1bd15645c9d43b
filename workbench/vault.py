"""Secrets of a home: a file 0600 for each in a folder 0700, named as the variable it becomes. No value is ever anywhere else.

.workbench/secrets/<NAME>
"""

from __future__ import annotations

import os
import re
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from workbench.errors import Refused
from workbench.paths import private_folder

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,254}", re.ASCII)
OWN = "WORKBENCH_"  # how the program's own variables begin
LARGEST = 64 * 1024  # bytes: what fits into a variable of a process, execve(2)


@dataclass(frozen=True)
class Vault:
    """The secrets in `folder`, which is made when the first is set."""

    folder: Path

    def names(self) -> frozenset[str]:
        """Those that are set."""
        try:
            return frozenset(path.name for path in self.folder.iterdir() if NAME.fullmatch(path.name))
        except OSError:
            return frozenset()

    def path(self, name: str) -> Path:
        """The file of a secret, which need not be there."""
        return self.folder / name

    def changed(self, name: str) -> datetime:
        """When it was set. Raises OSError where it is not."""
        return datetime.fromtimestamp(self.path(name).lstat().st_mtime, UTC)

    def set(self, name: str, value: str) -> None:
        """Keep `value`, whole or not at all. Raises `Refused` for what cannot be a secret."""
        check_name(name)
        if not value or "\0" in value or len(value.encode()) > LARGEST:
            what = "is empty" if not value else "has a NUL in it" if "\0" in value else "is too long"
            raise Refused(f"the value {what}", title=name, hint=f"A secret is text of at most {LARGEST // 1024} KB.")
        temporary = private_folder(self.folder) / f".{name}.{secrets.token_hex(4)}"
        try:
            write(temporary, value)
            temporary.replace(self.path(name))
        finally:
            temporary.unlink(missing_ok=True)

    def remove(self, name: str) -> bool:
        """Take it away; False where there was none."""
        try:
            self.path(name).unlink()
        except FileNotFoundError:
            return False
        return True


def check_name(name: str) -> None:
    """Raise `Refused` for what cannot be the name of a secret."""
    if not NAME.fullmatch(name):
        raise Refused(
            f"{name[:80]!r} cannot be the name of a secret",
            hint="It is a variable's: letters, digits and _, not beginning with a digit.",
        )
    if name.startswith(OWN):
        raise Refused(f"{name!r} cannot be the name of a secret", hint=f"Names with {OWN} are the program's own.")


def write(path: Path, value: str) -> None:
    """A new file 0600 with `value` as it is. Raises OSError where something stands there."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
    with open(os.open(path, flags, 0o600), "w", encoding="utf-8", newline="") as file:
        file.write(value)
