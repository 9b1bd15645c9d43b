"""A kernel that is made ahead: initialised, its sockets bound, waiting to be told whose it is. Standard library, 3.9 on.

    zygote ──line──▶ keeper that waits ──told──▶ kernel that waits
       └ a runner's connection goes over the line; the keeper then is that runner's, and so is the kernel

What a run gives is taken over last: limits, folder, variables, mark, the places of the sockets and their key.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
from functools import partial
from typing import Any

from workbench.engines.process import birth, rebirth
from workbench.engines.process.birth import Reborn
from workbench.engines.process.cgroup import Group
from workbench.engines.process.draft import Draft
from workbench.engines.process.marking import Marker
from workbench.engines.process.rehearsal import Rehearsal
from workbench.engines.process.wire import send

Known = tuple[Rehearsal, "Draft | None", Marker]
ANSWER = 5.0  # seconds in which it has taken over what it was told


class Waiting:
    """The kernel that waits, as its keeper has it. `known` is what its zygote has ready; `kept` are
    descriptors that it needs, `other` is the keeper's own line."""

    def __init__(self, folder: str, known: Known, kept: set[int], other: socket.socket) -> None:
        self.folder = folder
        self.output, sink = os.pipe2(os.O_CLOEXEC)
        self.line, told = socket.socketpair()
        keeper = os.getpid()
        os.mkdir(folder, 0o700)
        self.pid = birth.fork()
        if self.pid == 0:
            birth.bind_to_life(keeper)
            birth.prepare({"limits": {}, "cwd": "/"}, None, sink)
            self.line.close()
            other.close()  # by its object: one that is closed by its number alone would be closed again
            birth.close_others(kept | {0, 1, 2, told.fileno()})
            raise Reborn(partial(rebirth.wait, told, folder, *known))
        os.close(sink)
        told.close()

    def hand_over(self, job: dict[str, Any], group: Group | None) -> bool:
        """Make it the kernel of `job`; False where it does not fit or has ended, and is gone then."""
        with contextlib.suppress(OSError, EOFError):
            if group:
                group.enter(self.pid)
            env = dict(job["env"])
            if job["parent_variable"]:
                env[job["parent_variable"]] = str(os.getpid())
            words = {key: job[key] for key in ("argv", "cwd", "umask", "mark")}
            send(self.line, {**words, "env": env, "cores": job["limits"].get("cores")})
            self.line.settimeout(ANSWER)
            if self.line.recv(1) == rebirth.TAKEN:
                self.line.close()
                return True
        self.end()
        return False

    def end(self) -> None:
        """It is of no use."""
        self.line.close()
        with contextlib.suppress(OSError):
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.set_blocking(self.output, False)
        with contextlib.suppress(OSError):
            os.write(2, os.read(self.output, 65536))  # why it ended, if it said so
        os.close(self.output)
        shutil.rmtree(self.folder, ignore_errors=True)
