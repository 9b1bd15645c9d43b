"""`record.json`: what was run, with what, where and how it went, kept beside the output."""

from __future__ import annotations

import platform
from dataclasses import asdict
from datetime import datetime
from typing import Any

from workbench import __version__
from workbench.errors import WorkbenchError
from workbench.execution.course import Course
from workbench.execution.inputs import inputs_of
from workbench.execution.job import Job
from workbench.execution.verdict import Verdict
from workbench.model.run import RunState
from workbench.notebooks.comparison import changed
from workbench.notebooks.document import Document, parse

FORMAT = 1
COMPARED = 5_000_000  # bytes of an output that is compared with the one before


def facts_of(job: Job) -> dict[str, Any]:
    """What the record in the store has too: known before the first cell, and no cell can change it."""
    facts: dict[str, Any] = {"host": platform.node(), "lock": job.record.get("lock")}
    facts["image"] = job.revision.digest
    return facts | ({"inputs": inputs_of(job)} if job.inputs else {})


def record_of(
    job: Job, course: Course, verdict: Verdict, document: Document | None, kernel: str, ended: datetime
) -> dict[str, Any]:
    """The record of a run that is over. Times are UTC, seconds monotonic."""
    revision = job.revision
    return {
        "format": FORMAT,
        "run": job.run,
        "attempt": job.attempt,
        "name": job.name,
        "project": job.workspace.project_name,
        "notebook": job.notebook,
        "notebook_sha256": document.sha256 if document else None,
        "parameters": dict(job.parameters),
        "state": verdict.state.value,
        "reason": verdict.reason,
        "failure": asdict(verdict.failure) if verdict.failure else None,
        "started": course.started.isoformat(),
        "ended": ended.isoformat(),
        "seconds": round(course.seconds, 3),
        "timeout": job.timeout,
        "start_timeout": job.start_timeout,
        "cell_timeout": job.cell_timeout,
        "peak_memory": course.peak_memory,
        "cpu_seconds": course.cpu_seconds,
        "cells": course.table(),
        "code_cells": course.code_cells,
        "kernel": kernel,
        "engine": job.engine.value,
        "revision": {
            "id": revision.id,
            "reference": revision.reference,
            "digest": revision.digest,
            "python": revision.python_version,
            "r": revision.r_version,
            "packages": list(revision.packages),
            "pinned": not revision.borrowed,
        },
        "workbench": __version__,
        **job.record,
    }


def changed_since(job: Job, verdict: Verdict, notebook: Any) -> str:
    """What of the output of a success is materially other than of the one before; empty where that is not known."""
    path = job.previous
    if verdict.state is not RunState.SUCCEEDED or path is None or notebook is None:
        return ""
    try:
        if path.stat().st_size > COMPARED:
            return ""
        return changed(parse(path.read_bytes(), title=str(path)).data, notebook)
    except (OSError, WorkbenchError):
        return ""
