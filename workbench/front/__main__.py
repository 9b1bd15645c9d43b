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

    def __init__(self, secret: Secret) -> None:
        super().__init__("%(asctime)s %(levelname)s %(message)s")
        self._secret = secret

    def format(self, record: logging.LogRecord) -> str:
        """One record with its traceback."""
        return self._secret.hidden(super().format(record))


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
        secret = Secret(place, job.cookie)
    except Refused as error:
        return _refused(error.message)
    except (OSError, ValueError, TypeError) as error:
        return _refused(f"it was told nothing it can do: {type(error).__name__}")
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", job.port))
        listener.listen(512)
    except OSError:
        return TAKEN
    child = os.fork()
    if child:  # the lock goes on with it
        os.ftruncate(held, 0)
        os.write(held, str(child).encode())
        os._exit(0)
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in range(3):
        os.dup2(nothing, descriptor)
    _go_on(place, job, secret, listener)
    return 0


def _go_on(place: Place, job: Job, secret: Secret, listener: socket.socket) -> None:
    import asyncio

    handler = logging.handlers.RotatingFileHandler(place.log, maxBytes=LOG_SIZE, backupCount=1, encoding="utf-8")
    handler.setFormatter(Quiet(secret))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    log.info("front of %s begins on port %d, process %d", job.session, job.port, os.getpid())
    try:
        from workbench.front.server import serve

        asyncio.run(serve(place, job, secret, listener))
    except Exception:  # the outermost of this process
        log.exception("front of %s failed", job.session)
    log.info("front of %s ends", job.session)


def _refused(why: str) -> int:
    sys.stderr.write(f"{why}\n")
    return REFUSED


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
