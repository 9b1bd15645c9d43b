"""A Dockerfile that is being written, for one kind of builder, and what it becomes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from workbench.engines.docker.base_image import base_image
from workbench.engines.docker.image_name import mirrored
from workbench.engines.docker.transcript import squeeze
from workbench.model.environment import EnvironmentSpec
from workbench.text import one_line

CA_BUNDLE = "/run/secrets/ca-bundle"


class Dialect(StrEnum):
    """What the builder at hand understands."""

    BUILDKIT = "BuildKit"  # bind, cache and secret mounts
    PODMAN = "Podman"  # bind and cache mounts
    CLASSIC = "the Engine's own builder"  # none; what must not stay is left behind in an earlier stage


@dataclass(frozen=True)
class Recipe:
    """A Dockerfile, the small files it takes from its context, and whether it needs the uv program there.

    `titles` names its steps for people, by their commands as builders repeat them.
    """

    dockerfile: str
    files: Mapping[str, str] = field(default_factory=dict)
    needs_uv: bool = False
    titles: Mapping[str, str] = field(default_factory=dict)


class Sheet:
    """The lines written so far, the files they take, and for whom they are written.

    `base` is the image it starts from by its public name, `own`: that is one of ours, Debian with the venv in a known
    place. `source` is that image as it was pinned; else it is named as `registries` have it.
    """

    def __init__(self, spec: EnvironmentSpec, dialect: Dialect, registries: Mapping[str, str], source: str) -> None:
        self.spec = spec
        self.dialect = dialect
        self.base = base_image(spec)
        self.own = spec.image is None
        self.files: dict[str, str] = {}
        self.needs_uv = False
        self._image = source or mirrored(self.base, registries)
        self._titles: dict[str, str] = {squeeze(f"FROM {self._image}"): self.base}
        self._lines: list[str] = []

    def begin(self, *, stage: str = "") -> None:
        """The first lines; `stage` names the first stage where others follow."""
        name = one_line(self.spec.name)
        self._lines.append(f"# {name}: written by workbench from its declaration; edit that, not this.")
        if "@" in self._image and self._image != self.base:
            self._lines.append(f"# {one_line(self.base)}, as its tag was when it was first used here")
        self._lines.append(f"FROM {self._image}{f' AS {stage}' if stage else ''}")

    def add(self, text: str, comment: str = "") -> None:
        """An instruction, with a line that says why."""
        self._lines += ["", *([f"# {comment}"] if comment else []), text]

    def run(self, mounts: Sequence[str], commands: Sequence[str], title: str) -> None:
        """A step of its own; `title` is its comment, and its name in progress and failures."""
        head = "".join(f"--mount={mount} \\\n    " for mount in mounts)
        body = " \\\n && ".join(commands)
        self._titles[squeeze(body)] = title
        self.add(f"RUN {head}{body}", title)

    def trust(self) -> list[str]:
        """Mounts of the machine's certificates, package index and passwords."""
        if self.dialect is Dialect.PODMAN:
            return [
                f"type=bind,source=ca-bundle,target={CA_BUNDLE}",
                "type=bind,source=uv.toml,target=/etc/uv/uv.toml",
            ]
        return [
            "type=secret,id=ca-bundle,mode=0444",
            "type=secret,id=uv.toml,target=/etc/uv/uv.toml,mode=0444",
            "type=secret,id=netrc,target=/root/.netrc",
        ]

    def recipe(self) -> Recipe:
        """What was written."""
        return Recipe("\n".join(self._lines) + "\n", self.files, self.needs_uv, self._titles)
