"""The state of a home at a glance: what runs, what waits, who answers, and what needs a person."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from workbench.model.environment import EngineName
from workbench.model.event import Event
from workbench.model.notice import NoticeState, masked
from workbench.model.run import ACTIVE, PENDING, UNSUCCESSFUL, Run, RunState
from workbench.model.schedule import DueState, Schedule
from workbench.model.session import ALIVE, Desired, Session, SessionState
from workbench.services import notices
from workbench.services.bench import Bench
from workbench.store import builds as build_rows
from workbench.store import environments as environment_rows
from workbench.store import events, ledger, run_pages
from workbench.store import notices as notice_rows
from workbench.store import runs as run_rows
from workbench.store import schedules as schedule_rows
from workbench.store import sessions as session_rows
from workbench.store.environments import EngineRow
from workbench.store.run_pages import RunFilter
from workbench.text import plural

LOOK_BACK = timedelta(hours=24)
TOGETHER = timedelta(minutes=1)  # in which all schedules of a project that goes are noticed
LEAST = 1024**2  # bytes that have to be free for the store to be written


@dataclass(frozen=True)
class Need:
    """Something a person should look at: `kind` and `key` name the thing, `command` shows it."""

    kind: str
    key: str
    text: str
    command: str


@dataclass(frozen=True)
class Overview:
    """What a header and `status` show. `engines` as the supervisor last saw them."""

    running: int
    waiting: int
    sessions: int
    engines: Mapping[EngineName, EngineRow]
    needs: tuple[Need, ...]
    active: tuple[Run, ...]
    up: tuple[Session, ...]
    spares: tuple[Session, ...]  # started ahead, and nobody's yet
    at: datetime


_UNTOLD = {
    NoticeState.PENDING: "is not told yet",
    NoticeState.FAILED: "was not told",
    NoticeState.UNKNOWN: "may not have been told",
}


def overview(bench: Bench) -> Overview:
    """Read from the store alone: quick, and true as of the supervisor's last look."""
    now = bench.now()
    with bench.store.read() as connection:
        counts = run_rows.counts(connection)
        engines = environment_rows.engines(connection)
        active = run_rows.in_states(connection, ACTIVE, limit=50)
        waiting = run_rows.in_states(connection, {RunState.WAITING}, limit=50)
        ended = run_pages.page(connection, RunFilter(states=UNSUCCESSFUL, since=now - LOOK_BACK), limit=50)
        newer = _last_good(run_pages.page(connection, RunFilter(since=now - LOOK_BACK), limit=500))
        known = session_rows.listing(connection)
        schedules = schedule_rows.listing(connection)
        last_due = ledger.newest(connection)
        vanished = _vanished(bench, connection, schedules, now)
        untold = notice_rows.unsent(connection, now - LOOK_BACK)[:3]
        behind = build_rows.behind(connection, now - LOOK_BACK)
    sessions = [session for session in known if not session.spare]
    needs = [*_full(bench), *(_failed(runs) for runs in _standing(ended, newer))]
    needs += _waiting(waiting)
    needs += vanished
    needs += [
        Need(
            "notice",
            str(one.id),
            f"{masked(one.target)} {_UNTOLD[one.state]}: {notices.why(bench, one)}",
            "notify list",
        )
        for one in untold
    ]
    needs += [
        Need(
            "environment",
            build.environment,
            f"{build.environment}: its newest build failed, an older one is in use: {build.reason}",
            f"environments show {build.environment}",
        )
        for build in behind
    ]
    needs += [
        Need("session", session.name, f"{session.name} {session.state}: {session.reason}", f"logs s{session.id}")
        for session in sessions
        if session.state in (SessionState.FAILED, SessionState.VANISHED)
        or (session.state is SessionState.READY and session.reason)  # whether it lives cannot be known now
    ]
    needs += [
        Need(
            "schedule",
            key,
            f"{key} missed {due.due.astimezone(bench.zone):%a %H:%M}: {due.reason}",
            f"schedules show {key}",
        )
        for key, due in last_due.items()
        if due.state is DueState.MISSED and now - due.due < LOOK_BACK and key in schedules and schedules[key].present
    ]
    return Overview(
        running=sum(counts.get(state, 0) for state in ACTIVE),
        waiting=sum(counts.get(state, 0) for state in PENDING),
        sessions=sum(1 for session in sessions if session.state in ALIVE),
        engines=engines,
        needs=tuple(needs),
        active=tuple(active),
        up=tuple(session for session in sessions if session.state in ALIVE),
        spares=tuple(
            replace(session, state=SessionState.SPARE)
            for session in known
            if session.spare and session.desired is Desired.UP
        ),
        at=now,
    )


