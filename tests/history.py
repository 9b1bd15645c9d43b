"""What must have become of a team's weeks, by what was done and by the model of crontab(5): checked when they are over."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import crontab_model
from team import PLACES, PROJECT, Execution, Team

from workbench.model.run import ALLOWED, ENDED, Run, RunState
from workbench.model.schedule import DueState, DueTime
from workbench.services import groups, notices, runs, schedules
from workbench.store import events, run_pages

R = RunState
LATE = timedelta(seconds=60)
WINDOW = timedelta(hours=3)  # of those that have a `catch_up_window`
FAR = datetime.max.replace(tzinfo=ZoneInfo("UTC"))
Span = tuple[datetime, datetime]


@dataclass
class Era:
    """A stretch in which a schedule had these times; `until` when the supervisor read others or none."""

    timing: dict[str, Any]
    since: datetime
    until: datetime = FAR

    def due(self, end: datetime) -> list[datetime]:
        """What is due in it, up to `end`."""
        last = min(self.until, end)
        if "every" in self.timing:
            step, place = timedelta(hours=int(self.timing["every"][:-1])), ZoneInfo(self.timing["timezone"])
            moment = datetime.fromisoformat(self.timing["start"]).replace(tzinfo=place).astimezone(UTC)
            count = max(0, -((moment - self.since) // step) - 2)
            found = [moment + step * number for number in range(count, count + 3 + (last - self.since) // step)]
        else:
            found = crontab_model.times(
                self.timing["cron"], self.timing["timezone"], self.since, last + timedelta(seconds=1)
            )
        return [moment for moment in found if self.since < moment <= last]


@dataclass
class Told:
    """What was done, as whoever did it knows it."""

    eras: dict[str, list[Era]] = field(default_factory=lambda: defaultdict(list))
    pauses: dict[str, list[Span]] = field(default_factory=lambda: defaultdict(list))
    away: list[Span] = field(default_factory=list)  # when no supervisor looked
    outages: list[Span] = field(default_factory=list)  # when no engine answered
    specs: dict[str, dict[str, Any]] = field(default_factory=dict)
    by_hand: set[int] = field(default_factory=set)

    def change(self, name: str, timing: dict[str, Any] | None, now: datetime) -> None:
        """From now on it is due at other times, or at none."""
        if self.eras[name] and self.eras[name][-1].until == FAR:
            self.eras[name][-1].until = now
        if timing:
            self.eras[name].append(Era(timing, now))

    def paused(self, name: str, moment: datetime) -> bool:
        """Whether it was paused then."""
        return any(since < moment < end for since, end in self.pauses[name])

    def absent(self, moment: datetime) -> datetime | None:
        """When the supervisor looked again, where it did not at that moment."""
        return next((end for since, end in self.away if since <= moment < end), None)


def check(team: Team, told: Told) -> Counter[str]:
    """All that must hold; how many due times there were of each kind."""
    assert team.bench.store.integrity() == []
    found = {run.id: run for run in _all_runs(team)}
    executions: dict[int, list[Execution]] = defaultdict(list)
    for one in team.kernels.all:
        executions[one.job.run].append(one)
    ledgers = {name: schedules.ledger(team.bench, f"{PROJECT}/{name}", limit=100_000) for name in told.eras}
    kinds: Counter[str] = Counter()
    for name, ledger in ledgers.items():
        kinds += _ledger(team, told, name, [line for line in ledger if not line.by_hand], found)
    _runs(team, told, found, executions, ledgers)
    _notices(team, found, ledgers)
    return kinds


def _ledger(team: Team, told: Told, name: str, lines: list[DueTime], found: dict[int, Run]) -> Counter[str]:
    """Every due time by the model has one line, no other has one, and each says the truth."""
    wanted = {due for era in told.eras[name] for due in era.due(team.now)}
    delayed = timedelta(minutes=10) if "jitter" in told.specs[name] else timedelta()
    there = Counter(line.due for line in lines)
    assert max(there.values(), default=1) == 1, f"{name}: twice {there.most_common(1)}"
    unknown = sorted(there.keys() - wanted)
    assert not unknown, f"{name}: no due time, but a line: {unknown[:5]}"
    lacking = sorted(due for due in wanted - there.keys() if due + delayed <= team.now)
    assert not lacking, f"{name}: without a line: {lacking[:5]} of {told.eras[name]}"
    kinds: Counter[str] = Counter()
    for line in lines:
        what = f"{name} due {line.due}: {line.state} {line.reason}"
        spec = told.specs[name]
        if line.state is DueState.SKIPPED and line.reason.startswith("paused"):
            assert told.paused(name, line.due), what
            kinds["paused"] += 1
        elif line.state is DueState.SKIPPED and "removed before" in line.reason:
            assert any(era.until - delayed <= line.due <= era.until for era in told.eras[name]), what
        elif line.state is DueState.SKIPPED:
            before = found[int(line.reason.split()[1])]
            assert line.reason == f"run {before.id} was still {line.reason.split()[-1]}", what
            assert before.schedule == f"{PROJECT}/{name}", what
            assert before.created <= line.noticed, what
            assert before.ended is None or before.ended >= line.noticed - delayed, what
            kinds["overlap"] += 1
        elif line.state is DueState.MISSED:
            assert (
                told.absent(line.due)
                or told.absent(line.due + delayed)
                or "changed before" in line.reason
                or "was paused before" in line.reason
            ), what
            over = "catch_up_window" in spec and line.noticed - line.due > WINDOW
            assert (over and line.reason.endswith("after its catch_up_window")) or (
                "catch_up_window" not in line.reason
                and (spec["catch_up"] != "all" or "changed before" in line.reason or "was paused before" in line.reason)
            ), what
            kinds["missed"] += 1
        else:
            assert not told.paused(name, line.due), what
            assert line.run, what
            run = found[line.run]
            assert (run.schedule, run.due) == (line.schedule, line.due), what
            late = line.noticed - line.due > LATE + delayed
            assert not late or told.absent(line.due) or told.absent(line.due + delayed), what
            assert ("did not run at its time" in line.reason) <= bool(told.absent(line.due) or delayed), what
            kinds["made up" if late else "fired"] += 1
    for since, end in told.away:  # of an absence the latest alone is made up for
        made_up = [
            line
            for line in lines
            if line.state is DueState.FIRED and line.noticed >= end and since <= line.due < end - LATE - delayed
        ]
        assert told.specs[name]["catch_up"] == "all" or len(made_up) <= 1, f"{name}: {made_up}"
        assert told.specs[name]["catch_up"] != "none" or not made_up, f"{name}: {made_up}"
    return kinds


def _runs(
    team: Team, known: Told, found: dict[int, Run], executions: dict[int, list[Execution]],
    ledgers: dict[str, list[DueTime]],
) -> None:  # fmt: skip
    """Each ended once and ran as often as it was asked to; its row, its journal, its tries and the ledger agree."""
    fired: Counter[int] = Counter(line.run for ledger in ledgers.values() for line in ledger if line.run)
    assert max(fired.values(), default=1) == 1, fired.most_common(2)
    for run in found.values():
        with team.bench.store.read() as connection:
            told = [
                RunState(line.what) for line in events.of(connection, "run", str(run.id)) if line.what in set(RunState)
            ]
            group = groups.of_run(team.bench, run.id)
        assert run.state in ENDED, f"run {run.id} is {run.state}: {run.reason}"
        assert [state for state in told if state in ENDED] == [run.state], f"run {run.id}: {told}"
        assert told[-1] is run.state
        for old, new in pairwise(told):
            assert new in ALLOWED[old], f"run {run.id}: {old} to {new}"
        ran = executions[run.id]
        assert len(ran) <= run.retries + 1, f"run {run.id} ran {len(ran)} times"
        assert len({one.job.attempt for one in ran}) == len(ran)
        assert ran or run.state is R.CANCELLED or _engine_was_away(known, run), (
            f"run {run.id} due {run.due} never ran and is {run.state} since {run.ended}: {run.reason}; away {known.outages}"
        )
        assert (run.state is R.SUCCEEDED) == (bool(ran) and ran[-1].end is R.SUCCEEDED), (
            f"run {run.id} {run.state}: {run.reason}, {told}, {ran}"
        )
        assert [attempt.number for attempt in runs.attempts(team.bench, run.id)] == sorted(
            one.job.attempt for one in ran
        )
        if run.schedule:
            head = min(one.id for one in groups.members(team.bench, group.id)) if group and group.due else run.id
            assert fired[head] == 1 or (group and fired[run.id] <= 1), f"run {run.id} of {run.schedule} is in no ledger"
    _at_once(executions, found)


def _engine_was_away(known: Told, run: Run) -> bool:
    """Whether it is right that it ended as its engine was away until after its window: it has one, which was over."""
    return bool(
        run.state is R.TIMED_OUT and run.due and run.ended and run.origin == "schedule"
        and "catch_up_window" in known.specs[run.name] and run.ended - run.due >= WINDOW
        and any(since <= run.due + WINDOW and end >= run.due for since, end in known.outages)
    )  # fmt: skip


def _at_once(executions: dict[int, list[Execution]], found: dict[int, Run]) -> None:
    """Never more than there are places, and of one schedule never two (but of a sweep, and where that is allowed)."""
    steps = sorted(
        (moment, change, one.job.run)
        for ran in executions.values()
        for one in ran
        for moment, change in ((one.begun, 1), (one.ended or FAR, -1))
    )
    living: set[int] = set()
    for moment, change, run in steps:
        living ^= {run}
        assert len(living) <= PLACES, f"{moment}: {living}"
        for other in living - {run} if change > 0 else ():
            one, two = found[run], found[other]
            same = one.schedule and one.schedule == two.schedule and "allow" not in one.name
            assert not same or (one.group and one.group == two.group and one.due == two.due), (
                f"{moment}: {run} and {other}"
            )


def _notices(team: Team, found: dict[int, Run], ledgers: dict[str, list[DueTime]]) -> None:
    """Whoever is named is told once of each run that failed and each time that was missed."""
    told = Counter((one.occasion.value, one.subject) for one in notices.recent(team.bench, limit=1_000_000))
    assert max(told.values(), default=1) == 1
    sad = {("failure", f"run {run.id}") for run in found.values() if run.state not in (R.SUCCEEDED, R.CANCELLED)}
    missed = {
        ("late", f"due {line.schedule} {line.due.isoformat()}")
        for ledger in ledgers.values() for line in ledger if line.state is DueState.MISSED
    }  # fmt: skip
    wrong = {key for key in told if key[0] == "failure"} ^ sad
    assert not wrong, wrong
    assert missed <= told.keys()


def _all_runs(team: Team) -> list[Run]:
    found: list[Run] = []
    while page := runs.page(team.bench, run_pages.RunFilter(), before=found[-1].id if found else None, limit=1000):
        found += page
    return found
