"""Who holds a home: the lock says whether, `supervisor.json` who it is and where it listens."""

from __future__ import annotations

import contextlib
import json
import os
import signal
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from workbench import __version__
from workbench.locks import is_held
from workbench.paths import Home


def held(home: Home) -> bool:
    """Whether a supervisor holds this home's lock."""
    return is_held(home.supervisor_lock)


def card_path(home: Home) -> Path:
    """Where a supervisor says who it is: true only while the lock is held."""
    return home.state / "supervisor.json"


def present(home: Home, how: str, *, wake: Path | None = None) -> None:
    """Say that this process is the supervisor, and where it listens once it does. Only with the lock held."""
    facts = {
        "pid": os.getpid(),
        "start": start_time(os.getpid()),
        "boot": boot_id(),
        "version": __version__,
        "since": datetime.now(UTC).isoformat(),
        "how": how,
        "wake": str(wake or ""),
    }
    _write(home, facts)


def withdraw(home: Home) -> None:
    """Say that this process listens no more: what is asked for from now on is for the next. Only with the lock held."""
    with contextlib.suppress(OSError):  # with a full disk it ends all the same
        _write(home, {**card(home), "wake": ""})


def card(home: Home) -> dict[str, object]:
    """What the supervisor that runs, or the last one, said of itself; empty where that cannot be read."""
    try:
        found = json.loads(card_path(home).read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def renewal_path(home: Home) -> Path:
    """Names the Python with which the supervisor shall go on as another version of itself."""
    return home.state / "renew"


def signal_it(home: Home, number: signal.Signals) -> bool:
    """Send a signal to the supervisor that runs, and to no other process that has its number by now."""
    facts = card(home)
    pid = int(str(facts.get("pid") or 0))
    try:
        descriptor = os.pidfd_open(pid)
    except OSError:
        return False
    try:
        ours = is_of(facts)
        if ours:
            signal.pidfd_send_signal(descriptor, number)
    except ProcessLookupError:
        return False
    finally:
        os.close(descriptor)
    return ours


def is_of(facts: Mapping[str, object]) -> bool:
    """Whether the process that a card names is the one that wrote it."""
    pid = int(str(facts.get("pid") or 0))
    return bool(pid) and facts.get("start") == start_time(pid) and facts.get("boot") == boot_id()


def start_time(pid: int) -> int:
    """When a process started, in clock ticks since boot, proc(5) field 22; 0 where it is gone or only a zombie."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return 0
    fields = text.rpartition(")")[2].split()
    return 0 if fields[0] == "Z" else int(fields[19])


def boot_id() -> str:
    """Changes with every start of the machine, random(4)."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def _write(home: Home, facts: Mapping[str, object]) -> None:
    temporary = card_path(home).with_name(f".supervisor.json.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with open(descriptor, "w", encoding="ascii") as file:
        json.dump(facts, file)
    temporary.replace(card_path(home))
