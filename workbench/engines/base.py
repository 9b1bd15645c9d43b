"""The contract of an engine.

An engine makes environments, holds sessions, and hosts kernels. Every call that reaches it may raise `EngineDown`;
nothing here is remembered between calls: `sessions()` and `inspect` are the truth.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Any, Protocol

from workbench.engines.warm import Warm
from workbench.model.build import BuildProgress
from workbench.model.environment import EngineName, EnvironmentSpec, KernelSpec, Limits, Revision
from workbench.model.ide import Ide
from workbench.model.lock import Change, Lock
from workbench.model.project import Mount
from workbench.model.stock import Holding, Stock
from workbench.model.usage import Inhabitant, Usage

LABEL = "io.workbench."
Sink = Callable[[BuildProgress], None]


@dataclass(frozen=True)
class Person:
    """Whom files must belong to: the account of this home."""

    uid: int
    gid: int
    name: str


@dataclass(frozen=True)
class Facts:
    """What is known of an engine right now. `problem` is empty when it answers; `source`: why this endpoint."""

    name: EngineName
    endpoint: str = ""
    source: str = ""
    version: str = ""
    identity: str = ""  # of the daemon, so that another machine behind the same address is noticed
    rootless: bool = False
    problem: str = ""
    hint: str = ""
    known: Mapping[str, Any] = field(default_factory=dict, compare=False)  # what a runner need not ask again, for JSON


@dataclass(frozen=True)
class Workspace:
    """The folders of a project as an engine shows them to a kernel or a session.

    `project` is the real folder on the host, `cwd` a folder in it. Environment variables are what the environment
    declares; limits are the environment's. `declared` are files and folders of the project that say what may be shown
    and what runs: an engine that can shows them read-only, so that code in a project cannot give itself more.
    `secrets` names the files of this home that hold values.
    """

    home: str  # `Home.id`
    project_name: str
    project: Path
    cwd: Path
    data: tuple[Mount, ...] = ()
    declared: tuple[Path, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    limits: Limits = Limits()
    secrets: Mapping[str, Path] = field(default_factory=dict)
    network: bool = True
    person: Person = Person(0, 0, "root")
    warm: bool = False  # whether a kernel may come from what is kept warm
    preload: tuple[str, ...] = ()  # modules that a warm one has imported already
    tree: Path | None = None  # shown read-only in the project's place, with the project's own `data` and `runs` in it

    @property
    def here(self) -> Path:
        """Where `cwd` is on this machine."""
        return self.tree / self.cwd.relative_to(self.project) if self.tree else self.cwd


@dataclass(frozen=True)
class SessionRequest:
    """A session to be made. `folder` is its private state folder (0700) and holds the secret in `folder/token`,
    without a newline; the engine shows the secret to the tool as a file and in no other way. A tool that our front stands
    before listens at `paths.tool_socket(folder)` and nowhere else. `ports` are further ones of it, shown to our front as
    sockets beside that one (`paths.port_socket`), and nowhere else."""

    id: int
    name: str
    generation: int
    ide: Ide
    revision: Revision
    workspace: Workspace
    folder: Path
    host_name: str
    port: int  # on 127.0.0.1 of the host; the front's, where the tool has one before it
    file: str = ""  # what it is for, relative to the project, where its tool takes a file
    ports: tuple[int, ...] = ()  # empty where `port_problem` says something


@dataclass(frozen=True)
class SessionFacts:
    """A session as it is. `alive`: its main process runs. `exit_code` and `oom` only when it does not.

    `oom` is True only on evidence, None when it cannot be known. `oom_kills` counts processes in it, the main one or
    others, that were killed for want of memory since its start; None where nobody counts.
    """

    handle: str
    id: int
    generation: int
    alive: bool
    exit_code: int | None = None
    oom: bool | None = None
    reason: str = ""
    oom_kills: int | None = field(default=None, compare=False)  # a list may leave it out
    memory_limit: int | None = field(default=None, compare=False)


@dataclass(frozen=True)
class KernelExit:
    """How a kernel's process ended: `code` as a shell spells it less 128+n, `signal` where one killed it.

    `detail` says more where it is known: `used 612 MB of 512 MB`.
    """

    code: int | None
    signal: int | None = None
    oom: bool | None = None
    detail: str = ""

    @property
    def words(self) -> str:
        """`exit code 1`, `killed by SIGKILL`, `out of memory (used 612 MB of 512 MB)`."""
        if self.oom:
            return f"out of memory ({self.detail})" if self.detail else "out of memory"
        if self.signal:
            return f"killed by {signal.Signals(self.signal).name}"
        return f"exit code {self.code}" if self.code is not None else "ended"


class KernelHost(Protocol):
    """One kernel process of its own, with everything it starts. Used by one runner, from one thread at a time.

    `folder` is a private short folder on the host in which ipc sockets and the connection file lie; it is seen at
    `inside(folder)` by the kernel.
    """

    folder: Path
    transport: str  # `ipc`, or `tcp` where the kernel cannot reach the host's sockets
    warm: bool  # whether what was launched had been kept warm
    process: int | None  # of this machine: the kernel, or the first of its container; None where that is not known

    def inside(self, path: Path) -> str:
        """`path` of the host as the kernel sees it."""

    def launch(self, kernel: KernelSpec, connection_file: Path, env: Mapping[str, str]) -> None:
        """Start it; returns once its process exists. Raises `WorkbenchError` where it cannot be started."""

    def poll(self) -> KernelExit | None:
        """None while it lives. Cheap: called many times a second."""

    def wait(self, seconds: float) -> KernelExit | None:
        """Wait until it ended, at most so long."""

    def send_signal(self, number: int) -> None:
        """Send a signal to the kernel's process; nothing where it ended."""

    def kill(self) -> None:
        """End it and all that it started, at once; returns when nothing is left."""

    def close(self) -> None:
        """After the end: remove sockets, folders, containers. Safe to call twice."""


