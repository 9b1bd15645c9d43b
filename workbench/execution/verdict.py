"""How a run ended: its state, the reason a person can act on, what failed. Never papermill's word for it."""

from __future__ import annotations

import re
import signal
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from papermill.exceptions import PapermillException, PapermillExecutionError

from workbench.errors import EngineDown, WorkbenchError
from workbench.execution.course import Course, Stop
from workbench.model.notebook import is_text
from workbench.model.run import Failure, RunState
from workbench.notebooks import script
from workbench.notebooks.outputs import cells_of, failing_cell, failure_of, is_clean_exit
from workbench.text import clean, duration, memory, one_line

QUESTIONS = frozenset({"StdinNotImplementedError"})  # ipykernel's, where stdin is not allowed
SOMEBODY = "Not by workbench: by the machine for want of memory (its own log says so), by hand, or by the notebook."
NOBODY = "A run has nobody to answer: give the value as a parameter."
ENGINE = "An engine that stops ends its kernels, unless it is set to keep them (Docker: `live-restore`)."
HALF = "Its text holds a surrogate without its other half, which is no character: delete it there."
OUTSIDE = "Not by workbench: by hand (`docker rm`), or by what cleans up containers here."
LAST_WORDS = 4000  # characters of what a kernel's process printed itself
# What ipykernel prints whenever it is started alone.
GREETING = re.compile(r"NOTE: When using the `ipython kernel` entry point.*?--existing \S+\s*", re.DOTALL)


@dataclass(frozen=True)
class Verdict:
    """How it ended. `never_began`: the engine was not there, nothing of the notebook was run."""

    state: RunState
    reason: str = ""
    hint: str = ""
    failure: Failure | None = None
    never_began: bool = False


def judge(course: Course, notebook: Mapping[str, Any] | None, error: BaseException | None, words: str = "") -> Verdict:
    """The verdict on a run that is over. `error` is what came out of papermill, `words` the kernel's last ones."""
    if course.stop:
        return _ended_from_outside(course, words)
    broken = _ended_by_cell(course, notebook or {}) or _told_of_error(course, notebook or {})
    if broken:
        return _placed(broken, course.job.notebook, notebook or {})
    if isinstance(error, PapermillExecutionError):  # of an error that the notebook allows
        error = None
    if isinstance(error, PapermillException):
        return Verdict(RunState.FAILED, one_line(str(error)))
    if isinstance(error, EngineDown):
        return Verdict(RunState.FAILED, error.message, error.hint, never_began=not course.cells)
    if isinstance(error, WorkbenchError):
        return Verdict(RunState.FAILED, one_line(str(error.message)), error.hint)
    if isinstance(error, UnicodeEncodeError) and course.cells:  # no kernel can be sent such a cell
        return Verdict(RunState.FAILED, f"half of a character{_place(course)}", HALF, _bare(course, "UnicodeError", ""))
    if error is not None:
        raise error
    return Verdict(RunState.SUCCEEDED)


def _placed(verdict: Verdict, name: str, notebook: Mapping[str, Any]) -> Verdict:
    """The same with the line of the script, where it is one that failed."""
    failure = verdict.failure
    found = script.line_of(notebook, failure.cell, failure.traceback) if failure and is_text(name) else None
    if failure is None or found is None:
        return verdict
    line, exact = found
    where = f"{name} {'line' if exact else 'from line'} {line}"
    reason = verdict.reason.replace(f"(cell {failure.cell})", f"(cell {failure.cell}, {where})")
    return replace(
        verdict, reason=reason, failure=replace(failure, traceback=script.placed(failure.traceback, notebook, name))
    )


def _told_of_error(course: Course, notebook: Mapping[str, Any]) -> Verdict | None:
    """A cell that showed an error and went on, as `%run` does; papermill fails such a run, and so it is here."""
    failure = None if course.job.allow_errors else failing_cell(notebook)
    return _failed(failure) if failure else None


def _ended_by_cell(course: Course, notebook: Mapping[str, Any]) -> Verdict | None:
    """The cell that ended the run by an error; only the last that was begun can have."""
    last = course.cells[-1] if course.cells else None
    if last is None or last.status != "error":
        return None
    cell = next(cell for number, cell in cells_of(notebook) if number == last.cell)
    errors = [output for output in cell["outputs"] if output["output_type"] == "error"]
    if errors and is_clean_exit(errors[-1]):
        left = course.code_cells - last.n
        return Verdict(RunState.SUCCEEDED, f"stopped early at cell {last.cell}" if left else "")
    failure = failure_of(last.cell, cell, errors[-1]) if errors else _bare(course, "CellExecutionError", "")
    return _failed(failure)


