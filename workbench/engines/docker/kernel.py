"""The host of one kernel: a container of its own, talked to over ipc sockets in a folder shown to it."""

from __future__ import annotations

import secrets
import shutil
import signal
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from workbench.engines.base import LABEL, KernelExit, Workspace
from workbench.engines.docker.connection import GOING, Connection, NoSuchThing
from workbench.engines.docker.container import Plan, create
from workbench.engines.docker.contents import Library
from workbench.engines.folders import short_folder
from workbench.errors import EngineDown, WorkbenchError
from workbench.model.environment import KernelSpec, Revision
from workbench.paths import Home, private_folder
from workbench.text import clean, memory

ROLE = "kernel"
KILLED = 128 + signal.SIGKILL
LATE, LOOK = 1.0, 0.1  # seconds in which memory is still asked for after an end, and between two questions
AGAIN = 1.0  # seconds between looks while the engine does not answer
YOUNG = 2.0  # seconds after which a sweep trusts that the run of a kernel was known to its caller
LAST_LINES = 200
AWAY = "the engine was away meanwhile"
REMOVED = "its container was removed"


class DockerHost:
    """A `KernelHost` of the docker engine.

    `output` is the file with what the kernel's process itself printed, written when it ended.
    """

    transport = "ipc"

    def __init__(
        self, connection: Connection, library: Library, home: Home, revision: Revision, workspace: Workspace, run: str
    ) -> None:
        self._connection = connection
        self._library = library
        self._revision = revision
        self._workspace = workspace
        self._run = run
        self._private = private_folder(records(home) / f"{run}@{secrets.token_hex(6)}")
        self.folder = short_folder(home)
        (self._private / "sockets").write_text(str(self.folder))
        self.output = self._private / "output.txt"
        self._handle = ""
        self._killed = False
        self._away = False
        self._exit: KernelExit | None = None
        self._ended = threading.Event()
        self._closed = threading.Event()

    def inside(self, path: Path) -> str:
        """The same path: what is shown to the kernel is shown where it is."""
        return str(path)

    def launch(self, kernel: KernelSpec, connection_file: Path, env: Mapping[str, str]) -> None:
        """Create and start the container; what cannot be started is removed."""
        if self._handle:
            raise WorkbenchError("this host has a kernel already")
        self._handle = create(
            self._connection,
            Plan(
                name=None,
                revision=self._revision,
                contents=self._library.of(self._revision.digest or self._revision.reference),
                argv=[word.replace("{connection_file}", str(connection_file)) for word in kernel.argv],
                workspace=self._workspace,
                private=self._private,
                home=self._private / "home",
                labels={
                    "role": ROLE,
                    "home": self._workspace.home,
                    "owner": str(self._workspace.person.uid),
                    "project": self._workspace.project_name,
                    "run": self._run,
                    "spec": self._revision.id,
                },
                env={**self._workspace.env, **kernel.env, **env},
                shown=[(self.folder, str(self.folder), True)],
                hostname=f"run-{self._run.replace('.', '-')}",
                log_size="1m",
            ),
        )
        try:
            with self._connection.api() as api:
                api.start(self._handle)
        except (WorkbenchError, NoSuchThing):
            self._remove()
            raise
        threading.Thread(target=self._watch, name=f"kernel-{self._run}", daemon=True).start()

    def poll(self) -> KernelExit | None:
        """None while it lives: a look at what the waiting thread knows."""
        return self.wait(0)

    def wait(self, seconds: float) -> KernelExit | None:
        """How it ended; waits at most `seconds` for that."""
        return self._exit if self._ended.wait(seconds) else None

    def send_signal(self, number: int) -> None:
        """Send a signal to the kernel's process; SIGINT is an interrupt."""
        if not self._handle or self._ended.is_set():
            return
        try:
            with self._connection.api() as api:
                api.kill(self._handle, signal=int(number))
        except NoSuchThing:
            return
        except WorkbenchError as error:
            if isinstance(error, EngineDown) or not _not_running(error):
                raise

    def kill(self) -> None:
        """End it and everything it started: all of a container ends with its first process."""
        self._killed = not self._ended.is_set()
        self.send_signal(signal.SIGKILL)
        if self._handle and not self._ended.wait(10.0):
            self._remove()
            self._end(KernelExit(code=None, signal=signal.SIGKILL))

    def close(self) -> None:
        """Remove the container and the folders; what an engine that is down keeps, the next sweep removes."""
        self._closed.set()
        try:
            self._remove()
        except EngineDown:
            return
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.rmtree(self._private, ignore_errors=True)

    def _watch(self) -> None:
        """Wait for the end, over restarts of the engine."""
        while not self._closed.is_set():
            try:
                with self._connection.api(timeout=None) as api:
                    api.wait(self._handle)
                self._end(self._look())
            except NoSuchThing:
                self._end(KernelExit(code=None, detail=REMOVED))
            except WorkbenchError as error:
                # An engine that breaks off its answer where the container goes is not away.
                self._away = self._away or (isinstance(error, EngineDown) and not self._answers())
                self._closed.wait(AGAIN if self._away else LOOK)
            else:
                return
            if self._ended.is_set():
                return

    def _answers(self) -> bool:
        """Whether the engine is there."""
        try:
            with self._connection.api() as api:
                return bool(api.ping())
        except WorkbenchError:
            return False

    def _look(self) -> KernelExit:
        """How the container ended, with its last words kept in `output`."""
        with self._connection.api() as api:
            state = api.inspect_container(self._handle)["State"]
            if state.get("Status") in GOING and not self._killed:
                return KernelExit(code=None, detail=REMOVED)
            # The Engine may write down that the end came before it writes down that memory had run out.
            deadline = time.monotonic() + LATE
            while self._may_be_oom(state) and time.monotonic() < deadline:
                self._closed.wait(LOOK)
                state = api.inspect_container(self._handle)["State"]
            said: bytes = api.logs(self._handle, tail=LAST_LINES)
        with suppress(OSError):  # last words are worth less than knowing the end
            self.output.write_text(clean(said.decode("utf-8", "replace")), encoding="utf-8")
        return read_exit(state, self._workspace.limits.memory)

    def _may_be_oom(self, state: Mapping[str, object]) -> bool:
        """Whether the Engine might still say that memory ran out."""
        killed = state.get("ExitCode") == KILLED and not self._killed and not self._closed.is_set()
        return killed and not state.get("OOMKilled") and self._workspace.limits.memory is not None

    def _end(self, end: KernelExit) -> None:
        if self._away and end.detail in ("", REMOVED):
            end = replace(end, detail=AWAY)
        self._exit = replace(end, oom=False) if self._killed else end
        self._ended.set()

    def _remove(self) -> None:
        if not self._handle:
            return
        try:
            with self._connection.api() as api:
                api.remove_container(self._handle, force=True, v=True)
        except NoSuchThing:
            return


