"""The disk: measured, planned and cleaned by the supervisor, which alone reaches engines."""

from __future__ import annotations

import time

from workbench.errors import NotFound, Refused, WorkbenchError
from workbench.model.disk import ENDED, Kind, Policy, Report, Task, TaskState
from workbench.services.bench import Bench
from workbench.services.supervision import control
from workbench.store import disk as rows

TICK = 0.1  # seconds between looks
RENEW = 5.0  # seconds between making sure that somebody works on it


def measure(bench: Bench) -> int:
    """Ask for a measurement; its id."""
    return _request(bench, Kind.MEASURE, Policy())


def plan(bench: Bench, policy: Policy) -> int:
    """Ask what would go by a policy; nothing goes. Its id."""
    if policy.keep < 0:
        raise Refused("how many revisions to keep cannot be less than none")
    return _request(bench, Kind.PLAN, policy)


def built_of(bench: Bench, environment: str) -> tuple[str, ...]:
    """The revisions that are written down of an environment."""
    with bench.store.read() as connection:
        return tuple(kept.revision.id for kept in rows.revisions(connection) if kept.environment == environment)


def prune(bench: Bench, plan_id: int) -> int:
    """Let the things of a plan go, as far as nothing uses them by now; the task's id."""
    planned = get(bench, plan_id)
    if planned.kind is not Kind.PLAN or planned.report is None:
        raise Refused(f"{plan_id} is no plan that was made")
    return _request(bench, Kind.PRUNE, planned.policy, plan=plan_id)


def free(bench: Bench, revisions: tuple[str, ...]) -> Report:
    """Let these revisions go, as far as nothing else has them; what went."""
    number = plan(bench, Policy(keep=0, only=revisions))
    report(bench, number)
    return report(bench, prune(bench, number))


def get(bench: Bench, task: int) -> Task:
    """One task. Raises `NotFound`."""
    with bench.store.read() as connection:
        found = rows.get(connection, task)
    if found is None:
        raise NotFound("task of the disk", str(task))
    return found


def ended(bench: Bench, task: int) -> Task:
    """A task once it has ended. Raises `WorkbenchError` where it failed."""
    looked = time.monotonic()
    while (found := get(bench, task)).state not in ENDED:
        time.sleep(TICK)
        if time.monotonic() - looked > RENEW:
            looked = time.monotonic()
            control.ensure(bench)
    if found.state is TaskState.FAILED:
        raise WorkbenchError(found.reason or "it failed", title="disk")
    return found


def report(bench: Bench, task: int) -> Report:
    """What a task found or did, waited for."""
    return ended(bench, task).report or Report()


def newest(bench: Bench) -> Task | None:
    """The newest measurement of everything; None before the first. A plan is one too."""
    with bench.store.read() as connection:
        found = [task for kind in (Kind.MEASURE, Kind.PLAN) if (task := rows.newest(connection, kind))]
    whole = [task for task in found if not task.policy.environment and not task.policy.only]
    return max(whole, key=lambda task: task.id, default=None)


def _request(bench: Bench, kind: Kind, policy: Policy, plan: int | None = None) -> int:
    with bench.store.write() as connection:
        task = rows.request(connection, kind, policy, at=bench.now(), actor=bench.actor, plan=plan)
    control.tell(bench)
    return task
