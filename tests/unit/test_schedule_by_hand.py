"""Run by hand: now, for a chosen time, and a backfill; beside the due times, told as what it is."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from schedule_world import NOTEBOOK, START, World

from workbench.errors import Refused
from workbench.model.run import RunState
from workbench.model.schedule import DueState
from workbench.services import projects, runs, schedules

FIRED, MISSED, SKIPPED = DueState.FIRED, DueState.MISSED, DueState.SKIPPED


def utc(day: int, hour: int = 0) -> datetime:
    """In May 2026."""
    return datetime(2026, 5, day, hour, tzinfo=START.tzinfo)


def test_a_backfill_runs_what_did_not_fire(world: World) -> None:
    """Each due time of the stretch once, oldest first, without those that fired; twice asked, it is not run twice."""
    key = world.write(cron="0 6 * * *", parameters={"day": "${due}"})
    world.at(START)
    world.at(START.replace(day=7))  # 5 and 6 missed, 7 made up for
    assert [state for _, state in world.ledger()] == [MISSED, MISSED, FIRED]
    plan = schedules.plan_backfill(world.bench, key, "2026-05-02", "2026-05-07 06:00")
    assert plan.due == (utc(2, 6), utc(3, 6), utc(4, 6), utc(5, 6), utc(6, 6))
    assert plan.fired == (utc(7, 6),)
    made = schedules.backfill(world.bench, plan)
    assert [runs.get(world.bench, number).parameters["day"] for number in made] == [
        f"2026-05-0{day}" for day in range(2, 7)
    ]
    assert made == sorted(made)
    assert len({runs.get(world.bench, number).group for number in made} - {None}) == 1
    assert [state for _, state in world.ledger()] == [MISSED, MISSED, FIRED]  # what became of them stays
    assert schedules.backfill(world.bench, plan) == []
    assert schedules.plan_backfill(world.bench, key, "2026-05-02", "2026-05-07 06:00").due == ()
    assert len(schedules.plan_backfill(world.bench, key, "2026-05-02", "2026-05-07 06:00", again=True).due) == 6


def test_a_backfill_can_take_those_that_failed(world: World) -> None:
    """With `failed` a due time counts as fired only where a run of it did not end badly."""
    key = world.write(cron="0 * * * *", overlap="allow")
    world.at(START).at(timedelta(hours=1)).at(timedelta(hours=1))
    world.end(1, RunState.FAILED)
    plan = schedules.plan_backfill(world.bench, key, "2026-05-04 11:00", "2026-05-04 12:00", failed=True)
    assert (plan.due, plan.fired) == ((utc(4, 11),), (utc(4, 12),))


def test_a_backfill_is_bounded_and_of_the_past(world: World) -> None:
    """Too many at once are refused with where a first piece would end; what is to come fires by itself."""
    key = world.write(cron="* * * * *")
    world.at(START)
    with pytest.raises(Refused, match="more than 1000 at once") as refused:
        schedules.plan_backfill(world.bench, key, "2026-05-03", "2026-05-03")
    assert "2026-05-03 16:39" in refused.value.hint
    with pytest.raises(Refused, match="still to come"):
        schedules.plan_backfill(world.bench, key, "2026-05-03", "2026-05-04")
    with pytest.raises(Refused, match="is before"):
        schedules.plan_backfill(world.bench, key, "2026-05-03", "2026-05-02")


def test_a_backfill_is_all_or_nothing(world: World) -> None:
    """Where one of its runs could not be queued, none is."""
    key = world.write(cron="0 6 * * *", parameters={"day": "${due}"})
    world.at(START)
    plan = schedules.plan_backfill(world.bench, key, "2026-05-01", "2026-05-03")
    (projects.get(world.bench, "p").path / NOTEBOOK).unlink()
    with pytest.raises(Exception, match=r"n\.ipynb"):
        schedules.backfill(world.bench, plan)
    assert runs.page(world.bench) == []
    assert schedules.ledger(world.bench, key) == []


def test_a_backfill_skips_and_replaces_nothing(world: World) -> None:
    """A due time that comes while a backfill is on its way fires and waits behind it; none of them is cancelled."""
    for overlap in ("skip", "replace"):
        key = world.write(overlap, cron="0 * * * *", overlap=overlap)
        world.at(timedelta(seconds=10))
        plan = schedules.plan_backfill(world.bench, key, "2026-05-03", "2026-05-03")
        made = schedules.backfill(world.bench, plan)
        world.at(timedelta(hours=1))
        assert world.ledger(key)[-1][1] is FIRED
        assert not any(runs.get(world.bench, number).cancel_asked for number in made)
