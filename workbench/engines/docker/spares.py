"""Spare kernels in containers: started ahead by the supervisor, each taken by one run of the very same shape."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path, PurePosixPath

from workbench.certificates import ca_bundle_asked_for
from workbench.engines.base import Workspace
from workbench.engines.docker import belongings, container, declarations, gauge
from workbench.engines.docker.account import account
from workbench.engines.docker.connection import Connection, NoSuchThing
from workbench.engines.docker.images.contents import Library
from workbench.engines.docker.kernel import Place, plan_of, records
from workbench.engines.folders import link_data, short_folder
from workbench.engines.secrets import in_keyring
from workbench.engines.waiting import CONNECTION, SPARE, Waiting, make_pipe, starts_alike, waiting, waits
from workbench.engines.waiting.records import Spare, announce, name, take, withdraw
from workbench.errors import EngineDown, WorkbenchError
from workbench.model.environment import KernelSpec, Revision
from workbench.paths import Home, private_folder
from workbench.text import clean, one_line

PROGRAM = PurePosixPath("/run/workbench/waiting")
READY = 120.0  # seconds in which one has loaded what it should
LOOK = 0.05
KNOWN: set[str] = set()  # records of those that this process has started and not let go


class Spares:
    """Spare kernels of one home on one engine."""

    def __init__(self, connection: Connection, library: Library, home: Home) -> None:
        self._connection = connection
        self._library = library
        self._home = home

    def kernel(self, revision: Revision, workspace: Workspace, name: str) -> KernelSpec | None:
        """The kernel of that name, where it can wait; without a name the only one that can."""
        known = [one for one in revision.kernels if name in ("", one.name)]
        found = [one for one in known if waiting(one, str(PROGRAM), workspace.preload)]
        return found[0] if len(found) == 1 else None

    def shape(self, revision: Revision, workspace: Workspace, kernel: KernelSpec) -> str:
        """All that a kernel's container is made of, as a hash: what is declared, which folders and files that is at this
        moment, the values of secrets. Empty where such a kernel cannot wait. Asks the engine nothing that it has said once."""
        how = waiting(kernel, str(PROGRAM), workspace.preload)
        if (
            how is None
            or workspace.tree
            or not workspace.warm
            or in_keyring(workspace.secrets)
            or not starts_alike(workspace.cwd, {**workspace.env, **kernel.env})
        ):
            return ""
        daemon = self._connection.daemon()
        contents = self._library.of(revision.digest or revision.reference)
        place = Place(Path("/private@"), Path("/sockets"), SPARE)
        plan = plan_of(contents, revision, workspace, place, how.argv, kernel.env)
        who = account(daemon, workspace.person, contents)
        link_data(workspace)
        binds = declarations.held(workspace.project, workspace.declared, who)
        sources = [str(workspace.project), str(workspace.cwd), *(str(mount.path) for mount in workspace.data)]
        sources += [str(bind["Source"]) for bind in binds]
        if bundle := ca_bundle_asked_for():
            sources.append(str(bundle))
        facts = [
            self._connection.endpoint.url, daemon.identity, revision.digest, revision.reference, how.argv, how.text.decode(),
            str(workspace.cwd), plan.hostname, who.user, who.groups, who.users, belongings.public(plan, who),
            asdict(belongings.papers(plan, who)), container.bounds(workspace.limits, daemon), workspace.network,
            [(str(mount.path), mount.target, mount.write) for mount in workspace.data], binds,
            [(source, _identity(source)) for source in sources], _mounted(sources),
        ]  # fmt: skip
        return hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode()).hexdigest()[:32]

    def take(
        self, revision: Revision, workspace: Workspace, kernel: KernelSpec | None, run: str
    ) -> tuple[Spare, Path] | None:
        """A spare for the run, which is from now on its own; None where there is none that is as it has to be."""
        folder = records(self._home)
        if kernel is None or not workspace.warm or not any(one.startswith(f"{SPARE}@") for one in _names(folder)):
            return None
        shape = self.shape(revision, workspace, kernel)
        return take(folder, shape, run) if shape else None

    def start(self, revision: Revision, workspace: Workspace, kernel: KernelSpec) -> SpareContainer:
        """Start one; returns once it can be taken."""
        how = waiting(kernel, str(PROGRAM), workspace.preload)
        shape = self.shape(revision, workspace, kernel)
        if how is None or not shape:
            raise WorkbenchError(f"the kernel {kernel.display_name or kernel.name} cannot be kept warm")
        return SpareContainer(self._connection, self._library, self._home, revision, workspace, kernel, how, shape)


class SpareContainer:
    """A spare as the supervisor has it, from its start until it is taken or let go."""

    loaded: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    stale = False  # what it has loaded is the image's; everything else is in its shape

    def __init__(
        self,
        connection: Connection,
        library: Library,
        home: Home,
        revision: Revision,
        workspace: Workspace,
        kernel: KernelSpec,
        how: Waiting,
        shape: str,
    ) -> None:
        self._connection = connection
        self._records = records(home)
        self._handle = ""
        self.memory = 0
        self.loaded = workspace.preload
        self.mark = secrets.token_hex(6)
        KNOWN.add(name(self.mark))
        self._record = private_folder(self._records / name(self.mark))
        self._sockets = short_folder(home)
        (self._record / "sockets").write_text(str(self._sockets))
        try:
            contents = library.of(revision.digest or revision.reference)
            place = Place(self._record, self._sockets, SPARE)
            account(connection.daemon(), workspace.person, contents).own(make_pipe(self._sockets))
            program = how.install(self._record)
            argv = [word.replace("{connection_file}", str(self._sockets / CONNECTION)) for word in how.argv]
            shown = [(program, str(PROGRAM), False)]
            plan = plan_of(contents, revision, workspace, place, argv, kernel.env, shown)
            self._handle = container.create(connection, plan)
            with connection.api() as api:
                api.start(self._handle)
            self._until_ready()
            usage = gauge.usage(connection, self._handle, disk=False)
            self.memory = usage.memory or 0 if usage else 0  # it does nothing from now on, and so keeps that
        except (WorkbenchError, NoSuchThing, OSError):
            self.close()
            raise
        announce(self._record, Spare(self.mark, shape, str(self._sockets), self._handle))

    @property
    def alive(self) -> bool:
        """Whether it waits; one that was taken does not."""
        return self._record.exists() and waits(self._sockets)

    def close(self) -> None:
        """Remove it, unless a run has taken it."""
        record = withdraw(self._records, self.mark)
        KNOWN.discard(name(self.mark))
        if record is None:
            return
        try:
            if self._handle:
                with self._connection.api() as api:
                    api.remove_container(self._handle, force=True, v=True)
        except NoSuchThing:
            pass
        except EngineDown:
            return  # the next sweep removes all of it
        shutil.rmtree(self._sockets, ignore_errors=True)
        shutil.rmtree(record, ignore_errors=True)

    def _until_ready(self) -> None:
        deadline = time.monotonic() + READY
        while not waits(self._sockets):
            with self._connection.api() as api:
                state = api.inspect_container(self._handle)["State"]
                if state.get("Running") and time.monotonic() < deadline:
                    time.sleep(LOOK)
                    continue
                said = clean(api.logs(self._handle, tail=20).decode("utf-8", "replace")).strip().rpartition("\n")[2]
            raise WorkbenchError(f"the spare kernel did not get ready: {one_line(said, 300) or 'it ended'}")


def _names(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


def _identity(path: str) -> list[int] | None:
    """Which folder or file a path is: a container goes on seeing that one. Of a file also what is in it, as far as that
    can be told without reading; folders are seen as they are."""
    try:
        facts = os.stat(path)
    except OSError:
        return None
    found = [facts.st_dev, facts.st_ino]
    return found if os.path.isdir(path) else [*found, facts.st_mtime_ns, facts.st_size]


def _mounted(sources: Sequence[str]) -> list[str]:
    """What is mounted in these folders: a container does not see what comes later."""
    try:
        lines = Path("/proc/self/mountinfo").read_text().splitlines()
    except OSError:
        return []
    return [line for line in lines if any(f"{line.split()[4]}/".startswith(f"{source}/") for source in sources)]