def _waiting(runs: list[Run]) -> list[Need]:
    """Runs whose engine is away: those that wait for the same together."""
    of: dict[str, list[Run]] = {}
    for run in runs:
        of.setdefault(run.reason, []).append(run)
    return [
        Need("run", str(some[0].id), f"{some[0].name} waits: {reason}", f"runs show {some[0].id}")
        if len(some) == 1
        else Need("run", str(some[0].id), f"{plural(len(some), 'run')} wait: {reason}", "runs list --state waiting")
        for reason, some in of.items()
    ]


def _full(bench: Bench) -> list[Need]:
    """That the disk of the state is full: what is so may not be written down any more."""
    try:
        facts = os.statvfs(bench.home.state)
    except OSError:
        return []
    if facts.f_bavail * facts.f_frsize >= LEAST:
        return []
    where = bench.home.state
    return [
        Need("disk", "", f"the disk of {where} is full: what is shown may be old, and nothing can be started", "doctor")
    ]


def _vanished(
    bench: Bench, connection: sqlite3.Connection, schedules: Mapping[str, Schedule], now: datetime
) -> list[Need]:
    """Projects whose folder went, schedules and all, without a word to us: a mistaken `mv`, a mount that is away."""
    gone: dict[str, list[Event]] = {}
    for key in (key for key, schedule in schedules.items() if not schedule.present):
        project = key.partition("/")[0]
        last = events.of(connection, "schedule", key, limit=1)
        noticed = last and (last[0].what, last[0].origin) == ("file removed", "schedule")
        if noticed and now - last[0].at < LOOK_BACK:
            gone.setdefault(project, []).extend(last)
    needs = []
    for project, found in gone.items():
        told = events.of(connection, "project", project, limit=1)
        if os.path.lexists(bench.home.projects / project) or (told and told[0].what == "removed"):
            continue
        newest = max(event.at for event in found)
        count = sum(newest - event.at < TOGETHER for event in found)  # those before went one by one
        at = newest.astimezone(bench.zone)
        text = f"project {project} is gone since {at:%a %H:%M}, not by workbench: {plural(count, 'schedule')} of it off"
        needs.append(Need("project", project, text, "projects"))
    return needs


def _last_good(recent: list[Run]) -> dict[tuple[str, str], list[Run]]:
    """The successes of each notebook, newest first: a failure before one needs nobody any more."""
    good: dict[tuple[str, str], list[Run]] = {}
    for run in recent:
        if run.ended_well:
            good.setdefault((run.project, run.notebook), []).append(run)
    return good


def _answered(run: Run, good: list[Run]) -> bool:
    """Whether a later success is of the same: not of the other combinations of its sweep."""
    return any(one.id > run.id and not (run.group and one.group == run.group) for one in good)


def _standing(ended: list[Run], good: dict[tuple[str, str], list[Run]]) -> list[list[Run]]:
    """Failures that no later success has answered, newest first, those of one notebook together."""
    of: dict[tuple[str, str], list[Run]] = {}
    for run in ended:
        key = (run.project, run.notebook)
        if run.state is not RunState.CANCELLED and not _answered(run, good.get(key, [])):
            of.setdefault(key, []).append(run)
    return list(of.values())


def _failed(runs: list[Run]) -> Need:
    newest = runs[0]
    times = f" ({len(runs)} times)" if len(runs) > 1 else ""
    state = newest.state.replace("-", " ")
    what = f"{times}:" if newest.reason.startswith(state) else f" {state}{times}:"
    text = f"{newest.project}/{newest.notebook}{what} {newest.reason}"
    return Need("run", str(newest.id), text, f"runs show {newest.id}")