class Engine(Protocol):
    """What both engines can do."""

    name: EngineName

    def facts(self) -> Facts:
        """Whether it answers, and what it is; never raises."""

    def check(self, spec: EnvironmentSpec) -> None:
        """Raise `Refused` where `spec` asks for what this engine cannot give (apt packages on `process`)."""

    def revision_id(self, spec: EnvironmentSpec) -> str:
        """The id a build of `spec` has: hash of its shape, this engine, the platform and the Python. 16 hex digits."""

    def find(self, spec: EnvironmentSpec, revision_id: str) -> Revision | None:
        """The built revision where it is there and whole, else None."""

    def build(
        self,
        spec: EnvironmentSpec,
        revision_id: str,
        *,
        log: Path,
        progress: Sink,
        cancelled: Event,
        fresh: bool = False,
        before: Sequence[Revision] = (),
    ) -> Revision:
        """Make it, or give what is there; `fresh`: anew, from what registries have now.

        `before` are revisions of the same environment, the active one first, which agree with each other: their
        versions are kept as far as they still fit, and what is only more than one of them has is put on top of that.
        `log` gets everything said. Raises `BuildFailed`, or `Cancelled` within 10 s of `cancelled`.
        """

    def lock(self, spec: EnvironmentSpec, revision: Revision, *, log: Path, cancelled: Event) -> Lock:
        """Exactly what was built of `spec`. Raises `Refused` where that cannot be said, `BuildFailed`, `Cancelled`."""

    def outdated(self, spec: EnvironmentSpec, revision: Revision, *, log: Path, cancelled: Event) -> list[Change]:
        """What a forced build would change now. Errors as `lock` has them."""

    def export(self, spec: EnvironmentSpec, revision: Revision, folder: Path, *, log: Path, cancelled: Event) -> None:
        """Write into `folder` what another machine can build it from without us. Errors as `lock` has them."""

    def remove(self, revision: Revision) -> None:
        """Remove a revision from disk; nothing where it is gone."""

    def stock(self, known: Sequence[Revision]) -> Stock:
        """What it holds of this home, in pieces; `known` are the revisions that are written down. May take long."""

    def discard(self, holding: Holding, *, shared: bool = False) -> None:
        """Remove a holding, and nothing that another home has unless `shared`. Raises `Conflict` where it is used."""

    def tidy(self) -> None:
        """Remove what builds that were killed have left on disk. May take long; no build of this home is made then."""

    def host(
        self, revision: Revision, workspace: Workspace, *, run: str, kernel: KernelSpec | None = None
    ) -> KernelHost:
        """A host for one kernel of `revision`; `run` (`41.1`) goes into labels. `kernel`: the one that will be launched,
        so that the host can be that of one which was kept warm."""

    def warm_key(self, revision: Revision, workspace: Workspace, kernel: str = "") -> str:
        """Names what `warm` would make, of the kernel of that name; equal where the same serves. Empty where there is no
        such thing, or where no name is given and it is another for each kernel."""

    def warm(self, revision: Revision, workspace: Workspace, kernel: str = "") -> Warm:
        """Keep kernels warm that `host` will find and use. May take long; raises `WorkbenchError` where it cannot be."""

    def sweep_kernels(self, home: str, living: frozenset[str]) -> int:
        """Remove kernels of `home` whose `run` is not in `living` (left by a runner that was killed); how many."""

    def port_problem(self) -> str:
        """Why further ports of its sessions cannot be shown, in words; empty where they can."""

    def create_session(self, request: SessionRequest) -> str:
        """Make it without starting it; its handle. Raises `PortTaken` where that is known already."""

    def start_session(self, handle: str) -> None:
        """Start what was made. Raises `PortTaken` where the port is held by another."""

    def sessions(self, home: str) -> list[SessionFacts]:
        """All sessions of `home`, alive or not."""

    def inspect_session(self, handle: str) -> SessionFacts | None:
        """One session; None where it does not exist any more."""

    def usage(self, handle: str, *, disk: bool) -> Usage | None:
        """What it takes now, None where it does not run; `disk`: also what takes longer to find out."""

    def inhabitants(self, handle: str) -> list[Inhabitant]:
        """The processes in it; none where it does not run."""

    def stop_session(self, handle: str, *, grace: float) -> None:
        """Ask it to stop, kill it after `grace` seconds; returns when it ended."""

    def remove_session(self, handle: str) -> None:
        """Remove what is left of it; its folder and log stay."""

    def copy_log(self, handle: str, stop: Event) -> None:
        """Keep `<its folder>/session.log` complete, cleaned, until the session ended or `stop` is set.

        Blocks; run in a thread. An engine whose sessions write that file themselves returns at once.
        """

    def shell(self, handle: str) -> list[str]:
        """argv that gives a person a shell in it, in the project's folder."""

    def sockets(self, folder: Path) -> tuple[Path, str]:
        """Where the tool of a session with this folder has its sockets (`{runtime}`): on this machine, and as it sees it."""


class PortTaken(Exception):  # noqa: N818 - a condition that the caller answers with another port
    """The port is held by something else."""


class Cancelled(Exception):  # noqa: N818 - a wish that was met
    """The build was cancelled."""
