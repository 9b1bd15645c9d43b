"""The keys of an environment: `environments/<name>.yaml`, or a project's own `environment.yaml`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, ClassVar

from pydantic import BeforeValidator, Field, WithJsonSchema

from workbench.declare import packages
from workbench.declare.scalars import Cpus, Line, Memory, Slug, Url, Value, Variable, Version, Whole, text, wrong
from workbench.declare.schema.base import EngineWord, Keys, checked, form
from workbench.model.ide import IDES


def _image(said: str) -> str:
    if not re.fullmatch(
        r"[a-zA-Z0-9][\w.\-]*(:\d+)?(/[\w.\-]+)*(:[\w.\-]{1,128})?(@sha256:[0-9a-f]{64})?", said, re.ASCII
    ):
        wrong(f"{said!r} is no name of an image", "as rocker/tidyverse:4.5.2")
    name = said.partition("@")[0]
    path = name.partition("/")[2] if "/" in name and re.search(r"[.:]|^localhost", name.split("/")[0]) else name
    if re.sub(r":[^/:]*$", "", path) != re.sub(r":[^/:]*$", "", path).lower():
        wrong(f"{said!r} is no name of an image", "names of images are lower-case")
    return said


def _use(said: str) -> str:
    if said.startswith("conda:"):
        wrong("conda environments are not in this version yet", "name the Python itself: /path/to/env/bin/python")
    if not said.startswith(("/", "~/")):
        wrong(f"{said!r} is no absolute path", "as /opt/python3.13/bin/python")
    return said


def _ide(said: str) -> str:
    if said not in IDES:
        later = said in ("rstudio", "shiny", "vscode", "code")
        what = f"IDE {said!r} is not in this version yet" if later else f"unknown IDE {said!r}"
        wrong(what, f"there is: {', '.join(IDES)}")
    return said


Image = Annotated[str, checked(_image), form("image", "rocker/tidyverse:4.5.2")]
ExistingPython = Annotated[str, checked(_use), form("absolute path", "/opt/python3.13/bin/python")]
IdeName = Annotated[str, checked(_ide), WithJsonSchema({"enum": list(IDES), "x-form": "IDE", "examples": list(IDES)})]
Requirement = Annotated[str, checked(packages.requirement), form("requirement", "pandas>=2.2")]
RPackage = Annotated[str, checked(packages.r_package), form("CRAN package", "tidyverse")]
AptPackage = Annotated[str, checked(packages.apt_package), form("Debian package", "libpq5")]


class PythonKeys(Keys):
    """Python of the environment. `python: "3.13"` is short for `python: {version: "3.13"}`."""

    LATER: ClassVar[Mapping[str, str]] = {
        "lock": "list exact versions in packages: or requirements:",
        "uv": "",
        "pip": "write packages:",
    }
    SHORT: ClassVar[str] = "version"

    version: Version | None = Field(None, description="Version of Python; what the engine has, where absent.")
    packages: list[Requirement] = Field(default=[], description="What to install, as pip spells it.")
    requirements: Line | None = Field(
        None,
        description="A requirements file, relative to this file. `-r` inside it is followed.",
        examples=["requirements.txt"],
    )
    index: Url | None = Field(None, description="Package index to use instead of PyPI.")


class RKeys(Keys):
    """R of the environment. `r: "4.5"` is short for `r: {version: "4.5"}`."""

    LATER: ClassVar[Mapping[str, str]] = {"lock": "", "renv": "list packages:", "bioconductor": ""}
    SHORT: ClassVar[str] = "version"

    version: Version | None = Field(None, description="Version of R; Debian's, where absent.")
    packages: list[RPackage] = Field(default=[], description="CRAN packages to install.")
    repository: Url | None = Field(None, description="CRAN repository to use.")


class LimitKeys(Keys):
    """Bounds on each session and on each kernel of a run."""

    LATER: ClassVar[Mapping[str, str]] = {"gpus": "", "disk": "", "time": "a run's limit is `timeout:` of its schedule"}

    cpus: Cpus | None = Field(None, description="Cores; not more than the machine has.")
    memory: Memory | None = Field(None, description="Memory, in binary units (`4G` is 4 × 1024³ bytes).")
    shared_memory: Memory | None = Field(None, description="Size of /dev/shm, in containers.")
    pids: Annotated[Whole, Field(ge=16, le=1_000_000)] | None = Field(None, description="Processes at once.")


class EnvironmentKeys(Keys):
    """What notebooks and IDEs run in: `environments/<name>.yaml`, or a project's own `environment.yaml`."""

    LATER: ClassVar[Mapping[str, str]] = {
        "conda": "list pip packages under python:", "renv": "list packages under r:", "network": "", "gpus": "",
        "gpu": "", "secrets": "", "lock": "", "julia": "", "dockerfile": "name a ready `image:`", "build": "",
        "post_build": "", "postBuild": "", "ports": "", "user": "", "files": "", "kernels": "",
        "volumes": "folders from outside are `data:` in project.yaml",
        "mounts": "folders from outside are `data:` in project.yaml",
        "preload": "",
    }  # fmt: skip

    title: Line = Field("", description="One line that people see in lists.")
    description: Annotated[str, BeforeValidator(text)] = Field("", description="More about it, for people.")
    extends: Slug | None = Field(
        None,
        description="Another environment this one adds to. Lists append, mappings merge key by key, single values replace.",
        examples=["python"],
    )
    engine: EngineWord | None = Field(None, description="Where it lives. `auto`: chosen once, at its first build.")
    image: Image | None = Field(None, description="A ready image to start from (engine docker).")
    use: ExistingPython | None = Field(
        None, description="An existing Python of this machine, used as it is (engine process)."
    )
    python: PythonKeys | None = Field(None, description="Python and its packages.")
    r: RKeys | None = Field(None, description="R and its packages (engine docker).")
    apt: list[AptPackage] = Field(default=[], description="Debian packages to install (engine docker).")
    env: dict[Variable, Value] = Field(default={}, description="Variables that kernels and sessions see.")
    limits: LimitKeys | None = Field(None, description="Bounds on each session and kernel.")
    ides: list[IdeName] = Field(default=["jupyter"], description="IDEs that sessions of it can hold.")