def read_exit(state: Mapping[str, object], limit: int | None) -> KernelExit:
    """How a container ended, from the `State` that inspect gives.

    The Engine's word on memory is believed only for a process that was killed: it also says so when a child was.
    """
    code = int(str(state.get("ExitCode") or 0))
    oom = (True if state.get("OOMKilled") else None) if code == KILLED else False
    by = code - 128 if code > 128 and code - 128 in set(signal.Signals) else None
    detail = f"limit {memory(limit)}" if oom and limit else ""
    return KernelExit(code=None if by else code, signal=by, oom=oom, detail=detail)


def records(home: Home) -> Path:
    """The folder with a folder for each kernel: `<run>@<mark>`."""
    return home.state / "containers"


def sweep(connection: Connection, home: Home, labelled: str, living: frozenset[str], now: float) -> int:
    """Remove kernels of the home `labelled` whose run is not in `living`, and their folders; how many.

    One made within the last seconds may be of a run that `living` could not have yet.
    """
    count = 0
    with connection.api() as api:
        filters = {"label": [f"{LABEL}home={labelled}", f"{LABEL}role={ROLE}"]}
        for entry in api.containers(all=True, filters=filters):
            run = entry["Labels"].get(f"{LABEL}run", "")
            if run in living or now - float(entry["Created"]) < YOUNG:
                continue
            try:
                api.remove_container(entry["Id"], force=True, v=True)
            except NoSuchThing:
                continue
            count += 1
    if labelled == home.id:
        _sweep_folders(records(home), living, now)
    return count


def _sweep_folders(folder: Path, living: frozenset[str], now: float) -> None:
    try:
        found = sorted(folder.iterdir())
    except OSError:
        return
    for record in found:
        try:
            if record.name.rpartition("@")[0] in living or now - record.stat().st_mtime < YOUNG:
                continue
            sockets = Path((record / "sockets").read_text())
        except OSError:
            continue
        if sockets.is_absolute() and sockets.name.startswith("k"):
            shutil.rmtree(sockets, ignore_errors=True)
        shutil.rmtree(record, ignore_errors=True)


def _not_running(error: WorkbenchError) -> bool:
    return "is not running" in error.message or "not running" in error.message
