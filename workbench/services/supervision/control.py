"""The supervisor of a home from outside: start it, wake it, ask how it is, end it.

lock held ── it runs ── supervisor.json says who it is (pid, start, version, where it listens)
lock free ── it does not, whatever supervisor.json says
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import workbench
from workbench import __version__
from workbench.errors import WorkbenchError
from workbench.paths import Home
from workbench.services.bench import Bench
from workbench.services.supervision import pulse, unit
from workbench.services.supervision.ending import end
from workbench.services.supervision.holder import (
    boot_id,
    card,
    card_path,
    held,
    is_of,
    present,
    renewal_path,
    signal_it,
    start_time,
    withdraw,
)
from workbench.text import clean

__all__ = ["boot_id", "card", "card_path", "held", "present", "renewal_path", "signal_it", "start_time", "withdraw"]

START_WAIT = 30.0  # seconds until a started supervisor holds its lock and listens: a cold disk is slow
ALREADY = 3  # its exit code where another one holds the lock
TAIL = 12  # lines of its log in an error
_left: set[int] = set()  # supervisors that this process started


@dataclass(frozen=True)
class SupervisorStatus:
    """How the supervisor is; `pid` 0 and `since` None where none runs. `outdated`: it runs older code than this."""

    alive: bool
    pid: int = 0
    version: str = ""
    since: datetime | None = None
    outdated: bool = False
    how: str = ""  # detached, foreground, systemd
    log: Path = Path()
    unit: str = ""  # state of the systemd unit: empty, enabled, active
    silent: datetime | None = None  # since when it does not answer, where it hangs

    @property
    def trouble(self) -> str:
        """What is wrong with one that runs and does not answer; empty where nothing is."""
        return pulse.trouble(self.silent, self.pid) if self.silent else ""


def ensure(bench: Bench) -> None:
    """See that a supervisor of this home runs, and runs no older code than this. Quick where it does.

    One that does not listen yet may fail to start, and one that listens no more ends: what is asked for is not for it.
    """
    home = bench.home
    _collect()
    deadline = time.monotonic() + START_WAIT
    while held(home):
        facts = card(home)
        if facts.get("wake") and is_of(facts):
            if _older(str(facts.get("version", ""))):
                ask_renewal(home)
            return
        if time.monotonic() > deadline:
            raise _not_up(home, f"did not come up within {START_WAIT:g} s")
        time.sleep(0.02)
    if unit.enabled(home):
        unit.start(home)
        _await_start(home, None)
    else:
        _await_start(home, _spawn(home))


def revive(bench: Bench) -> bool:
    """Start it again where the last one ended without being stopped: such a one leaves its socket behind."""
    socket_path = str(card(bench.home).get("wake") or "")
    if held(bench.home) or not socket_path or not os.path.exists(socket_path):
        return False
    ensure(bench)
    return True


def tell(bench: Bench) -> None:
    """Have what was just asked for looked at: by a supervisor that runs now, where none did."""
    ensure(bench)
    wake(bench)


def wake(bench: Bench) -> None:
    """Make it look at the store now. Best effort: it looks by itself before long."""
    target = str(card(bench.home).get("wake") or "")
    if not target:
        return
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.setblocking(False)
        sender.sendto(b"", target)


def status(bench: Bench) -> SupervisorStatus:
    """Whether it runs, since when, and which version."""
    home = bench.home
    kind = unit.state(home)
    if not held(home):
        return SupervisorStatus(False, log=home.supervisor_log, unit=kind)
    facts = card(home)
    since = datetime.fromisoformat(str(facts["since"])) if facts.get("since") else None
    version = str(facts.get("version", ""))
    outdated = _older(version)
    return SupervisorStatus(
        alive=True,
        pid=int(str(facts.get("pid") or 0)),
        version=version,
        since=since,
        outdated=outdated,
        how=str(facts.get("how", "")),
        log=home.supervisor_log,
        unit=kind,
        silent=None if outdated else pulse.silent_since(home, lambda: wake(bench)),
    )


def hangs(bench: Bench) -> tuple[str, str]:
    """What is wrong with a supervisor that runs and does not answer, and what helps; empty where nothing is. Quick."""
    facts = card(bench.home)
    if not held(bench.home) or _older(str(facts.get("version", ""))):
        return "", ""
    silent, pid = pulse.silent_since(bench.home, lambda: wake(bench)), int(str(facts.get("pid") or 0))
    return (pulse.trouble(silent, pid), pulse.why_silent(pid)[1]) if silent else ("", "")


def stop(bench: Bench) -> bool:
    """End it, by force where it hangs; False where none runs. Runs and sessions go on, and the next one finds them again."""
    home = bench.home
    if not held(home):
        return False
    if unit.active(home):
        unit.stop(home)
    end(home, kill=bool(hangs(bench)[0]))
    return True


def restart(bench: Bench) -> None:
    """End it where it runs, and start it."""
    stop(bench)
    ensure(bench)


def install(bench: Bench) -> list[str]:
    """Have systemd start it with the machine or the login; what was done and what is still to do, a line each."""
    unit.check(bench.home)
    stop(bench)
    lines = unit.install(bench.home, command(bench.home, "systemd"), environment())
    _await_start(bench.home, None)
    return lines


def uninstall(bench: Bench) -> bool:
    """Take it out of systemd; False where it was not in it. It is started again by what needs it."""
    return unit.uninstall(bench.home)


def ask_renewal(home: Home) -> None:
    """Ask the supervisor to go on as the code of this Python; runs and sessions do not notice."""
    renewal_path(home).write_text(sys.executable)
    signal_it(home, signal.SIGHUP)


def command(home: Home, how: str) -> list[str]:
    """The program that is a supervisor of `home`. -P: files that lie in a working folder are no modules of it."""
    return [sys.executable, "-P", "-m", "workbench.supervisor", "--home", str(home.root), "--how", how]


def environment() -> dict[str, str]:
    """What a supervisor must be given beside the usual to find this package: only where it is run out of a checkout."""
    folder = str(Path(workbench.__file__).parent.parent)
    found = [entry for entry in sys.path if entry and Path(entry).absolute() == Path(folder)]
    only_by_working_folder = bool(sys.path) and sys.path[0] in ("", folder) and len(found) <= 1
    if not only_by_working_folder or folder in os.environ.get("PYTHONPATH", "").split(os.pathsep):
        return {}
    return {"PYTHONPATH": os.pathsep.join(filter(None, (folder, os.environ.get("PYTHONPATH"))))}


def log_tail(home: Home, lines: int = TAIL, *, since: int = 0) -> str:
    """The last lines of its log after byte `since`, cleaned; empty where there is none."""
    try:
        with home.supervisor_log.open("rb") as file:
            file.seek(max(since, file.seek(0, os.SEEK_END) - 16_384))
            text = clean(file.read().decode(errors="replace"))
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-lines:])


def _spawn(home: Home) -> subprocess.Popen[bytes]:
    descriptor = -1
    # WORKBENCH_ENGINE is meant for one command, not for all that this supervisor will ever build.
    own = {name: value for name, value in os.environ.items() if name != "WORKBENCH_ENGINE"}
    try:
        descriptor = os.open(home.supervisor_log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        return subprocess.Popen(
            command(home, "detached"),
            stdin=subprocess.DEVNULL,
            stdout=descriptor,
            stderr=descriptor,
            cwd="/",
            # Started from a terminal in a session, it must not end with it: keepers leave what carries another mark.
            env={**own, **environment(), "WORKBENCH_KEPT": "supervisor"},
            start_new_session=True,
        )
    except OSError as error:
        raise WorkbenchError(
            f"the supervisor cannot be started: {error.strerror}: {error.filename}", hint="See: workbench doctor"
        ) from error
    finally:
        if descriptor >= 0:
            os.close(descriptor)


def _await_start(home: Home, child: subprocess.Popen[bytes] | None) -> None:
    deadline = time.monotonic() + START_WAIT
    try:
        before = home.supervisor_log.stat().st_size  # what earlier ones said explains nothing
    except OSError:
        before = 0
    while not (held(home) and is_of(facts := card(home)) and facts.get("wake")):
        code = child.poll() if child else None
        if code not in (None, ALREADY) or time.monotonic() > deadline:
            said = f"ended with exit code {code}" if code is not None else f"did not come up within {START_WAIT:g} s"
            raise _not_up(home, said, since=before)
        time.sleep(0.02)
    if child and child.poll() is None:
        # It lives on without us: collected when it ends, and no warning of a child that was not waited for.
        _left.add(child.pid)
        child.returncode = 0


def _not_up(home: Home, said: str, *, since: int = 0) -> WorkbenchError:
    tail = log_tail(home, since=since)
    return WorkbenchError(
        f"the supervisor {said}\n{tail}".rstrip(), title=str(home.supervisor_log), hint="See: workbench doctor"
    )


def _collect() -> None:
    """Take note of supervisors that this process started and that have ended."""
    for pid in list(_left):
        try:
            ended = os.waitpid(pid, os.WNOHANG)[0] == pid
        except ChildProcessError:
            ended = True
        if ended:
            _left.discard(pid)


def _older(version: str) -> bool:
    """Whether `version` is before this program's; a version that cannot be read is not."""
    try:
        theirs, ours = (tuple(int(part) for part in text.split(".")[:3]) for text in (version, __version__))
    except ValueError:
        return False
    return theirs < ours
