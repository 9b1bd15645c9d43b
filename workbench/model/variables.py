"""What a run's kernel finds in its environment: the same values that `${…}` and the parameters have.

WORKBENCH_RUN=41  WORKBENCH_ATTEMPT=1  WORKBENCH_NOTEBOOK=notebooks/report.ipynb  WORKBENCH_PROJECT=/home/ann/churn
WORKBENCH_SCHEDULE=churn/nightly  WORKBENCH_DUE=2026-01-02T06:30:00+01:00  WORKBENCH_PREVIOUS_SUCCESS=…  WORKBENCH_GROUP=g7
WORKBENCH_PARAM_region=north      text as it is, everything else as JSON

Times and schedule are kept with the run, so that running it again gives the same.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from workbench.model.placeholder import Moments
from workbench.model.run import Run

BEGIN = "WORKBENCH_"
# Bytes of one value; the kernel has it as a parameter anyway, and execve(2) takes no more than 128 KiB.
LARGEST = 32_000
IN_ALL = 256_000  # bytes of all parameters


def references(moments: Moments | None, schedule: str | None) -> dict[str, str]:
    """What is kept with a run of the moments it was asked for with; empty where no schedule asked."""
    if moments is None or not schedule:
        return {}
    found = {"schedule": schedule, "due": moments.at.isoformat()}
    if moments.previous:
        found["previous_success"] = moments.previous.astimezone(moments.at.tzinfo).isoformat()
    return found


def variables(run: Run, attempt: int, folder: str, kept: Mapping[str, str]) -> dict[str, str]:
    """The environment variables of one try of `run`; `folder` is its project's, `kept` what `references` gave."""
    found = {
        "RUN": str(run.id),
        "ATTEMPT": str(attempt),
        "PROJECT": folder,
        "NOTEBOOK": run.notebook,
        **{name.upper(): str(kept[name]) for name in ("schedule", "due", "previous_success") if kept.get(name)},
    }
    if run.group:
        found["GROUP"] = f"g{run.group}"
    left = IN_ALL
    for name, value in run.parameters.items():
        text = as_text(value)
        size = len(text.encode("utf-8", "replace"))
        if size <= min(LARGEST, left) and "\0" not in text:
            found.setdefault(f"PARAM_{name.replace('.', '_')}", text)
            left -= size
    return {BEGIN + name: value for name, value in found.items()}


def as_text(value: Any) -> str:
    """A parameter as an environment holds it: text as it is, everything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
