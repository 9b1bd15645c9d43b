"""Waiting for a run, a session or a build as a person watches it; ctrl+c leaves it alone."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from workbench.cli.terminal.output import GLYPHS
from workbench.cli.terminal.progress import ProgressLine
from workbench.model.build import ENDED as BUILD_ENDED
from workbench.model.build import Build
from workbench.model.event import Progress
from workbench.model.run import ACTIVE, ENDED, Run
from workbench.model.session import ENDED as SESSION_ENDED
from workbench.model.session import Session, SessionState
from workbench.text import duration

if TYPE_CHECKING:
    from workbench.services.bench import Bench

TICK = 0.1  # seconds between looks
RENEW = 5.0  # seconds between making sure that somebody works on it


def run_to_end(bench: Bench, run_id: int, *, line: ProgressLine, stream: bool) -> Run:
    """Wait until the run has ended; its cells' text passes to stdout and stderr where `stream` is set."""
    from workbench.services import runs

    usual = runs.usual_seconds(bench, runs.get(bench, run_id))
    teller = RunTeller(line, stream=stream)
    mark = None
    for _ in ticks(bench):
        run = runs.get(bench, run_id)
        # Read after the state: what the runner wrote before it ended is then in these events.
        while True:
            events, mark = runs.tail(bench, run_id, mark)
            for event in events:
                teller.tell(event)
            if not events:
                break
        if run.state in ENDED:
            break
        line.show(_run_line(run, teller, usual))
    line.end()
    return run


class RunTeller:
    """Tells a run's events: text streams, the rest is kept for the line."""

    def __init__(self, line: ProgressLine, *, stream: bool, errors: bool = False) -> None:
        self.line = line
        self.stream = stream
        self.errors = errors
        self.cell = 0
        self.number = 0
        self.total = 0

    def tell(self, event: dict[str, Any]) -> None:
        """Take in one event of `model.event.Progress`."""
        kind = event.get("kind")
        if kind == Progress.CELLS:
            self.total = int(event.get("code") or 0)
        elif kind == Progress.CELL:
            self.cell, self.number = int(event.get("cell") or 0), int(event.get("n") or 0)
            self.total = int(event.get("of") or self.total)
            self.line.end()
        elif kind == Progress.OUTPUT and self.stream:
            where = event.get("stream")
            text = str(event.get("text") or "")
            if where == "error" and not self.errors:
                return  # shown at the end, with its cell
            if where not in ("stdout", "stderr") and text and not text.endswith("\n"):
                text += "\n"
            self.line.stream(text, sys.stderr if where in ("stderr", "error") else sys.stdout)
        elif kind == Progress.NOTE and self.stream:
            self.line.stream(f"{event.get('text', '')}\n", sys.stderr)


def session_to_ready(bench: Bench, session_id: int, *, line: ProgressLine) -> Session:
    """Wait until the session is ready or has ended."""
    from workbench.services import sessions

    begun = time.monotonic()
    for _ in ticks(bench):
        session = sessions.get(bench, session_id)
        settled = session.state is SessionState.READY or (session.state in SESSION_ENDED)
        if settled and not _asked_again(session):
            break
        about = session.reason or build_words(bench, session.environment)
        line.show(_line(str(session.state), f"{session.name} {about}", begun))
    line.end()
    return session


def session_to_end(bench: Bench, session_id: int, *, line: ProgressLine) -> Session:
    """Wait until the session has ended."""
    from workbench.services import sessions

    begun = time.monotonic()
    for _ in ticks(bench):
        session = sessions.get(bench, session_id)
        if session.state in SESSION_ENDED:
            break
        line.show(_line(str(session.state), session.name, begun))
    line.end()
    return session


def build_to_end(bench: Bench, build_id: int, *, line: ProgressLine, stream: bool = False) -> Build:
    """Wait until the build has ended; its log passes to stdout where `stream` is set."""
    from workbench.services import environments

    begun = time.monotonic()
    usual = environments.usual_seconds(bench, environments.get_build(bench, build_id).environment)
    with _growing(lambda: environments.build_log(bench, build_id)) as grown:
        for _ in ticks(bench):
            build = environments.get_build(bench, build_id)
            if stream:
                line.stream(grown())
            if build.state in BUILD_ENDED:
                break
            words = " ".join((build.environment, build_words(bench, build.environment))).strip()
            line.show(_line(str(build.state), words, begun, usual))
    line.end()
    return build


def file_to_end(read: Callable[[], Any], alive: Callable[[], bool], *, line: ProgressLine) -> None:
    """Print a file as it grows for as long as what writes it is alive."""
    with _growing(read) as grown:
        while True:
            more = alive()  # before reading: what was written before the end is then read too
            line.stream(grown())
            if not more:
                break
            time.sleep(TICK)
    line.end()


def build_words(bench: Bench, environment: str) -> str:
    """What an environment's open build does now: `step 3 of 7, 40 MB of 120 MB: Collecting pandas`; empty for none."""
    from workbench.services import environments
    from workbench.text import size

    progress = environments.build_progress(bench, environment)
    if progress is None:
        return ""
    parts = []
    if progress.step:
        parts.append(f"step {progress.step} of {progress.steps}" if progress.steps else f"step {progress.step}")
    if progress.done:
        parts.append(f"{size(progress.done)} of {size(progress.total)}" if progress.total else size(progress.done))
    head = ", ".join(parts)
    return f"{head}: {progress.text}" if head else progress.text


def _run_line(run: Run, teller: RunTeller, usual: float | None) -> str:
    from datetime import UTC, datetime

    glyph = GLYPHS.get(str(run.state), ("·", None))[0]
    words = [f"{glyph} {run.id} {run.state}"]
    if run.state in ACTIVE and teller.total:
        words.append(f"cell {max(teller.number, 1)} of {teller.total}")
    if run.state not in ACTIVE and run.reason:
        words.append(run.reason)
    words.append(f"{(datetime.now(UTC) - (run.started or run.created)).total_seconds():.0f}s")
    if usual and run.state in ACTIVE:
        words.append(f"usually {duration(usual)}")
    return "  ".join(words)


def _line(state: str, text: str, begun: float, usual: float | None = None) -> str:
    glyph = GLYPHS.get(state, ("·", None))[0]
    about = f"  usually {duration(usual)}" if usual else ""
    return f"{glyph} {state}  {text}  {int(time.monotonic() - begun)}s{about}"


def _asked_again(session: Session) -> bool:
    """Whether an ended session is wanted up, but the supervisor has not looked yet."""
    return session.state is SessionState.STOPPED and session.desired == "up"


def ticks(bench: Bench) -> Iterator[None]:
    """A look now and every tick; in between it is made sure that a supervisor works on it."""
    from workbench.services.supervision import control

    renewed = time.monotonic()
    while True:
        yield
        time.sleep(TICK)
        if time.monotonic() - renewed > RENEW:
            control.ensure(bench)
            renewed = time.monotonic()


@contextmanager
def _growing(path: Callable[[], Any]) -> Iterator[Callable[[], str]]:
    """A function that gives what was added to a file since its last call; empty before there is a file. A log that was
    full goes on in a new file of its name."""
    import codecs
    import os

    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    held: list[Any] = []

    def grown() -> str:
        data = b""
        try:
            newest = path()
            if held and not os.path.samestat(os.fstat(held[0].fileno()), newest.stat()):
                data = held[0].read()
                held.pop().close()
            if not held:
                held.append(newest.open("rb"))
        except OSError:
            if not held:
                return decoder.decode(data)
        return decoder.decode(data + held[0].read())

    try:
        yield grown
    finally:
        for file in held:
            file.close()