def _failed(failure: Failure) -> Verdict:
    if failure.error in QUESTIONS:
        return Verdict(RunState.FAILED, f"asked for input in cell {failure.cell}", NOBODY, failure)
    message = one_line(failure.message, 200)
    named = failure.error not in {"", "ERROR"}  # IRkernel has no names for errors, its message says `Error in …`
    reason = ": ".join(part for part in (failure.error if named or not message else "", message) if part)
    return Verdict(RunState.FAILED, f"{reason} (cell {failure.cell})", "", failure)


def _ended_from_outside(course: Course, words: str) -> Verdict:
    place = _place(course)
    job = course.job
    failure = _bare(course, course.stop or "", "", words) if course.cells else None
    if course.stop is Stop.CANCELLED:
        return Verdict(RunState.CANCELLED, f"cancelled{place}", "", None)
    if course.stop is Stop.TIMED_OUT:
        reason = f"took longer than {duration(job.timeout)}{place}"
        return Verdict(RunState.TIMED_OUT, reason, "Raise `timeout`, or make the notebook quicker.", failure)
    if course.stop is Stop.CELL_TIMED_OUT:
        reason = f"took longer than {duration(job.cell_timeout)}{place}"
        return Verdict(RunState.TIMED_OUT, reason, "Raise `timeout: cell:`, or make the cell quicker.", failure)
    if course.stop is Stop.INPUT:
        return Verdict(RunState.FAILED, f"asked for input{place}", NOBODY, failure)
    if course.stop is Stop.SILENT:
        reason = f"the end of the output did not come{place}"
        return Verdict(RunState.FAILED, reason, "Print less in one cell.", failure)
    if course.stop is Stop.NOT_STARTED:
        said = one_line(words.strip().rpartition("\n")[2], 200)
        reason = f"the kernel did not answer within {duration(job.start_timeout or course.seconds)}"
        hint = "Its own words are in the log." if words else "Raise `timeout: start:` where it needs longer to start."
        return Verdict(
            RunState.TIMED_OUT, f"{reason}{f'; its last words: {said}' if said else ', and said nothing'}", hint
        )
    return _death(course, place, words)


def _death(course: Course, place: str, words: str) -> Verdict:
    end = course.kernel_exit
    told = end.words if end else "ended"
    failure = _bare(course, told, end.detail if end else "", words) if course.cells else None
    if end and end.oom:
        limit = course.job.workspace.limits.memory
        reason = f"out of memory{f': limit {memory(limit)}' if limit else ''}{place.replace(' in', ',', 1)}"
        return Verdict(
            RunState.OUT_OF_MEMORY, reason, "Raise `limits: memory:` of the environment, or need less.", failure
        )
    if not course.cells:
        line = one_line(words.strip().rpartition("\n")[2], 200)
        reason = f"the kernel ended while starting: {told}{f': {line}' if line else ''}"
        return Verdict(RunState.CRASHED, reason, "Its own words are in the log." if words else "")
    unknown = end is not None and end.signal == signal.SIGKILL and end.oom is None
    if end and end.detail:
        hint = OUTSIDE if "removed" in end.detail else ENGINE
        return Verdict(RunState.CRASHED, f"kernel {told}{place}; {end.detail}", hint, failure)
    return Verdict(RunState.CRASHED, f"kernel {told}{place}", SOMEBODY if unknown else "", failure)


def _place(course: Course) -> str:
    if not course.cells:
        return " before its first cell"
    last = course.cells[-1]
    return f" in cell {last.cell} `{one_line(last.line, 60)}`"


def _bare(course: Course, error: str, message: str, words: str = "") -> Failure:
    return Failure(str(error), message, course.cells[-1].cell, clean(course.source), clean(words)[-LAST_WORDS:])


def last_words(host: object) -> str:
    """What a kernel's process printed by itself, where its host keeps that; the end of it, without what each prints."""
    path = getattr(host, "output", None)
    try:
        data = path.read_bytes()[-LAST_WORDS:] if isinstance(path, Path) else b""
    except OSError:
        return ""
    return GREETING.sub("", clean(data.decode("utf-8", "replace"))).strip()
