"""Whether schedules will really run: what sleep, logout and a restart of this machine do to the supervisor."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from workbench.model.schedule import CatchUp, ScheduleSpec
from workbench.paths import Home, account_name
from workbench.services.bench import Bench
from workbench.services.supervision import control, unit
from workbench.text import duration


@dataclass(frozen=True)
class Surroundings:
    """What decides it. `logout_kills`: systemd ends a person's processes when they log out."""

    alive: bool
    starts_with_machine: bool
    starts_with_login: bool
    systemd: bool
    logout_kills: bool
    laptop: bool
    container: bool
    wsl: bool
    cron: bool  # whether there is a cron that could start it
    account: str
    root: str

    @classmethod
    def here(cls, home: Home) -> Surroundings:
        """As this machine is now."""
        installed = unit.enabled(home)
        lingers = unit.lingers()
        ended_at_logout = os.getuid() != 0 and not lingers and (_kills_at_logout() or installed)
        return cls(
            alive=control.held(home),
            starts_with_machine=(installed and lingers) or _in_crontab(home),
            starts_with_login=installed,
            systemd=not unit.available(),
            logout_kills=ended_at_logout,
            laptop=_has_battery(Path("/sys/class/power_supply")),
            container=any(Path(mark).exists() for mark in ("/.dockerenv", "/run/.containerenv")),
            wsl="microsoft" in _text("/proc/sys/kernel/osrelease").lower(),
            cron=shutil.which("crontab") is not None,
            account=account_name(os.getuid()),
            root=str(home.root),
        )


def tonight(bench: Bench, spec: ScheduleSpec | None = None) -> list[str]:
    """Whether what is due while nobody looks will run, a line each: first the answer, then what would make it so.

    Of the schedule `spec` where it is given, else of any.
    """
    return told(Surroundings.here(bench.home), spec)


def told(so: Surroundings, spec: ScheduleSpec | None = None) -> list[str]:
    """The lines for given surroundings."""
    but = []
    if so.laptop:
        but.append(
            f"Asleep it runs nothing; {_made_up(spec)}. This machine has a battery:"
            " keep it awake with systemd-inhibit, or in its power settings."
        )
    if so.wsl:
        but.append("Windows ends WSL with its last window: keep one open, or start workbench by the Task Scheduler.")
    if so.logout_kills:
        but.append(f"Logging out ends it. To have it stay: loginctl enable-linger {so.account}")
    if so.container:
        but.append("This is a container: it runs as long as that does.")
    elif not so.starts_with_machine:
        but.append(_after_restart(so))
    if not so.alive:
        but.append("The supervisor does not run now. Start it: workbench service start")
    if not but:
        return ["It will run tonight: it is up, stays up after logout, and starts with the machine."]
    return ["It will run as long as this machine is up." if so.alive else "It will not run yet.", *but]


def _made_up(spec: ScheduleSpec | None) -> str:
    """What becomes of times that pass while the machine sleeps."""
    if spec is None:
        return "what was missed is made up for as each schedule's catch_up says"
    if spec.catch_up is CatchUp.NONE:
        return "what was missed is not made up for (catch_up: none)"
    which = "every time missed" if spec.catch_up is CatchUp.ALL else "the last time missed"
    within = f" within {duration(spec.catch_up_window)}" if spec.catch_up_window is not None else ""
    return f"{which} is made up for after waking{within}"


def _after_restart(so: Surroundings) -> str:
    if so.starts_with_login:
        return f"A restart of the machine ends it until you log in. To change that: loginctl enable-linger {so.account}"
    text = "A restart of the machine ends it until you use workbench again."
    if so.systemd:
        return f"{text} To have it start by itself: workbench service install"
    if so.cron:
        return f"{text} To have it start by itself: crontab -e, then @reboot workbench --home {so.root} service start"
    return text


def _has_battery(folder: Path) -> bool:
    """A battery of the machine, not one of a mouse or phone, sysfs-class-power."""
    try:
        supplies = list(folder.iterdir())
    except OSError:
        return False
    return any(
        _text(supply / "type").strip() == "Battery" and _text(supply / "scope").strip() != "Device"
        for supply in supplies
    )


def _kills_at_logout() -> bool:
    """`KillUserProcesses=` of logind.conf(5): its own word where it answers, else no."""
    if not Path("/run/systemd/system").is_dir() or shutil.which("busctl") is None:
        return False
    argv = ["busctl", "get-property", "org.freedesktop.login1", "/org/freedesktop/login1"]
    argv += ["org.freedesktop.login1.Manager", "KillUserProcesses"]
    try:
        answer = subprocess.run(argv, capture_output=True, text=True, timeout=5, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return answer.stdout.strip() == "b true"


def _in_crontab(home: Home) -> bool:
    """Whether the account's crontab starts this home's supervisor at boot."""
    if shutil.which("crontab") is None:
        return False
    try:
        answer = subprocess.run(["crontab", "-l"], capture_output=True, text=True, timeout=5, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return any(
        line.strip().startswith("@reboot") and str(home.root) in line and "service start" in line
        for line in answer.stdout.splitlines()
    )


def _text(path: str | Path) -> str:
    try:
        return Path(path).read_text(errors="replace")
    except OSError:
        return ""
