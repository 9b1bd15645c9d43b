"""The host of one kernel: a container of its own, talked to over ipc sockets in a folder shown to it."""

from __future__ import annotations

import re
import secrets
import shutil
import signal
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from workbench.engines.base import KernelExit, Workspace
from workbench.engines.docker import witness
from workbench.engines.docker.belongings import PROJECT, can_come_later
from workbench.engines.docker.connection import GOING, Connection, NoSuchThing
from workbench.engines.docker.container import create
from workbench.engines.docker.images.contents import Contents, Library
from workbench.engines.docker.plan import Plan
from workbench.engines.folders import short_folder
from workbench.engines.waiting import hand_over
from workbench.engines.waiting.records import Spare
from workbench.errors import EngineDown, WorkbenchError
from workbench.model.environment import KernelSpec, Revision
from workbench.paths import Home, private_folder
from workbench.text import clean, memory

ROLE = "kernel"
KILLED = 128 + signal.SIGKILL
LATE, LOOK = 1.0, 0.1  # seconds in which memory is still asked for after an end, and between two questions
AGAIN = 1.0  # seconds between looks while the engine does not answer
LAST_LINES = 200
_UNFIT = re.compile(r"[^A-Za-z0-9_.-]+", re.ASCII)
AWAY = "the engine was away meanwhile"
REMOVED = "its container was removed"


class DockerHost:
    """A `KernelHost` of the docker engine.

    `output` is the file with what the kernel's process itself printed, written when it ended.
    """

    transport = "ipc"

    def __init__(
        self,
        connection: Connection,
        library: Library,
        home: Home,
        revision: Revision,
        workspace: Workspace,
        run: str,
        taken: tuple[Spare, Path] | None = None,
    ) -> None:
        self._connection = connection
        self._library = library
        self._revision = revision
        self._workspace = workspace
        self._run = run
        self._spare: Spare | None = taken[0] if taken else None
        self._private = taken[1] if taken else private_folder(records(home) / f"{run}@{secrets.token_hex(6)}")
        self.folder = Path(self._spare.folder) if self._spare else short_folder(home)
        (self._private / "sockets").write_text(str(self.folder))
        self.output = self._private / "output.txt"
        self.warm = False
        self.process: int | None = None
        self._handle = ""
        self._killed = False
        self._away = False
        self._oom: bool | None = None  # by our own look
        self._exit: KernelExit | None = None
        self._ended = threading.Event()
        self._closed = threading.Event()

    @property
    def container(self) -> str:
        """The id of its container; empty before there is one."""
        return self._handle

    def inside(self, path: Path) -> str:
        """The same path: what is shown to the kernel is shown where it is."""
        return str(path)

    def launch(self, kernel: KernelSpec, connection_file: Path, env: Mapping[str, str]) -> None:
        """Let the spare that was taken go on, else create and start the container; what cannot be started is removed."""
        if self._handle:
            raise WorkbenchError("this host has a kernel already")
        argv = [word.replace("{connection_file}", str(connection_file)) for word in kernel.argv]
        handed = self._spare is not None and can_come_later(env, self._workspace.secrets)
        self.warm = handed and hand_over(self.folder, argv, {**env, PROJECT: str(self._workspace.project)})
        if self._spare and self.warm:
            self._handle = self._spare.handle
        else:
            self._start(kernel, argv, env)
        threading.Thread(target=self._watch, name=f"kernel-{self._run}", daemon=True).start()

    def _start(self, kernel: KernelSpec, argv: Sequence[str], env: Mapping[str, str]) -> None:
        contents = self._library.of(self._revision.digest or self._revision.reference)
        place = Place(self._private, self.folder, self._run)
        plan = plan_of(contents, self._revision, self._workspace, place, argv, {**kernel.env, **env})
        self._handle = create(self._connection, plan)
        try:
            with self._connection.api() as api:
                api.start(self._handle)
        except (WorkbenchError, NoSuchThing):
            self._remove()
            raise

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
        if self.warm:
            self._name()
        self.process = witness.process_of(self._connection, self._handle)
        self._oom = witness.of(self._connection, self._handle, self._workspace.limits, self._closed.is_set)
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

    def _name(self) -> None:
        """What was a spare gets the name of a run's container; it only helps who lists containers."""
        with suppress(WorkbenchError, NoSuchThing), self._connection.api() as api:
            api.rename(self._handle, name_of(self._workspace, self._run, self._private))

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
            state = {**state, "OOMKilled": state.get("OOMKilled") or self._oom}
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
        for handle in {self._handle, self._spare.handle if self._spare else ""} - {""}:
            try:
                with self._connection.api() as api:
                    api.remove_container(handle, force=True, v=True)
            except NoSuchThing:
                continue


@dataclass(frozen=True)
class Place:
    """Where a kernel's container has its files: `private`, and `sockets`; `run` is whose it is."""

    private: Path
    sockets: Path
    run: str


def plan_of(
    contents: Contents,
    revision: Revision,
    workspace: Workspace,
    place: Place,
    argv: Sequence[str],
    env: Mapping[str, str],
    shown: Sequence[tuple[Path, str, bool]] = (),
) -> Plan:
    """The container of a kernel."""
    return Plan(
        name=name_of(workspace, place.run, place.private),
        revision=revision,
        contents=contents,
        argv=argv,
        workspace=workspace,
        private=place.private,
        home=place.private / "home",
        labels={
            "role": ROLE,
            "home": workspace.home,
            "owner": str(workspace.person.uid),
            "project": workspace.project_name,
            "run": place.run,
            "mark": mark_of(place.private),
            "spec": revision.id,
        },
        env={**workspace.env, **env},
        shown=[(place.sockets, str(place.sockets), True), *shown],
        hostname=_UNFIT.sub("-", workspace.project_name)[:63].strip("-.") or "run",
        log_size="1m",
    )


def mark_of(record: Path) -> str:
    """What the name of a record ends with, for as long as it is there."""
    return record.name.rpartition("@")[2]


def name_of(workspace: Workspace, run: str, record: Path) -> str:
    """What people see in the engine's list; the mark tells those of a run that was begun again apart."""
    return _UNFIT.sub("-", f"workbench-{workspace.project_name}-run-{run}-{mark_of(record)[:6]}")


def read_exit(state: Mapping[str, object], limit: int | None) -> KernelExit:
    """How a container ended, from the `State` that inspect gives.

    The Engine's word on memory is believed only for a process that was killed: it also says so when a child was.
    """
    code = int(str(state.get("ExitCode") or 0))
    oom: bool | None = False
    if code == KILLED:
        oom = True if state.get("OOMKilled") else None  # None: not known
    by = code - 128 if code > 128 and code - 128 in set(signal.Signals) else None
    detail = f"limit {memory(limit)}" if oom and limit else ""
    return KernelExit(code=None if by else code, signal=by, oom=oom, detail=detail)


def records(home: Home) -> Path:
    """The folder with a folder for each kernel: `<run>@<mark>`."""
    return home.state / "containers"


def _not_running(error: WorkbenchError) -> bool:
    return "is not running" in error.message or "not running" in error.message
