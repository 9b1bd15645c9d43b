"""The keys of a project: `project.yaml` in its folder."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar

from pydantic import Field

from workbench.declare.scalars import Inner, Line, Truth, Value
from workbench.declare.schema.base import Concurrency, IdleStop, KeepKernel, Keys, choice
from workbench.declare.schema.keep import KeepKeys
from workbench.declare.schema.notify import NotifyKeys
from workbench.declare.schema.parameters import NotebookName, ParameterKeys, ParameterName
from workbench.declare.schema.port import Ports
from workbench.declare.schema.terms import Priority, Retries, Timeouts


class DataKeys(Keys):
    """A folder from outside the project. A path alone is short for `{path: …}`."""

    SHORT: ClassVar[str] = "path"

    path: Value = Field(description="Absolute path of the folder; `~/` is yours.", examples=["/warehouse/sales"])
    as_: Line | None = Field(
        None, alias="as", description="Its name below `data/`; the folder's own name, where absent."
    )
    write: Truth = Field(False, description="Whether notebooks may write to it.")


class ProjectKeys(Keys):
    """What a project says of itself: `project.yaml` in its folder."""

    LATER: ClassVar[Mapping[str, str]] = {
        "secrets": "name them in its environment",
        "schedules": "a schedule is a file schedules/<name>.yaml",
    }

    description: Line = Field("", description="One line that people see in lists.")
    environment: Line | None = Field(
        None,
        description="Name of an environment, or a file of the project (`./environment.yaml`)."
        " Absent: the standard files found in the folder, else the home's default.",
        examples=["python", "./environment.yaml"],
    )
    concurrency: Concurrency | None = Field(
        None, description="Runs of it at once; as many as the home has, where absent."
    )
    timeout: Timeouts | None = Field(
        None,
        description="How long a run of it may take, or each part of it, where neither the run nor its schedule says; what"
        " workbench.yaml says, where absent.",
        examples=["45m", {"start": "3m", "run": "45m", "cell": "10m"}],
    )
    retries: Retries | None = Field(
        None,
        description="How often a failed run of it is tried again, where neither the run nor its schedule says; never, where"
        " absent.",
        examples=[1, {"count": 3, "delay": "30s"}],
    )
    priority: Priority | None = Field(
        None,
        description="Which runs start first where several wait, where neither the run nor its schedule says; normal, where absent.",
    )
    warm: Truth = Field(
        False, description="Whether a next session and kernel are kept ready, so that they start at once."
    )
    parameters: dict[NotebookName, dict[ParameterName, ParameterKeys]] = Field(
        default={},
        description="What notebooks take, by notebook (a path, or a pattern as `*.ipynb`) and name: it wins over the"
        " notebook's own cell tagged `parameters`, and is for notebooks of any language.",
    )
    data: list[DataKeys] = Field(default=[], description="Folders from outside, seen as `data/<name>`, read-only.")
    inputs: list[Inner] = Field(
        default=[],
        description="Files of the project that all its runs read: their hashes are kept with each run.",
        examples=["data/sales.csv", "data/*.parquet"],
    )
    ports: Ports = Field(
        default=[],
        description="Ports that programs inside of its sessions listen on, shown privately beside those of the environment"
        " (engine docker).",
        examples=[[8000, {"port": 5173, "title": "Front end"}]],
    )
    idle_stop: IdleStop | None = Field(
        None,
        description="Stop a Jupyter session after so long without work: no busy kernel, no program in a terminal, no"
        " open browser. What the environment says, where absent.",
    )
    restart: Annotated[str, *choice("never", "boot")] = Field(
        "never", description="`boot`: sessions that were up are started again after the machine was restarted."
    )
    keep: KeepKeys | None = Field(
        None,
        description="Which of its runs are kept; what workbench.yaml says, where absent.",
        examples=[{"last": 30, "for": "90d"}],
    )
    keep_kernel: KeepKernel | None = Field(
        None,
        description="How long the kernel of a run that failed in a cell, or timed out, is kept, so that `runs continue` can go"
        " on in it; what workbench.yaml says, where absent.",
    )
    notify: NotifyKeys | None = Field(
        None,
        description="Who is told of its runs; what workbench.yaml says, where absent.",
        examples=[{"failure": ["ann@acme.example"]}],
    )
