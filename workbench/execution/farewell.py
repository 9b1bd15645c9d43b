"""The end of a kernel: it is asked, given its time, and then ended with all that it started."""

from __future__ import annotations

import signal
import sys

from workbench.engines.base import KernelHost
from workbench.errors import WorkbenchError
from workbench.execution.course import Course

# Seconds a kernel may take for its own end: files are closed and buffers written then. ipykernel waits eleven first where a
# child of its own does not end (multiprocessing's resource tracker does not), and its threads now and then ten for each other.
GRACE = 12.0
HEARD = 1.0  # seconds after which it is asked once more


def end(host: KernelHost | None, course: Course, *, gently: bool) -> None:
    """Give the kernel its time to end, where `gently`, then end all that is left of it."""
    if host is None:
        return
    try:
        if course.launched and gently and not _ended_by_itself(host, course):
            host.send_signal(signal.SIGTERM)
            host.wait(GRACE)
        host.kill()
        host.close()
    except WorkbenchError as error:  # the engine went away: its sweep removes what is left
        sys.stderr.write(f"{error}\n")


def _ended_by_itself(host: KernelHost, course: Course) -> bool:
    """Whether the kernel did as it was asked to, in its time; asked once more where it seems not to have heard."""
    if course.ask_again and (not course.dismissed or host.wait(HEARD) is None):
        course.ask_again()
    return host.wait(GRACE) is not None
