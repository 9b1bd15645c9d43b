"""The keys of an environment: `environments/<name>.yaml`, or a project's own `environment.yaml`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, ClassVar

from pydantic import BeforeValidator, Field, WithJsonSchema

from workbench.declare import packages
from workbench.declare.scalars import Line, Secret, Slug, Value, Variable, text, truth, wrong
from workbench.declare.schema.base import POLICY_HINT, Concurrency, EngineWord, IdleStop, Keys, checked, choice, form
from workbench.declare.schema.contents import CondaKeys, DockerfileKeys, KernelKeys, PythonKeys, RKeys
from workbench.declare.schema.limits import LimitKeys
from workbench.declare.schema.port import Ports


def _use(said: str) -> str:
    if said.startswith("conda:"):
        if not re.fullmatch(r"conda:[\w.-]+", said, re.ASCII):
            wrong(f"{said[6:80]!r} is no name of a conda environment", "as conda:base, or the path of its folder")
    elif not said.startswith(("/", "~/")):
        wrong(f"{said!r} is no absolute path", "as /opt/python3.13/bin/python, /path/to/venv or conda:NAME")
    return said


def _network(value: object) -> bool:
    if value == "host":
        wrong("'network: host' is refused by policy", POLICY_HINT)
    return truth(value)


Image = Annotated[str, checked(packages.image), form("image", "rocker/tidyverse:4.5.2")]
ExistingPython = Annotated[
    str, checked(_use), form("absolute path, or conda:NAME", "/opt/python3.13/bin/python", "conda:base")
]
IdeName = Annotated[
    Slug,
    WithJsonSchema(
        {"type": "string", "pattern": "^[a-z0-9][a-z0-9-]{0,62}$", "x-form": "IDE", "examples": ["jupyter", "rstudio"]}
    ),
]
Network = Annotated[bool, BeforeValidator(_network), WithJsonSchema({"type": "boolean", "x-form": "true or false"})]
PullWord = Annotated[str, *choice("always", "missing", "never")]
AptPackage = Annotated[str, checked(packages.apt_package), form("Debian package", "libpq5")]


class EnvironmentKeys(Keys):
    """What notebooks and IDEs run in: `environments/<name>.yaml`, or a project's own `environment.yaml`."""

    LATER: ClassVar[Mapping[str, str]] = {
        "renv": "name its file: `r: {lock: renv.lock}`", "gpu": "write limits: {gpus: 1}",
        "lock": "it belongs under python: or r:", "julia": "", "build": "write dockerfile:",
        "postBuild": "write post_build:", "user": "", "files": "", "kernels": "write kernel:",
        "sizes": "sizes are declared in workbench.yaml; here write size: NAME",
        "volumes": "folders from outside are `data:` in project.yaml",
        "mounts": "folders from outside are `data:` in project.yaml",
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
    pull: PullWord | None = Field(
        None,
        description="When images come from their registry: at each build, where they are `missing`, or never."
        " As `workbench.yaml` has it, where absent: `missing`.",
    )
    dockerfile: DockerfileKeys | None = Field(None, description="A Dockerfile that makes the image (engine docker).")
    use: ExistingPython | None = Field(
        None,
        description="An existing Python, venv or conda environment of this machine, used as it is (engine process)."
        " It is not pinned: what others install into it, runs get.",
    )
    python: PythonKeys | None = Field(None, description="Python and its packages.")
    r: RKeys | None = Field(None, description="R and its packages (engine docker).")
    conda: CondaKeys | None = Field(None, description="Packages out of conda's channels (engine docker).")
    apt: list[AptPackage] = Field(default=[], description="Debian packages to install (engine docker).")
    env: dict[Variable, Value] = Field(default={}, description="Variables that kernels and sessions see.")
    secrets: list[Secret] = Field(
        default=[],
        description="Names of secrets that kernels and sessions are given, as variables and as files in the folder"
        " `WORKBENCH_SECRETS`. Their values stand in no file that is declared: `workbench secrets set NAME`.",
    )
    size: Slug | None = Field(
        None,
        description="A named size: limits declared in workbench.yaml, or small, medium, large: an eighth, a quarter, a"
        " half of the machine. What `limits:` says beside it wins.",
        examples=["medium"],
    )
    limits: LimitKeys | None = Field(None, description="Bounds on each session and kernel.")
    network: Network = Field(
        True,
        description="`false`: kernels and sessions reach no network (engine docker). Jupyter and RStudio could then not be"
        " reached either, so they are refused; tools that workbench signs you in to can.",
    )
    ports: Ports = Field(
        default=[],
        description="Ports that programs inside of a session listen on, shown privately beside its tool (engine docker):"
        " `workbench open SESSION --port 8000`.",
        examples=[[8000, {"port": 5173, "title": "Front end"}]],
    )
    kernel: KernelKeys | None = Field(None, description="How notebooks get their kernel.")
    post_build: Line | None = Field(
        None,
        description="A script, relative to this file, that runs at the end of the build (engine docker).",
        examples=["postBuild"],
    )
    context: Line | None = Field(
        None,
        description="The folder that `post_build` and `r: script` see a copy of, relative to this file; its own, where"
        " absent.",
    )
    start: Line | None = Field(
        None,
        description='A script, relative to this file, that starts what is started in a container, as `exec "$@"`'
        " at its end does.",
        examples=["start"],
    )
    idle_stop: IdleStop | None = Field(
        None,
        description="Stop a Jupyter session after so long without work: no busy kernel, no program in a terminal, no"
        " open browser. Never, where absent; a project's own word wins.",
    )
    concurrency: Concurrency | None = Field(
        None,
        description="Runs in it at once, as where a licence or a graphics processor is one; as many as the home has, where"
        " absent.",
    )
    ides: list[IdeName] = Field(default=["jupyter"], description="IDEs that sessions of it can hold.")
