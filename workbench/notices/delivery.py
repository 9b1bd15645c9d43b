"""Copies of what runs leave, written where they were declared to go."""

from __future__ import annotations

from pathlib import Path

from workbench.errors import WorkbenchError
from workbench.model.delivery import BARE, LOG, NOTEBOOK, REPORT
from workbench.model.notice import Notice
from workbench.notices.unsent import Unsent
from workbench.services import runs
from workbench.services.bench import Bench
from workbench.services.history import reports
from workbench.text import one_line


def deliver(bench: Bench, notice: Notice) -> None:
    """Write one. Raises `Unsent` where it cannot be."""
    run = notice.run or 0
    what = notice.text.partition(" of run ")[0]
    try:
        reports.place(bench, run, Path(notice.target), _content(bench, run, what))
    except (WorkbenchError, OSError) as error:
        said = error.strerror or str(error) if isinstance(error, OSError) else error.message
        if isinstance(error, FileNotFoundError):
            said = f"there is no folder {Path(notice.target).parent}"
        raise Unsent(f"{what} of run {run}: {one_line(said, 300)}") from error


def _content(bench: Bench, run: int, what: str) -> bytes:
    if what in (REPORT, BARE):
        return reports.page(bench, run, code=what == REPORT)
    left = runs.artifacts(bench, run)
    path = {NOTEBOOK: left.notebook, LOG: left.log}[what]
    if path is None:
        raise WorkbenchError("it left none")
    return path.read_bytes()
