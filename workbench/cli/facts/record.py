"""What was kept of a run beside its output: commit, image, lock, inputs, host, memory, processor, time of its cells."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from workbench.text import clean, duration, memory, one_line, size

if TYPE_CHECKING:
    from workbench.model.run import Run
    from workbench.services.bench import Bench

KEPT = (
    "git_commit", "git_branch", "git_dirty", "git_patch", "git_untracked", "code", "inputs", "host", "lock", "image", "notebook_sha256", "continues",
)  # fmt: skip
SLOWEST = 3  # cells that are named
TOLD = 0.05  # seconds; less reads as none


def of(bench: Bench, run: Run) -> dict[str, Any]:
    """For `--json`: null where it is not known, or not yet."""
    from workbench.services import runs
    from workbench.services.history import exact

    asked = runs.noted(bench, run.id)
    facts: dict[str, Any] = {name: asked.get(name) for name in KEPT}
    differing = exact.differing(bench, run)
    return {
        **facts,
        "inputs_differ": None if differing is None else list(differing),
        "cells": _cells(bench, run),
        "peak_memory": run.peak_memory,
        "cpu_seconds": run.cpu_seconds,
    }


def lines(bench: Bench, run: Run) -> list[tuple[str, str | None]]:
    """For people, in the order they are shown."""
    from workbench.services.code import seen
    from workbench.services.history import exact

    facts = of(bench, run)
    return [
        ("again", exact.told(bench, run)),
        ("code", clean(seen.words(facts))),
        ("git", _git(facts)),
        ("image", facts["image"]),
        ("lock", facts["lock"]),
        ("inputs", "\n".join(_input(one) for one in facts["inputs"] or ())),
        ("host", facts["host"]),
        ("memory", f"{memory(run.peak_memory)} at most" if run.peak_memory else None),
        ("processor", duration(run.cpu_seconds) if run.cpu_seconds is not None else None),
        ("slowest", _slowest(facts["cells"] or ())),
    ]


def _cells(bench: Bench, run: Run) -> list[dict[str, Any]] | None:
    """How long each took, by the record beside the output, which code of the project may have changed since."""
    from workbench.services import runs

    path = runs.artifacts(bench, run.id).record
    try:
        cells = json.loads(path.read_text(encoding="utf-8", errors="replace"))["cells"] if path else None
        return [
            {"cell": int(one["cell"]), "seconds": float(one["seconds"] or 0), "status": str(one["status"])}
            for one in cells or ()
        ] or None
    except (OSError, ValueError, LookupError, TypeError):
        return None


def _git(facts: dict[str, Any]) -> str | None:
    if not facts["git_commit"]:
        return None
    branch = f" on {facts['git_branch']}" if facts["git_branch"] else ""
    kept = f" ({facts['git_patch']} beside the output)" if facts["git_patch"] else ""
    return one_line(f"{facts['git_commit'][:10]}{branch}{f', with changes{kept}' if facts['git_dirty'] else ''}")


def _input(one: dict[str, Any]) -> str:
    about = [size(one["size"])] if "size" in one else []
    about += [str(one["sha256"])[:12]] if one.get("sha256") else []
    about += [str(one["problem"])] if one.get("problem") else []
    return one_line(f"{one.get('path')}  {', '.join(about)}")


def _slowest(cells: Any) -> str | None:
    timed = [one for one in cells if (one.get("seconds") or 0) >= TOLD]
    longest = sorted(timed, key=lambda one: -one["seconds"])[:SLOWEST]
    return ", ".join(f"cell {one['cell']} {duration(one['seconds'])}" for one in longest) or None
