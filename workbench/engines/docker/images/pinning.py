"""Exactly what an image is, what an update of it would change, and the folder another machine can build it from."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from threading import Event

from workbench.certificates import ca_bundle
from workbench.engines import resolver
from workbench.engines.docker import throwaway
from workbench.engines.docker.connection import Connection, NoSuchThing
from workbench.engines.docker.images import recipe
from workbench.engines.docker.images.bases import Bases
from workbench.engines.docker.images.contents import Library
from workbench.engines.docker.images.making import pins
from workbench.engines.docker.images.names import ImageName, mirrored
from workbench.engines.docker.images.r_repository import RRepository
from workbench.engines.docker.images.recipe.ingredients import more_than_packages, tools
from workbench.engines.docker.images.recipe.r import repository
from workbench.engines.docker.images.recipe.sheet import CA_BUNDLE
from workbench.engines.docker.images.registries import PackageIndex
from workbench.errors import Refused, WorkbenchError
from workbench.model.environment import EnvironmentSpec, Revision
from workbench.model.lock import R_LINE, Change, Lock, changes, name_of

_MACHINES = {"amd64": "x86_64-unknown-linux-gnu", "arm64": "aarch64-unknown-linux-gnu"}
_INST = re.compile(r"^Inst (\S+) (?:\[(\S+)\] )?\((\S+)", re.MULTILINE)
_UPGRADES = "apt-get update -q >/dev/null 2>&1 && apt-get -s -q dist-upgrade 2>/dev/null"


@dataclass(frozen=True)
class Pinning:
    """Answers about one revision of `spec`."""

    connection: Connection
    library: Library
    bases: Bases
    registries: Mapping[str, str]
    index: PackageIndex
    home: str
    spec: EnvironmentSpec
    revision: Revision
    log: Path
    cancelled: Event

    def lock(self) -> Lock:
        """What was built, with hashes out of the index. Refused where another file has the versions already."""
        spec, revision = self.spec, self.revision
        if more_than_packages(spec):
            raise Refused(
                "conda packages, scripts, a Dockerfile and lock files of other tools are not pinned by our lock",
                title=f"environment {spec.name}",
                hint="Pin them in their own files: environment.yml, uv.lock, renv.lock.",
            )
        base = frozenset(self._base_packages())
        mine = [line for line in revision.packages if line not in base]
        direct = {name_of(line) for line in (spec.python.packages if spec.python else ()) if "@" in line}
        python = [line for line in pins(mine) if name_of(line) not in direct]
        debian = [line.removeprefix("deb:").replace("==", "=", 1) for line in mine if line.startswith("deb:")]
        return Lock(
            engine="docker",
            platform=self.connection.daemon().platform,
            base=revision.base,
            python_version=revision.python_version or "",
            python=resolver.hashed(python, self._options(), env=self._env(), log=self.log, cancelled=self.cancelled),
            debian=tuple(sorted(debian)),
            snapshot=f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}",
            r=self._r().locked(self._of_repository(mine)),
        )

    def outdated(self) -> list[Change]:
        """What a forced build would bring: the base, Debian's packages, Python's; and R's of a repository that are newer there."""
        return [*self._base_change(), *self._debian_changes(), *self._python_changes(), *self._r_changes()]

    def export(self, folder: Path) -> None:
        """Write the Dockerfile with all that it takes from its context. Raises `Refused` where something is in the way."""
        if folder.exists() and any(folder.iterdir()):
            raise Refused(f"{folder} is not empty", title="export", hint="Name a new folder.")
        spec = self.spec if more_than_packages(self.spec) else replace(self.spec, locked=self.lock())
        written = recipe.render(spec, self.revision.id, dialect=recipe.Dialect.BUILDKIT)
        if written.trees:
            raise Refused("a build that takes folders of a project is exported with that project", title="export")
        folder.mkdir(parents=True, exist_ok=True)
        trusted = rf"export(?: \w+={re.escape(CA_BUNDLE)})+"
        dockerfile = re.sub(trusted, lambda it: f"if [ -s {CA_BUNDLE} ]; then {it[0]}; fi", written.dockerfile)
        for name, text in {"Dockerfile": dockerfile, **written.files}.items():
            (folder / name).write_text(text, encoding="utf-8")
        if written.needs_uv:
            from uv import find_uv_bin

            shutil.copy2(find_uv_bin(), folder / "uv")

    def _base_packages(self) -> tuple[str, ...]:
        if not self.revision.base:
            return ()
        held = self.bases.held(self.revision.base)
        if held is None:
            raise Refused(
                f"the image that it was made from is not on this engine any more: {self.revision.base}",
                title=f"environment {self.spec.name}",
                hint="Build it again: workbench environments build --force",
            )
        return self.library.of(held.id).packages

    def _of_repository(self, packages: Iterable[str]) -> list[str]:
        """R packages that are not Debian's; what is in r-base-core or r-recommended is not among those of an image."""
        debian = {
            re.sub(r"^deb:r-[a-z]+-", "", line).partition("==")[0] for line in packages if line.startswith("deb:r-")
        }
        names = (line.removeprefix("R:") for line in packages if line.startswith("R:"))
        return [line for line in names if line.partition("==")[0].lower() not in debian and R_LINE.fullmatch(line)]

    def _r(self) -> RRepository:
        spec = self.spec
        address = repository(spec)
        places = [address] if address else []
        return RRepository(
            self.connection,
            self.revision.reference,
            places,
            spec.name,
            self.home,
            self.cancelled,
        )

    def _r_changes(self) -> list[Change]:
        base = frozenset(self._base_packages() if self.spec.image else ())
        mine = [line for line in self.revision.packages if line not in base]
        return self._r().newer(self._of_repository(mine)) if self.spec.r else []

    def _base_change(self) -> list[Change]:
        name, _, digest = self.revision.base.partition("@")
        if not digest or not name:
            return []
        try:
            with self.connection.api() as api:
                seen = api.inspect_distribution(mirrored(name, self.registries))  # type: ignore[no-untyped-call]
            now = str(seen["Descriptor"]["digest"])
        except (WorkbenchError, NoSuchThing, KeyError, TypeError):
            return []  # what the registry does not say is no change
        return [Change("image", str(ImageName.parse(name)), digest[7:19], now[7:19])] if now != digest else []

    def _debian_changes(self) -> list[Change]:
        said = throwaway.say(
            self.connection, self.revision.reference, _UPGRADES, home=self.home, cancelled=self.cancelled
        )
        if said is None:
            raise Refused(
                "Debian's package lists could not be had",
                title=f"environment {self.spec.name}",
                hint="Check the network and the proxy variables.",
            )
        return [Change("debian", name, old or "", new) for name, old, new in sorted(_INST.findall(said))]

    def _python_changes(self) -> list[Change]:
        spec = self.spec
        lines = [*tools(spec), *(spec.python.packages if spec.python else ())]
        if not lines:
            return []
        made = resolver.compiled(lines, self._options(), env=self._env(), log=self.log, cancelled=self.cancelled)
        available = resolver.versions(made)
        installed = resolver.versions(pins(self.revision.packages))
        if spec.image:  # what the image brought by itself stays
            installed = {name: version for name, version in installed.items() if name in available}
        return changes("python", installed, available)

    def _options(self) -> list[str]:
        machine = _MACHINES.get(self.connection.daemon().platform.rpartition("/")[2], "linux")
        version = ".".join((self.revision.python_version or "3.13").split(".")[:2])
        return ["--python-version", version, "--python-platform", machine]

    def _env(self) -> dict[str, str]:
        env = {
            name: value for name, value in os.environ.items() if not name.startswith(("UV_", "PYTHON", "VIRTUAL_ENV"))
        }
        env |= {"UV_NO_CONFIG": "1", "UV_NO_PROGRESS": "1", "NO_COLOR": "1", "UV_PYTHON_DOWNLOADS": "never"}
        if bundle := ca_bundle():
            env["SSL_CERT_FILE"] = str(bundle)
        if self.index.url:
            env["UV_DEFAULT_INDEX"] = self.index.url
        if self.index.extra:
            env["UV_INDEX"] = " ".join(self.index.extra)
        if self.index.insecure_hosts:
            env["UV_INSECURE_HOST"] = " ".join(self.index.insecure_hosts)
        return env
