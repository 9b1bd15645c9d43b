"""`python -m workbench.front <job file>`: checks, listens, and goes on in the background."""

from __future__ import annotations

import logging
import logging.handlers
import os
import socket
import sys
from pathlib import Path

from workbench import locks
from workbench.errors import Refused
from workbench.front import job as jobs
from workbench.front.job import REFUSED, RUNS, TAKEN, Job, Place
from workbench.front.secret import Secret

LOG_SIZE = 500_000  # bytes, twice
log = logging.getLogger("workbench.front")


class Quiet(logging.Formatter):
    """Lines of the log without secrets, whoever wrote them."""

    def __init__(self, *secrets: Secret) -> None:
        super().__init__("%(asctime)s %(levelname)s %(message)s")
        self._secrets = secrets

    def format(self, record: logging.LogRecord) -> str:
        """One record with its traceback."""
        line = super().format(record)
        for secret in self._secrets:
            line = secret.hidden(line)
        return line


def main(path: Path) -> int:
    """Start a front and return once it listens; 0, or why it does not in the exit code and on standard error."""
    place = Place(path.absolute().parent.parent)
    os.umask(0o077)
    os.chdir(place.folder)
    held = locks.take(place.lock)
    if held is None:
        return RUNS
    try:
        job = jobs.read(place)
        secrets = [Secret(place, one.cookie) for one in job.entrances]
    except Refused as error:
        return _refused(error.message)
    except (OSError, LookupError, ValueError, TypeError) as error:
        return _refused(f"it was told nothing it can do: {type(error).__name__}")
    listeners = []
    for entrance in job.entrances:
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", entrance.port))
            listener.listen(512)
        except OSError:
            sys.stderr.write(f"{entrance.port}\n")
            return TAKEN
        listeners.append(listener)
    child = os.fork()
    if child:  # the lock goes on with it
        os.ftruncate(held, 0)
        os.write(held, str(child).encode())
        os._exit(0)
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in range(3):
        os.dup2(nothing, descriptor)
    _go_on(place, job, secrets, listeners)
    return 0


def _go_on(place: Place, job: Job, secrets: list[Secret], listeners: list[socket.socket]) -> None:
    import asyncio

    handler = logging.handlers.RotatingFileHandler(place.log, maxBytes=LOG_SIZE, backupCount=1, encoding="utf-8")
    handler.setFormatter(Quiet(*secrets))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    ports = ", ".join(str(one.port) for one in job.entrances)
    log.info("front of %s begins on port %s, process %d", job.session, ports, os.getpid())
    try:
        from workbench.front.server import Way, serve

        ways = [Way(*one) for one in zip(job.entrances, secrets, listeners, strict=True)]
        asyncio.run(serve(place, job.session, ways))
    except Exception:  # the outermost of this process
        log.exception("front of %s failed", job.session)
    log.info("front of %s ends", job.session)


def _refused(why: str) -> int:
    sys.stderr.write(f"{why}\n")
    return REFUSED


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
