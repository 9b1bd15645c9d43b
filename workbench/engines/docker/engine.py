"""The docker engine: the contract's verbs, each handed to the part that knows how."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Event
from typing import Any

from workbench.engines.base import Facts, SessionFacts, SessionRequest, Sink, Workspace
from workbench.engines.docker import gauge, leftovers, log, outfit, spares
from workbench.engines.docker import kernel as kernels
from workbench.engines.docker.connection import Connection
from workbench.engines.docker.endpoint import Endpoint
from workbench.engines.docker.images import base_image, builder, contents, recipe, stock
from workbench.engines.docker.images.bases import Bases, Wish
from workbench.engines.docker.images.built import Images
from workbench.engines.docker.images.contents import Library
from workbench.engines.docker.images.making import Making
from workbench.engines.docker.images.pinning import Pinning
from workbench.engines.docker.images.registries import package_index
from workbench.engines.docker.session import Sessions
from workbench.engines.docker.spares import Spares
from workbench.engines.warm import Warm
from workbench.errors import Refused, WorkbenchError
from workbench.model.build import BuildProgress
from workbench.model.environment import EngineName, EnvironmentSpec, KernelSpec, Revision
from workbench.model.lock import Change, Lock
from workbench.model.stock import Holding, Stock
from workbench.model.usage import Inhabitant, Usage
from workbench.paths import Home
from workbench.settings import Settings


class DockerEngine:
    """Environments as images, sessions and kernels as containers; `endpoint` None: the one a person's tools use."""

    name = EngineName.DOCKER
    sockets = staticmethod(outfit.sockets)

    def __init__(
        self,
        home: Home,
        settings: Settings,
        *,
        endpoint: Endpoint | None = None,
        known: Mapping[str, Any] | None = None,
    ) -> None:
        self._home = home
        self._settings = settings
        self._connection = Connection(endpoint, known)
        self._library = Library(self._connection, home.state / "images", home.id)
        self._images = Images(self._connection, home.id)
        self._bases = Bases(self._connection, settings.registries, home.state / "images")
        self._sessions = Sessions(self._connection, self._library, home)
        self._spares = Spares(self._connection, self._library, home)

    def facts(self) -> Facts:
        """Whether it answers, and what it is."""
        return self._connection.facts()

    # -- environments ----------------------------------------------------------------------------------------------

    def check(self, spec: EnvironmentSpec) -> None:
        """Raise `Refused` for what no image can have."""
        base_image.check(spec)

    def revision_id(self, spec: EnvironmentSpec) -> str:
        """16 hex digits of the shape, the recipe's form, the platform, and the base as it is pinned."""
        images = base_image.images(spec)
        facts = {
            "engine": self.name.value,
            "platform": self._connection.daemon().platform,
            "recipe": recipe.RECIPE,
            "base": " ".join(images),
            "digest": " ".join(self._bases.known(image) for image in images),
            "shape": spec.shape,
        }
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]

    def find(self, spec: EnvironmentSpec, revision_id: str) -> Revision | None:
        """The image by its tag, or one of another name with the same revision."""
        image = self._images.find(_tag(spec, revision_id), revision_id)
        if image is None:
            return None
        inside = self._library.of(image.id)
        return Revision(
            id=revision_id,
            engine=self.name,
            reference=image.reference,
            digest=image.id,
            python_version=inside.python_version,
            r_version=inside.r_version,
            packages=inside.packages,
            kernels=inside.kernels,
            ides=tuple(tool.name for tool in spec.tools if inside.has(tool)),
            size=image.size,
            base=image.base,
            rules=inside.rules,
        )

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
        """Build the image, unless it is there. A fresh one takes the name of the old, which its containers keep; its
        revision is another where its base was not known before, or has moved."""
        self.check(spec)
        wish = Wish(spec.pulls(self._settings.pull), fresh)
        bases = {
            image: self._bases.get(image, wish, environment=spec.name, log=log, progress=progress, cancelled=cancelled)
            for image in base_image.images(spec)
        }
        for base in bases.values():
            if not self._connection.daemon().platform.endswith(f"/{base.architecture}"):
                self._library.of(base.id)  # says so where nothing of it can be run
        # Its base is known only now. What is built anew keeps the number that sets it apart from the old.
        revision_id = self.revision_id(spec) + "".join(revision_id.partition("-")[1:])
        old = self._images.get(_tag(spec, revision_id)) if fresh else None
        if old and old.builder not in ("", self._home.id):
            self._images.mark(old.id, old.builder, revision_id)  # it keeps what it has built
        found = None if fresh else self.find(spec, revision_id)
        if found:
            progress(BuildProgress(f"{found.reference} is there already", 1, 1))
            return found
        making = Making(
            self._connection,
            self._home.id,
            spec,
            revision_id,
            _tag(spec, revision_id),
            bases=bases,
            registries=self._settings.registries,
            folder=self._home.environment_folder(spec.slug) / revision_id,
            index=package_index(
                spec.python.index if spec.python else None,
                self._settings.package_index,
                more=spec.python.extra_indexes if spec.python else (),
            ),
            log=log,
            progress=progress,
            cancelled=cancelled,
        )
        making.run([] if fresh else before, fresh=fresh)
        progress(BuildProgress("Looking what is in it"))
        made = self.find(spec, revision_id)
        if made is None:
            raise Refused(f"the image {_tag(spec, revision_id)} vanished right after it was built")
        if old and old.id != made.digest:
            self._images.unmark(old, revision_id)
            self._images.drop(old.id)
            if self._images.get(old.id) is None:
                self._library.forget(old.id)
        return made

    def lock(self, spec: EnvironmentSpec, revision: Revision, *, log: Path, cancelled: Event) -> Lock:
        """What was built, with hashes."""
        return self._pinning(spec, revision, log, cancelled).lock()

    def outdated(self, spec: EnvironmentSpec, revision: Revision, *, log: Path, cancelled: Event) -> list[Change]:
        """What a forced build would bring."""
        return self._pinning(spec, revision, log, cancelled).outdated()

    def export(self, spec: EnvironmentSpec, revision: Revision, folder: Path, *, log: Path, cancelled: Event) -> None:
        """A Dockerfile and its context."""
        self._pinning(spec, revision, log, cancelled).export(folder)

    def _pinning(self, spec: EnvironmentSpec, revision: Revision, log: Path, cancelled: Event) -> Pinning:
        return Pinning(
            self._connection,
            self._library,
            self._bases,
            self._settings.registries,
            package_index(spec.python.index if spec.python else None, self._settings.package_index),
            self._home.id,
            spec,
            revision,
            log,
            cancelled,
        )

    def remove(self, revision: Revision) -> None:
        """Remove the image's names, and the image with them where it has no other."""
        self._images.remove(revision.reference, revision.id)
        if revision.digest and self._images.get(revision.digest) is None:
            self._library.forget(revision.digest)

    def stock(self, known: Sequence[Revision]) -> Stock:
        """Images of this home, with their layers."""
        return stock.stock(self._connection, self._home.id, known)

    def discard(self, holding: Holding, *, shared: bool = False) -> None:
        """Take our names of an image away, and with the last one the image."""
        stock.discard(self._connection, self._images, holding, self._home.id, shared=shared)
        if self._images.get(holding.id) is None:
            self._library.forget(holding.id)
            for folder in (self._home.state / "environments").glob(f"*/{holding.revision}"):
                if (folder / "Dockerfile").exists():
                    shutil.rmtree(folder, ignore_errors=True)

    def tidy(self) -> None:
        """Remove secrets and programs that only a build needs."""
        builder.tidy(self._home.state / "environments")

    # -- kernels ---------------------------------------------------------------------------------------------------

    def host(
        self, revision: Revision, workspace: Workspace, *, run: str, kernel: KernelSpec | None = None
    ) -> kernels.DockerHost:
        """A host for one kernel, that of a spare where there is one."""
        if self._connection.daemon().desktop:
            raise Refused(
                "Docker Desktop runs in a virtual machine, whose sockets cannot be reached from here",
                hint="Install Docker Engine beside it (`docker context use default`), or set `engine: process`.",
            )
        taken = self._spares.take(revision, workspace, kernel, run)
        return kernels.DockerHost(self._connection, self._library, self._home, revision, workspace, run, taken)

    def warm_key(self, revision: Revision, workspace: Workspace, kernel: str = "") -> str:
        """The shape of a spare kernel."""
        found = self._spares.kernel(revision, workspace, kernel)
        return self._spares.shape(revision, workspace, found) if found else ""

    def warm(self, revision: Revision, workspace: Workspace, kernel: str = "") -> Warm:
        """A spare kernel in a container of its own."""
        found = self._spares.kernel(revision, workspace, kernel)
        if found is None:
            raise WorkbenchError("this environment has no kernel that can be kept warm")
        return self._spares.start(revision, workspace, found)

    def sweep_kernels(self, home: str, living: frozenset[str]) -> int:
        """Remove kernels whose runner is gone, and containers that an image was asked in."""
        now = time.time()
        contents.sweep(self._connection, home, now)
        return leftovers.sweep(self._connection, self._home, home, living | spares.KNOWN, now)

    # -- sessions --------------------------------------------------------------------------------------------------

    def port_problem(self) -> str:
        """Sockets have to reach this machine."""
        return (
            "sockets in Docker Desktop's machine cannot be reached from here"
            if self._connection.daemon().desktop
            else ""
        )

    def create_session(self, request: SessionRequest) -> str:
        """Create its container."""
        return self._sessions.create(request)

    def start_session(self, handle: str) -> None:
        """Start its container."""
        self._sessions.start(handle)

    def sessions(self, home: str) -> list[SessionFacts]:
        """Those of `home`, by their labels."""
        return self._sessions.all(home)

    def inspect_session(self, handle: str) -> SessionFacts | None:
        """One of them."""
        return self._sessions.inspect(handle)

    def usage(self, handle: str, *, disk: bool) -> Usage | None:
        """What its container takes."""
        return gauge.usage(self._connection, handle, disk=disk)

    def inhabitants(self, handle: str) -> list[Inhabitant]:
        """The processes in its container."""
        return gauge.inhabitants(self._connection, handle)

    def stop_session(self, handle: str, *, grace: float) -> None:
        """Stop its container."""
        self._sessions.stop(handle, grace)

    def remove_session(self, handle: str) -> None:
        """Remove its container."""
        self._sessions.remove(handle)

    def copy_log(self, handle: str, stop: Event) -> None:
        """Copy its log until it ended."""
        log.copy(self._connection, handle, stop)

    def shell(self, handle: str) -> list[str]:
        """argv of a shell in it."""
        return self._sessions.shell(handle)


def _tag(spec: EnvironmentSpec, revision_id: str) -> str:
    return f"workbench/{spec.slug}:{revision_id}"
