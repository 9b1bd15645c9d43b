"""What in an environment cannot hold together, and what holds but should be known."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from workbench.declare.composer import Keys
from workbench.declare.problem import Problem
from workbench.model.environment import EngineName, EnvironmentSpec


class Teller(Protocol):
    """Makes a problem at the place where the person wrote `keys`."""

    def __call__(self, keys: Keys, message: str, hint: str = "", *, notice: bool = False) -> Problem: ...


def conflicts(spec: EnvironmentSpec, tell: Teller) -> list[Problem]:
    """Keys that exclude each other, after `extends` was followed."""
    return [*_needs_containers(spec, tell), *_existing_python(spec, tell), *_ready_image(spec, tell)]


def notices(spec: EnvironmentSpec, tell: Teller) -> Iterator[Problem]:
    """An image that changes under its name; a password in an address."""
    if spec.image and "@" not in spec.image:
        tag = spec.image.rpartition("/")[2].partition(":")[2]
        if tag in ("", "latest"):
            what = "is whatever was published last" if tag else "has no tag"
            hint = f"name a version, as {spec.image.removesuffix(':latest')}:1.2"
            yield tell(("image",), f"image {spec.image} {what}", hint, notice=True)
    addresses = (
        (("python", "index"), spec.python and spec.python.index),
        (("r", "repository"), spec.r and spec.r.repository),
    )
    for keys, address in addresses:
        if address and "@" in address.partition("//")[2].partition("/")[0]:
            hint = "keep it in ~/.netrc"
            yield tell(keys, "the address holds a password in plain text", hint, notice=True)


def _needs_containers(spec: EnvironmentSpec, tell: Teller) -> Iterator[Problem]:
    if spec.engine is not EngineName.PROCESS and not spec.use:
        return
    because = "`use:` takes a Python of this machine" if spec.use else "engine process has no containers"
    asked: dict[str, object] = {"image": spec.image, "apt": spec.apt, "r": spec.r}
    for key in (key for key, value in asked.items() if value):
        yield tell((key,), f"{because}: {key} cannot be given", "that takes engine: docker, and no use:")


def _existing_python(spec: EnvironmentSpec, tell: Teller) -> Iterator[Problem]:
    if not spec.use:
        return
    if spec.engine is EngineName.DOCKER:
        yield tell(("use",), "`use:` names a Python of this machine, which a container does not have")
    if spec.python and (spec.python.packages or spec.python.version):
        yield tell(("python",), "`use:` takes a Python as it is: nothing can be installed", "remove one of them")
    program = Path(spec.use)
    if not (program.is_file() and os.access(program, os.X_OK) and "python" in program.name):
        hint = "name the program, as /opt/x/bin/python"
        yield tell(("use",), f"{spec.use} is no Python that can be run", hint)


def _ready_image(spec: EnvironmentSpec, tell: Teller) -> Iterator[Problem]:
    if not spec.image:
        return
    for key, part in (("python", spec.python), ("r", spec.r)):
        if part and part.version:
            yield tell((key, "version"), f"a ready image brings its own {key}: no version can be asked for")
