"""The keys that say what is in an environment: Python, R, conda, a Dockerfile, and its kernel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar

from pydantic import Field

from workbench.declare import packages
from workbench.declare.scalars import Line, Url, Value, Variable, Version
from workbench.declare.schema.base import Keys, checked, form

Requirement = Annotated[str, checked(packages.requirement), form("requirement", "pandas>=2.2")]
RPackage = Annotated[str, checked(packages.r_package), form("CRAN package", "tidyverse")]
CondaPackage = Annotated[str, checked(packages.conda_package), form("conda package", "gdal>=3.8")]
Channel = Annotated[str, checked(packages.channel), form("conda channel", "conda-forge")]
Module = Annotated[str, checked(packages.module), form("Python module", "numpy")]
KernelName = Annotated[str, checked(packages.kernel), form("kernel", "python3", "ir")]
Repository = Annotated[str, checked(packages.repository), form("address, or a day", "2026-03-01")]


class PythonKeys(Keys):
    """Python of the environment. `python: "3.13"` is short for `python: {version: "3.13"}`."""

    LATER: ClassVar[Mapping[str, str]] = {"uv": "", "pip": "write packages:"}
    SHORT: ClassVar[str] = "version"

    version: Version | None = Field(None, description="Version of Python; what the engine has, where absent.")
    packages: list[Requirement] = Field(default=[], description="What to install, as pip spells it.")
    requirements: Line | None = Field(
        None,
        description="A requirements file, relative to this file. `-r` inside it is followed.",
        examples=["requirements.txt"],
    )
    lock: Line | None = Field(
        None,
        description="A file with exact versions, relative to this file: `uv.lock`, or requirements with `==`.",
        examples=["uv.lock"],
    )
    index: Url | None = Field(None, description="Package index to use instead of PyPI.")
    extra_indexes: list[Url] = Field(
        default=[], description="Package indexes to ask as well; of all of them the best version is taken."
    )
    constraints: list[Requirement] = Field(
        default=[], description="Bounds on versions of what is installed for whatever reason, as `numpy<2`."
    )
    local: list[Line] = Field(
        default=[],
        description="Folders or archives with packages to install, relative to this file, as `.` or `lib[extra]`.",
        examples=["."],
    )


class RKeys(Keys):
    """R of the environment. `r: "4.5"` is short for `r: {version: "4.5"}`."""

    LATER: ClassVar[Mapping[str, str]] = {"renv": "name its file: `lock: renv.lock`", "bioconductor": ""}
    SHORT: ClassVar[str] = "version"

    version: Version | None = Field(None, description="Version of R; Debian's, where absent.")
    packages: list[RPackage] = Field(default=[], description="CRAN packages to install.")
    repository: Repository | None = Field(
        None, description="CRAN repository to use; a day stands for CRAN as it was then, by Posit's package manager."
    )
    lock: Line | None = Field(None, description="A lock file of renv, relative to this file.", examples=["renv.lock"])
    script: Line | None = Field(
        None, description="A script that installs packages, relative to this file.", examples=["install.R"]
    )
    local: Line | None = Field(None, description="The folder of an R package to install, relative to this file.")


class CondaKeys(Keys):
    """Packages out of conda's channels."""

    LATER: ClassVar[Mapping[str, str]] = {
        "environment": "a project's environment.yml is read as it is",
        "file": "a project's environment.yml is read as it is",
        "pip": "write python: {packages: […]}",
        "dependencies": "write packages:",
    }

    packages: list[CondaPackage] = Field(default=[], description="What to install, as conda spells it.")
    channels: list[Channel] = Field(default=[], description="Channels, the first first; conda-forge, where absent.")


class DockerfileKeys(Keys):
    """A Dockerfile of one's own. `dockerfile: Dockerfile` is short for `dockerfile: {file: Dockerfile}`."""

    SHORT: ClassVar[str] = "file"

    file: Line = Field(description="The Dockerfile, relative to this file.", examples=["Dockerfile"])
    context: Line | None = Field(
        None, description="The folder it may copy from, relative to this file; the Dockerfile's, where absent."
    )
    target: Line | None = Field(None, description="The stage to stop at; the last, where absent.")
    args: dict[Variable, Value] = Field(default={}, description="Values of its `ARG` lines. Never secrets.")


class KernelKeys(Keys):
    """How its notebooks get their kernel. `kernel: ir` is short for `kernel: {name: ir}`."""

    SHORT: ClassVar[str] = "name"

    name: KernelName | None = Field(
        None, description="The kernel for notebooks that name none, or one that is not there."
    )
    preload: list[Module] = Field(
        default=[], description="Modules that kernels which are kept warm have imported already."
    )
