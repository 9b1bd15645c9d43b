"""The images that environments start from: held by the engine or pulled by us, and pinned to what their tag was then.

A tag moves. What it named when it was first used is kept by this home, and holds until somebody asks for what it names
now: `build --force`, or `pull: always`. So a build asks no registry for what is here, and goes on without one.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any

from workbench.engines.base import Sink
from workbench.engines.docker import command
from workbench.engines.docker.connection import Connection, NoSuchThing
from workbench.engines.docker.images import program
from workbench.engines.docker.images.names import ImageName, mirrored
from workbench.engines.docker.images.pulling import Pulling
from workbench.errors import BuildFailed
from workbench.model.build import BuildProgress
from workbench.model.environment import Pull

PINS = "pins.json"


@dataclass(frozen=True)
class Base:
    """An image to start from. `name` is the declared one, `source` what a Dockerfile says, `digest` the registry's, or
    the image's own id where no registry has it (`here_only`)."""

    name: str
    source: str
    digest: str
    id: str
    architecture: str
    user: str
    here_only: bool = False

    @property
    def pinned(self) -> str:
        """`debian:trixie-slim@sha256:…`: the declared name with what it was."""
        return f"{self.name.partition('@')[0]}@{self.digest}"


@dataclass(frozen=True)
class Wish:
    """How a base is wanted: by which rule, and whether what its tag names now was asked for."""

    pull: Pull
    anew: bool = False


class Bases:
    """Bases of a home on one engine; pins are kept in `folder`."""

    def __init__(self, connection: Connection, registries: Mapping[str, str], folder: Path) -> None:
        self._connection = connection
        self._registries = registries
        self._folder = folder

    def known(self, image: str) -> str:
        """The digest that a build would start from, as far as that is known without asking a registry."""
        pin = self._pin(image)
        if pin:
            return pin
        held = self._held(image, "")
        return held.digest if held else ""

    def get(self, image: str, wish: Wish, *, environment: str, log: Path, progress: Sink, cancelled: Event) -> Base:
        """The base, pulled where the wish or its absence demand it. Raises `BuildFailed`, with the registry's words, or
        `Cancelled`; what was there before is then as it was."""
        pin = self._pin(image)
        held = self._held(image, pin)
        exact = bool(ImageName.parse(image).digest)
        here_only = held is not None and held.here_only
        ask = not exact and (wish.pull is Pull.ALWAYS or (wish.anew and wish.pull is Pull.MISSING and not here_only))
        if held is None or ask:
            if wish.pull is Pull.NEVER:
                raise BuildFailed(
                    f"the engine does not have the image {image}{' as it was pinned' if pin else ''}",
                    title=f"environment {environment}",
                    hint="`pull: never` forbids to fetch it: pull or load it by hand, or declare `pull: missing`.",
                )
            name = ImageName.parse(mirrored(image, self._registries))
            wanted = f"{name.repository}@{pin}" if pin and not ask else str(name)
            self._pull(image, wanted, environment, log, progress, cancelled)
            held = self._seen(image, wanted)
            if held is None:
                raise BuildFailed(f"{wanted} vanished right after it was pulled", title=f"environment {environment}")
        if not held.here_only and not exact:
            self._keep(image, held.digest)
        return held

    def _pull(self, image: str, wanted: str, environment: str, log: Path, progress: Sink, cancelled: Event) -> None:
        reader = Pulling(image, progress)
        endpoint = self._connection.endpoint
        argv = [sys.executable, "-P", "-m", "workbench.engines.docker.images.pull", endpoint.url, wanted]
        progress(BuildProgress(f"Pulling {image}"))
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("a", encoding="utf-8") as sink:
            sink.write(f"Pulling {wanted}\n")
            code = program.run(argv, command.environment(endpoint), reader.read, sink, cancelled, silent=reader.silent)
        if code or reader.error:
            raise reader.failure(environment, ImageName.parse(wanted).registry)

    # -- what the engine has -------------------------------------------------------------------------------------------

    def held(self, image: str) -> Base | None:
        """The image as the engine has it, without asking a registry."""
        return self._held(image, self._pin(image))

    def _held(self, image: str, pin: str) -> Base | None:
        """The image as the engine has it: by the pin, else by its tag; its own name first, then the mirror's.

        What no registry has is pinned by its id, by which no builder finds it: then its tag has to name it still.
        """
        for name in dict.fromkeys((image, mirrored(image, self._registries))):
            parsed = ImageName.parse(name)
            if found := self._seen(image, f"{parsed.repository}@{pin}" if pin else name):
                return found
            tagged = self._seen(image, f"{parsed.repository}:{parsed.tag}") if pin and parsed.tag else None
            if tagged and tagged.here_only and tagged.id == pin:
                return tagged
        return None

    def _seen(self, image: str, reference: str) -> Base | None:
        try:
            with self._connection.api() as api:
                seen: dict[str, Any] = api.inspect_image(reference)  # type: ignore[no-untyped-call]
        except NoSuchThing:
            return None
        name = ImageName.parse(reference)
        of_registries = [ImageName.parse(text) for text in seen.get("RepoDigests") or ()]
        same = [one for one in of_registries if one.repository == name.repository]
        chosen = next((one for one in same if name.digest in ("", one.digest)), next(iter(same or of_registries), None))
        source = f"{chosen.repository}@{chosen.digest}" if chosen else reference
        return Base(
            name=image,
            source=source.removeprefix("docker.io/library/").removeprefix("docker.io/"),
            digest=chosen.digest if chosen else str(seen["Id"]),
            id=str(seen["Id"]),
            architecture=str(seen.get("Architecture") or ""),
            user=str((seen.get("Config") or {}).get("User") or ""),
            here_only=chosen is None,
        )

    # -- pins ----------------------------------------------------------------------------------------------------------

    def _pin(self, image: str) -> str:
        name = ImageName.parse(image)
        return name.digest or self._pins().get(_key(image), "")

    def _pins(self) -> dict[str, str]:
        try:
            kept = json.loads((self._folder / PINS).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return {str(key): str(value) for key, value in kept.items()} if isinstance(kept, dict) else {}

    def _keep(self, image: str, digest: str) -> None:
        pins = self._pins()
        if pins.get(_key(image)) == digest:
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        partial = self._folder / f".{PINS}.{os.getpid()}"
        partial.write_text(json.dumps(pins | {_key(image): digest}, indent=1, sort_keys=True), encoding="utf-8")
        partial.replace(self._folder / PINS)


def _key(image: str) -> str:
    name = ImageName.parse(image)
    return f"{name.repository}:{name.tag or 'latest'}"
