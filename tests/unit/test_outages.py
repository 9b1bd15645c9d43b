"""An engine that is away: since when is told, people are told once, and what is due waits no longer than it may."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import nbformat
import pytest
from letters import Letters, letters
from schedule_world import NOTEBOOK
from supervisor_parts import NOW, Parts
from waiting import until

from workbench.declare import writer
from workbench.engines.base import Facts
from workbench.errors import EngineDown
from workbench.model.environment import EngineName
from workbench.model.run import PENDING, RunState
from workbench.model.schedule import DueState
from workbench.services import projects, runs, schedules
from workbench.services.overview import overview
from workbench.store import environments as engine_rows
from workbench.store import run_pages
from workbench.store import runs as run_rows
from workbench.store.environments import EngineRow
from workbench.supervisor.engines import Engines
from workbench.supervisor.queue.ready import NotYet

__all__ = ["letters"]
S = RunState
DOWN = NotYet("docker is down since 2026-05-04 09:00: nobody answers", "Start it.", down=True)


def fire(parts: Parts, answer: NotYet = DOWN, **keys: object) -> int:
    """A run of a schedule that is due at eleven, while its engine is away."""
    folder = projects.get(parts.bench, "p").path
    (folder / "notebooks").mkdir(exist_ok=True)
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(nbformat.v4.new_notebook(metadata={"kernelspec": kernel}), folder / NOTEBOOK)
    (folder / "schedules").mkdir(exist_ok=True)
    spec = {"notebook": NOTEBOOK, "cron": "0 * * * *", "timezone": "UTC", **keys}
    (folder / "schedules" / "s.yaml").write_text(writer.dump(spec))
    parts.environments.answers = {**parts.environments.answers, "python": answer}
    parts.dispatch.schedules.look(woken=True)
    at(parts, NOW.replace(hour=11, second=1, minute=0))
    return runs.page(parts.bench)[0].id


def at(parts: Parts, moment: datetime) -> float | None:
    """Let the clock show that, and all look."""
    parts.bench.clock = lambda: moment
    parts.dispatch.schedules.look(woken=True)
    return parts.dispatch.look()


def test_what_is_due_waits_within_its_window(parts: Parts) -> None:
    """Due while its engine is away: it waits and says why, in the ledger too; once its `catch_up_window` is over it ends as
    timed out, and does not run when the engine is back."""
    run = fire(parts, catch_up_window="20m", overlap="queue")
    due = NOW.replace(hour=11, minute=0, second=0)
    (line,) = schedules.ledger(parts.bench, "p/s")
    assert (line.due, line.state, line.run_told, line.why) == (due, DueState.FIRED, f"run {run} waiting", DOWN.reason)
    newest = schedules.get(parts.bench, "p/s").last
    assert newest, "the page of the schedule says the same"
    assert newest.run_told == line.run_told
    assert at(parts, due + timedelta(minutes=19)) == pytest.approx(60)
    assert parts.state(run) is S.WAITING
    parts.environments.answers = {**parts.environments.answers, "python": parts.environments.answers["there"]}
    at(parts, due + timedelta(minutes=21))
    found = runs.get(parts.bench, run)
    assert (found.state, found.attempt) == (S.TIMED_OUT, 0)
    assert found.reason == f"{DOWN.reason}; its catch_up_window of 20m is over"
    assert "schedules now p/s --due" in found.hint
    (line,) = schedules.ledger(parts.bench, "p/s")
    assert (line.run_told, line.why) == (f"run {run} timed-out", found.reason)


def test_what_was_kept_by_others_waits_as_long_as_it_takes(parts: Parts) -> None:
    """A run that came to wait for its engine only after its window was over is not ended for that."""
    run = fire(parts, NotYet("building environment python"), catch_up_window="20m")
    due = NOW.replace(hour=11, minute=0, second=0)
    at(parts, due + timedelta(minutes=21))
    assert parts.state(run) is S.QUEUED
    for minutes in (22, 40):
        parts.environments.answers = {**parts.environments.answers, "python": DOWN}
        at(parts, due + timedelta(minutes=minutes))
        assert parts.state(run) is S.WAITING
    parts.environments.answers = {**parts.environments.answers, "python": parts.environments.answers["there"]}
    at(parts, due + timedelta(minutes=41))
    assert parts.state(run) is S.STARTING


def test_without_a_window_it_waits_for_its_engine(parts: Parts) -> None:
    """However long that takes; back within its window it is started, as is one that a person asked for whenever it comes."""
    run = fire(parts)
    mine = parts.queue(environment="python", schedule="p/s", due=NOW - timedelta(days=9))
    at(parts, NOW + timedelta(minutes=50))
    assert [parts.state(one) for one in (run, mine)] == [S.WAITING, S.QUEUED]
    assert [need.text for need in overview(parts.bench).needs] == [f"s waits: {DOWN.reason}"]
    parts.environments.answers = {**parts.environments.answers, "python": parts.environments.answers["there"]}
    at(parts, NOW + timedelta(minutes=55))
    assert parts.state(run) is S.STARTING


def test_since_when_an_engine_is_away(parts: Parts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first time that it did not answer, over a restart of the supervisor too, until it answers again."""
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")

    def told(engines: Engines) -> str:
        return engines.down(EngineName.DOCKER, "nobody answers")

    engines = Engines(parts.desk)
    assert told(engines) == "docker is down: nobody answers"
    engines.fell(EngineName.DOCKER, EngineDown("nobody answers"))
    first = f"docker is down since {NOW.astimezone(parts.bench.zone):%Y-%m-%d %H:%M}: nobody answers"
    assert told(engines) == first
    parts.bench.clock = lambda: NOW + timedelta(hours=5)
    engines._question(EngineName.DOCKER)
    assert told(engines) == first
    row = overview(parts.bench).engines[EngineName.DOCKER]
    assert row.problem
    assert row.since == NOW
    again = Engines(parts.desk)  # of the next supervisor
    parts.desk.stopping.set()
    again.begin()
    assert told(again) == first
    again._note(Facts(EngineName.DOCKER), NOW)
    again.fell(EngineName.DOCKER, EngineDown("nobody answers"))
    assert told(again) != first


