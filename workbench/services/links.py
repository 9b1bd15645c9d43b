"""One-shot links: how a browser on this machine is led into a session."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass

from workbench.errors import WorkbenchError
from workbench.services import forwards, ides, sessions
from workbench.services.bench import Bench

WAIT = 10.0  # seconds for the link's process to say its address
SIGNING_IN = 45.0  # the same where it signs in to a form first, which may want it to wait and try again


@dataclass(frozen=True)
class Link:
    """A loopback address that leads a browser in once, within a minute; it holds no lasting secret.

    Where the tool's own form will ask, `login` and `password` are what to say there, else empty; `why` is what kept the
    link from signing in to a form that it knows.
    """

    address: str
    login: str = ""
    password: str = ""
    why: str = ""

    @property
    def asks(self) -> str:
        """A sentence that says that the form will ask where it was not to be; empty else."""
        return f"The link could not sign in ({self.why}): its form asks." if self.why else ""


def make(bench: Bench, session_id: int, port: int = 0) -> Link:
    """A link into a session that is ready, or to what listens on a port inside. Raises `Conflict` as
    `sessions.secret_url` does, `WorkbenchError`."""
    if port:
        address, _ = _run([forwards.secret_url(bench, session_id, port)], WAIT, session_id)
        return Link(address)
    target = sessions.secret_url(bench, session_id)
    tool = ides.of_session(bench, sessions.get(bench, session_id))
    login, password = sessions.password(bench, session_id)
    if not (login and tool.form):
        address, _ = _run([target], WAIT, session_id)
        return Link(address, login, password)
    try:
        address, why = _run([target, login, password], SIGNING_IN, session_id, "--form", tool.form)
    except WorkbenchError:
        address, why = _run([target], WAIT, session_id)[0], f"{tool.title} took too long"
    return Link(address, login, password, why) if why else Link(address)


def _run(lines: list[str], seconds: float, session_id: int, *arguments: str) -> tuple[str, str]:
    """The link and what its process says to it; it goes on in the background."""
    try:
        answer = subprocess.run(
            [sys.executable, "-P", "-m", "workbench.front.link", *arguments],
            input="\n".join(lines),
            capture_output=True,
            text=True,
            timeout=seconds,
            check=True,
            start_new_session=True,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise WorkbenchError(
            "the link could not be made", hint=f"Copy the address instead: workbench sessions url s{session_id}"
        ) from error
    address, _, why = answer.stdout.strip().partition("\n")
    return address, why
