"""Names of images: their registry, path, tag and digest, and the registry that is used instead of the one named."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

HUB = "docker.io"


@dataclass(frozen=True)
class ImageName:
    """A name in full: `debian` is docker.io, library/debian. Tag and digest are empty where none is said."""

    registry: str
    path: str
    tag: str = ""
    digest: str = ""

    @classmethod
    def parse(cls, text: str) -> ImageName:
        """A name as people write it."""
        text, _, digest = text.partition("@")
        head, slash, rest = text.partition("/")
        named = bool(slash) and ("." in head or ":" in head or head == "localhost")
        registry, path = (head, rest) if named else (HUB, text)
        folder, slash, last = path.rpartition("/")
        last, _, tag = last.partition(":")
        path = f"{folder}{slash}{last}"
        if registry == HUB and "/" not in path:
            path = f"library/{path}"
        return cls(registry, path, tag, digest)

    @property
    def repository(self) -> str:
        """Without tag and digest."""
        return f"{self.registry}/{self.path}"

    def __str__(self) -> str:
        tag, digest = f":{self.tag}" if self.tag else "", f"@{self.digest}" if self.digest else ""
        return f"{self.repository}{tag}{digest}"


def mirrored(image: str, registries: Mapping[str, str]) -> str:
    """`image` as it is named in the registry used instead: `debian` → `127.0.0.1:5000/library/debian`.

    `registries` maps beginnings of names (`docker.io`, `docker.io/rocker`) to what stands there instead; the longest wins.
    """
    name = ImageName.parse(image)
    fitting = [key for key in registries if f"{name.repository}/".startswith(f"{key.rstrip('/')}/")]
    if not fitting:
        return image
    longest = max(fitting, key=len)
    rest = str(name)[len(longest.rstrip("/")) :]
    return f"{registries[longest].rstrip('/')}{rest}"
