"""What the machine and the terminal are like, as far as the program depends on it."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from workbench.doctor.finding import Finding, notice, ok, problem

SYNCED = Path("/run/systemd/timesync/synchronized")
SYSTEMD = Path("/run/systemd/system")


def clock(root: Path) -> Iterator[Finding]:
    """Whether the clock can be right, and whether the file system agrees with it."""
    now = time.time()
    if now < datetime.fromisoformat("2025-01-01T00:00:00+00:00").timestamp():
        yield problem("clock", f"it says {datetime.now().astimezone():%Y-%m-%d %H:%M}", "Set the machine's clock.")
        return
    text = f"{datetime.now().astimezone():%Y-%m-%d %H:%M:%S %Z}"
    database = root / ".workbench" / "state.db"
    if database.exists() and database.stat().st_mtime > now + 60:
        yield notice("clock", f"{text}: the store was written later than that; was the clock set back?")
    elif SYSTEMD.is_dir() and not SYNCED.exists() and not Path("/run/chrony").exists():
        yield notice("clock", f"{text}, not known to be kept right", "timedatectl set-ntp true")
    else:
        yield ok("clock", text)


def time_zone(root: Path) -> Iterator[Finding]:
    """The zone that schedules go by."""
    from workbench.declare import load_settings
    from workbench.services.scheduling.zones import machine_zone

    chosen = (load_settings(root / "workbench.yaml").value or None) if root.is_dir() else None
    zone = chosen.timezone if chosen else None
    machine = machine_zone()
    if zone is None:
        yield notice(
            "time zone",
            f"none chosen: schedules that name none go by UTC; the machine's is {machine}",
            "workbench init",
        )
    elif zone != machine:
        yield ok("time zone", f"{zone} for schedules; the machine's is {machine}")
    else:
        yield ok("time zone", zone)


def ssh(_root: Path) -> Iterator[Finding]:
    """Whether the person sits elsewhere."""
    if os.environ.get("SSH_CONNECTION"):
        yield ok("ssh", "you are connected over SSH: `open` prints the address and the ssh -L line")
    else:
        yield ok("ssh", "you are not connected over SSH")


def terminal(_root: Path) -> Iterator[Finding]:
    """What the terminal can show."""
    if not sys.stdout.isatty():
        yield ok("terminal", "none: output goes to a file or another program")
        return
    columns, lines = shutil.get_terminal_size()
    encoding = (sys.stdout.encoding or "?").lower()
    colors = "no colours" if os.environ.get("NO_COLOR") else os.environ.get("COLORTERM") or "256 colours or fewer"
    inside = "tmux" if os.environ.get("TMUX") else "screen" if os.environ.get("STY") else ""
    words = [os.environ.get("TERM") or "TERM is not set", f"{columns}x{lines}", encoding, colors, inside]
    text = ", ".join(word for word in words if word)
    if os.environ.get("TERM", "dumb") == "dumb":
        yield notice("terminal", text, "Set TERM, as TERM=xterm-256color; commands work without.")
    elif encoding.replace("-", "") != "utf8":
        yield notice("terminal", text, "Choose a UTF-8 locale, as LANG=C.UTF-8.")
    elif columns < 60 or lines < 15:
        yield notice("terminal", text, "The program needs at least 60x15.")
    else:
        yield ok("terminal", text)
