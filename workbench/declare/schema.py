"""The keys of every kind of declaration: where a YAML key is defined, typed and described.

What stands here is the source of the JSON Schemas and of docs/yaml.md. Keys of later versions are refused by name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from workbench.declare import packages
from workbench.declare.scalars import (
    Cpus,
    Cron,
    Duration,
    Every,
    Line,
    Memory,
    Notebook,
    Once,
    Slug,
    Truth,
    Url,
    Value,
    Variable,
    Version,
    Whole,
    Zone,
    free,
    kind,
    text,
    wrong,
)
from workbench.model.ide import IDES
from workbench.model.run import MOST_RETRIES

# Refused for good in any file: rights that the person's own account does not have.
POLICY = frozenset(
    {
        "privileged", "cap_add", "capabilities", "devices", "security_opt", "network_mode", "pid_mode", "ipc_mode",
        "userns_mode", "host_network", "docker_socket", "runtime", "cgroup_parent", "sysctls",
    }
)  # fmt: skip
POLICY_HINT = "nothing here gets more rights than your own account; no file can allow it"


class Keys(BaseModel):
    """A mapping with known keys. A key with nothing behind it counts as not written."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    LATER: ClassVar[Mapping[str, str]] = {}  # keys that later versions bring, and what to do until then
    SHORT: ClassVar[str] = ""  # the key that a single value instead of the mapping stands for

    @model_validator(mode="before")
    @classmethod
    def _written(cls, data: Any) -> Any:
        if cls.SHORT and isinstance(data, str):
            return {cls.SHORT: data}
        if not isinstance(data, dict):
            wrong(f"expected a mapping (`key: value` lines), found {kind(data)}")
        known = {field.alias or name for name, field in cls.model_fields.items()}
        return {key: value for key, value in data.items() if value is not None or key not in known}


def _check(rule: Callable[[str], str]) -> BeforeValidator:
    return BeforeValidator(lambda value: rule(text(value)))


def _form(form: str, *examples: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "x-form": form, "examples": list(examples)})


def _choice(*words: str) -> tuple[BeforeValidator, WithJsonSchema]:
    def rule(said: str) -> str:
        if said not in words:
            wrong(f"expected one of {', '.join(words)}, found {said[:60]!r}")
        return said

    return _check(rule), WithJsonSchema({"enum": list(words), "x-form": ", ".join(f"`{word}`" for word in words)})


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


EngineWord = Annotated[str, *_choice("auto", "docker", "process")]
OverlapWord = Annotated[str, *_choice("skip", "queue", "replace", "allow")]
CatchUpWord = Annotated[str, *_choice("latest", "all", "none")]
Image = Annotated[str, _check(_image), _form("image", "rocker/tidyverse:4.5.2")]
ExistingPython = Annotated[str, _check(_use), _form("absolute path", "/opt/python3.13/bin/python")]
IdeName = Annotated[str, _check(_ide), WithJsonSchema({"enum": list(IDES), "x-form": "IDE", "examples": list(IDES)})]
Requirement = Annotated[str, _check(packages.requirement), _form("requirement", "pandas>=2.2")]
RPackage = Annotated[str, _check(packages.r_package), _form("CRAN package", "tidyverse")]
AptPackage = Annotated[str, _check(packages.apt_package), _form("Debian package", "libpq5")]
Free = Annotated[
    dict[str, Any],
    BeforeValidator(lambda value: free(value) if isinstance(value, Mapping) else value),
    WithJsonSchema({"type": "object", "x-form": "mapping"}),
]


class PythonKeys(Keys):
    """Python of the environment. `python: "3.13"` is short for `python: {version: "3.13"}`."""

    LATER = {"lock": "list exact versions in packages: or requirements:", "uv": "", "pip": "write packages:"}
    SHORT = "version"

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

    LATER = {"lock": "", "renv": "list packages:", "bioconductor": ""}
    SHORT = "version"

    version: Version | None = Field(None, description="Version of R; Debian's, where absent.")
    packages: list[RPackage] = Field(default=[], description="CRAN packages to install.")
    repository: Url | None = Field(None, description="CRAN repository to use.")


class LimitKeys(Keys):
    """Bounds on each session and on each kernel of a run."""

    LATER = {"gpus": "", "disk": "", "time": "a run's limit is `timeout:` of its schedule"}

    cpus: Cpus | None = Field(None, description="Cores; not more than the machine has.")
    memory: Memory | None = Field(None, description="Memory, in binary units (`4G` is 4 × 1024³ bytes).")
    shared_memory: Memory | None = Field(None, description="Size of /dev/shm, in containers.")
    pids: Annotated[Whole, Field(ge=16, le=1_000_000)] | None = Field(None, description="Processes at once.")


