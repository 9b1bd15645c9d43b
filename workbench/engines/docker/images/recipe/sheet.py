"""A Dockerfile that is being written, for one kind of builder, and what it becomes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from workbench.engines.docker.images.base_image import base_image
from workbench.engines.docker.images.recipe.ingredients import Addition, Footing, everything
from workbench.engines.docker.images.transcript import squeeze
from workbench.errors import Refused
from workbench.ignoring import Ignoring
from workbench.model.environment import EnvironmentSpec, NamedFile
from workbench.text import one_line

CA_BUNDLE = "/run/secrets/ca-bundle"
LOCKED = ",sharing=locked"  # at the end of a cache's mount: one step at a time
TREES = "from"  # the folder of the context that has copies of folders of this machine, during the build


class Dialect(StrEnum):
    """What the builder at hand understands."""

    BUILDKIT = "BuildKit"  # bind, cache and secret mounts
    PODMAN = "Podman"  # bind and cache mounts
    CLASSIC = "the Engine's own builder"  # none; what must not stay is left behind in an earlier stage


@dataclass(frozen=True)
class Tree:
    """A folder (less what is ignored) or file of this machine, of which the context has a copy during the build."""

    source: Path
    ignoring: Ignoring | None = None


@dataclass(frozen=True)
class Recipe:
    """A Dockerfile, the small files it takes from its context, and whether it needs the uv program there.

    `titles` names its steps for people, by their commands as builders repeat them; `trees` are copies by their names in
    the context. A Dockerfile that is not ours has `context`, the one of them that it sees alone: then nothing of the
    person's own is shown to it.
    """

    dockerfile: str
    files: Mapping[str, str] = field(default_factory=dict)
    needs_uv: bool = False
    titles: Mapping[str, str] = field(default_factory=dict)
    trees: Mapping[str, Tree] = field(default_factory=dict)
    context: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    args: Mapping[str, str] = field(default_factory=dict)
    target: str | None = None


def text_of(named: NamedFile, environment: str) -> str:
    """The text of a file that a declaration names. Raises `Refused` where it is not the one that was read."""
    try:
        content = named.path.read_bytes()
        text = content.decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(f"{named.path} cannot be read as text", title=f"environment {environment}") from error
    if hashlib.sha256(content).hexdigest() != named.sha256:
        raise Refused(
            f"{named.path} was changed while it was to be built from",
            title=f"environment {environment}",
            hint="Build again.",
        )
    return text


class Sheet:
    """The lines written so far, the files they take, and for whom they are written.

    `base` is the image it all begins with, by its public name; `own`: that is one of ours, Debian with the venv in a
    known place. `source` tells how an image is named in a Dockerfile here: as it was pinned, or as a mirror has it.
    `image` is what this one starts from. `wanted` is what is to be installed: all that is declared, or what comes on
    top of `footing`. `pins` are the Python packages of the revision before, as `name==version`.
    """

    def __init__(
        self,
        spec: EnvironmentSpec,
        dialect: Dialect,
        source: Callable[[str], str],
        footing: Footing | None = None,
        pins: Sequence[str] = (),
    ) -> None:
        self.spec = spec
        self.dialect = dialect
        self.footing = footing
        self.pins = tuple(footing.pins if footing else spec.locked.pins.values() if spec.locked else pins)
        self.wanted: Addition = footing.addition if footing else everything(spec)
        self.base = base_image(spec)
        self.own = spec.image is None
        self.source = source
        self.files: dict[str, str] = {}
        self.trees: dict[str, Tree] = {}
        self.needs_uv = False
        self.image = footing.reference if footing else source(self.base)
        # The Engine says the name in full, also of what is not from Docker's registry.
        names = (self.image, f"docker.io/{self.image}")
        start = "The revision before" if footing else self.base
        self._titles: dict[str, str] = {squeeze(f"FROM {name}"): start for name in names}
        self._lines: list[str] = []

    def begin(self, *, stage: str = "") -> None:
        """The first lines; `stage` names the first stage where others follow."""
        name = one_line(self.spec.name)
        self._lines.append(f"# {name}: written by workbench from its declaration; edit that, not this.")
        if self.footing:
            self._lines.append("# Only more was wanted: it lies on top of the revision before, in which nothing moves.")
        elif "@" in self.image and self.image != self.base:
            self._lines.append(f"# {one_line(self.base)}, as its tag was when it was first used here")
        self._lines.append(f"FROM {self.image}{f' AS {stage}' if stage else ''}")

    def add(self, text: str, comment: str = "") -> None:
        """An instruction, with a line that says why."""
        self._lines += ["", *([f"# {comment}"] if comment else []), text]

    def run(self, mounts: Sequence[str], commands: Sequence[str], title: str) -> None:
        """A step of its own; `title` is its comment, and its name in progress and failures."""
        mounts, waiting = self._one_at_a_time(mounts)
        commands = [*waiting, *commands]
        head = "".join(f"--mount={mount} \\\n    " for mount in mounts)
        if self.dialect is Dialect.PODMAN and (seen := self._seen(mounts)):
            commands = [f": {seen}", *commands]
        body = " \\\n && ".join(commands)
        self._titles[squeeze(body)] = title
        self.add(f"RUN {head}{body}", title)

    def _one_at_a_time(self, mounts: Sequence[str]) -> tuple[Sequence[str], list[str]]:
        """Mounts, and commands that wait for who else has what they lock.

        Podman 4's service does not give back its own locks, and every later build would wait for ever: a file in the
        first of the caches is locked instead.
        """
        places = [mount.removesuffix(LOCKED).partition("target=")[2] for mount in mounts if mount.endswith(LOCKED)]
        if self.dialect is not Dialect.PODMAN or not places:
            return mounts, []
        return [mount.removesuffix(LOCKED) for mount in mounts], [f"exec 9> {places[0]}/workbench.lock", "flock 9"]

    def _seen(self, mounts: Sequence[str]) -> str:
        """What is in the files of mounts, in a few digits: Podman 4 takes a step for the same whatever is in them."""
        marks = []
        for source in (part.removeprefix("source=") for mount in mounts for part in mount.split(",")):
            if source in self.files:
                marks.append(f"{source}={hashlib.sha256(self.files[source].encode()).hexdigest()[:12]}")
            elif source in self.trees:
                marks.append(f"{source}={self.spec.fingerprint[:12]}")
        return " ".join(marks)

    def trust(self, *, passwords: bool = True) -> list[str]:
        """Mounts of the machine's certificates and package index, and of the person's passwords for it.

        Code that a project brings itself is run without these.
        """
        index = "uv.toml" if passwords else "index.toml"
        if self.dialect is Dialect.PODMAN:
            return [
                f"type=bind,source=ca-bundle,target={CA_BUNDLE}",
                f"type=bind,source={index},target=/etc/uv/uv.toml",
            ]
        return [
            "type=secret,id=ca-bundle,mode=0444",
            f"type=secret,id={index},target=/etc/uv/uv.toml,mode=0444",
            *(["type=secret,id=netrc,target=/root/.netrc"] if passwords else []),
        ]

    def tree(self, name: str, tree: Tree) -> str:
        """Have the context hold a copy during the build; its path there."""
        self.trees[f"{TREES}/{name}"] = tree
        return f"{TREES}/{name}"

    def shown(self, *names: str) -> list[str]:
        """Mounts of files of the context in /build; for the Engine's own builder they are copied there."""
        if self.dialect is not Dialect.CLASSIC:
            return [f"type=bind,source={name},target=/build/{name}" for name in names]
        if names:
            self.add(f"COPY {' '.join(names)} /build/")
        return []

    def text(self, named: NamedFile) -> str:
        """The text of a file that the declaration names."""
        return text_of(named, self.spec.name)

    def recipe(self) -> Recipe:
        """What was written."""
        return Recipe("\n".join(self._lines) + "\n", self.files, self.needs_uv, self._titles, self.trees)
