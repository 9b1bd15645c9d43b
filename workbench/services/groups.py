"""Groups: a sweep asked for as one, one run for each combination; how it is, its runs, and its end."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from workbench.errors import Conflict, NotFound
from workbench.model.group import Group, Standing
from workbench.model.run import ENDED, UNSUCCESSFUL, Run, RunState
from workbench.services import environments, runs
from workbench.services.asking import checking, queueing
from workbench.services.asking.memo import Memo
from workbench.services.bench import Bench
from workbench.services.supervision import control
from workbench.store import groups as rows
from workbench.text import plural


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
        exact.check(bench, run) if exactly else checking.check(bench, runs.request_of(bench, run), memo=memo)
        for run in found
    ]
    checked = replace(made[0], group=tuple(made), swept=old.names)
    with bench.store.write() as connection:
        first = queueing.insert(bench, connection, checked, bench.actor, memo)
        environments.carry_engine(bench, connection, checked.environment)
    control.tell(bench)
    return runs.get(bench, first).group or 0, len(made)
