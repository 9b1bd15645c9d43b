"""Making an image: whole, or what is new on top of a revision before."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any

from workbench.engines import room
from workbench.engines.base import Sink
from workbench.engines.docker.connection import Connection, NoSuchThing
from workbench.engines.docker.images import builder, guess, recipe
from workbench.engines.docker.images.bases import Base
from workbench.engines.docker.images.failure import PYTHON_STEP
from workbench.engines.docker.images.recipe.ingredients import (
    MADE_OF,
    Footing,
    Ingredients,
    addition,
    ingredients,
    more_than_packages,
)
from workbench.engines.docker.images.registries import PackageIndex
from workbench.errors import BuildFailed
from workbench.model.build import BuildProgress
from workbench.model.environment import EnvironmentSpec, Revision

_PIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*==[A-Za-z0-9.!+_-]+", re.ASCII)


@dataclass(frozen=True)
class Making:
    """One image to be made of `spec`, from `bases` by their names; `folder` keeps its Dockerfile."""

    connection: Connection
    home: str
    spec: EnvironmentSpec
    revision: str
    tag: str
    bases: Mapping[str, Base]
    registries: Mapping[str, str]
    folder: Path
    index: PackageIndex
    log: Path
    progress: Sink
    cancelled: Event

    def run(self, before: Sequence[Revision], *, fresh: bool) -> None:
        """Make it; `before` has revisions to keep the versions of, and to build on."""
        footing = next(filter(None, map(self._footing, before)), None)
        self._look_for_room([] if footing else before, added=bool(footing))
        if footing and self._added(footing):
            return
        self._build(
            self._written(pins=pins(before[0].packages) if before and not more_than_packages(self.spec) else ()),
            fresh=fresh,
        )

    def _look_for_room(self, before: Sequence[Revision], *, added: bool) -> None:
        """Say where the engine's disk gets close, as far as it can be seen from here; refuse what cannot fit."""
        daemon = self.connection.daemon()
        if daemon.desktop or not daemon.root:
            return
        need = room.PACKAGE if added else room.needed(self.spec, before, image=True)
        if close := room.look(f"environment {self.spec.name}", Path(daemon.root), need):
            self._note(close)

    def _footing(self, before: Revision) -> Footing | None:
        """A revision as something to build on, where the declaration has only more than that."""
        try:
            with self.connection.api() as api:
                seen: dict[str, Any] = api.inspect_image(before.reference)  # type: ignore[no-untyped-call]
        except NoSuchThing:
            return None
        lock = self.spec.locked
        if seen["Id"] != before.digest or (lock and not lock.agrees(before.packages)):
            return None
        old = Ingredients.read(((seen.get("Config") or {}).get("Labels") or {}).get(MADE_OF))
        more = addition(old, ingredients(self.spec, recipe.RECIPE, self.bases), self.spec)
        return Footing(before.reference, old.layers, more, pins(before.packages)) if old and more else None

    def _added(self, footing: Footing) -> bool:
        """Build what is new; False where something of what is there would have to move for it."""
        try:
            self._build(self._written(footing=footing), fresh=False)
        except BuildFailed as error:
            if error.step == PYTHON_STEP and not any("No solution found" in line for line in error.tail):
                raise
            self._note("That does not go on top of the revision before: all of it is built")
            return False
        return True

    def _note(self, text: str) -> None:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("a", encoding="utf-8") as sink:
            sink.write(f"\n{text}\n\n")
        self.progress(BuildProgress(text))

    def _written(self, *, footing: Footing | None = None, pins: Sequence[str] = ()) -> recipe.Recipe:
        return recipe.render(
            self.spec,
            self.revision,
            dialect=builder.dialect(self.connection),
            registries=self.registries,
            bases=self.bases,
            footing=footing,
            pins=pins,
            home=self.home,
        )

    def _build(self, written: recipe.Recipe, *, fresh: bool) -> None:
        try:
            builder.build(
                self.connection,
                written,
                name=self.spec.name,
                tag=self.tag,
                folder=self.folder,
                index=self.index,
                log=self.log,
                progress=self.progress,
                cancelled=self.cancelled,
                fresh=fresh,
            )
        except BuildFailed as error:
            image = next((base.id for base in self.bases.values()), "")
            raise guess.better(error, self.connection, image, home=self.home, cancelled=self.cancelled) from None


def pins(packages: Iterable[str]) -> tuple[str, ...]:
    """The Python packages among those of a revision, as requirement lines."""
    return tuple(line for line in packages if _PIN.fullmatch(line))
