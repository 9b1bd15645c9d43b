"""Reports of runs: one HTML page each, made when somebody asks for it."""

from __future__ import annotations

import json
import os
import secrets
from datetime import datetime
from pathlib import Path

from workbench import enclosure
from workbench.errors import NotFound, WorkbenchError
from workbench.model.run import Run
from workbench.services import projects, runs
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

    Where that folder is gone or was put in another's place, it is in the run's private state.
    """
    content = page(bench, run_id, code=code)
    try:
        if path is None:
            published = _beside(bench, run_id, content)
            if published:
                return published
            left = runs.artifacts(bench, run_id).notebook
            assert left  # `page` has read it
            path = left.parent / FILE
        with enclosure.folder(path.parent) as place:
            _put(place, path.name, content)
    except OSError as error:
        raise WorkbenchError(f"{path}: {error.strerror}", title=f"report of run {run_id}") from error
    return path


def _beside(bench: Bench, run_id: int, content: bytes) -> Path | None:
    """Write it into the published folder; None where there is none that can be written."""
    run, folder = runs.get(bench, run_id), runs.artifacts(bench, run_id).folder
    if folder is None:
        return None
    try:
        root = projects.get(bench, run.project).path
        with enclosure.folder(root, folder.relative_to(root).as_posix()) as place:
            _put(place, FILE, content)
    except (WorkbenchError, OSError, ValueError):
        return None
    return folder / FILE


def place(bench: Bench, run_id: int, path: Path, content: bytes) -> None:
    """Write what a run leaves as the file `path`, whole or not at all; in its project no link is followed. A folder that
    is not there is made in the project only. Raises OSError."""
    root = projects.get(bench, runs.get(bench, run_id).project).path
    inner = path.relative_to(root).parts if path.is_relative_to(root) else ()
    top = root if inner else path.parent
    for depth in range(1, len(inner)):
        with enclosure.folder(top, "/".join(inner[:depth]), make=True):
            pass
    with enclosure.folder(top, "/".join(inner[:-1])) as folder:
        _put(folder, path.name, content)


def _put(place: int, name: str, content: bytes) -> None:
    temporary = f".{name}.{secrets.token_hex(4)}"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666, dir_fd=place)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        os.replace(temporary, name, src_dir_fd=place, dst_dir_fd=place)
    except BaseException:
        os.unlink(temporary, dir_fd=place)
        raise


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
