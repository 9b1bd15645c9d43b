"""Whether a build will fit on its disk: what it needs by a rough estimate, and what is free."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from workbench.errors import BuildFailed
from workbench.model.environment import EnvironmentSpec, Revision
from workbench.text import size

LEAST = 300_000_000  # bytes that must be free before any build begins
CLOSE = 1.5  # times the estimate below which it is said that it is close
# Bytes on disk, rounded up, of what makes most of an environment.
IMAGE, R, JUPYTER, PACKAGE = 250_000_000, 300_000_000, 250_000_000, 25_000_000
LARGE = {
    "torch": 6_000_000_000, "torchvision": 6_000_000_000, "tensorflow": 2_500_000_000, "jax": 600_000_000,
    "vllm": 12_000_000_000, "pyspark": 500_000_000, "scipy": 120_000_000, "pyarrow": 150_000_000,
    "opencv-python": 200_000_000, "transformers": 150_000_000, "xgboost": 300_000_000, "plotly": 60_000_000,
    "pandas": 80_000_000, "spacy": 200_000_000, "tidyverse": 300_000_000, "texlive-full": 7_000_000_000,
    "texlive": 500_000_000, "build-essential": 300_000_000, "default-jdk": 700_000_000, "libreoffice": 1_500_000_000,
}  # fmt: skip


def needed(spec: EnvironmentSpec, before: Sequence[Revision], *, image: bool) -> int:
    """Bytes that a build may take: as much as the revision before, or what is declared, whichever is less."""
    declared = _declared(spec) + (IMAGE if image else 0)
    known = [one.size for one in before if one.size]
    return min(declared, known[0]) if known else declared


def _declared(spec: EnvironmentSpec) -> int:
    python, r = spec.python, spec.r
    lines = [*(python.packages if python else ()), *(r.packages if r else ()), *spec.apt, *spec.needs.python]
    names = {re.split(r"[^\w.-]", line.strip(), maxsplit=1)[0].lower() for line in lines}
    total = sum(LARGE.get(name, PACKAGE) for name in names) + (R if r else 0)
    return total + (JUPYTER if "jupyter" in spec.ides else 0)


def look(name: str, place: Path, need: int) -> str:
    """Words where it is close, nothing where there is room or that cannot be known. Raises `BuildFailed` where a build
    cannot fit."""
    try:
        free = shutil.disk_usage(place).free
    except OSError:
        return ""
    if free < LEAST or free < need / 2:
        raise BuildFailed(
            f"it needs about {size(max(need, LEAST))}, and {size(free)} are free on the disk of {place}",
            title=name,
            hint="Make room, then build again: `workbench prune --dry-run` shows what can go.",
            step="look for room",
        )
    if free < CLOSE * need:
        return f"it may get close: about {size(need)} are needed, and {size(free)} are free on the disk of {place}"
    return ""
