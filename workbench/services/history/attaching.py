"""Ways into a kernel that is kept: a console that this machine has, a shell beside it, JupyterLab; each is written down."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from workbench import enclosure
from workbench.errors import Conflict, NotFound, Refused, WorkbenchError
from workbench.model.environment import EngineName
from workbench.model.ide import Idle
from workbench.model.run import Run
from workbench.model.session import ENDED, Desired, Session
from workbench.services import environments, ides, projects, runs, sessions
from workbench.services.bench import Bench
from workbench.services.history import continuing
from workbench.services.supervision import control
from workbench.store import attachments as rows
from workbench.store.attachments import Attachment

CONSOLE, SHELL = rows.CONSOLE, rows.SHELL
PATIENCE = 20.0  # seconds for a Python that is asked whether it has a console
ANSWER, LOOK = 60.0, 0.1  # seconds for the supervisor to do what is asked, and between looks
ONLY = "Interrupt and restart of JupyterLab do not reach its kernel"


def console(bench: Bench, run: Run) -> list[str]:
    """argv of a Jupyter console in the kernel of a failed run. Raises `Refused` where there is none to be had, with what to
    install."""
    known = continuing.facts(bench, run)
    connection = str(known["connection"])
    python = str(known.get("python") or "")
    if python and _has_console(python):
        return [python, "-m", "jupyter_console", "--existing", connection]
    if importlib.util.find_spec("jupyter_console"):
        return [sys.executable, "-m", "jupyter_console", "--existing", connection]
    if program := shutil.which("jupyter-console"):
        return [program, "--existing", connection]
    where = f"into environment {run.environment} (`packages:`), or beside workbench " if python else "beside workbench "
    inside = f" A shell beside it: workbench runs attach {run.id} --shell" if known.get("shell") else ""
    raise Refused("there is no Jupyter console here", hint=f"Install jupyter-console: {where}with pip.{inside}")


def shell(bench: Bench, run: Run) -> list[str]:
    """argv of a shell in the container of a kernel that is kept. Raises `NotFound` where it is in none."""
    argv: Any = continuing.facts(bench, run).get("shell")
    if not argv:
        raise NotFound("container of run", str(run.id), hint="Its kernel is a process of this machine.")
    return [str(word) for word in argv]


def _has_console(python: str) -> bool:
    if not Path(python).is_absolute():
        return False
    look = "import importlib.util, sys; sys.exit(importlib.util.find_spec('jupyter_console') is None)"
    try:
        asked = subprocess.run([python, "-c", look], check=False, capture_output=True, timeout=PATIENCE)
    except (OSError, subprocess.SubprocessError):
        return False
    return asked.returncode == 0


def wrote_down(bench: Bench, run: Run, way: str) -> None:
    """Keep that somebody goes into the kernel of a failed run: what goes on from it says so."""
    with bench.store.write() as connection:
        rows.insert(connection, run=run.id, way=way, at=bench.now(), actor=bench.actor, state=rows.DONE)


def of(bench: Bench, run_id: int) -> list[Attachment]:
    """Who has been in the kernel of a run while it was kept, oldest first."""
    with bench.store.read() as connection:
        return rows.of_run(connection, run_id)


def notebook(bench: Bench, run_id: int) -> str:
    """The copy of a run's output that was opened in JupyterLab, as a path in the project; empty where none was."""
    return next((one.file for one in reversed(of(bench, run_id)) if one.file), "")


def session(bench: Bench, run: Run) -> int:
    """A Jupyter session of the run's project: the one that is up, else one that is asked for now; its id. Raises `Refused`
    where the project's environment has no Jupyter."""
    project = projects.get(bench, run.project)
    spec = environments.for_project(bench, project)
    tools = [tool for tool in ides.offered(bench, project, spec) if tool.idle is Idle.JUPYTER]
    names = {tool.name for tool in tools}
    for one in sessions.listing(bench, project.name):
        if one.ide in names and one.desired is Desired.UP and one.state not in ENDED and not one.spare:
            return one.id
    if not tools:
        raise Refused(
            f"environment {spec.name} has no JupyterLab",
            hint=f"{ides.how_to_have(spec, *spec.ides, 'jupyter')}. A console: workbench runs attach {run.id}",
        )
    return sessions.start(bench, project.name, tools[0].name)


def to_jupyter(bench: Bench, run: Run, found: Session) -> Attachment:
    """Have a session that is ready let into the run's kernel, and wait for it. Raises `WorkbenchError`."""
    return _asked(bench, run, rows.JUPYTER, found.id)


def interrupt(bench: Bench, run_id: int) -> None:
    """Interrupt what a person runs in the kernel of a failed run. Raises `Conflict` where none is kept, `WorkbenchError`."""
    _asked(bench, continuing.kept(bench, run_id), rows.INTERRUPT)


def shown(bench: Bench, attachment: Attachment) -> Session:
    """The session, which opens the copy of the run's output from now on."""
    found = sessions.ready(bench, attachment.session)
    sessions.start(bench, found.project, found.ide, name=found.name, file=attachment.file)
    return sessions.ready(bench, attachment.session)


def copy(bench: Bench, run: Run) -> str:
    """Put a copy of what the failed run left beside its output, to be worked on in JupyterLab: its path in the project, also
    where it is there already; empty where nothing can be written there."""
    from workbench.notebooks import correction

    project, folder = projects.get(bench, run.project), runs.artifacts(bench, run.id).folder
    if folder is None or not folder.is_relative_to(project.path):
        return ""
    inner, name = folder.relative_to(project.path), f"run-{run.id}.ipynb"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    # The folder of runs may be a link of the person's, but not one that was made in a container.
    root, below = (folder.resolve(), "") if run.engine == EngineName.PROCESS else (project.path, str(inner))
    content = json.dumps(correction.to_work_on(continuing.left(bench, run).data), ensure_ascii=False, indent=1)
    try:
        with (
            enclosure.folder(root, below) as place,
            open(os.open(name, flags, 0o666, dir_fd=place), "wb") as file,
        ):
            file.write(content.encode("utf-8", "replace"))
    except FileExistsError:
        pass
    except OSError:
        return ""
    return (inner / name).as_posix()


def _asked(bench: Bench, run: Run, way: str, found: int = 0) -> Attachment:
    with bench.store.write() as connection:
        number = rows.insert(connection, run=run.id, way=way, at=bench.now(), actor=bench.actor, session=found)
    control.tell(bench)
    deadline = time.monotonic() + ANSWER
    while time.monotonic() < deadline:
        with bench.store.read() as connection:
            row = rows.get(connection, number)
        if row is None:
            raise Conflict(f"run {run.id} was removed")
        if row.state == rows.FAILED:
            raise WorkbenchError(row.reason, title=f"run {run.id}", hint=row.hint)
        if row.state == rows.DONE:
            return row
        time.sleep(LOOK)
    raise WorkbenchError(
        f"the supervisor did not answer within {ANSWER:g} s", hint="How it is: workbench service status"
    )
