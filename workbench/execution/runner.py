"""What one run is: a process of its own that holds the attempt's lock, executes the notebook, and leaves a result.

    python -m workbench.execution.runner ATTEMPT_FOLDER      (or forked by the nursery)

    lock ─▶ started ─▶ kernel ─▶ cells ─▶ output.ipynb ─▶ published folder ─▶ result.json ─▶ wake ─▶ kernel gone ─▶ exit
                                                                                              └▶ kernel kept ─▶ the next attempt

The lock says alive or not. Whoever holds it may write the result; where there is one already, nothing is done.
"""

from __future__ import annotations

import os
import platform
import signal
import sys
import traceback
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from workbench.engines.base import KernelHost
from workbench.errors import Refused, WorkbenchError
from workbench.execution import farewell
from workbench.execution.course import Course, Stopped
from workbench.execution.fence import hold
from workbench.execution.job import LOG_FILE, OUTPUT_FILE, RUNNER_LOG, Job
from workbench.execution.journal import Journal
from workbench.execution.keeping import Keeping
from workbench.execution.kernels import choose_kernel
from workbench.execution.launching import Launch
from workbench.execution.publishing import publish
from workbench.execution.record import changed_since, facts_of, record_of
from workbench.execution.redaction import Redaction
from workbench.execution.result import Result, reserve, write_result_patiently
from workbench.execution.verdict import Verdict, judge, last_words
from workbench.execution.waking import wake
from workbench.model.event import Progress
from workbench.model.run import RunState
from workbench.notebooks.document import Document, encoded, parse, written
from workbench.notebooks.scalars import scalars_of
from workbench.text import one_line

LAUNCH = 60.0  # seconds an engine may take to start a kernel that is not wanted any more
KEPT = (RunState.FAILED, RunState.TIMED_OUT)  # ends after which the kernel may be kept
BUSY = 3  # exit code where another process holds the lock


