"""Images that we have made: found by name or label, and removed."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from workbench.engines.base import LABEL
from workbench.engines.docker.connection import Connection, NoSuchThing
from workbench.errors import WorkbenchError


@dataclass(frozen=True)
class Image:
    """An image of the engine; `base` is what it was made from, as its label says."""

    id: str
    reference: str
    size: int
    base: str = ""


class Images:
    """The images of an engine."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get(self, reference: str) -> Image | None:
        """The image of that name or id."""
        try:
            with self._connection.api() as api:
                seen: dict[str, Any] = api.inspect_image(reference)  # type: ignore[no-untyped-call]
        except NoSuchThing:
            return None
        labels = (seen.get("Config") or {}).get("Labels") or {}
        return Image(str(seen["Id"]), reference, int(seen.get("Size") or 0), str(labels.get(f"{LABEL}base") or ""))

    def labelled(self, revision_id: str) -> Image | None:
        """An image to which another name or another home gave this revision; what others made of it has its label too,
        and not such a tag."""
        with self._connection.api() as api:
            images = api.images(filters={"label": f"{LABEL}revision={revision_id}"})
        for image in images:
            for tag in image.get("RepoTags") or ():
                name = str(tag).removeprefix("docker.io/")
                if name.startswith("workbench/") and name.endswith(f":{revision_id}"):
                    return self.get(name)
        return None

    def remove(self, reference: str) -> None:
        """Remove a name, and the image with it where it has no other."""
        with suppress(NoSuchThing), self._connection.api() as api:
            api.remove_image(reference)

    def drop(self, digest: str) -> None:
        """Remove an image that lost its name, unless something uses it."""
        with suppress(NoSuchThing, WorkbenchError), self._connection.api() as api:
            api.remove_image(digest)
