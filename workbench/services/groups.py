"""Groups: a sweep asked for as one, one run for each combination; how it is, its runs, and its end."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from workbench.errors import Conflict, NotFound, Refused
from workbench.model import sweep as sweeps
from workbench.model.group import Group, Standing
from workbench.model.parameter import shown
from workbench.model.placeholder import Moments, expanded, named
from workbench.model.run import ENDED, UNSUCCESSFUL, Request, Run, RunState
from workbench.services import environments, runs
from workbench.services.asking import given, requests
from workbench.services.asking.memo import Memo
from workbench.services.bench import Bench
from workbench.services.supervision import control
from workbench.store import groups as rows
from workbench.store.events import Actor
from workbench.text import plural

if TYPE_CHECKING:
    from workbench.notebooks.parameters import Parameters


def check(bench: Bench, request: Request, *, ahead: bool, later: bool, memo: Memo) -> requests.Checked:
    """A request with a sweep: every combination checked, as the `group` of the first. Raises `Refused` with the
    combination that does not fit."""
    takes = requests.parameters_of(bench, request.project, request.notebook, memo=memo, code=request.code)
    made = []
    for row in combinations(bench, request, takes):
        with _told(row):
            made.append(requests.check(bench, _one(request, row), ahead=ahead, later=later, memo=memo))
    return replace(made[0], group=tuple(made), swept=tuple(sweeps.read(request.sweep).names))


def preview(bench: Bench, request: Request) -> list[dict[str, Any]]:
    """The combinations of a request's sweep before it is asked for. Raises `Refused` where the parameters do not fit."""
    takes = requests.parameters_of(bench, request.project, request.notebook, code=request.code)
    found = combinations(bench, request, takes)
    for row in found:
        with _told(row):
            given.of(bench, takes, _one(request, row))
    return found


def _one(request: Request, row: Mapping[str, Any]) -> Request:
    return replace(request, sweep=None, parameters={**request.parameters, **row})


@contextmanager
def _told(row: Mapping[str, Any]) -> Iterator[None]:
    """What is wrong with parameters is told with their combination."""
    try:
        yield
    except Refused as error:
        if error.title != "parameters":
            raise
        where = f"{error.message} (in the combination {told(row)})"
        raise Refused(where, title=error.title, hint=error.hint) from error


def combinations(bench: Bench, request: Request, takes: Parameters) -> list[dict[str, Any]]:
    """What each run of a sweep is given beside the request's own parameters. Raises `Refused` for what is no sweep."""
    from workbench.declare.parameters import read_grid

    sweep = sweeps.read(request.sweep)
    twice = [name for name in sweep.names if name in request.parameters]
    if twice:
        raise Refused(f"{', '.join(twice)}: given and swept", title=sweeps.TITLE, hint="Only one of them can hold.")
    moments = given.moments_of(bench, request)

    def written(name: str, text: str) -> str:
        return text if moments is None or "run" in named(text) else _text(moments, name, text)

    def flow(text: str) -> Any:
        return read_grid(text, title=sweeps.TITLE)

    reader = sweeps.Reader(takes.meant, takes.texts, written, flow)
    return sweeps.combinations(sweep, reader)


def _text(moments: Moments, name: str, text: str) -> str:
    return str(expanded({name: text}, moments)[name])


def insert(
    bench: Bench, connection: sqlite3.Connection, checked: requests.Checked, actor: Actor, memo: Memo | None = None
) -> int:
    """Add a group and all its runs, within the caller's transaction. The id of its first run."""
    first, request = 0, checked.request
    group = rows.insert(
        connection,
        project=request.project,
        notebook=request.notebook,
        name=checked.name,
        names=checked.swept,
        size=len(checked.group),
        schedule=request.schedule,
        due=request.due,
        created=bench.now(),
        actor=actor,
    )
    memo = memo or Memo()
    for one in checked.group:
        run = runs.insert(bench, connection, one, actor, memo)
        rows.take(connection, group, run)
        first = first or run
    return first


def get(bench: Bench, group: int) -> Group:
    """One group. Raises `NotFound`."""
    with bench.store.read() as connection:
        found = rows.get(connection, group)
    if found is None:
        raise NotFound("group", f"g{group}", hint="See what there is: workbench runs")
    return found


def of_run(bench: Bench, run: int) -> Group | None:
    """The group that a run is of; None for none."""
    found = runs.get(bench, run)
    return get(bench, found.group) if found.group else None


def standing(bench: Bench, group: int) -> Standing:
    """How many of its runs are in each state."""
    with bench.store.read() as connection:
        return rows.standing(connection, group)


def members(bench: Bench, group: int, states: Iterable[RunState] = ()) -> list[Run]:
    """Its runs in the order of its combinations, all or those in any of `states`."""
    with bench.store.read() as connection:
        return rows.members(connection, group, states)


def newest(bench: Bench, project: str = "", limit: int = 100) -> list[tuple[Group, Standing]]:
    """Groups, newest first, and how each is."""
    with bench.store.read() as connection:
        return [(one, rows.standing(connection, one.id)) for one in rows.newest(connection, project, limit)]


def cancel(bench: Bench, group: int) -> int:
    """Ask for the end of all its runs; how many had not ended and were not asked before."""
    get(bench, group)
    with bench.store.write() as connection:
        asked = rows.ask_cancel(connection, group, at=bench.now(), actor=bench.actor)
    control.tell(bench)
    return asked


def again(bench: Bench, group: int, *, failed: bool = False, exactly: bool = False) -> tuple[int, int]:
    """Ask for all its combinations once more, or with `failed` for those that did not succeed, as a new group. Its id,
    and how many. Raises `Conflict` where none is left, or some have not ended; `Refused` where one cannot be `exactly`."""
    from workbench.services.history import exact

    old = get(bench, group)
    found = members(bench, group, UNSUCCESSFUL if failed else ())
    open_ones = [run for run in members(bench, group) if run.state not in ENDED]
    if failed and open_ones:
        raise Conflict(
            f"{plural(len(open_ones), 'run')} of {old.label} have not ended", hint="Wait for them, or cancel them."
        )
    if not found:
        raise Conflict(f"no run of {old.label} {'did not succeed' if failed else 'is left'}")
    memo = Memo()
    made = [
        exact.check(bench, run) if exactly else requests.check(bench, runs.request_of(bench, run), memo=memo)
        for run in found
    ]
    checked = replace(made[0], group=tuple(made), swept=old.names)
    with bench.store.write() as connection:
        first = insert(bench, connection, checked, bench.actor, memo)
        environments.carry_engine(bench, connection, checked.environment)
    control.tell(bench)
    return runs.get(bench, first).group or 0, len(made)


def told(combination: Mapping[str, Any]) -> str:
    """`region = north, rows = 10`."""
    return ", ".join(f"{name} = {shown(value)}" for name, value in combination.items())
