"""Is the home usable: its folders, its store, its disk."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path

from workbench.doctor.finding import Finding, notice, ok, problem
from workbench.paths import MARKER, NETWORK_FILE_SYSTEMS, account_name, file_system, state_folder
from workbench.text import plural, size

LEAST_FREE = 1_000_000_000  # bytes below which builds and runs are likely to fail
DATABASE = "state.db"


def home(root: Path) -> Iterator[Finding]:
    """Whether there is a home."""
    if not (root / MARKER).is_dir():
        yield notice("home", f"{root} is no home yet", "Make one: workbench init")
        return
    yield ok("home", f"{root} on {file_system(root) or 'an unknown file system'}")


def secrets(root: Path) -> Iterator[Finding]:
    """Whether the keyring can be used, where values are or shall be in it."""
    from workbench import keyrings
    from workbench.declare.preferences import load_settings
    from workbench.vault import Vault, service_of

    vault = Vault(state_folder(root) / "secrets")
    kept = [name for name in vault.names() if service_of(vault.path(name))]
    if kept or load_settings(root / "workbench.yaml").get().secrets == "keyring":
        yield ok("secrets", f"{keyrings.backend()} keeps {plural(len(kept), 'secret')}")


def folder(root: Path) -> Iterator[Finding]:
    """Owner, mode and file system of the state folder."""
    state = state_folder(root)
    for path in dict.fromkeys((root / MARKER, state)):
        if not path.exists():
            continue
        facts = path.lstat()
        if facts.st_uid != os.getuid():
            yield problem(
                "state folder",
                f"{path} belongs to {account_name(facts.st_uid)}, not to {account_name(os.getuid())}",
                "Work as that account, or choose another home with --home.",
            )
        elif stat.S_IMODE(facts.st_mode) != 0o700:
            yield problem("state folder", f"{path} is open to others ({facts.st_mode & 0o777:o})", f"chmod 700 {path}")
        elif not os.access(path, os.W_OK):
            yield problem("state folder", f"{path} cannot be written", "See how its file system is mounted.")
        else:
            yield ok("state folder", f"{path}, 0700, {account_name(facts.st_uid)}")
    if state.parent != root:
        yield notice("state folder", f"{root} is on {file_system(root)}, so its state is kept in {state}")
    if file_system(state) in NETWORK_FILE_SYSTEMS:
        yield problem(
            "state folder",
            f"{state} is on {file_system(state)}, where locks cannot be trusted",
            "Set XDG_STATE_HOME to a local folder.",
        )


def sqlite(_root: Path) -> Iterator[Finding]:
    """SQLite's version, and the journal that the store uses with it."""
    from workbench.store.connection import wal_is_safe

    if wal_is_safe():
        yield ok("sqlite", f"{sqlite3.sqlite_version}: journal WAL, its reset bug is fixed here")
    else:
        yield ok(
            "sqlite",
            f"{sqlite3.sqlite_version}: journal TRUNCATE, for WAL before 3.51.3 (3.50.7, 3.44.6) can lose a commit",
        )


def store(root: Path) -> Iterator[Finding]:
    """Whether the store can be read, is whole, and is of a schema that this program knows."""
    from workbench.store import holding
    from workbench.store.migrations import MIGRATIONS

    path = state_folder(root) / DATABASE
    if not path.exists():
        yield ok("store", "none yet; made with the first verb")
        return
    if in_vain := holding.stopped(path):
        yield problem("store", in_vain.message, in_vain.hint)
        return
    connection = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=10)
    try:
        schema = int(connection.execute("PRAGMA user_version").fetchone()[0])
        wrong = [row[0] for row in connection.execute("PRAGMA integrity_check(20)").fetchall() if row[0] != "ok"]
    except sqlite3.DatabaseError as error:
        if "locked" in str(error):
            held = holding.held(path)
            yield problem("store", held.message, held.hint)
        else:
            yield problem("store", f"{path} cannot be read: {error}", _backups(path))
        return
    finally:
        connection.close()
    if wrong:
        yield problem("store", f"{path} is damaged: {wrong[0]}", _backups(path))
    elif schema > len(MIGRATIONS):
        yield problem("store", f"written by a newer workbench (schema {schema})", "Upgrade workbench.")
    else:
        yield ok("store", f"{size(path.stat().st_size)}, whole, schema {schema}")


def disk(root: Path) -> Iterator[Finding]:
    """Free space where the home, the state and temporary files are."""
    seen = set()
    for wanted in (root, state_folder(root), Path(os.environ.get("TMPDIR") or "/tmp")):  # noqa: S108 - only looked at
        path = next(folder for folder in (wanted, *wanted.parents) if folder.exists())
        device = path.stat().st_dev
        if device in seen:
            continue
        seen.add(device)
        space, inodes = shutil.disk_usage(path), os.statvfs(path)
        few = inodes.f_files and inodes.f_favail < inodes.f_files // 100
        if space.free < LEAST_FREE or few:
            what = "files" if few else "space"
            yield problem("disk", f"{path}: {size(space.free)} free, little {what} left", "Remove what is not needed.")
        else:
            yield ok("disk", f"{path}: {size(space.free)} free of {size(space.total)}")


def _backups(path: Path) -> str:
    folder = path.parent / "backups"
    found = sorted(folder.glob("*.db")) if folder.is_dir() else []
    return f"Stop the service and put a copy in its place; the newest is {found[-1]}" if found else "There is no copy."
