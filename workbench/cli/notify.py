"""`notify`: who was told what, and whether a letter arrives."""

from __future__ import annotations

import time

import click

from workbench.cli.grammar import noun, subcommand
from workbench.cli.invocation import Invocation
from workbench.cli.shapes.notice import NOTICE
from workbench.cli.terminal.output import answer, emit, note, state, table
from workbench.errors import WorkbenchError
from workbench.model.notice import NoticeState, masked
from workbench.text import age

notify = noun("notify", "Who is told of runs.")
PATIENCE = 180.0  # seconds in which a test has to be sent
NO_ANSWER = "no answer came yet"
OPEN = (NoticeState.PENDING, NoticeState.SENDING)


@subcommand(notify, "list")
@click.option("-n", "--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="At most so many.")
def list_notices(call: Invocation, limit: int) -> None:
    """List what was told to whom, newest first.

    Who is told is declared: `notify: {failure: [ann@acme.example]}` in workbench.yaml, project.yaml or a schedule.
    """
    from workbench.services import notices

    bench = call.reading()
    found = notices.recent(bench, limit=limit)
    if call.json:
        emit([NOTICE.of(one) for one in found])
        return
    table(
        call,
        ("WHAT", "STATE", "TO", "AGE", "ABOUT", "WHY"),
        [
            (str(one.occasion), state(str(one.state)), masked(one.target), age(one.created, bench.now()), one.text or one.subject, notices.why(bench, one))
            for one in found
        ],
        empty="Nobody was told anything yet. Who is: `notify:` in workbench.yaml; try it: workbench notify test ann@acme.example",
        give=("ABOUT", "WHY"),
    )  # fmt: skip


@subcommand(notify, "test")
@click.argument("targets", metavar="[ADDRESS]...", nargs=-1)
def test(call: Invocation, targets: tuple[str, ...]) -> None:
    """Send a letter to ADDRESS, or to everybody whom workbench.yaml names, and wait until it is on its way."""
    from workbench.services import notices

    bench = call.changing()
    wanted = notices.test(bench, targets)
    note(call, f"Sending to {', '.join(map(masked, wanted))}.")
    deadline = time.monotonic() + PATIENCE
    while True:
        newest = {one.target: one for one in reversed(notices.recent(bench, limit=200)) if one.occasion == "test"}
        found = [newest[target] for target in wanted if target in newest]
        if not any(one.state in OPEN and not one.reason for one in found) or time.monotonic() > deadline:
            break
        time.sleep(0.2)
    bad = [one for one in found if one.state is not NoticeState.SENT]
    if bad:
        lines = [f"{masked(one.target)}: {notices.why(bench, one) or NO_ANSWER}" for one in bad]
        raise WorkbenchError("\n".join(lines), title="not sent", hint="What becomes of it: workbench notify list")
    answer(call, f"Sent to {', '.join(masked(one.target) for one in found)}.", [NOTICE.of(one) for one in found])
