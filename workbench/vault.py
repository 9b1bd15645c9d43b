"""Secrets of a home: a file 0600 for each in a folder 0700, named as the variable it becomes. No value is ever anywhere else.

.workbench/secrets/<NAME>
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from workbench import keyrings
from workbench.errors import Refused
from workbench.paths import private_folder

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,254}", re.ASCII)
OWN = "WORKBENCH_"  # how the program's own variables begin
ELSEWHERE = "\0keyring:"  # begins a file whose value is in the keyring; no value has a NUL in it
LARGEST = 64 * 1024  # bytes: what fits into a variable of a process, execve(2)


@dataclass(frozen=True)
class Vault:
    """The secrets in `folder`, which is made when the first is set."""

    folder: Path
    keyring: str = ""  # the name under which new values go into the person's keyring; empty: they go into files

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
        before = service_of(self.path(name))
        if self.keyring:
            keyrings.put(self.keyring, name, value)
            value = f"{ELSEWHERE}{self.keyring}"
        self._write(name, value)
        if before and before != self.keyring:
            keyrings.remove(before, name)

    def _write(self, name: str, value: str) -> None:
        temporary = private_folder(self.folder) / f".{name}.{secrets.token_hex(4)}"
        try:
            write(temporary, value)
            temporary.replace(self.path(name))
        finally:
            temporary.unlink(missing_ok=True)

    def remove(self, name: str) -> bool:
        """Take it away; False where there was none. Raises `Refused` where it is in a keyring that cannot be used."""
        service = service_of(self.path(name))
        if service:
            keyrings.remove(service, name)
        try:
            self.path(name).unlink()
        except FileNotFoundError:
            return False
        return True


def service_of(path: Path) -> str:
    """The name under which the keyring has the value of a secret; empty where its file has it, or there is none."""
    try:
        with path.open("rb") as file:
            head = file.read(len(ELSEWHERE) + 200)
    except OSError:
        return ""
    mark = ELSEWHERE.encode()
    return head.removeprefix(mark).decode(errors="replace") if head.startswith(mark) else ""


def read(path: Path) -> str:
    """The value of a secret. Raises OSError or UnicodeDecodeError where there is none, `Refused` where the keyring that
    has it cannot be used."""
    return values({path.name: path})[path.name]


def values(paths: Mapping[str, Path], *, brief: bool = False) -> dict[str, str]:
    """Those of several; a keyring is asked once, and given up soon where that is to be `brief`. Raises as `read`."""
    found: dict[str, str] = {}
    asked: dict[str, list[str]] = {}
    for name, path in paths.items():
        if service := service_of(path):
            asked.setdefault(service, []).append(path.name)
            continue
        with path.open(encoding="utf-8", newline="") as file:
            found[name] = file.read()
    for service, names in asked.items():
        kept = keyrings.get(service, names, brief=brief)
        if gone := [name for name in names if name not in kept]:
            raise Refused(
                f"the keyring does not have {', '.join(gone)} any more", title="secrets",
                hint=f"Set it again: workbench secrets set {gone[0]}",
            )  # fmt: skip
        found |= {name: kept[path.name] for name, path in paths.items() if path.name in kept and name not in found}
    return found


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
