"""`logs`: what a run, a session or a build said, and says."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from workbench.cli.facts import verdict
from workbench.cli.grammar import command
from workbench.cli.invocation import Invocation
from workbench.cli.names import target, target_names
from workbench.cli.terminal import failure, following
from workbench.cli.terminal.output import emit, note
from workbench.cli.terminal.progress import ProgressLine
from workbench.errors import NotFound, Refused
from workbench.model.build import BuildState
from workbench.model.run import ENDED as RUN_ENDED
from workbench.model.run import PENDING
from workbench.model.session import ENDED as SESSION_ENDED
from workbench.text import on_the_clock

if TYPE_CHECKING:
    from workbench.services.bench import Bench


@command("logs", short_help="Show what a run, session or build said.")
@click.argument("id", metavar="[ID]", default="@last", shell_complete=target_names)
@click.option("-f", "--follow", is_flag=True, help="Go on until it has ended; ctrl+c leaves it alone.")
def logs(call: Invocation, id: str, follow: bool) -> int:  # noqa: A002 - the name people see
    """Show what a run (41, @last), session (s7 or its name) or build (b3) said; the newest run unless named. A removed session
    still has its log, by its number.

    With --json one object a line for a run's events, and `{"text": …}` for the rest. With --follow it exits 3 when the
    run ends in anything but success.
    """
    bench = call.reading()
    one = target(bench, id, removed=True)
    line = ProgressLine(wanted=follow and not call.quiet and not call.json)
    try:
        if one.kind == "group":
            raise Refused(
                f"{one} is several runs, each with a log of its own", hint=f"See: workbench runs --group {one}"
            )
        if one.kind == "run":
            return _run(call, bench, one.id, follow=follow, line=line)
        if one.kind == "session":
            _session(call, bench, one.id, follow=follow, line=line)
        else:
            return build_log(call, bench, one.id, follow=follow, line=line)
    except KeyboardInterrupt:
        line.end()
        return failure.INTERRUPTED
    return 0


def _run(call: Invocation, bench: Bench, run_id: int, *, follow: bool, line: ProgressLine) -> int:
    from workbench.services import runs

    run = runs.get(bench, run_id)
    if follow and not call.json:
        run = following.run_to_end(bench, run_id, line=line, stream=True)
        verdict.told(bench, run)
        return 0 if run.ended_well else failure.UNSUCCESSFUL
    if call.json:
        return _events(bench, run_id, follow=follow)
    left = runs.artifacts(bench, run_id)
    if run.state in RUN_ENDED and left.log:
        line.stream(on_the_clock(_text(left.log), bench.zone))
    else:
        teller = following.RunTeller(line, stream=True, errors=True)
        mark = None
        while True:
            events, mark = runs.tail(bench, run_id, mark)
            if not events:
                break
            for event in events:
                teller.tell(event)
        if run.state in PENDING:
            note(call, f"run {run_id} is {run.state}{f': {run.reason}' if run.reason else ''}")
    line.end()
    return 0


def _events(bench: Bench, run_id: int, *, follow: bool) -> int:
    from json import dumps

    from workbench.services import runs

    mark = None
    for _ in following.ticks(bench):
        run = runs.get(bench, run_id)
        while True:
            events, mark = runs.tail(bench, run_id, mark)
            for event in events:
                click.echo(dumps(event))
            if not events:
                break
        if run.state in RUN_ENDED or not follow:
            break
    return failure.UNSUCCESSFUL if follow and not run.ended_well else 0


def _session(call: Invocation, bench: Bench, session_id: int, *, follow: bool, line: ProgressLine) -> None:
    from workbench.services import sessions

    def alive() -> bool:
        return sessions.get(bench, session_id).state not in SESSION_ENDED

    path = sessions.log_path(bench, session_id)
    if follow and not call.json:
        following.file_to_end(lambda: path, alive, line=line)
        return
    _whole(call, path, f"log of session s{session_id}", line)


def build_log(call: Invocation, bench: Bench, build_id: int, *, follow: bool, line: ProgressLine) -> int:
    """Print a build's log; with `follow` as it grows. The exit code: 1 where a build that was followed failed."""
    from workbench.services import environments

    if follow and not call.json:
        ended = following.build_to_end(bench, build_id, line=line, stream=True)
        return 0 if ended.state is BuildState.READY else failure.FAILED
    _whole(call, environments.build_log(bench, build_id), f"log of build b{build_id}", line)
    return 0


def _whole(call: Invocation, path: Path, what: str, line: ProgressLine) -> None:
    try:
        text = _text(path)
    except FileNotFoundError as error:
        raise NotFound(what, path.name, hint="It has said nothing yet, or its log was removed.") from error
    if call.json:
        emit({"text": text})
        return
    line.stream(text)
    line.end()


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")
