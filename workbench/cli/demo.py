"""`workbench demo`: the whole product once, with the example project, in a home of its own."""

from __future__ import annotations

import os
import shutil
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

import click

from workbench.cli.grammar import command
from workbench.cli.invocation import Invocation
from workbench.cli.terminal.failure import UNSUCCESSFUL
from workbench.errors import NotFound, WorkbenchError
from workbench.model.build import ENDED as BUILD_ENDED
from workbench.model.build import BuildState
from workbench.model.environment import EngineName
from workbench.model.run import ENDED as RUN_ENDED
from workbench.model.run import Run, RunState
from workbench.model.session import ENDED as SESSION_ENDED
from workbench.model.session import SessionState
from workbench.services.bench import Bench
from workbench.text import duration, one_line

PROJECT = "weather"
NOTEBOOK = "notebooks/weekly-report.ipynb"
SCHEDULE = "in-a-moment"
AHEAD = 4.0  # seconds from adding the schedule to its due time
T = TypeVar("T")


class Steps:
    """Lines of what was done; on a terminal the last one also tells what is happening."""

    def __init__(self) -> None:
        self.live = sys.stdout.isatty()
        self.began = time.monotonic()
        self.told = self.began

    def now(self, text: str) -> None:
        """What is happening, on the line that the next one replaces."""
        if self.live:
            wide = max(shutil.get_terminal_size().columns - 3, 20)
            click.echo(f"\r\x1b[2K  {click.style(one_line(text, wide), dim=True)}", nl=False)

    def done(self, what: str, text: str, *more: str, good: bool = True) -> None:
        """A step that ended, with the time it took."""
        if self.live:
            click.echo("\r\x1b[2K", nl=False)
        now = time.monotonic()
        mark = click.style("✓", fg="green") if good else click.style("!", fg="yellow")
        click.echo(f"{mark} {what:<12} {text}  {click.style(duration(now - self.told), dim=True)}")
        for line in filter(None, more):
            click.echo(f"  {'':<12} {line}")
        self.told = now

    def wait(self, look: Callable[[], T | None], seconds: float, what: str) -> T:
        """The first true answer of `look`. Raises `WorkbenchError` after `seconds`."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            found = look()
            if found:
                return found
            time.sleep(0.05)
        raise WorkbenchError(
            f"{what} took longer than {seconds:g} s", title="demo", hint="See why: workbench service logs"
        )


@command("demo", short_help="The whole product once, with the example project.")
@click.option("--no-program", is_flag=True, help="Do not open the terminal program at the end.")
def demo(call: Invocation, no_program: bool) -> None:
    """Make a home with the example project, build its environment, start Jupyter, run its notebook on a schedule.

    The home is $WORKBENCH_HOME or ~/workbench-demo. On a terminal the program opens at the end and the session stays;
    elsewhere everything is stopped.
    """
    call.home = call.home or os.environ.get("WORKBENCH_HOME") or str(Path.home() / "workbench-demo")
    stay = sys.stdin.isatty() and sys.stdout.isatty() and not no_program
    steps = Steps()
    bench = call.changing()
    session = 0
    try:
        _project(bench, steps)
        _environment(bench, steps)
        session = _session(bench, steps)
        run = _schedule(bench, steps)
    except BaseException:
        _stop(bench, session)
        raise
    _paths(bench, run, steps, stay=stay)
    if not stay:
        _stop(bench, session)
        steps.done("Stopped", "the session and the supervisor; the files stay")
    if run.state is not RunState.SUCCEEDED:
        click.get_current_context().exit(UNSUCCESSFUL)
    if stay:
        _program(bench)


def _project(bench: Bench, steps: Steps) -> None:
    """The example, copied into the home; left alone where it is there already."""
    from workbench.services import projects

    try:
        project = projects.get(bench, PROJECT)
        word = "is there from before"
    except NotFound:
        project = projects.create(bench, PROJECT, example=PROJECT)
        word = "made from the example"
    steps.done("Home", _short(bench.home.root))
    steps.done("Project", f"{project.name}, {word}", _short(project.path))


def _environment(bench: Bench, steps: Steps) -> None:
    """The project's environment, ready: in containers where that can be, else as local processes, with the reason."""
    from workbench.services import environments, preferences, projects

    name = environments.for_project(bench, projects.get(bench, PROJECT)).name
    reason = _build(bench, steps, name)
    view = environments.view(bench, name)
    if reason and view.engine is not EngineName.PROCESS and not os.environ.get("WORKBENCH_ENGINE"):
        why = f"not here: {one_line(reason, 160)}"
        steps.done("Containers", why, "so this home takes local processes (engine: in workbench.yaml)", good=False)
        preferences.set_engine(bench, EngineName.PROCESS)
        reason = _build(bench, steps, name)
        view = environments.view(bench, name)
    if reason:
        hint = f"The whole log: workbench --home {bench.home.root} logs b{view.build.id}" if view.build else ""
        raise WorkbenchError(reason, title=f"environment {name}", hint=hint)
    where = "in a container image" if view.engine is EngineName.DOCKER else "as local processes in a venv"
    steps.done("Environment", f"{name}, {where}", one_line(view.engine_reason, 160))


