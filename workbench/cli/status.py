"""`status`: what runs, what waits, what is due next, and what needs the person."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from workbench.cli.grammar import command
from workbench.cli.invocation import Invocation
from workbench.cli.shapes.run import RUN
from workbench.cli.shapes.things import SESSION
from workbench.cli.terminal.hints import pasted
from workbench.cli.terminal.output import columns, emit, fitting, iso, record, state
from workbench.errors import StoreHeld
from workbench.model.run import ACTIVE, PENDING, UNSUCCESSFUL, Run, RunState
from workbench.text import age, clean, one_line, plural

if TYPE_CHECKING:
    from workbench.services.bench import Bench
    from workbench.services.overview import Overview
    from workbench.services.supervision.control import SupervisorStatus
    from workbench.store.environments import EngineRow

SHOWN = 5  # of each kind; the lists have the rest


@command("status", short_help="What runs, what is due, what needs you.")
def status(call: Invocation) -> int:
    """Show what needs you, what runs and waits, what failed since yesterday, and what is due next.

    Exits 1 when something needs you.
    """
    from workbench.services import runs, warmth
    from workbench.services.history import continuing
    from workbench.services.overview import LOOK_BACK, overview
    from workbench.services.supervision import control, pulse

    bench = call.reading()
    supervisor = control.status(bench)
    try:
        if supervisor.silent:
            pulse.refuse_waiting(bench.home, supervisor.pid)
        view = overview(bench)
    except StoreHeld as error:
        return _unreadable(call, bench, supervisor, error)
    failed = runs.page(bench, runs.RunFilter(states=UNSUCCESSFUL, since=view.at - LOOK_BACK), limit=200)
    pending = list(reversed(runs.page(bench, runs.RunFilter(states=PENDING), limit=200)))
    due = _next_due(bench)
    # First what keeps everything else from going on.
    needs = _of_service(supervisor, active=len(view.active), pending=len(pending), due=len(due))
    needs += [
        {"kind": need.kind, "key": need.key, "text": clean(need.text), "command": f"workbench {need.command}"}
        for need in view.needs
    ]
    needs += _of_declarations(bench)
    needs = [{**need, "command": pasted(need["command"])} for need in needs]
    if call.json:
        emit(
            {
                "home": bench.home.root,
                "at": view.at,
                "supervisor": _supervisor(supervisor),
                "engines": {
                    str(name): {
                        "problem": row.problem,
                        "hint": row.hint,
                        "endpoint": row.endpoint,
                        "version": row.version,
                        "since": iso(row.since),
                    }
                    for name, row in view.engines.items()
                },
                "needs": needs,
                "active": [RUN.of(run) for run in view.active],
                "pending": [RUN.of(run) for run in pending],
                "failed": [RUN.of(run) for run in failed],
                "sessions": [SESSION.of(session) for session in view.up],
                "spares": [SESSION.of(session) for session in view.spares],
                "kept": [RUN.of(run) for run in continuing.all_kept(bench)],
                "warm": [one.to_dict() for one in warmth.kernels(bench)],
                "next": [{"schedule": key, "due": iso(moment)} for key, moment in due],
            }
        )
    else:
        _show(call, bench, view, supervisor.alive, needs, pending, failed, due)
    return 1 if needs else 0


def _unreadable(call: Invocation, bench: Bench, supervisor: SupervisorStatus, error: StoreHeld) -> int:
    """Where somebody keeps the store locked: who, and what helps; nothing else can be known."""
    from workbench.services.supervision import pulse

    needs = _of_service(supervisor, active=0, pending=0, due=0)
    if needs and error.pid == supervisor.pid:
        needs[0]["text"] += "; it has locked the store, so nothing else is known"
    else:
        remedy = pulse.why_silent(error.pid)[1] if pulse.is_stopped(error.pid) else "workbench doctor"
        needs.append({"kind": "store", "key": "state.db", "text": one_line(error.message), "command": remedy})
    needs = [{**need, "command": pasted(need["command"])} for need in needs]
    if call.json:
        unknown = dict.fromkeys(
            ("engines", "active", "pending", "failed", "sessions", "spares", "kept", "warm", "next")
        )
        emit(
            {
                "home": bench.home.root,
                "at": bench.now(),
                "supervisor": _supervisor(supervisor),
                "needs": needs,
                **unknown,
            }
        )
    else:
        _show_needs(needs)
        record([("home", str(bench.home.root))])
    return 1


def _supervisor(seen: SupervisorStatus) -> dict[str, Any]:
    return {"alive": seen.alive, "pid": seen.pid, "silent": iso(seen.silent)}


def _show(
    call: Invocation,
    bench: Bench,
    view: Overview,
    alive: bool,
    needs: list[dict[str, Any]],
    pending: list[Run],
    failed: list[Run],
    due: list[tuple[str, datetime]],
) -> None:
    if needs:
        _show_needs(needs)
    elif not call.quiet:
        click.echo(state("ok").text.split(" ")[0] + " Nothing needs you.")
    if call.quiet:
        return
    _runs("Running", list(view.active), view.at, "workbench runs --state active")
    _runs("Waiting", pending, view.at, "workbench runs --state pending")
    named = {need["key"] for need in needs if need["kind"] == "run"}
    standing = {(run.project, run.notebook) for run in failed if str(run.id) in named}
    settled = [
        run for run in failed if (run.project, run.notebook) not in standing and run.state is not RunState.CANCELLED
    ]
    _runs("Failed since yesterday, and settled", settled, view.at, "workbench runs --state unsuccessful")
    if view.up:
        click.echo(click.style("Sessions", bold=True))
        _columns(
            (state(str(session.state)).text, f"s{session.id}", session.name, session.url) for session in view.up[:SHOWN]
        )
        _rest(len(view.up) - SHOWN, "workbench sessions")
    _spares(view)
    _warm(bench)
    _kept(bench)
    if due:
        click.echo(click.style("Due next", bold=True))
        _columns(
            (f"{moment.astimezone(bench.zone):%a %H:%M}", clean(key), age(moment, view.at))
            for key, moment in due[:SHOWN]
        )
        _rest(len(due) - SHOWN, "workbench schedules")
    record(
        [
            ("home", str(bench.home.root)),
            ("supervisor", "running" if alive else "not running; starts by itself when there is work"),
            *((f"{name} engine", _engine(row, bench)) for name, row in view.engines.items()),
        ],
    )


def _show_needs(needs: list[dict[str, Any]]) -> None:
    head = f"{plural(len(needs), 'thing')} {'needs' if len(needs) == 1 else 'need'} you"
    click.echo(click.style(head, fg="red", bold=True))
    for need in needs[: 2 * SHOWN]:
        click.echo(fitting(f"  {need['text']}"))
        click.echo(click.style(f"    {need['command']}", dim=True))
    _rest(len(needs) - 2 * SHOWN, "workbench runs --state unsuccessful")


def _spares(view: Overview) -> None:
    """What is up ahead of time, for it takes memory."""
    if view.spares:
        click.echo(click.style("Warm spares", bold=True))
        _columns(
            (state(str(spare.state)).text, spare.name, one_line(spare.reason or "comes up"))
            for spare in view.spares[:SHOWN]
        )


def _warm(bench: Bench) -> None:
    """Environments whose next kernel is warm, for that takes memory too."""
    from workbench.services import warmth

    found = warmth.kernels(bench)
    if found:
        click.echo(click.style("Warm kernels", bold=True))
        _columns((one.environment, one.words) for one in found[:SHOWN])


def _kept(bench: Bench) -> None:
    """Failed runs whose kernel is kept: memory too, and what can be gone on with."""
    from workbench.services.history import continuing

    found = continuing.all_kept(bench)
    if found:
        click.echo(click.style("Kept kernels", bold=True))
        for run in found[:SHOWN]:
            click.echo(fitting(f"  {run.id} {run.project}/{run.notebook}  {continuing.words(bench, run)}"))
            click.echo(click.style(pasted(f"    workbench runs continue {run.id}"), dim=True))


def _runs(title: str, runs: list[Run], now: datetime, more: str) -> None:
    if not runs:
        return
    click.echo(click.style(title, bold=True))
    _columns(
        (
            state(str(run.state)).text,
            str(run.id),
            f"{run.project}/{run.notebook}",
            f"cell {min(run.cells_done + 1, run.cells)} of {run.cells}" if run.state in ACTIVE and run.cells else "",
            age(run.created, now),
            one_line(run.reason),
        )
        for run in runs[:SHOWN]
    )
    _rest(len(runs) - SHOWN, more)


def _columns(lines: Iterable[Sequence[str]]) -> None:
    """Lines below a heading, their parts below each other."""
    for line in columns(lines):
        click.echo(fitting(f"  {line}"))


def _rest(count: int, more: str) -> None:
    if count > 0:
        click.echo(f"  and {count} more: {pasted(more)}")


def _engine(row: EngineRow, bench: Bench) -> str:
    since = f" since {row.since.astimezone(bench.zone):%Y-%m-%d %H:%M}" if row.since and row.endpoint else ""
    return f"does not answer{since}: {row.problem}" if row.problem else f"answers {row.version}".strip()


def _of_service(supervisor: SupervisorStatus, *, active: int, pending: int, due: int) -> list[dict[str, Any]]:
    """What the store cannot know: that nobody works on what is asked for."""
    from workbench.services.supervision import pulse

    if supervisor.silent:
        remedy = pulse.why_silent(supervisor.pid)[1]
        return [{"kind": "service", "key": "supervisor", "text": supervisor.trouble, "command": remedy}]
    if supervisor.alive or not (active or pending or due):
        return []
    about = [
        f"{plural(active, 'run')} last seen running" if active else "",
        f"{plural(pending, 'run')} waiting" if pending else "",
        f"{plural(due, 'schedule')} waiting for {'its' if due == 1 else 'their'} time" if due and not pending else "",
    ]
    text = f"the supervisor is not running: {', '.join(filter(None, about))}"
    return [{"kind": "service", "key": "supervisor", "text": text, "command": "workbench service start"}]


def _of_declarations(bench: Bench) -> list[dict[str, Any]]:
    """Files that cannot be read as they are, or will not run when their time comes."""
    from workbench.services.problems import problems_of

    found = []
    wrong = problems_of(bench)
    if wrong:
        text = f"{plural(len(wrong), 'problem')} in declarations, the first: {wrong[0]}"
        found.append({"kind": "declaration", "key": str(wrong[0].path), "text": text, "command": "workbench check"})
    return found


def _next_due(bench: Bench) -> list[tuple[str, datetime]]:
    from workbench.services import schedules

    found = [(view.key, view.next_due) for view in schedules.listing(bench) if view.next_due is not None]
    return sorted(found, key=lambda pair: pair[1])
