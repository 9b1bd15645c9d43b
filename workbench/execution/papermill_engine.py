"""The papermill engine of a run: papermill parameterises and keeps the books, this executes over an engine's host.

Registered in this process only. What papermill does otherwise and why: a dead kernel is noticed at once and never
"completed"; nothing is saved in place; output is bounded; a question from the kernel ends the run.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import time
from functools import partial
from queue import Empty
from typing import Any

from nbclient.exceptions import CellExecutionComplete, CellExecutionError, DeadKernelError
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import NBClientEngine, papermill_engines

from workbench.execution.allowance import Allowance, joined
from workbench.execution.course import Course, Stop, Stopped, is_code
from workbench.execution.intake import Intake
from workbench.execution.launching import Launch
from workbench.execution.provisioner import ask_to_end, connected, manager_for, nudge, until_bound
from workbench.execution.redaction import Redaction
from workbench.execution.saving import RunManager
from workbench.execution.warden import START, Warden
from workbench.notebooks.outputs import render_output

NAME = "workbench"
ASK_AGAIN = 0.25  # seconds after which an unanswered question to a starting kernel is repeated
BUSY = 12  # such questions after which a kernel that was kept counts as busy
WIDGETS = "application/vnd.jupyter.widget-state+json"
ENDLESS = 10**9  # seconds; the warden decides instead of nbclient
ABORTED = frozenset({"abort", "aborted"})  # IRkernel's word for a cell that was interrupted, and the protocol's


class RunClient(PapermillNotebookClient):  # type: ignore[misc]
    """Executes the cells of one run, in one event loop, beside its warden."""

    def __init__(self, manager: RunManager, **options: Any) -> None:
        self.course: Course = options.pop("course")
        self.launch: Launch = options.pop("launch")
        self.host = self.launch.host
        self.spec = self.launch.kernel
        self.redaction: Redaction = options.pop("redaction")
        super().__init__(manager, **options)
        self.iopub_timeout = ENDLESS
        self.allow_errors = self.course.job.allow_errors
        self.log = logging.getLogger("workbench.execution")
        self.warden = Warden(self.course, self.host, manager)
        self.allowance = Allowance(self.course.job.cell_output_limit)
        self.number = 0
        self.aborted = False  # the newest cell was interrupted, and its kernel does not call that an error
        self.intake = Intake(None)

    def execute(self, **kwargs: Any) -> Any:  # noqa: ARG002 - papermill's signature
        """Start the kernel, run all cells, ask the kernel to end. Raises `Stopped` where the run had to stop."""
        self.reset_execution_trackers()
        loop = asyncio.new_event_loop()
        try:
            loop.run_until_complete(self._guarded())
        finally:
            for task in asyncio.all_tasks(loop):
                task.cancel()
            loop.run_until_complete(asyncio.sleep(0))
            loop.close()
        return self.nb

    async def _guarded(self) -> None:
        run = asyncio.ensure_future(self._run())
        watch = asyncio.ensure_future(self.warden.watch(run))
        try:
            await run
        except (DeadKernelError, asyncio.CancelledError):
            if watch.done():
                watch.result()
            raise Stopped from None
        finally:
            watch.cancel()
            if self.kc is not None:
                self.kc.stop_channels()
            if self.km is not None:
                self.km.disconnect()

    async def _run(self) -> None:
        self.course.enter("starting")
        self.km = self.warden.manager = manager_for(self.launch)
        await self.km.begin()
        self.course.launched = True
        self.course.ask_again = partial(ask_to_end, self.km)
        if self.course.job.first:
            self.course.cpu_before = self.course.measure().cpu
        info = await self._answer()
        self.course.kernel_answered(self.spec.name, warm=self.host.warm)
        self.course.enter("running")
        listening = asyncio.ensure_future(self._refuse_questions())
        try:
            await self._cells()
        finally:
            listening.cancel()
        self.nb.metadata["language_info"] = info["content"]["language_info"]
        self._show_widgets()
        self.course.enter("finishing")
        if self.course.at_rest is None or not self.course.job.keep:
            self._dismiss()

    async def _answer(self) -> dict[str, Any]:
        """The kernel's first reply, once its output is known to arrive too."""
        await until_bound(self.km, START)
        self.kc = connected(self.km)
        self.intake = Intake(self.kc.iopub_channel)
        reply, heard, times = None, False, 0
        while not (reply and heard):
            times += 1
            if times % 5 == 0:
                nudge(self.km)
            if self.course.job.first and times % BUSY == 0:  # somebody has left something running in it, and is out now
                self.host.send_signal(signal.SIGINT)
            asked = self.kc.kernel_info()
            deadline = time.monotonic() + ASK_AGAIN
            while time.monotonic() < deadline and not (reply and heard):
                heard = heard or await _message(self.kc.iopub_channel, 0.0 if not reply else 0.02) is not None
                message = None if reply else await _message(self.kc.shell_channel, 0.02)
                if message and message["parent_header"].get("msg_id") == asked:
                    reply = message
        return reply

    def _dismiss(self) -> None:
        """Ask the kernel to end; it does so while the output is saved and published. The runner sees that it heard."""
        self.kc.shutdown()
        self.course.dismissed = True

    async def _cells(self) -> None:
        for index, cell in enumerate(self.nb.cells):
            if index < self.course.job.first:
                continue
            self._stop_before(index)
            self.nb_man.cell_start(cell, index)
            self.number = index + 1
            self.warden.cell = cell if is_code(cell) else None
            self.allowance = Allowance(self.course.job.cell_output_limit)
            try:
                await self.async_execute_cell(cell, index)
            except CellExecutionError as error:
                self._mark(cell)
                self.nb_man.cell_exception(cell, cell_index=index, exception=error)
                self.nb_man.cell_complete(cell, cell_index=index)
                self.course.at_rest = index
                break
            except BaseException:
                self._mark(cell)
                self.nb_man.cell_broken(cell)
                raise
            self._mark(cell)
            self.nb_man.cell_complete(cell, cell_index=index)
        self.warden.cell = None
        if self.course.at_rest is None:
            self._stop_before(len(self.nb.cells))
        if self.course.stop:
            raise Stopped

    def _show_widgets(self) -> None:
        """The state of widgets into the notebook, beside that of cells that ran before."""
        before = self.nb.metadata.get("widgets", {}).get(WIDGETS, {}).get("state", {}) if self.course.job.first else {}
        self.set_widgets_metadata()
        now = self.nb.metadata.get("widgets", {}).get(WIDGETS, {})
        if before and now:
            now["state"] = {**before, **now["state"]}

    def _stop_before(self, index: int) -> None:
        """End the run where it has to stop; its kernel is idle. A kernel that was interrupted may call its cell no error."""
        if self.course.stop:
            self.course.at_rest = index - 1 if self.aborted else index
            raise Stopped

    async def _check_raise_for_error(self, cell: Any, cell_index: int, exec_reply: Any) -> None:
        status = exec_reply["content"]["status"] if exec_reply else ""
        self.aborted = status in ABORTED or (status == "error" and bool(self.course.stop))
        await super()._check_raise_for_error(cell, cell_index, exec_reply)

    def _mark(self, cell: Any) -> None:
        text = self.allowance.marker()
        if text:
            marker = {"output_type": "stream", "name": "stderr", "text": text}
            cell.outputs.append(type(cell)(marker))
            self.course.journal.output(self.number, "stderr", text)

    async def _refuse_questions(self) -> None:
        """A kernel that asks gets no answer but its end: nobody is there. IRkernel asks even when told not to."""
        while True:
            message = await self.kc.stdin_channel.get_msg()
            if message["msg_type"] == "input_request":
                self.course.end(Stop.INPUT)

    async def _async_poll_kernel_alive(self) -> None:
        """The warden knows sooner."""
        await asyncio.Event().wait()

    async def _async_poll_output_msg(self, parent_msg_id: str, cell: Any, cell_index: int) -> None:
        """Take the output of one cell; a flood of it leaves room for the warden."""
        while True:
            message = await self.intake.next()
            if message["parent_header"].get("msg_id") == parent_msg_id:
                try:
                    self.process_message(message, cell, cell_index)
                except CellExecutionComplete:
                    return

    def process_message(self, msg: dict[str, Any], cell: Any, cell_index: int) -> Any:
        """Take one message into the cell, as nbclient does, and tell the journal; bounded by the cell's allowance."""
        self.course.heard = time.monotonic()
        kind = msg["msg_type"]
        self.redaction.message(msg["content"])
        if kind == "stream":
            self.allowance.cut += self.intake.cut
            self.course.journal.output(self.number, msg["content"]["name"], msg["content"]["text"])
        elif kind == "clear_output":
            self.allowance.cleared()
        if not self.allowance.admit(msg):
            return None
        hooked = bool(self.output_hook_stack[msg["parent_header"].get("msg_id")])
        if not hooked and not self.clear_before_next_output and joined(cell.outputs, msg):
            self.nb_man.autosave_cell()
            return None
        output = super().process_message(msg, cell, cell_index)
        if output is not None and kind != "stream":
            told = "error" if kind == "error" else "result"
            self.course.journal.output(self.number, told, render_output(output) + "\n")
        return output


async def _message(channel: Any, seconds: float) -> dict[str, Any] | None:
    try:
        message: dict[str, Any] = await channel.get_msg(timeout=seconds)
    except Empty:
        return None
    return message


class WorkbenchEngine(NBClientEngine):  # type: ignore[misc]
    """What papermill calls. `course`, `launch`, `redaction` and `notebooks` come through `execute_notebook`;
    `notebooks` receives the `RunManager`, so that the runner has the notebook whatever happens."""

    @classmethod
    def execute_notebook(cls, nb: Any, kernel_name: str, **options: Any) -> Any:
        """Run `nb` and return it; raises `Stopped` where it was ended from outside."""
        course: Course = options["course"]
        manager = RunManager(nb, course, options["path"])
        options["notebooks"].append(manager)
        manager.notebook_start()
        client = RunClient(
            manager,
            course=course,
            launch=options["launch"],
            redaction=options["redaction"],
            kernel_name=kernel_name,
        )
        try:
            client.execute()
        finally:
            manager.notebook_complete()
        return manager.nb


def install() -> None:
    """Make papermill of this process know the engine by its name."""
    papermill_engines.register(NAME, WorkbenchEngine)
