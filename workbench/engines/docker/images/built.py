"""Images that we have made: found by name or label, marked, and removed.

The home that builds an image gives it its first name, `workbench/<environment>:<revision>`, and is named in its label; a home
that finds it there puts a mark on it, the name `workbench/home-<id>:<revision>`.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from workbench.engines.base import LABEL
from workbench.engines.docker.connection import Connection, NoSuchThing
from workbench.errors import WorkbenchError

FIRST = "workbench/"


def marks() -> str:
    """How marks of all homes begin."""
    return f"{FIRST}home-"


def mark(home: str, revision_id: str) -> str:
    """The mark of a home on an image of this revision."""
    return f"{marks()}{home}:{revision_id}"


def names(tags: Iterable[object] | None) -> tuple[str, ...]:
    """Names of an image as we give them: engines put their own registry before those that have none."""
    return tuple(str(tag).removeprefix("docker.io/").removeprefix("localhost/") for tag in tags or ())


@dataclass(frozen=True)
class Image:
    """An image of the engine; `base` is what it was made from and `builder` the home that made it, as its labels say."""

    id: str
    reference: str
    size: int
    base: str = ""
    builder: str = ""
    tags: tuple[str, ...] = ()


class Images:
    """The images of an engine, as `home` uses them."""

    def __init__(self, connection: Connection, home: str) -> None:
        self._connection = connection
        self._home = home

    def get(self, reference: str) -> Image | None:
        """The image of that name or id."""
        try:
            with self._connection.api() as api:
                seen: dict[str, Any] = api.inspect_image(reference)  # type: ignore[no-untyped-call]
        except NoSuchThing:
            return None
        labels = (seen.get("Config") or {}).get("Labels") or {}
        return Image(
            id=str(seen["Id"]),
            reference=reference,
            size=int(seen.get("Size") or 0),
            base=str(labels.get(f"{LABEL}base") or ""),
            builder=str(labels.get(f"{LABEL}builder") or ""),
            tags=names(seen.get("RepoTags")),
        )

    def find(self, first: str, revision_id: str) -> Image | None:
        """The image of a revision: by its first name, by our mark, or by another name that it has. It gets our mark, where
        it is not of our making."""
        found = self.get(first) or self.get(mark(self._home, revision_id)) or self._labelled(revision_id)
        if found and found.builder != self._home and mark(self._home, revision_id) not in found.tags:
            self.mark(found.id, self._home, revision_id)
        return found

    def mark(self, digest: str, home: str, revision_id: str) -> None:
        """Put a home's mark on an image."""
        name, _, tag = mark(home, revision_id).partition(":")
        with suppress(NoSuchThing), self._connection.api() as api:
            api.tag(digest, name, tag)

    def unmark(self, image: Image, revision_id: str) -> None:
        """Take our mark off an image."""
        if mark(self._home, revision_id) in image.tags:
            with suppress(NoSuchThing), self._connection.api() as api:
                api.remove_image(mark(self._home, revision_id))

    def _labelled(self, revision_id: str) -> Image | None:
        """An image to which another name or another home gave this revision; what others made of it has its label too,
        and not such a tag."""
        with self._connection.api() as api:
            images = api.images(filters={"label": f"{LABEL}revision={revision_id}"})
        known = [name for image in images for name in names(image.get("RepoTags"))]
        ours = [name for name in known if name.startswith(FIRST) and name.endswith(f":{revision_id}")]
        ours.sort(key=lambda name: name.startswith(marks()))
        return self.get(ours[0]) if ours else None

    def remove(self, first: str, revision_id: str) -> None:
        """Remove our names of a revision, and the image with them where it has no other."""
        marked = self.get(mark(self._home, revision_id))
        if marked:
            self.unmark(marked, revision_id)
        image = self.get(first)
        if image and image.builder in ("", self._home):
            with suppress(NoSuchThing), self._connection.api() as api:
                api.remove_image(first)

    def drop(self, digest: str) -> None:
        """Remove an image that lost its last name, unless something uses it."""
        image = self.get(digest)
        if image is None or image.tags:
            return
        with suppress(NoSuchThing, WorkbenchError), self._connection.api() as api:
            api.remove_image(digest)
