"""Accounts of this machine for tests that root runs: made, used and removed; and the program where all may run it."""

from __future__ import annotations

import grp
import itertools
import os
import pwd
import shutil
import stat
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from waiting import until

ROOT = Path(__file__).parents[2]
DOCKER = Path("/var/run/docker.sock")
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Account:
    """An account of this machine with a folder of its own."""

    name: str
    uid: int
    gid: int
    home: Path

    def run(
        self, *command: str | Path, groups: tuple[int, ...] = (), **environ: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a command as this account, with nothing of root's environment but the machine's own settings."""
        kept = ("PATH", "LANG", "CI", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "UV_DEFAULT_INDEX")
        env = {name: os.environ[name] for name in kept if name in os.environ}
        env |= {"HOME": str(self.home), "USER": self.name, "LOGNAME": self.name, **environ}
        return subprocess.run(
            [str(part) for part in command],
            user=self.uid,
            group=self.gid,
            extra_groups=groups,
            umask=0o022,
            env=env,
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )


@dataclass(frozen=True)
class Installed:
    """A checkout that every account may read, and the Python of a venv with the program in it."""

    source: Path
    python: Path


def made(place: Path) -> Account:
    """A new ordinary account whose home others may look into, as is usual."""
    name = f"wb{os.getpid()}x{next(_numbers)}"
    home = place / name
    subprocess.run(["useradd", "--create-home", "--home-dir", home, "--shell", "/bin/sh", name], check=True)
    home.chmod(0o755)
    facts = pwd.getpwnam(name)
    return Account(name, facts.pw_uid, facts.pw_gid, home)


def unmade(account: Account) -> None:
    """Remove an account; fails where something of it still runs."""
    with suppress(AssertionError):
        until(lambda: not living(account.uid), "nothing of the account to run", seconds=30, every=0.2)
    left = living(account.uid)
    for process in left:
        with suppress(psutil.Error):
            process.kill()
    subprocess.run(["userdel", "--force", account.name], check=True)
    shutil.rmtree(f"/tmp/workbench-{account.uid}", ignore_errors=True)
    assert not left, "processes of the account were left running"


def living(uid: int) -> list[psutil.Process]:
    """Processes of an account that have not ended."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.uids().real == uid and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def readable_by_all(path: Path) -> bool:
    """Whether any account may reach and run `path`."""
    real = path.resolve()
    others = all(folder.stat().st_mode & stat.S_IXOTH for folder in real.parents)
    return others and bool(real.stat().st_mode & stat.S_IXOTH)


def python_for_all() -> str:
    """A Python 3.11 or later that an ordinary account may run: the one of these tests, else the machine's."""
    base = Path(sys.base_prefix) / "bin" / f"python3.{sys.version_info.minor}"
    for candidate in (base, *(Path(f"/usr/bin/python3{minor}") for minor in ("", ".13", ".12", ".11"))):
        if candidate.exists() and readable_by_all(candidate):
            check = [str(candidate), "-c", "import sys; sys.exit(sys.version_info < (3, 11))"]
            if not subprocess.run(check).returncode:
                return str(candidate)
    pytest.skip("no Python 3.11 that an ordinary account may run")


def checkout(folder: Path) -> Path:
    """A copy of what git knows of, readable by all."""
    listed = subprocess.run(
        ["git", "-C", ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        capture_output=True,
        text=True,
        check=True,
    )
    target = folder / "checkout"
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, target / name)
    return target


def install(folder: Path) -> None:
    """Make a checkout, and a venv with the program and what its tests need."""
    source = checkout(folder)
    uv = [sys.executable, "-m", "uv"]
    python = folder / "venv" / "bin" / "python"
    subprocess.run([*uv, "venv", "--quiet", "--clear", "--python", python_for_all(), folder / "venv"], check=True)
    wanted = [
        "--compile-bytecode",
        "--link-mode",
        "copy",
        "--editable",
        str(source),
        "--group",
        f"{source}/pyproject.toml:test",
    ]
    subprocess.run([*uv, "pip", "install", "--quiet", "--python", python, *wanted], check=True)
    subprocess.run(["chmod", "-R", "a+rX", folder], check=True)


def docker_group() -> tuple[int, ...]:
    """The group that may use the engine's socket, where it is not root's own."""
    if not DOCKER.exists():
        return ()
    group = DOCKER.stat().st_gid
    return (group,) if group and grp.getgrgid(group).gr_name != "root" else ()