def _build(bench: Bench, steps: Steps, name: str) -> str:
    """Build the environment unless it is built; why that failed, or nothing."""
    from workbench.services import environments

    steps.now(f"building environment {name}")
    number = environments.build(bench, name)
    if number is None:
        return ""

    def ended() -> bool:
        moment = environments.build_progress(bench, name)
        step = f"step {moment.step} of {moment.steps}, " if moment and moment.steps else ""
        steps.now(f"building environment {name}: {step}{moment.text if moment else 'queued'}")
        return environments.get_build(bench, number).state in BUILD_ENDED

    steps.wait(ended, 1800, f"the build of {name}")
    build = environments.get_build(bench, number)
    return "" if build.state is BuildState.READY else build.reason or str(build.state)


def _session(bench: Bench, steps: Steps) -> int:
    """JupyterLab, up, answering with its secret and refusing without. Its id."""
    from workbench.services import sessions

    number = sessions.start(bench, PROJECT)

    def up() -> bool:
        state = sessions.get(bench, number).state
        steps.now(f"starting JupyterLab: {state}")
        return state is SessionState.READY or state in SESSION_ENDED

    steps.wait(up, 180, "JupyterLab")
    session = sessions.get(bench, number)
    if session.state is not SessionState.READY:
        raise WorkbenchError(f"{session.state}: {session.reason}", title=f"session {session.name}", hint=session.hint)
    token = sessions.secret_url(bench, number).rpartition("token=")[2]
    with_it = _status(session.port, token)
    without = _status(session.port, "")
    if with_it != 200 or without == 200:
        raise WorkbenchError(
            f"it answered {with_it} with its token and {without} without", title=f"session {session.name}"
        )
    steps.done("Jupyter", f"{session.url}  answers with its token, refuses without ({without})")
    return number


def _status(port: int, token: str) -> int:
    """The HTTP status of Jupyter's API on that port of loopback; 0 where nothing answers."""
    head = {"Authorization": f"token {token}"} if token else {}
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(
            urllib.request.Request(f"http://127.0.0.1:{port}/api/status", headers=head), timeout=10
        ) as got:
            return int(got.status)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code
    except OSError:
        return 0


def _schedule(bench: Bench, steps: Steps) -> Run:
    """A schedule seconds ahead; the run that it fired, ended."""
    from workbench.services import runs, schedules

    with suppress(NotFound):
        schedules.remove(bench, f"{PROJECT}/{SCHEDULE}")
    due = (bench.now() + timedelta(seconds=AHEAD)).astimezone(bench.zone).replace(microsecond=0)
    spec = schedules.add(
        bench,
        PROJECT,
        SCHEDULE,
        notebook=NOTEBOOK,
        once=f"{due:%Y-%m-%d %H:%M:%S}",
        timezone=bench.zone.key,
        parameters={"week_ending": "2015-07-05"},
    )
    steps.done("Schedule", f"{SCHEDULE}: {NOTEBOOK} once, at {due:%H:%M:%S} {bench.zone.key}")

    def fired() -> int | None:
        steps.now(f"waiting for {due:%H:%M:%S}")
        return next((row.run for row in schedules.ledger(bench, spec.key) if row.due == due and row.run), None)

    number = steps.wait(fired, AHEAD + 60, "the due time")

    def ended() -> Run | None:
        run = runs.get(bench, number)
        steps.now(f"run {number}: {run.state}, cell {run.cells_done} of {run.cells}")
        return run if run.state in RUN_ENDED else None

    run = steps.wait(ended, 300, f"run {number}")
    late = ((run.started or run.created) - due).total_seconds()
    text = (
        f"{run.id} {run.state}, {run.cells_done} cells in {duration(run.seconds)}, begun {late:.1f}s after its due time"
    )
    steps.done("Run", text, *([one_line(run.reason)] if run.reason else []), good=run.ended_well)
    return run


def _paths(bench: Bench, run: Run, steps: Steps, *, stay: bool) -> None:
    """What to open next."""
    from workbench.services import runs

    left = runs.artifacts(bench, run.id)
    click.echo(f"\nAll of it in {duration(time.monotonic() - steps.began)}. To open:")
    for word, path in (("notebook", left.notebook), ("log", left.log), ("record", left.record)):
        if path:
            click.echo(f"  {word:<10} {_short(path)}")
    command = f"{_called()} --home {_short(bench.home.root)}"
    lines = [("Jupyter", f"{command} open {PROJECT}"), ("program", command)]
    if stay:
        lines += [("stop it", f"{command} sessions stop {PROJECT}-jupyter"), ("", f"{command} service stop")]
    for word, text in lines:
        click.echo(f"  {word:<10} {text}")
    click.echo("")


def _stop(bench: Bench, session: int) -> None:
    """The session down and the supervisor ended, as far as they were started."""
    from workbench.services import sessions
    from workbench.services.supervision import control

    if session:
        sessions.stop(bench, session)
        deadline = time.monotonic() + 30
        while sessions.get(bench, session).state not in SESSION_ENDED and time.monotonic() < deadline:
            time.sleep(0.05)
    control.stop(bench)


def _program(bench: Bench) -> None:
    """The terminal program in this process's place, once the person has read what is above."""
    click.pause("Press a key for the terminal program, ctrl+c to leave it at that …")
    os.execv(sys.executable, [sys.executable, "-P", "-m", "workbench", "--home", str(bench.home.root)])  # noqa: S606


def _called() -> str:
    """How this program is called from here: by its name where that is found, else by its path."""
    return "workbench" if shutil.which("workbench") else os.path.relpath(sys.argv[0])


def _short(path: Path) -> str:
    """`path` with the person's home folder as `~`, for lines that are read and pasted."""
    return f"~/{path.relative_to(Path.home())}" if path.is_relative_to(Path.home()) else str(path)
