"""Ending a run from outside its cells: a kernel that died, a limit that passed, a wish to cancel, a question.

The ladder: interrupt, SIGTERM, SIGKILL with everything the kernel started, each after a pause.
"""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable
from typing import Any

from workbench.engines import spent
from workbench.engines.base import KernelHost
from workbench.errors import WorkbenchError
from workbench.execution.course import Course, Stop
from workbench.execution.provisioner import nudge
from workbench.execution.saving import RunManager
from workbench.text import duration, one_line

LOOK = 0.1  # seconds between looks
LAST_WORDS = 0.2  # seconds that output of a dead kernel, still on its way, is waited for
PAUSE = 3.0  # seconds between the steps of the ladder
PATIENCE = 15.0  # seconds for an interrupt whose kernel is to be kept
NUDGE = 0.5  # seconds in which a kernel says `busy`; twice as long after each nudge
START = 120.0  # seconds a kernel may take to answer
MEASURE = 2.0  # seconds between looks at what the kernel takes
SILENCE = 60.0  # seconds without a message between a cell's reply and the end of its output


class Warden:
    """Watches one run in its event loop; `manager` is the kernel's, once there is one."""

    def __init__(self, course: Course, host: KernelHost, notebook: RunManager) -> None:
        self.course = course
        self.host = host
        self.notebook = notebook
        self.manager: Any = None
        self.cell: Any = None  # the notebook's cell that runs
        self.patience = NUDGE
        self.looked = time.monotonic()
        course.measure = lambda: spent.of(host.process)

    async def watch(self, task: asyncio.Task[None]) -> None:
        """Look ten times a second until `task`, the run itself, ends or has to. It is cancelled then, and also where
        the watch itself breaks off: a run without a warden could hang for ever."""
        try:
            while True:
                await asyncio.sleep(LOOK)
                if await self.died(task):
                    return
                self.judge()
                if self.course.stop:
                    await self.climb(task)
                    return
                self.rouse()
                self.notebook.save_if_due()
                if time.monotonic() - self.looked > MEASURE:
                    self.looked = time.monotonic()
                    self.course.look_at_spent()
        finally:
            task.cancel()

    def rouse(self) -> None:
        """Nudge a kernel that has not said `busy` though a cell was sent to it."""
        course = self.course
        if course.running is None or course.heard > course.cell_began:
            self.patience = NUDGE
        elif time.monotonic() - course.cell_began > self.patience:
            self.patience *= 2
            nudge(self.manager)

    async def died(self, task: asyncio.Task[None]) -> bool:
        """Whether the kernel has ended by itself, its last words taken; `task` is then cancelled."""
        if not self.course.launched:
            return False
        end = self.host.poll()
        if end is None:
            return False
        await asyncio.sleep(LAST_WORDS)
        self.course.kernel_exit = end
        self.course.end(Stop.DIED)
        task.cancel()
        return True

    def judge(self) -> None:
        """Say so where the run must stop."""
        course = self.course
        if course.cancel_asked:
            course.end(Stop.CANCELLED)
        elif course.job.timeout and course.seconds > course.job.timeout:
            course.end(Stop.TIMED_OUT)
        elif course.phase == "starting" and course.seconds > (course.job.start_timeout or START):
            course.end(Stop.NOT_STARTED)
        elif course.running and course.job.cell_timeout and course.cell_seconds > course.job.cell_timeout:
            course.end(Stop.CELL_TIMED_OUT)
        elif self.replied and time.monotonic() - course.heard > SILENCE:
            course.end(Stop.SILENT)

    @property
    def replied(self) -> bool:
        """Whether the kernel said that the running cell is done, while its output is not."""
        return self.cell is not None and "shell.execute_reply" in self.cell.metadata.get("execution", {})

    async def climb(self, task: asyncio.Task[None]) -> None:
        """End the kernel: ask in three ways, each harder; a second wish to cancel skips to the last.

        An engine that is away can do none of it: the run ends all the same, and its kernel is swept later.
        """
        course = self.course
        course.look_at_spent()
        began = time.monotonic()
        if course.launched and course.phase != "starting":
            for step in (self.interrupt, self.terminate):
                await self.attempt(step)
                kept = course.may_be_kept and step == self.interrupt
                if await self.over(task, PATIENCE if kept else PAUSE):
                    return
            course.journal.note(f"the kernel did not end in {duration(time.monotonic() - began)}: it is killed")
        if course.launched:
            await self.attempt(self.kill)
            await asyncio.sleep(LAST_WORDS)

    async def attempt(self, step: Callable[[], Awaitable[None]]) -> None:
        """Take one step of the ladder, or say why it cannot be taken."""
        try:
            await step()
        except WorkbenchError as error:
            self.course.journal.note(f"the kernel could not be told to end: {one_line(error.message, 200)}")

    async def interrupt(self) -> None:
        """As the interrupt button does."""
        if self.manager is not None:
            await self.manager.interrupt_kernel()

    async def terminate(self) -> None:
        """SIGTERM."""
        self.host.send_signal(signal.SIGTERM)

    async def kill(self) -> None:
        """SIGKILL, with everything it started."""
        await asyncio.to_thread(self.host.kill)

    async def over(self, task: asyncio.Task[None], seconds: float) -> bool:
        """Whether the run ended within `seconds`, by itself or because its kernel did."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and self.course.cancel_asked < 2:
            done, _ = await asyncio.wait({task}, timeout=LOOK)
            if done or await self.died(task):
                return True
        return False