class Runner:
    """One attempt from its lock to its result."""

    def __init__(self, folder: Path, job: Job, launch: Launch | None = None) -> None:
        """`launch`: that of the kernel it goes on in."""
        self.folder = folder
        self.job = job
        self.launch = launch
        self.keeping: Keeping | None = None
        self.redaction = Redaction(job.workspace.secrets.values())
        self.journal = Journal(folder, self.redaction.shown)
        self.course = Course(job, self.journal)
        self.host: KernelHost | None = launch.host if launch else None
        self.document: Document | None = None
        self.kernel = ""
        self.facts: dict[str, Any] = {}
        self.managers: list[Any] = []
        self.text = ""  # of the output, where papermill wrote it: its run went well
        self.spotless = False  # it succeeded, and nothing of it can be left in this process
        signal.signal(signal.SIGTERM, self.asked_to_cancel)
        for number in (signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)

    def asked_to_cancel(self, *_: object) -> None:
        """SIGTERM: the warden climbs its ladder; a second time it goes to the top at once."""
        self.course.cancel_asked += 1

    @property
    def notebook(self) -> Any:
        """The notebook as it is now, None before papermill has it."""
        return self.managers[0].nb if self.managers else None

    def run(self) -> Keeping | None:
        """Execute, publish, write the result, and see that nothing of the kernel is left, where it is not kept."""
        self.journal.event(Progress.STARTED, pid=os.getpid(), host=platform.node())
        reserve(self.folder)
        try:
            verdict = self.outcome()
            try:
                self.conclude(verdict)
            except Exception as error:  # noqa: BLE001 - as in `outcome`: a run without a result counts as killed
                self.leave(self.fault(error), datetime.now(UTC), None)
        finally:
            if self.keeping is None:
                farewell.end(self.host, self.course, gently=not self.course.stop)
            self.journal.close()
        course = self.course
        self.spotless = verdict.state is RunState.SUCCEEDED and not (
            course.stop or course.cancel_asked or self.job.workspace.secrets or self.journal.problem
        )
        return self.keeping

    def outcome(self) -> Verdict:
        """Execute and judge."""
        error: BaseException | None = None
        try:
            self.execute()
        except Stopped:
            pass
        except Exception as caught:  # noqa: BLE001 - the outermost loop of this process; the verdict tells it
            error = caught
        # A launch that was overtaken by the end goes on in its thread: what it makes has to be ended too.
        self.course.settled.wait(LAUNCH)
        try:
            if self.host is not None and self.course.stop and not self.could_go_on:
                self.host.kill()
        except WorkbenchError as away:  # its sweep removes what is left
            sys.stderr.write(f"{away}\n")
        try:
            self.redaction.notebook(self.notebook)
            return self.redaction.verdict(judge(self.course, self.notebook, error, last_words(self.host)))
        except Exception as caught:  # noqa: BLE001 - as above
            return self.fault(caught)

    def fault(self, error: Exception) -> Verdict:
        """The verdict where this program itself is to blame; the log gets the traceback."""
        traceback.print_exception(error)
        return Verdict(
            RunState.CRASHED,
            f"the runner itself failed: {one_line(f'{type(error).__name__}: {error}', 200)}",
            f"This is a fault of workbench; its traceback is in {self.folder / RUNNER_LOG}",
        )

    def execute(self) -> None:
        """Run the notebook with papermill over the engine's host."""
        job = self.job
        try:
            os.chdir(job.workspace.here)
            content = job.input.read_bytes()
        except OSError as error:
            raise Refused(f"{error.filename}: {error.strerror}") from error
        self.document = parse(content, title=job.notebook)
        if self.launch:
            spec = self.launch.kernel
        else:
            spec = choose_kernel(self.document, job.revision.kernels, job.kernel, job.preferred_kernel)
        self.kernel = spec.name

        from papermill.execute import execute_notebook

        from workbench.engines.registry import reopen
        from workbench.execution import exchange, papermill_engine, translators

        for part in (papermill_engine, translators, exchange):
            part.install()
        self.facts = facts_of(job)
        self.course.enter("starting")
        if self.launch is None:
            engine = reopen(job.engine, job.engine_options)
            self.host = engine.host(job.revision, job.workspace, run=job.label, kernel=spec)
            self.launch = Launch(self.host, spec, job.env, self.course.settled)
        exchange.EXCHANGE.begin(self.document.node())
        execute_notebook(
            exchange.INPUT,
            exchange.OUTPUT,
            parameters={} if job.first else dict(job.parameters),
            engine_name=papermill_engine.NAME,
            kernel_name=spec.name,
            language=self.document.language or spec.language,
            progress_bar=False,
            course=self.course,
            launch=self.launch,
            path=self.folder / OUTPUT_FILE,
            redaction=self.redaction,
            notebooks=self.managers,
        )
        self.text = exchange.EXCHANGE.end()

    def conclude(self, verdict: Verdict) -> None:
        """Save the output, publish it, write the result, and wake who waits."""
        self.course.enter("finishing")
        ended = datetime.now(UTC)
        if verdict.reason:
            self.journal.heading(f"{verdict.state}: {verdict.reason}")
        self.journal.end_of_cell()
        problem, place = "", None
        try:
            if self.notebook is not None:
                self.save(verdict)
            self.redaction.log(self.folder / LOG_FILE)
            if self.job.published is not None and not verdict.never_began:
                facts = record_of(self.job, self.course, verdict, self.document, self.kernel, ended)
                facts |= self.facts
                facts["scalars"] = scalars_of(self.notebook or {})
                facts["secrets_hidden"] = self.redaction.count
                place = publish(self.job, self.folder, facts)
        except OSError as error:
            problem = error.strerror or str(error)
        if problem:
            verdict = _unpublished(verdict, problem, self.folder, self.job.published)
        self.keep(verdict)
        self.leave(verdict, ended, place)

    @property
    def could_go_on(self) -> bool:
        """Whether its kernel is idle and may be kept, and there is a cell to go on from."""
        rest, cells = self.course.at_rest, self.notebook.cells if self.notebook else ()
        return self.course.may_be_kept and rest is not None and rest < len(cells)

    def keep(self, verdict: Verdict) -> None:
        """Keep the kernel, where that was asked for and its state is what the cells before the failed one made it."""
        kept = verdict.state in KEPT and verdict.state not in self.job.retried and self.could_go_on
        if not kept or self.host is None or self.launch is None or self.host.poll() is not None:
            return
        try:
            self.keeping = Keeping(self.folder, self.job, self.launch, self.course)
        except OSError as error:  # a full disk
            sys.stderr.write(f"its kernel is not kept: {error}\n")

    def leave(self, verdict: Verdict, ended: datetime, place: Path | None) -> None:
        """Write the result, unless there is one, and wake who waits."""
        result = Result(
            state=verdict.state,
            token=self.job.token,
            reason=verdict.reason,
            hint=verdict.hint,
            failure=verdict.failure,
            cells=self.course.code_cells,
            cells_done=self.course.cells_done,
            started=self.course.started,
            ended=ended,
            seconds=round(self.course.seconds, 3),
            kernel_exit=self.course.kernel_exit.words if self.course.kernel_exit else "",
            output=str(place or self.folder),
            published=place is not None,
            never_began=verdict.never_began,
            scalars=scalars_of(self.notebook or {}),
            changed=changed_since(self.job, verdict, self.notebook),
            facts=self.facts,
            peak_memory=self.course.peak_memory,
            cpu_seconds=self.course.cpu_seconds,
            kept=self.keeping.facts if self.keeping else {},
        )
        write_result_patiently(self.folder, result)
        wake(self.job.wake)

    def save(self, verdict: Verdict) -> None:
        """The last saving. Papermill marks allowed errors with its banner too: only a failed run keeps it."""
        from papermill.execute import remove_error_markers

        from workbench.execution.job import replace

        notebook = self.notebook
        if verdict.state is RunState.SUCCEEDED and self.text and self.redaction.redactor is None:
            content = encoded(self.text)
        else:
            content = written(remove_error_markers(notebook) if verdict.state is RunState.SUCCEEDED else notebook)
        # What is published is durable, and a copy of this.
        durable = self.job.published is None or verdict.never_began
        replace(self.folder / OUTPUT_FILE, content, durable=durable)


def _unpublished(verdict: Verdict, problem: str, folder: Path, published: Path | None) -> Verdict:
    where = f"It belongs into {published.parent}. " if published else ""
    kept = f"{where}What there is of it: {folder / OUTPUT_FILE}"
    if verdict.state is RunState.SUCCEEDED:
        return Verdict(RunState.FAILED, f"its output could not be published: {problem}", kept)
    reason = f"{verdict.reason}; its output could not be published: {problem}"
    return Verdict(verdict.state, reason, verdict.hint or kept, verdict.failure, verdict.never_began)


def main() -> None:
    """`python -m workbench.execution.runner ATTEMPT_FOLDER [DESCRIPTOR...]`, of its places of the machine."""
    if len(sys.argv) < 2:
        raise SystemExit("usage: python -m workbench.execution.runner ATTEMPT_FOLDER [DESCRIPTOR...]")
    from workbench.execution.succession import attempt

    places = [int(text) for text in sys.argv[2:]]
    for place in places:
        os.set_inheritable(place, False)
    folder, code = Path(sys.argv[1]).absolute(), 0
    if hold(folder) is None:
        sys.stderr.write("another process has this attempt\n")
        code = BUSY
    else:
        attempt(folder, places)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # a thread that hangs in an engine must not keep the lock


if __name__ == "__main__":
    main()
