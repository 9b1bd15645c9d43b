"""People who are let into a kernel that is kept: a session's Jupyter server gets an entrance, and its page the kernel.

asked ─▶ the runner opens an entrance in the session's folder ─▶ Jupyter finds the kernel ─▶ a copy of the output is bound to it ─▶ done
"""

from __future__ import annotations

import logging
import secrets
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from workbench import ports
from workbench.errors import Conflict, WorkbenchError
from workbench.execution import keeping
from workbench.model.environment import EngineName
from workbench.model.run import Run
from workbench.model.session import Session
from workbench.services import ides, sessions
from workbench.services.history import attaching, continuing
from workbench.store import attachments as rows
from workbench.store.attachments import Attachment
from workbench.supervisor.desk import Desk
from workbench.supervisor.engines import Engines
from workbench.supervisor.sessions import jupyter

log = logging.getLogger("workbench.supervisor.entrances")
STUMBLES = 20
KERNELS, SESSIONS = "/api/kernels", "/api/sessions"


class Entrances:
    """Of one home."""

    def __init__(self, desk: Desk, engines: Engines) -> None:
        self.desk = desk
        self.engines = engines
        self._busy = False

    def look(self) -> float | None:
        """See who asks; one after the other."""
        if not self._busy:
            with self.desk.read() as connection:
                asked = rows.asked(connection)
            if asked:
                self._busy = True
                self.desk.thread("entrances", partial(self._answer, asked))
        return None

    def _answer(self, asked: list[Attachment]) -> None:
        try:
            for one in asked:
                self._one(one)
        finally:
            self._busy = False

    def _one(self, asked: Attachment) -> None:
        kernel = file = ""
        try:
            run = continuing.kept(self.desk.bench, asked.run)
            if asked.way == rows.INTERRUPT:
                keeping.interrupt(self._folder(run))
            else:
                kernel, file = self._let_in(run, sessions.ready(self.desk.bench, asked.session))
        except WorkbenchError as error:
            with self.desk.write() as connection:
                rows.failed(connection, asked.id, error.message, error.hint)
        except Exception:
            with self.desk.write() as connection:
                rows.failed(connection, asked.id, "workbench itself failed; its log says how", "")
            raise
        else:
            with self.desk.write() as connection:
                rows.done(connection, asked.id, kernel=kernel, file=file)

    def _let_in(self, run: Run, session: Session) -> tuple[str, str]:
        """Let the server of a session in, where it is not; the kernel's id there, and the file that is bound to it."""
        if ports.stranger(session.port):
            raise Conflict(f"the port of session {session.name} is held by another account")
        bench = self.desk.bench
        ask = partial(
            jupyter.ask, session, f"{ides.of_session(bench, session).scheme} {sessions.secret(bench, session)}"
        )
        place, seen = self.engines.get(EngineName(session.engine)).sockets(bench.home.session_folder(session.id))
        name = f"run-{run.id}-{secrets.token_hex(3)}"
        keeping.let_in(self._folder(run), place, seen, name)
        try:
            kernel = next((one for one, called in _kernels(ask).items() if called == name), "")
            if not kernel:
                keeping.shut(self._folder(run), place)
                raise _deaf(run, session)
            file = attaching.copy(bench, run)
            if file:
                _bind(ask, kernel, file)
            keeping.shut(self._folder(run), place, but=name)
            _kernels(ask)
        except jupyter.ERRORS as error:
            keeping.shut(self._folder(run), place)
            raise WorkbenchError(
                f"session {session.name} did not answer: {error}", hint=f"Its log: workbench logs s{session.id}"
            ) from error
        log.info("run %d: session %s is let into its kernel", run.id, session.name)
        return kernel, file

    def _folder(self, run: Run) -> Path:
        return self.desk.home.attempt_folder(run.id, run.attempt)


def _deaf(run: Run, session: Session) -> Conflict:
    return Conflict(
        f"session {session.name} takes no kernel that it did not start",
        hint=f"Started before workbench knew how, it has to be restarted: workbench sessions restart {session.name}. Else its Jupyter"
        f" is too old (it takes jupyter-server 2.7.3 and jupyter-client 8.3.1). A console: workbench runs attach {run.id}",
    )


def _kernels(ask: Any) -> dict[str, str]:
    """Names of its kernels by their ids. It stumbles, once for each, over those that were shut down in it and are gone since."""
    for _ in range(STUMBLES):
        with suppress(ValueError):
            return {str(one["id"]): str(one["name"]) for one in ask(KERNELS)}
    return {str(one["id"]): str(one["name"]) for one in ask(KERNELS)}


def _bind(ask: Any, kernel: str, file: str) -> None:
    """Let the page that opens `file` find the kernel as its own."""
    there = next((one for one in ask(SESSIONS) if one.get("path") == file), None)
    about = {"path": file, "name": Path(file).name, "type": "notebook", "kernel": {"id": kernel}}
    if there is None:
        ask(SESSIONS, "POST", about)
    elif there["kernel"]["id"] != kernel:
        ask(f"{SESSIONS}/{there['id']}", "PATCH", about)
