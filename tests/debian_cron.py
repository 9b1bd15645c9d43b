"""Debian's cron itself under a clock of ours: in a mount namespace of its own, so that the machine's crontabs are not its.

The clock stands still (libfaketime) and is put on by a minute each time all that cron started has ended.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from waiting import until

BEAT = "beat"
BEFORE = 6  # minutes before the first that is asked for, in which it comes up
SKIPPED = 5.0  # seconds for the minutes that clocks skip: it pauses after each job, and nothing shows how far it is


def problem() -> str:
    """Why it cannot be used here; empty where it can."""
    if os.getuid():
        return "Debian's cron under a clock of ours needs root"
    lacking = [what for what, found in (("cron", _cron()), ("libfaketime", _library()), ("unshare", shutil.which("unshare"))) if not found]  # fmt: skip
    return f"no {' and no '.join(lacking)} here: apt-get install cron libfaketime" if lacking else ""


def fired(
    folder: Path, lines: Mapping[str, str], zone: str, start: datetime, minutes: int
) -> dict[str, list[datetime]]:
    """When cron ran each of `lines` (by name) in `minutes` after `start`, as often as it did."""
    clock, log, empty = folder / "clock", folder / "log", folder / "empty"
    empty.mkdir()
    log.touch()
    # Cron starts what is due in the order of the lines from the last up: the beat comes after all the others.
    jobs = [("* * * * *", BEAT), *((line, name) for name, line in lines.items())]
    table = folder / "crontab"
    table.write_text("SHELL=/bin/sh\n" + "".join(f"{line} root echo {name} >> {log}\n" for line, name in jobs))
    table.chmod(0o644)
    _show(clock, start - timedelta(minutes=BEFORE + 1))
    mounts = (
        f"mount --bind {empty} /etc/cron.d && mount --bind {empty} /var/spool/cron/crontabs && "
        f"mount --bind {table} /etc/crontab && mount -t tmpfs tmpfs /run && exec {_cron()} -f"
    )
    variables = {
        "TZ": zone, "LD_PRELOAD": str(_library()), "FAKETIME_FMT": "%s", "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_NO_CACHE": "1", "NO_FAKE_STAT": "1", "DONT_FAKE_MONOTONIC": "1", "PATH": os.environ["PATH"],
    }  # fmt: skip
    cron = subprocess.Popen(["unshare", "--mount", "sh", "-c", mounts], env=variables)
    found: dict[str, list[datetime]] = {name: [] for name in lines}
    read, beats = 0, 0

    def beaten() -> bool:
        """Whether it has worked off the minute that the clock shows; it is poked until it has."""
        _poke(cron.pid)
        return log.read_text().count(f"{BEAT}\n") > beats

    try:
        until(lambda: Path(f"/proc/{cron.pid}/comm").read_text().strip() == "cron", "cron")
        for number in range(-BEFORE, minutes + 1):
            moment = start + timedelta(minutes=number)
            _show(clock, moment)
            if not beats and number < 0 and not _within(beaten, 2.0):
                continue  # it was still on its way up, and took this minute for its first
            until(beaten, f"cron at {moment}", every=0.01)
            if _offset(moment, zone) != _offset(moment - timedelta(minutes=1), zone):
                _within(lambda: not _children(cron.pid) and _poke(cron.pid), SKIPPED)
            until(lambda: not _children(cron.pid), "what cron started to end", every=0.01)
            ran = log.read_text().splitlines()
            for name in ran[read:]:
                if name != BEAT and number > 0:
                    found[name].append(moment)
            beats, read = ran.count(BEAT), len(ran)
    finally:
        cron.kill()
        cron.wait()
    return found


def _cron() -> str | None:
    return shutil.which("cron", path="/usr/sbin:/sbin:/usr/bin")


def _library() -> Path | None:
    return next(iter(sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))), None)


def _show(clock: Path, moment: datetime) -> None:
    """A second after the full minute, as cron itself would wake."""
    new = clock.with_suffix(".new")
    new.write_text(f"{int(moment.timestamp()) + 1}\n")
    new.replace(clock)


def _poke(pid: int) -> None:
    """Have it look at the clock: this signal ends its sleep, and it expects it at any time."""
    os.kill(pid, signal.SIGCHLD)


def _within(condition: Callable[[], bool | None], seconds: float) -> bool:
    """Whether it came true in that time."""
    try:
        return bool(until(condition, "it", seconds=seconds, every=0.05))
    except AssertionError:
        return False


def _children(pid: int) -> bool:
    return bool(Path(f"/proc/{pid}/task/{pid}/children").read_text().split())


def _offset(moment: datetime, zone: str) -> timedelta | None:
    return moment.astimezone(ZoneInfo(zone)).utcoffset()
