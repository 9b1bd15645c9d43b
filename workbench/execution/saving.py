"""The output notebook while it grows: papermill's bookkeeping without its untruths, written whole and not too often."""

from __future__ import annotations

import time
from copy import deepcopy
from pathlib import Path
from typing import Any

from papermill.engines import NotebookExecutionManager

from workbench.execution.course import Course, is_code
from workbench.execution.job import replace
from workbench.notebooks.document import written

FIRST = 0.3  # seconds before the first saving: of a run that is over by then the last one is enough
EVERY = 2.0  # seconds between two savings
SHARE = 20  # a saving that takes long is repeated after so many times its length


class RunManager(NotebookExecutionManager):  # type: ignore[misc]
    """Papermill's record of a notebook that runs. It says `completed` only of cells that were."""

    def __init__(self, nb: Any, course: Course, path: Path) -> None:
        super().__init__(nb, output_path=None, progress_bar=False, autosave_cell_every=0)
        self.course = course
        self.path = path
        self.dirty = False
        self.next_save = time.monotonic() + FIRST
        self.problem = ""

    def notebook_start(self, **kwargs: Any) -> None:
        """Clear what a former run left, but of cells that it goes on after; the warden's looks save from now on."""
        self.nb.metadata.papermill["input_path"] = self.course.job.notebook
        self.nb.metadata.papermill["output_path"] = self.path.name
        ran = [deepcopy(cell) for cell in self.nb.cells[: self.course.job.first]]
        super().notebook_start(**kwargs)
        self.nb.cells[: len(ran)] = ran
        self.course.count(self.nb.cells)

    def cell_start(self, cell: Any, cell_index: int | None = None, **kwargs: Any) -> None:
        """A cell begins."""
        super().cell_start(cell, cell_index, **kwargs)
        if is_code(cell) and cell_index is not None:
            self.course.cell_begins(cell_index + 1, cell)

    def cell_complete(self, cell: Any, cell_index: int | None = None, **kwargs: Any) -> None:
        """A cell ended by itself, well or with an error."""
        super().cell_complete(cell, cell_index, **kwargs)
        self.course.cell_ends("error" if cell.metadata.papermill["status"] == self.FAILED else "ok")

    def cell_broken(self, cell: Any) -> None:
        """A cell was ended from outside, or its kernel died: papermill would call it completed."""
        self.cell_exception(cell)
        super().cell_complete(cell)
        self.course.cell_ends("stopped")

    def notebook_complete(self, **kwargs: Any) -> None:  # noqa: ARG002 - papermill's signature
        """The end, whatever it was: cells that were never begun stay `pending`."""
        self.end_time = self.now()
        self.nb.metadata.papermill["end_time"] = self.end_time.isoformat()
        self.nb.metadata.papermill["duration"] = (self.end_time - self.start_time).total_seconds()
        self.dirty = True

    def save(self, **kwargs: Any) -> None:  # noqa: ARG002 - papermill's signature
        """There is something to save; it is saved now where the last time is long enough ago."""
        self.dirty = True
        self.save_if_due()

    def autosave_cell(self, **kwargs: Any) -> None:  # noqa: ARG002 - papermill's signature
        """Output came; the warden's next look saves it."""
        self.dirty = True

    def save_if_due(self) -> None:
        """Save what changed, at most every two seconds. A full disk now is no reason to stop: the end tries again."""
        began = time.monotonic()
        if not self.dirty or began < self.next_save:
            return
        try:
            write_notebook(self.path, self.nb, durable=False)
            self.problem = ""
        except OSError as error:
            self.problem = error.strerror or str(error)
        self.dirty = False
        took = time.monotonic() - began
        self.next_save = time.monotonic() + max(EVERY, SHARE * took)


def write_notebook(path: Path, notebook: Any, *, durable: bool) -> None:
    """Write a notebook whole or not at all."""
    replace(path, written(notebook), durable=durable)
