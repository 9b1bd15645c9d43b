"""Pages of a long history: what each shows, and that no question reads or sorts the whole table."""

from __future__ import annotations

import itertools
import re
import sqlite3
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from workbench.model.run import PENDING, UNSUCCESSFUL, RunState
from workbench.store import Store, durations, memory, retention, run_pages, runs, waiting
from workbench.store.events import Actor
from workbench.store.run_pages import RunFilter

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
WHO = Actor("ann", "ann", "cli")
STATES = (RunState.SUCCEEDED, RunState.FAILED, RunState.TIMED_OUT, RunState.QUEUED)
RUNS = 300


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A store with runs of three projects, five notebooks, two schedules and four states."""
    made = Store(tmp_path_factory.mktemp("pages") / "state.db")
    with made.write() as connection:
        for index in range(RUNS):
            project = f"p{index % 3}"
            notebook = f"n{index * 7 // 3 % 5}"
            number = runs.insert(
                connection, project=project, notebook=f"{notebook}.ipynb", name=notebook if index % 6 else "odd one",
                environment="python", parameters={}, cells=1, created=NOW + timedelta(minutes=index), actor=WHO,
                schedule=f"{project}/s{index % 2}" if index % 4 else None, priority=index % 5 - 2,
            )  # fmt: skip
            state = STATES[index * 5 // 7 % 4]
            connection.execute(
                "UPDATE runs SET state = ?, seconds = 1, peak_memory = ? WHERE id = ?", (state, index, number)
            )
            if index % 5 == 0:
                connection.execute("UPDATE runs SET group_id = ? WHERE id = ?", (1 + index % 2, number))
    yield made
    made.close()


def every_filter() -> list[RunFilter]:
    """All that a list can be narrowed by, alone and together."""
    choices = itertools.product(
        ("", "p1"), (frozenset[RunState](), frozenset({RunState.FAILED}), UNSUCCESSFUL), ("", "p1/s1"), ("", "n2.ipynb"),
        ("", "n2", "odd"), (0, 1), (None, NOW + timedelta(minutes=200)),
    )  # fmt: skip
    return [RunFilter(*choice) for choice in choices]


def expected(known: list[sqlite3.Row], only: RunFilter) -> list[int]:
    """The same by looking at each row."""

    def fits(row: sqlite3.Row) -> bool:
        words = (row["notebook"], row["name"], row["project"])
        return (
            only.project in ("", row["project"])
            and (not only.states or row["state"] in only.states)
            and only.schedule in ("", row["schedule"])
            and only.notebook in ("", row["notebook"])
            and any(only.text in word for word in words)
            and only.group_id in (0, row["group_id"])
            and (only.since is None or row["created"] >= (runs.stamp(only.since) or ""))
        )

    return [row["id"] for row in reversed(known) if fits(row)]


@pytest.mark.parametrize("near", [run_pages.NEAR, 5])
def test_a_page_shows_what_was_asked_for(store: Store, monkeypatch: pytest.MonkeyPatch, near: int) -> None:
    """However it is found, and from whatever id on; `near`: also where the words are not among the newest runs."""
    monkeypatch.setattr(run_pages, "NEAR", near)
    with store.read() as connection:
        known = connection.execute("SELECT * FROM runs ORDER BY id LIMIT 1000").fetchall()
        for only in every_filter():
            wanted = expected(known, only)
            found = [run.id for run in run_pages.page(connection, only, limit=7)]
            assert found == wanted[:7], only
            below = [run.id for run in run_pages.page(connection, only, before=150, limit=7)]
            assert below == [one for one in wanted if one < 150][:7], only


def test_many_different_names_are_looked_through(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there are too many names to ask them all, words are found all the same."""
    monkeypatch.setattr(run_pages, "NEAR", 5)
    monkeypatch.setattr(run_pages, "DIFFERENT", 2)
    with store.read() as connection:
        known = connection.execute("SELECT * FROM runs ORDER BY id LIMIT 1000").fetchall()
        for text in ("odd", "n2", "nowhere"):
            only = RunFilter(text=text)
            assert [run.id for run in run_pages.page(connection, only, limit=400)] == expected(known, only)


def statements(store: Store, act: Callable[[sqlite3.Connection], object]) -> list[str]:
    """What `act` asks of the database."""
    told: list[str] = []
    with store.read() as connection:
        connection.set_trace_callback(told.append)
        try:
            act(connection)
        finally:
            connection.set_trace_callback(None)
    return [text for text in told if " runs" in text]


def plans(store: Store, act: Callable[[sqlite3.Connection], object]) -> list[tuple[str, str]]:
    """How each of these is answered: the statement, and a line of its plan."""
    asked = statements(store, act)
    assert asked
    with store.read() as connection:
        return [
            (text, row["detail"])
            for text in asked
            for row in connection.execute(f"EXPLAIN QUERY PLAN {text}").fetchall()
        ]


def is_flat(text: str, line: str) -> bool:
    """Whether a line of a plan takes no longer the more runs there are: a place in an index, or its first rows."""
    if line.startswith("SCAN runs"):
        first = "USING COVERING INDEX" in line and re.search(r"ORDER BY \w+ LIMIT 1$", text)
        return (
            bool(first) or re.search("USING INDEX runs_(pending|begin_by)", line) is not None
        )  # these hold what waits
    return "USE TEMP B-TREE" not in line or "GROUP BY" in text


def test_no_page_reads_or_sorts_the_table(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """By project, state, notebook, schedule, group, time and words, the first page and the next: indexes alone."""
    monkeypatch.setattr(run_pages, "NEAR", 5)
    for only in every_filter():
        for text, line in plans(store, partial(run_pages.page, only=only, before=150)):
            assert is_flat(text, line), f"{only}\n{text}\n{line}"


@pytest.mark.parametrize(
    "act",
    [
        runs.counts,
        lambda one: waiting.pending(one, 200),
        lambda one: waiting.pending(one, 200, after=(0, 20)),
        lambda one: waiting.overdue(one, NOW),
        lambda one: waiting.oldest(one, 20),
        lambda one: runs.usual_seconds(one, "p1", "n2.ipynb"),
        lambda one: memory.used_before(one, "p1", "n2.ipynb"),
        lambda one: durations.of_schedule(one, "p1/s1"),
        lambda one: durations.of_notebook(one, "p1", "n2.ipynb"),
        run_pages.projects,
        retention.projects,
    ],
)
def test_no_other_question_does(store: Store, act: Callable[[sqlite3.Connection], object]) -> None:
    """What the supervisor and the header ask at each look, and forecasts."""
    for text, line in plans(store, act):
        assert is_flat(text, line), f"{text}\n{line}"


def test_what_waits_starts_by_priority_then_age(store: Store) -> None:
    """A run that is more urgent comes first, of two alike the older; the next stretch goes on behind the last."""
    with store.read() as connection:
        every = waiting.pending(connection)
        first = waiting.pending(connection, 10)
        rest = waiting.pending(connection, after=(first[-1].priority, first[-1].id))
        oldest = waiting.oldest(connection, 10)
    assert set(re.findall(r"[\w-]+", waiting._PENDING)) == PENDING, "the indexes of what waits hold all of it"
    assert [run.id for run in every] == [run.id for run in sorted(every, key=lambda run: (-run.priority, run.id))]
    assert [run.id for run in first + rest] == [run.id for run in every]
    assert [run.id for run in oldest] == sorted(run.id for run in every)[:10]
