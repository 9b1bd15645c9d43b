"""`python -m workbench.supervisor --home FOLDER`: take the home's lock, be its supervisor, end with an exit code.

0 ended as asked · 1 could not begin · 3 another one has this home
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import time
from logging.handlers import RotatingFileHandler
from pathlib import Path

from workbench import homes, locks
from workbench.errors import WorkbenchError
from workbench.paths import Home, open_home
from workbench.services.supervision import control

LOG_SIZE, LOGS = 2_000_000, 3


def main() -> int:
    """Parse, lock, run, and go on as other code where that was asked for."""
    words = _words()
    asked: list[int] = []  # to end, before there is anything that could
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda given, _: asked.append(given))
    home = open_home(Path(words.home).absolute())
    lock = _lock(home, words.lock_fd)
    if lock is None:
        facts = control.card(home)
        print(f"a supervisor of {home.root} runs already, process {facts.get('pid', '?')}", file=sys.stderr)  # noqa: T201
        return control.ALREADY
    # Who we are is told before the slow imports; where we listen, once we do.
    control.present(home, words.how)
    homes.note(home)
    _log_to(home, words.how)
    log = logging.getLogger("workbench.supervisor")
    try:
        from workbench.services.bench import open_bench
        from workbench.supervisor.loop import Supervisor

        bench = open_bench(home.root, origin="supervisor")
        with bench.store.read():  # a state that cannot be used is told before anybody counts on us
            pass
        supervisor = Supervisor(bench, words.how, lock)
        if words.lock_fd is not None:
            supervisor.inherit()
        log.info("begins: process %d, %s, %s", os.getpid(), home.root, words.how)
        supervisor.run(asked)
    except WorkbenchError as error:
        log.error("%s", error)  # noqa: TRY400 - its sentence says all
        return 1
    except Exception:  # the outermost of this process
        log.exception("ended by a fault of workbench")
        return 1
    if supervisor.renew:
        _go_on(home, words.how, lock)
    return 0


def _words() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m workbench.supervisor", allow_abbrev=False)
    parser.add_argument("--home", required=True)
    parser.add_argument("--how", choices=("detached", "foreground", "systemd"), default="foreground")
    parser.add_argument("--lock-fd", type=int)
    return parser.parse_args()


def _lock(home: Home, inherited: int | None) -> int | None:
    """The home's lock, held until this process ends; None where another has it."""
    if inherited is not None:
        os.set_inheritable(inherited, False)
        return inherited
    return locks.take(home.supervisor_lock)


def _go_on(home: Home, how: str, lock: int) -> None:
    """Become the code of the Python that asked for it, with the lock held all the while."""
    asked = control.renewal_path(home)
    try:
        python = asked.read_text().strip()
        asked.unlink()
    except OSError:
        python = ""
    if not (python and os.access(python, os.X_OK)):
        python = sys.executable
    os.set_inheritable(lock, True)
    command = [python, *control.command(home, how)[1:], "--lock-fd", str(lock)]
    logging.shutdown()
    # Another who asks for the same meanwhile must not end what has no handler yet: ignored signals stay so, execve(2).
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    os.execve(python, command, {**os.environ, **control.environment()})  # noqa: S606 - ourselves


def _log_to(home: Home, how: str) -> None:
    """To the home's log, in two old ones of which the oldest goes; in the foreground to the terminal too."""
    home.supervisor_log.touch(mode=0o600)
    handlers: list[logging.Handler] = [RotatingFileHandler(home.supervisor_log, maxBytes=LOG_SIZE, backupCount=LOGS)]
    if how != "detached":
        handlers.append(logging.StreamHandler())
    form = logging.Formatter("%(asctime)s.%(msecs)03dZ %(levelname)s %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%S")
    form.converter = time.gmtime
    for handler in handlers:
        handler.setFormatter(form)
    logging.basicConfig(level=logging.INFO, handlers=handlers, force=True)
    for noisy in ("apscheduler", "tzlocal", "urllib3", "docker", "asyncio"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


if __name__ == "__main__":
    code = main()
    logging.shutdown()
    os._exit(code)  # threads that wait for an engine do not hold us
