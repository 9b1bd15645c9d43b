"""The process engine: what `engines.base.Engine` asks for, without any daemon."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import sys
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from threading import Event

from workbench.engines.base import Facts, KernelHost, SessionFacts, SessionRequest, Sink, Workspace
from workbench.engines.folders import RUNTIME
from workbench.engines.process import gauge, host, interpreters, session, stock, venv, zygotes
from workbench.engines.process.builder import Build
from workbench.engines.process.pinning import Pinning
from workbench.engines.warm import Warm
from workbench.errors import NotFound, Refused, WorkbenchError
from workbench.model.environment import EngineName, EnvironmentSpec, KernelSpec, Revision
from workbench.model.ide import Ide
from workbench.model.lock import Change, Lock
from workbench.model.stock import Holding, Stock
from workbench.model.usage import Inhabitant, Usage
from workbench.paths import Home
from workbench.settings import Settings

FORMAT = 1  # of what a build makes; a new one makes new revisions


class ProcessEngine:
    """An engine of `home` that makes venvs and local processes."""

    name = EngineName.PROCESS

    def __init__(self, home: Home, settings: Settings) -> None:
        self.home = home
        self.settings = settings

    def facts(self) -> Facts:
        """uv, and whether this machine has what keepers need."""
        problem = "" if Path("/proc/self/stat").exists() else "there is no /proc on this machine"
        try:
            version = f"uv {metadata.version('uv')}"
        except metadata.PackageNotFoundError:
            version, problem = "", problem or "uv is not installed beside this program"
        return Facts(
            name=self.name,
            endpoint="local processes",
            source="venvs by uv, processes of this account",
            version=version,
            identity=platform.node(),
            rootless=os.getuid() != 0,
            problem=problem,
            hint="Install this program again." if problem else "",
        )

    def check(self, spec: EnvironmentSpec) -> None:
        """Refuse what only a container can give."""
        wishes: list[tuple[str, object]] = [
            ("image", spec.image), ("dockerfile", spec.dockerfile), ("apt", spec.apt), ("r", spec.r),
            ("conda", spec.conda), ("post_build", spec.post_build), ("start", spec.start),
            ("network: false", not spec.network),
        ]  # fmt: skip
        wishes += [(f"ides: {tool.name}", True) for tool in spec.tools if _beyond(tool)]
        asked = [name for name, value in wishes if value]
        if asked:
            raise Refused(
                f"`{'`, `'.join(asked)}` {'needs' if len(asked) == 1 else 'need'} Docker",
                title=spec.name,
                hint="Install Docker and set `engine: docker`, or take it out of the environment.",
            )
        if spec.use and spec.python and spec.python.packages:
            raise Refused(
                "`use:` takes an existing Python as it is, so `packages:` cannot be added to it",
                title=spec.name,
                hint="Take out one of them.",
            )

    def revision_id(self, spec: EnvironmentSpec) -> str:
        """Hash of what shapes the venv. Environment variables do not: they are given at each start."""
        shape = {name: value for name, value in spec.shape.items() if name != "env"}
        shape["index"] = (spec.python and spec.python.index) or self.settings.package_index
        facts = {
            "format": FORMAT,
            "engine": self.name,
            "platform": f"{sys.platform}-{platform.machine()}-{platform.libc_ver()[0]}",
            "python": interpreters.asked(spec.python.version if spec.python else None),
            "shape": shape,
        }
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]

    def find(self, spec: EnvironmentSpec, revision_id: str) -> Revision | None:
        """The revision where it is whole; a few files are looked at. One that a build which was killed had set aside
        comes back."""
        folder = self.home.environment_folder(spec.slug) / revision_id
        found = venv.read(folder)
        if found is None and venv.aside(folder).exists():
            with venv.alone(folder) as held:
                found = venv.settle(folder) if held else None
        return found

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
        """Make the venv, or look at the existing Python, and ask its kernel whether it is there."""
        self.check(spec)
        folder = self.home.environment_folder(spec.slug) / revision_id
        work = Build(
            spec,
            revision_id,
            folder,
            index=self.settings.package_index,
            sink=progress,
            cancelled=cancelled,
            fresh=fresh,
            before=before,
        )
        return work.run(log)

    def lock(self, spec: EnvironmentSpec, revision: Revision, *, log: Path, cancelled: Event) -> Lock:
        """What was resolved, with hashes."""
        return self._pinning(spec, revision, log, cancelled).lock()

    def outdated(self, spec: EnvironmentSpec, revision: Revision, *, log: Path, cancelled: Event) -> list[Change]:
        """What a forced build would bring."""
        return self._pinning(spec, revision, log, cancelled).outdated()

    def export(self, spec: EnvironmentSpec, revision: Revision, folder: Path, *, log: Path, cancelled: Event) -> None:
        """Requirements with hashes."""
        self._pinning(spec, revision, log, cancelled).export(folder)

    def _pinning(self, spec: EnvironmentSpec, revision: Revision, log: Path, cancelled: Event) -> Pinning:
        folder = venv.folder_of(self.home, revision)
        if folder is None:
            raise NotFound("revision", revision.id, hint="Build the environment again.")
        return Pinning(spec, revision, folder, self.settings.package_index, log, cancelled)

    def remove(self, revision: Revision) -> None:
        """Remove the venv; an existing Python that was used stays as it was."""
        folder = venv.folder_of(self.home, revision)
        if folder:
            venv.remove(folder)
            venv.remove(venv.aside(folder))
            Path(f"{folder}.lock").unlink(missing_ok=True)

    def stock(self, known: Sequence[Revision]) -> Stock:
        """Venvs of this home."""
        del known  # what lies in the folder is the truth
        return stock.stock(self.home.state / "environments")

    def discard(self, holding: Holding, *, shared: bool = False) -> None:
        """Remove a venv; no other home has it."""
        del shared
        stock.discard(self.home.state / "environments", holding)

    def tidy(self) -> None:
        """Finish removals and exchanges of venvs, and remove half-made ones."""
        venv.tidy(self.home.state / "environments")

    def host(
        self, revision: Revision, workspace: Workspace, *, run: str, kernel: KernelSpec | None = None
    ) -> KernelHost:
        """A host for one kernel as a process of this machine."""
        del kernel  # what is kept warm has no host of its own
        return host.ProcessHost(self.home, revision, workspace, run)

    def warm_key(self, revision: Revision, workspace: Workspace, kernel: str = "") -> str:
        """The zygote's key."""
        wanted = zygotes.first(revision, workspace, kernel)
        return wanted.key if wanted else ""

    def warm(self, revision: Revision, workspace: Workspace, kernel: str = "") -> Warm:
        """A zygote of that kernel, or of the environment's first that can have one."""
        wanted = zygotes.first(revision, workspace, kernel)
        if wanted is None:
            raise WorkbenchError("this environment has no kernel that can be kept warm")
        return zygotes.Zygote(self.home, wanted)

    def sweep_kernels(self, home: str, living: frozenset[str]) -> int:
        """End and remove kernels whose run is not in `living`."""
        if home != self.home.id:
            return 0
        zygotes.sweep(self.home)
        return host.sweep(self.home, living)

    def port_problem(self) -> str:
        """Programs of a local session listen on this machine itself."""
        return "on engine process a program listens on this machine itself, where all its accounts can reach it"

    def create_session(self, request: SessionRequest) -> str:
        """Write down what is to be started."""
        return session.create(self.home, request)

    def start_session(self, handle: str) -> None:
        """Start it under a keeper that outlives us."""
        session.start(self._folder(handle))

    def sessions(self, home: str) -> list[SessionFacts]:
        """All sessions that were made and not removed."""
        return session.every(self.home) if home == self.home.id else []

    def inspect_session(self, handle: str) -> SessionFacts | None:
        """One session, None where it was removed or another took its place."""
        facts = session.inspect(session.folder_of(self.home, handle))
        return facts if facts and facts.handle == handle else None

    def usage(self, handle: str, *, disk: bool) -> Usage | None:
        """What its processes take."""
        return gauge.usage(self._folder(handle), disk=disk) if self.inspect_session(handle) else None

    def inhabitants(self, handle: str) -> list[Inhabitant]:
        """The processes below its keeper."""
        return gauge.inhabitants(self._folder(handle)) if self.inspect_session(handle) else []

    def stop_session(self, handle: str, *, grace: float) -> None:
        """Ask it to stop; what is left after `grace` seconds is killed."""
        if self.inspect_session(handle):
            session.stop(session.folder_of(self.home, handle), grace)

    def remove_session(self, handle: str) -> None:
        """Remove what is left of it; its folder and log stay."""
        if self.inspect_session(handle):
            session.remove(session.folder_of(self.home, handle))

    def copy_log(self, handle: str, stop: Event) -> None:
        """Returns at once: the keeper writes the log itself, cleaned."""

    def shell(self, handle: str) -> list[str]:
        """A shell with the session's Python, in the project's folder."""
        return session.shell(self._folder(handle))

    def sockets(self, folder: Path) -> tuple[Path, str]:
        """One folder, which may be a link to a short one."""
        place = (folder / RUNTIME).resolve()
        return place, str(place)

    def _folder(self, handle: str) -> Path:
        folder = session.folder_of(self.home, handle)
        facts = session.inspect(folder)
        if facts is None or facts.handle != handle:
            raise NotFound("session", handle)
        return folder


def _beyond(tool: Ide) -> bool:
    """Whether an IDE needs what a venv cannot have."""
    return EngineName.PROCESS not in tool.engines or bool(tool.needs.r or tool.needs.apt)
