"""What in an environment cannot hold together, and what holds but should be known."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from workbench import conda
from workbench.declare import addresses
from workbench.declare.composer import Keys
from workbench.declare.problem import Problem
from workbench.model.environment import EngineName, EnvironmentSpec


class Teller(Protocol):
    """Makes a problem at the place where the person wrote `keys`."""

    def __call__(self, keys: Keys, message: str, hint: str = "", *, notice: bool = False) -> Problem: ...


def conflicts(spec: EnvironmentSpec, tell: Teller) -> list[Problem]:
    """Keys that exclude each other, after `extends` was followed."""
    rules = (_needs_containers, _existing_python, _ready_image, _own_dockerfile, _secrets, _ides)
    return [problem for rule in rules for problem in rule(spec, tell)]


def notices(spec: EnvironmentSpec, tell: Teller) -> Iterator[Problem]:
    """An image that changes under its name; a password in an address; what has no effect yet."""
    if spec.image and "@" not in spec.image:
        tag = spec.image.rpartition("/")[2].partition(":")[2]
        if tag in ("", "latest"):
            what = "is whatever was published last" if tag else "has no tag"
            hint = f"name a version, as {spec.image.removesuffix(':latest')}:1.2"
            yield tell(("image",), f"image {spec.image} {what}", hint, notice=True)
    written = (
        (("python", "index"), spec.python and spec.python.index),
        *((("python", "extra_indexes"), one) for one in (spec.python.extra_indexes if spec.python else ())),
        (("r", "repository"), spec.r and spec.r.repository),
    )
    for keys, address in written:
        if address and addresses.holds_password(address):
            yield tell(keys, addresses.PASSWORD, addresses.NETRC, notice=True)
    if spec.ports and (spec.engine is EngineName.PROCESS or spec.use):
        hint = "what listens in a local session can be reached by all accounts of this machine"
        yield tell(("ports",), "ports are shown of containers only", hint, notice=True)
    yield from _conda(spec, tell)


def _conda(spec: EnvironmentSpec, tell: Teller) -> Iterator[Problem]:
    """A conda environment that conda's folders do not show."""
    named, _, name = (spec.use or "").partition(":")
    if named != "conda" or name in (known := conda.known()):
        return
    there = f"there are {', '.join(sorted(known))}" if known else "no environment of conda is seen here"
    what = f"conda environment {name} is in none of conda's folders"
    yield tell(("use",), what, f"{there}; conda itself is asked at the build", notice=True)


def _needs_containers(spec: EnvironmentSpec, tell: Teller) -> Iterator[Problem]:
    if spec.engine is not EngineName.PROCESS and not spec.use:
        return
    because = "`use:` takes a Python of this machine" if spec.use else "engine process has no containers"
    asked: dict[str, object] = {
        "image": spec.image, "dockerfile": spec.dockerfile, "apt": spec.apt, "r": spec.r, "conda": spec.conda,
        "post_build": spec.post_build, "start": spec.start, "pull": spec.pull is not None,
        "network": not spec.network,
    }  # fmt: skip
    for key in (key for key, value in asked.items() if value):
        yield tell((key,), f"{because}: {key} cannot be given", "that takes engine: docker, and no use:")


def _existing_python(spec: EnvironmentSpec, tell: Teller) -> Iterator[Problem]:
    if not spec.use:
        return
    if spec.engine is EngineName.DOCKER:
        yield tell(("use",), "`use:` names a Python of this machine, which a container does not have")
    if spec.python and (spec.python.packages or spec.python.version or spec.python.lock):
        yield tell(("python",), "`use:` takes a Python as it is: nothing can be installed", "remove one of them")
    if spec.use.startswith("conda:"):
        return  # a notice at most: conda itself, which may know more, is asked when it is built
    program = Path(spec.use)
    if os.path.isdir(program):
        program = program / "bin" / "python"
    if not (os.path.isfile(program) and os.access(program, os.X_OK) and "python" in program.name):
        hint = "name the program, as /opt/x/bin/python, or the folder of a venv"
        yield tell(("use",), f"{spec.use} is no Python that can be run", hint)


def _ides(spec: EnvironmentSpec, tell: Teller) -> Iterator[Problem]:
    """IDEs that no image or venv of this declaration can have."""
    for tool in spec.tools:
        if not tool.installable and not spec.image:
            hint = "name a ready `image:` that has it"
            yield tell(("ides",), f"{tool.title} cannot be installed by workbench", hint)
        elif tool.needs.r and not (spec.r or spec.image):
            yield tell(("ides",), f"{tool.title} needs R", "add `r: {}`")
        if spec.engine and spec.engine not in tool.engines:
            yield tell(("ides",), f"{tool.title} does not work on engine {spec.engine}", f"engine: {tool.engines[0]}")


def _ready_image(spec: EnvironmentSpec, tell: Teller) -> Iterator[Problem]:
    if not spec.image:
        return
    for key, part in (("python", spec.python), ("r", spec.r)):
        if part and part.version:
            yield tell((key, "version"), f"a ready image brings its own {key}: no version can be asked for")


def _own_dockerfile(spec: EnvironmentSpec, tell: Teller) -> Iterator[Problem]:
    if not spec.dockerfile:
        return
    if spec.image:
        yield tell(("dockerfile",), "`image:` and `dockerfile:` both say what the image is", "remove one of them")
    asked = {"python": spec.python, "r": spec.r, "conda": spec.conda, "apt": spec.apt}
    for key in (key for key, value in asked.items() if value):
        yield tell(
            (key,),
            f"a Dockerfile says all that is in the image: {key} cannot be given",
            f"write it into {spec.dockerfile.file.path.name}",
        )


def _secrets(spec: EnvironmentSpec, tell: Teller) -> Iterator[Problem]:
    for name in spec.secrets:
        if name in spec.env:
            yield tell(
                ("env", name), f"{name} is in `secrets:` too", "a secret's value stands in no file; remove this line"
            )
