"""The host of one kernel: a process of this machine under a keeper that dies with the runner."""

from __future__ import annotations

import math
import os
import secrets
import shutil
import signal
import time
from collections.abc import Mapping
from dataclasses import replace as changed
from pathlib import Path

from workbench.engines.base import KernelExit, Workspace
from workbench.engines.folders import link_data, short_folder
from workbench.engines.process import kept, zygotes
from workbench.engines.process.surroundings import environment, secret_variables
from workbench.engines.warm import fits
from workbench.errors import WorkbenchError
from workbench.model.environment import KernelSpec, Limits, Revision
from workbench.paths import Home, private_folder
from workbench.text import memory

LOG = 1_000_000  # bytes of a kernel's own output, which goes here only where it bypasses the notebook


class ProcessHost:
    """A `KernelHost` of the process engine.

    `output` is the file with what the kernel's process itself printed: the last words of one that crashed.
    """

    transport = "ipc"

    def __init__(self, home: Home, revision: Revision, workspace: Workspace, run: str) -> None:
        self.home = home
        self.revision = revision
        self.workspace = workspace
        self.run = run
        self.mark = f"{home.id}-{secrets.token_hex(6)}"
        self.record = private_folder(records(home) / f"{run}@{self.mark[-12:]}")
        self.folder = short_folder(home)
        (self.record / "sockets").write_text(str(self.folder))
        self.output = self.record / "output.txt"
        self.line: kept.Line | None = None
        self.warm = False  # whether its kernel came from a zygote
        self.process: int | None = None

    def inside(self, path: Path) -> str:
        """The same path: there is no other view."""
        return str(path)

    def launch(self, kernel: KernelSpec, connection_file: Path, env: Mapping[str, str]) -> None:
        """Start it in its own session; returns once its process exists."""
        if self.line:
            raise WorkbenchError("this host has a kernel already")
        link_data(self.workspace)
        own = {**env, **secret_variables(self.record, self.workspace)}
        wanted = zygotes.recipe(self.revision, self.workspace, kernel)
        job = kept.Job(
            label=f"kernel of run {self.run}",
            mark=self.mark,
            argv=[part.replace("{connection_file}", str(connection_file)) for part in kernel.argv],
            cwd=str(self.workspace.cwd),
            env={},
            folder=str(self.record),
            output=str(self.output),
            output_limit=LOG,
            limits=bounds(self.workspace.limits),
            parent_variable="JPY_PARENT_PID",
        )
        if wanted and fits(own):
            self.line = zygotes.ask(self.home, wanted, changed(job, env={**wanted.env, **own}))
        self.warm = self.line is not None
        if self.line is None:
            surroundings = environment(self.revision, self.workspace, {**kernel.env, **own})
            self.line = kept.Line(changed(job, env=surroundings))
        self.process = self.line.pid

    def poll(self) -> KernelExit | None:
        """None while it lives: one look at a socket."""
        return self.wait(0)

    def wait(self, seconds: float) -> KernelExit | None:
        """How it ended; waits at most `seconds` for that."""
        if self.line is None:
            return None
        end = self.line.look(seconds)
        if end is None:
            return None
        detail = ""
        if end["oom"] and end.get("limit"):
            detail = f"used {memory(end.get('used'))} of {memory(end['limit'])}"
        return KernelExit(code=end["code"], signal=end["signal"], oom=end["oom"], detail=detail)

    def send_signal(self, number: int) -> None:
        """Send a signal to the kernel's process; SIGINT is an interrupt."""
        if self.line:
            self.line.signal(signal.Signals(number))

    def kill(self) -> None:
        """End it and everything it started; returns when nothing is left."""
        if self.line:
            self.line.kill()

    def close(self) -> None:
        """Let what it left behind end, and remove its folders."""
        if self.line:
            if self.line.look() is None or not self.line.finished(2.0):
                self.line.kill()
            self.line.close()
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.rmtree(self.record, ignore_errors=True)


def records(home: Home) -> Path:
    """The folder with a folder for each kernel: `<run>@<mark>`."""
    return home.state / "kernels"


def bounds(limits: Limits) -> dict[str, object]:
    """Limits as a keeper takes them; cores are chosen at random among those this process may use."""
    chosen: list[int] = []
    if limits.cpus is not None:
        allowed = sorted(os.sched_getaffinity(0))
        count = min(len(allowed), max(1, math.ceil(limits.cpus)))
        chosen = sorted(secrets.SystemRandom().sample(allowed, count)) if count < len(allowed) else []
    return {"memory": limits.memory, "pids": limits.pids, "cores": chosen, "assumed": "memory" in limits.assumed}


def sweep(home: Home, living: frozenset[str]) -> int:
    """End and remove kernels whose run is not in `living`; how many there were."""
    count = 0
    try:
        folders = sorted(records(home).iterdir())
    except OSError:
        return 0
    for record in folders:
        run, _, mark = record.name.rpartition("@")
        if run in living or _young(record):
            continue
        kept.stop(record, grace=0)
        kept.end_marked(f"{home.id}-{mark}")
        _remove_sockets(record)
        shutil.rmtree(record, ignore_errors=True)
        count += 1
    return count


def _young(record: Path) -> bool:
    """Made this instant, by a run that `living` may not have had yet."""
    try:
        return time.time() - record.stat().st_mtime < 2.0 and not (record / "identity.json").exists()
    except OSError:
        return False


def _remove_sockets(record: Path) -> None:
    try:
        folder = Path((record / "sockets").read_text())
    except OSError:
        return
    if folder.is_absolute() and folder.name.startswith("k") and folder.is_dir():
        shutil.rmtree(folder, ignore_errors=True)
