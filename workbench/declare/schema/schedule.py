"""The keys of a schedule: `schedules/<name>.yaml` in a project."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, Field, WithJsonSchema

from workbench.declare.scalars import (
    Cron,
    Duration,
    End,
    Every,
    Inner,
    Line,
    Notebook,
    Once,
    Start,
    Truth,
    Zone,
    free,
    kind,
    wrong,
)
from workbench.declare.schema.base import KeepKernel, Keys, choice
from workbench.declare.schema.code import CodeKeys
from workbench.declare.schema.deliver import Deliver
from workbench.declare.schema.keep import KeepKeys
from workbench.declare.schema.notify import NotifyKeys
from workbench.declare.schema.terms import Priority, Retries, Tags, Timeouts
from workbench.errors import Refused
from workbench.model import sweep

OverlapWord = Annotated[str, *choice("skip", "queue", "replace", "allow")]
CatchUpWord = Annotated[str, *choice("latest", "all", "none")]
Free = Annotated[
    dict[str, Any],
    BeforeValidator(lambda value: free(value) if isinstance(value, Mapping) else value),
    WithJsonSchema({"type": "object", "x-form": "mapping"}),
]


def _sweep(value: object) -> Any:
    if not isinstance(value, Mapping | list):
        wrong(f"expected a mapping of names to values, found {kind(value)}", "as {region: [north, south]}")
    try:
        return sweep.read(free(value)).data
    except Refused as error:
        wrong(error.message, error.hint)


SweepData = Annotated[
    Any,
    BeforeValidator(_sweep),
    WithJsonSchema({"type": ["object", "array"], "x-form": "mapping of names to values, or list of combinations"}),
]


class ScheduleKeys(Keys):
    """When a notebook runs by itself: `schedules/<name>.yaml` in a project. One of `cron`, `once`, `every`."""

    LATER: ClassVar[Mapping[str, str]] = {"secrets": "",
             "after": "", "output": ""}  # fmt: skip

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
    start: Start | None = Field(None, description="Nothing is due before it; `every` counts from it.")
    end: End | None = Field(None, description="Nothing is due after it; of a day alone, after that day.")
    jitter: Duration | None = Field(
        None, description="Each due time is fired later by a length of its own, below this: not all at once."
    )
    parameters: Free = Field(
        default={},
        description="Parameters of the notebook: text, numbers, true/false, null, lists and mappings.",
        examples=[{"region": "north", "rows": 100}],
    )
    sweep: SweepData | None = Field(
        None,
        description="Parameters with several values each: one run for every combination, as one group. A list, a range"
        " (`10..50..10`, also of dates), or a list of combinations.",
        examples=[{"region": ["north", "south"], "rows": "10..50..10"}],
    )
    environment: Line | None = Field(None, description="Environment to run in; the project's, where absent.")
    priority: Priority | None = Field(
        None, description="Which of its runs start first where several wait; what the project says, where absent."
    )
    timeout: Timeouts | None = Field(
        None,
        description="How long a whole run may take, or each part of it.",
        examples=["45m", {"queue": "2h", "start": "3m", "run": "45m", "cell": "10m"}],
    )
    retries: Retries | None = Field(
        None,
        description="How often a failed run is tried again; what the project says, where absent.",
        examples=[1, {"count": 3, "delay": "30s", "factor": 2, "longest": "10m", "on": ["failed", "interrupted"]}],
    )
    code: CodeKeys | None = Field(
        None,
        description="Which files of the project its runs see: `live`, `frozen`, or those of a branch, tag or commit.",
        examples=["frozen", "main", {"ref": "main", "fetch": True}],
    )
    inputs: list[Inner] = Field(
        default=[],
        description="Files of the project that its runs read: their hashes are kept with each run.",
        examples=["data/sales.csv", "data/*.parquet"],
    )
    tags: Tags = Field(
        default=[],
        description="Words that its runs are found by (`runs --tag`). Those alone keep no run longer; tags that people put on do.",
        examples=["month-end"],
    )
    overlap: OverlapWord = Field(
        "skip", description="What happens when it is due while the run before is still active."
    )
    catch_up: CatchUpWord = Field("latest", description="Which times that passed while nothing watched still fire.")
    catch_up_window: Duration | None = Field(
        None, description="How long after its time a missed run may still fire, or one that waits for its engine begin."
    )
    enabled: Truth = Field(True, description="false: the schedule does not fire.")
    keep: KeepKeys | None = Field(
        None,
        description="Which of its runs are kept; what the project says, where absent.",
        examples=[{"last": 30, "for": "90d"}],
    )
    keep_kernel: KeepKernel | None = Field(
        None,
        description="How long the kernel of a run that failed in a cell, or timed out, is kept, so that `runs continue` can go"
        " on in it; what the project says, where absent.",
    )
    notify: NotifyKeys | None = Field(
        None,
        description="Who is told of its runs; what the project says, where absent.",
        examples=[{"failure": ["ann@acme.example"]}],
    )
    deliver: Deliver = Field(
        default=[], description="Where what its runs leave is copied to.", examples=["/srv/reports/${due:%Y-%m}.html"]
    )