class EnvironmentKeys(Keys):
    """What notebooks and IDEs run in: `environments/<name>.yaml`, or a project's own `environment.yaml`."""

    LATER = {
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


class DataKeys(Keys):
    """A folder from outside the project. A path alone is short for `{path: …}`."""

    SHORT = "path"

    path: Value = Field(description="Absolute path of the folder; `~/` is yours.", examples=["/warehouse/sales"])
    as_: Line | None = Field(
        None, alias="as", description="Its name below `data/`; the folder's own name, where absent."
    )
    write: Truth = Field(False, description="Whether notebooks may write to it.")


class ProjectKeys(Keys):
    """What a project says of itself: `project.yaml` in its folder."""

    LATER = {"notify": "", "secrets": "", "schedules": "a schedule is a file schedules/<name>.yaml", "parameters": ""}

    description: Line = Field("", description="One line that people see in lists.")
    environment: Line | None = Field(
        None,
        description="Name of an environment, or a file of the project (`./environment.yaml`)."
        " Absent: the standard files found in the folder, else the home's default.",
        examples=["python", "./environment.yaml"],
    )
    data: list[DataKeys] = Field(default=[], description="Folders from outside, seen as `data/<name>`, read-only.")


class ScheduleKeys(Keys):
    """When a notebook runs by itself: `schedules/<name>.yaml` in a project. One of `cron`, `once`, `every`."""

    LATER = {"code": "the notebook is read when it is due", "notify": "", "secrets": "", "priority": "", "jitter": "",
             "start": "", "end": "", "after": "", "output": ""}  # fmt: skip

    notebook: Notebook = Field(description="The notebook, relative to the project.")
    cron: Cron | None = Field(
        None,
        description="Five fields as cron has them, or `@daily`. In quotes where it begins with `*` or `@`.",
        examples=["30 6 * * mon-fri", "*/15 * * * *", "@daily"],
    )
    once: Once | None = Field(None, description="One time, on the clock of `timezone`.")
    every: Every | None = Field(None, description="Again and again after so long.")
    timezone: Zone | None = Field(
        None, description="Zone that `cron` and `once` are meant in; the home's, where absent."
    )
    parameters: Free = Field(
        default={},
        description="Parameters of the notebook: text, numbers, true/false, null, lists and mappings.",
        examples=[{"region": "north", "rows": 100}],
    )
    environment: Line | None = Field(None, description="Environment to run in; the project's, where absent.")
    timeout: Duration | None = Field(None, description="How long a whole run may take.")
    retries: Annotated[Whole, Field(ge=0, le=MOST_RETRIES)] = Field(
        0, description="How often a failed run is tried again."
    )
    overlap: OverlapWord = Field(
        "skip", description="What happens when it is due while the run before is still active."
    )
    catch_up: CatchUpWord = Field("latest", description="Which times that passed while nothing watched still fire.")
    catch_up_window: Duration | None = Field(None, description="How long after its time a missed run may still fire.")
    enabled: Truth = Field(True, description="false: the schedule does not fire.")


class SettingsKeys(Keys):
    """Settings of a home: `workbench.yaml`, all optional."""

    LATER = {"mail": "", "notify": "", "apprise": "", "state": "", "secrets": "", "proxy": "", "cran": "", "theme": "",
             "allow_tcp_kernels": "kernels are reached by private sockets alone"}  # fmt: skip

    timezone: Zone | None = Field(
        None,
        description="Zone of schedules that name none. UTC, where absent; the first `schedules add` writes the machine's.",
    )
    engine: EngineWord = Field("auto", description="Engine of environments that name none.")
    concurrency: Annotated[Whole, Field(ge=1, le=256)] | None = Field(
        None, description="Runs at once; half the cores, where absent."
    )
    run_timeout: Duration | None = Field(None, description="How long a run may take that names no timeout.")
    default_environment: Slug = Field("python", description="Environment of projects that name none.")
    registries: dict[str, Line] = Field(
        default={},
        description="Image registries used instead of the named ones.",
        examples=[{"docker.io": "127.0.0.1:5000"}],
    )
    package_index: Url | None = Field(
        None, description="Package index of environments that name none, instead of PyPI."
    )


KINDS: dict[Literal["environment", "project", "schedule", "settings"], type[Keys]] = {
    "environment": EnvironmentKeys,
    "project": ProjectKeys,
    "schedule": ScheduleKeys,
    "settings": SettingsKeys,
}
