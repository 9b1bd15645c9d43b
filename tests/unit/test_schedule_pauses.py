"""Pauses: what is due in one is told, it ends by itself, and nothing of it is made up for."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from schedule_world import START, World

from workbench.errors import Refused
from workbench.model.schedule import DueState
from workbench.services import runs, schedules
from workbench.store import events
from workbench.supervisor.due.schedules import PIECE, Schedules

FIRED, SKIPPED, MISSED = DueState.FIRED, DueState.SKIPPED, DueState.MISSED


def test_a_pause_ends_by_itself_at_its_time(world: World) -> None:
    """`--until` resumes it exactly then: what is due at that very moment fires, and the journal says that it resumed."""
    world.write(cron="0 * * * *", timezone="Europe/Berlin")
    world.at(START)
    assert schedules.pause(world.bench, "s", "the warehouse moves", until="2026-05-04 14:00")  # 12:00 in UTC
    view = schedules.get(world.bench, "s")
    assert view.next_due == START.replace(hour=12, minute=0, second=0)
    for _ in range(5):
        world.at(timedelta(minutes=30))
    assert world.ledger() == [("04 11:00", SKIPPED), ("04 12:00", FIRED)]
    assert schedules.get(world.bench, "s").state == "active"
    with world.bench.store.read() as connection:
        said = [event.what for event in events.of(connection, "schedule", "p/s")]
    assert said == ["added", "paused", "resumed"]


def test_a_pause_that_ended_while_nothing_watched(world: World) -> None:
    """Times in it are skipped, times after it are what catch_up makes of them, whenever the supervisor looks again."""
    world.write(cron="0 * * * *", catch_up="all", overlap="allow")
    world.at(START)
    schedules.pause(world.bench, "s", until=START + timedelta(hours=3))
    world.part = Schedules(world.desk, world.clock)  # another supervisor, much later
    world.at(timedelta(hours=5))
    assert world.ledger() == [
        ("04 11:00", SKIPPED), ("04 12:00", SKIPPED), ("04 13:00", SKIPPED), ("04 14:00", FIRED), ("04 15:00", FIRED)
    ]  # fmt: skip


def test_a_long_pause_of_a_frequent_schedule_is_told_in_full(world: World) -> None:
    """Every due time of it has its row and its reason, also where nothing looked until it was over, in bounded pieces."""
    world.write(cron="* * * * *")
    world.at(START)
    schedules.pause(world.bench, "s", "away")
    world.now += timedelta(minutes=PIECE + 20)  # nothing looks
    schedules.resume(world.bench, "s")
    world.at(timedelta(minutes=2))
    lines = schedules.ledger(world.bench, "p/s", limit=10_000)
    assert [line.state for line in lines].count(SKIPPED) == PIECE + 20
    assert lines[0].state is FIRED
    assert len(runs.page(world.bench)) == 1
    assert {line.reason for line in lines if line.state is SKIPPED} == {f"paused by {world.bench.actor.by}: away"}


def test_once_in_a_pause_says_so(world: World) -> None:
    """A single time that passed in a pause is over, and its ledger says why it never ran."""
    world.write(once="2026-05-04 11:00")
    world.at(START)
    schedules.pause(world.bench, "s", "not today")
    world.at(timedelta(hours=2))
    schedules.resume(world.bench, "s")
    world.at(timedelta(days=2))
    (line,) = schedules.ledger(world.bench, "p/s")
    assert (line.state, line.reason) == (SKIPPED, f"paused by {world.bench.actor.by}: not today")
    assert schedules.get(world.bench, "s").state == "done"


def test_two_pauses_each_have_their_own_times(world: World) -> None:
    """What was due between them fired or was missed as ever; the reasons do not mix."""
    world.write(cron="0 * * * *", overlap="allow")
    world.at(START)
    for reason in ("first", "second"):
        schedules.pause(world.bench, "s", reason)
        world.at(timedelta(hours=1))
        schedules.resume(world.bench, "s")
        world.at(timedelta(hours=1))
    reasons = [line.reason.rpartition(": ")[2] for line in reversed(schedules.ledger(world.bench, "p/s"))]
    assert [state for _, state in world.ledger()] == [SKIPPED, FIRED, SKIPPED, FIRED]
    assert reasons == ["first", "", "second", ""]


def test_a_pause_is_changed_by_a_second_word(world: World) -> None:
    """Paused again, it has the newer reason and end; an end that is over is refused and nothing changes."""
    world.write(cron="0 * * * *")
    world.at(START)
    assert schedules.pause(world.bench, "s", "a")
    assert not schedules.pause(world.bench, "s", "b", until="2026-05-05")
    row = schedules.get(world.bench, "s").row
    assert row
    assert (row.pause_reason, row.paused_until) == ("b", datetime(2026, 5, 5, tzinfo=START.tzinfo))
    with pytest.raises(Refused, match="is over"):
        schedules.pause(world.bench, "s", until="2026-05-01")
    assert schedules.get(world.bench, "s").row == row
