"""Reports of runs: one HTML page each, made when somebody asks for it."""

from __future__ import annotations

import json
import os
import secrets
from datetime import datetime
from pathlib import Path

from workbench.errors import NotFound, Refused, WorkbenchError
from workbench.model.run import Run
from workbench.services import runs
from workbench.services.bench import Bench
from workbench.text import duration

FILE = "report.html"


def page(bench: Bench, run_id: int, *, code: bool = True) -> bytes:
    """The report of a run as it is now. Raises `NotFound` where it has no output, `Refused` where that cannot be read."""
    from workbench.notebooks import document, report

    run = runs.get(bench, run_id)
    left = runs.artifacts(bench, run_id)
    if left.notebook is None:
        raise NotFound("output of run", str(run_id), hint=f"How it is: workbench runs show {run_id}")
    found = document.read(left.notebook, title=f"output of run {run_id}")
    return report.page(found.data, title=run.name, facts=_facts(bench, run), code=code)


def write(bench: Bench, run_id: int, *, code: bool = True, path: Path | None = None) -> Path:
    """Write the report: beside the run's published output, or as `path`, whole or not at all. Where it is.

    A published folder that is gone, or was put in another's place, gets none: it is then in the run's private state.
    """
    content = page(bench, run_id, code=code)
    target = path or _folder(bench, run_id) / FILE
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    try:
        with temporary.open("xb") as file:
            file.write(content)
        temporary.replace(target)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise WorkbenchError(f"{target}: {error.strerror}", title=f"report of run {run_id}") from error
    return target


def _folder(bench: Bench, run_id: int) -> Path:
    left = runs.artifacts(bench, run_id)
    if left.folder and not left.folder.is_symlink() and os.access(left.folder, os.W_OK):
        return left.folder
    if left.notebook is None:
        raise Refused(f"run {run_id} has left nothing to report")
    return left.notebook.parent


def _facts(bench: Bench, run: Run) -> list[tuple[str, str]]:
    def when(moment: datetime | None) -> str:
        return f"{moment.astimezone(bench.zone):%Y-%m-%d %H:%M %Z}" if moment else ""

    values = "\n".join(
        f"{name} = {value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}"
        for name, value in run.parameters.items()
    )
    facts = [
        ("run", f"{run.id}, {run.state}{f': {run.reason}' if run.reason else ''}"),
        ("notebook", f"{run.project}/{run.notebook}"),
        ("due", when(run.due)),
        ("started", when(run.started)),
        ("took", duration(run.seconds) if run.seconds is not None else ""),
        ("environment", " ".join(part for part in (run.environment, run.revision) if part)),
        ("parameters", values),
    ]
    return [(name, text) for name, text in facts if text]
