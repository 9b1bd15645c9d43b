"""What the repositories of R packages say, asked by the R of an image, as its build does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from workbench.certificates import ca_bundle
from workbench.engines.docker import throwaway
from workbench.engines.docker.connection import Connection
from workbench.engines.docker.images.recipe import cran
from workbench.engines.docker.images.recipe.sheet import CA_BUNDLE
from workbench.engines.docker.images.registries import without_password
from workbench.errors import Refused
from workbench.model.lock import Change, r_versions
from workbench.text import one_line

LONGEST = 900.0  # seconds: what is only in the archive is fetched for its checksum


@dataclass(frozen=True)
class RRepository:
    """Asked in `image`, for the environment of that name; no `addresses`: those its R is set to. It is shown no netrc,
    which R does not read."""

    connection: Connection
    image: str
    addresses: Sequence[str]
    environment: str
    home: str
    cancelled: Event

    def locked(self, lines: Sequence[str]) -> tuple[str, ...]:
        """`name==version`, each with its checksum. Refused where one is not to be had any more."""
        if not lines:
            return ()
        said = self._ask(cran.sums(self.addresses, lines))
        if wrong := [line[2:] for line in said if line.startswith("! ")]:
            raise Refused(
                f"R packages cannot be locked: {one_line('; '.join(wrong), 300)}",
                title=f"environment {self.environment}",
                hint="Build what there is: workbench environments lock NAME --update; or name a dated `repository:`.",
            )
        return tuple(said)

    def newer(self, lines: Sequence[str]) -> list[Change]:
        """What of `name==version` there is a later version of."""
        if not lines:
            return []
        had = r_versions(lines)
        words = (line.split() for line in self._ask(cran.newer(self.addresses, lines)))
        found = sorted((pair[0], pair[1]) for pair in words if len(pair) == 2 and pair[0] in had)
        return [Change("r", name, had[name], version) for name, version in found]

    def _ask(self, script: str) -> list[str]:
        shown: dict[Path, str] = {}
        trust = "true"
        if bundle := ca_bundle():
            shown[Path(bundle)], trust = CA_BUNDLE, cran.TRUST
        run = f"{trust}\nRscript --no-save --no-restore /dev/stdin 2>/dev/null <<'SCRIPT'\n{script}SCRIPT\n"
        said = throwaway.say(
            self.connection,
            self.image,
            run,
            home=self.home,
            cancelled=self.cancelled,
            seconds=LONGEST,
            shown=shown,
        )
        if said is None:
            where = ", ".join(map(without_password, self.addresses)) or "that its R is set to"
            raise Refused(
                f"the repository of R packages could not be had: {where}",
                title=f"environment {self.environment}",
                hint="Check its address, the network and the proxy variables.",
            )
        return [line.strip() for line in said.splitlines() if line.strip()]