def test_who_waits_for_an_engine_has_it_asked_soon(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the next question was half a minute off, and whatever others look meanwhile for whom nothing waits."""
    monkeypatch.setattr("workbench.supervisor.engines.IDLE", 600.0)
    monkeypatch.setattr("workbench.supervisor.engines.WAITING", 0.01)
    engines, asked = parts.dispatch.engines, []

    def question(name: EngineName) -> None:
        asked.append(name)
        engines._note(Facts(name, problem="nobody answers"), parts.desk.now())

    monkeypatch.setattr(engines, "_question", question)
    engines.begin()
    try:
        until(lambda: len(asked) == len(EngineName), "the first questions")
        run = parts.queue("down")
        parts.dispatch.look()
        with parts.bench.store.write() as connection:
            run_rows.ask_cancel(connection, run, at=NOW, actor=parts.bench.actor)
        parts.runs.look()
        parts.dispatch.look()
        assert not runs.page(parts.bench, run_pages.RunFilter(states=PENDING))
        until(lambda: len(asked) > 5 * len(EngineName), "it to be asked again and again")
    finally:
        parts.desk.stopping.set()
        engines._ask.set()


def test_an_absence_is_told_once(letters: Letters) -> None:
    """However many runs wait for the engine and become due meanwhile: one letter. The next time it is away is another."""
    now = letters.bench.now()

    def waits(name: str) -> None:
        """A run that was due twenty minutes ago."""
        past, actor = now - timedelta(minutes=20), letters.bench.actor
        with letters.bench.store.write() as connection:
            run = run_rows.insert(
                connection, project="p", notebook="n.ipynb", name=name, environment="python", parameters={}, cells=1,
                created=past, actor=actor, schedule=f"p/{name}", due=past,
            )  # fmt: skip
            run_rows.change(
                connection, run, S.QUEUED, S.WAITING, attempt=0, at=now, actor=actor, reason="docker is down"
            )

    def away(since: datetime) -> None:
        """The engine does not answer since then."""
        row = EngineRow(EngineName.DOCKER, "unix:///e", "", "", "", "nobody answers", "", now, since)
        with letters.bench.store.write() as connection:
            engine_rows.note_engine(connection, row, actor=letters.bench.actor)
        letters.notices._late = 0.0
        letters.send()

    waits("a")
    waits("b")
    away(now - timedelta(minutes=30))
    waits("c")
    away(now - timedelta(minutes=30))
    (mail,) = letters.box.mails
    since = (now - timedelta(minutes=30)).astimezone(letters.bench.zone)
    assert f"docker is down since {since:%Y-%m-%d %H:%M}: nobody answers; 2 runs wait" in mail["Subject"]
    assert "runs show 1" in mail.get_content()
    with letters.bench.store.write() as connection:
        for run in (1, 2, 3):
            run_rows.ask_cancel(connection, run, at=now, actor=letters.bench.actor)
            run_rows.change(connection, run, S.WAITING, S.CANCELLED, attempt=0, at=now, actor=letters.bench.actor)
    waits("d")
    away(now - timedelta(minutes=15))
    assert len(letters.box.mails) == 2
    assert "run 4 d waits for it since its time" in letters.box.mails[1].get_content()
