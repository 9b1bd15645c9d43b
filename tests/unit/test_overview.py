"""What needs a person: failures that stand, once each, and nothing that was answered."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from workbench.model.run import RunState
from workbench.services import projects, schedules
from workbench.services.bench import Bench, open_bench
from workbench.services.overview import overview
from workbench.services.supervision import control
from workbench.store import runs as rows
from workbench.supervisor.desk import Desk
from workbench.supervisor.due.clock import Clock
from workbench.supervisor.due.schedules import Schedules


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """An empty home."""
    opened = open_bench(tmp_path / "home")
    yield opened
    opened.close()


def ended(bench: Bench, notebook: str, state: RunState) -> int:
    """A run of `notebook` that ended in `state`."""
    now, actor = bench.now(), bench.actor
    with bench.store.write() as connection:
        number = rows.insert(
            connection, project="churn", notebook=notebook, name=notebook, environment="python", parameters={},
            cells=1, created=now, actor=actor,
        )  # fmt: skip
        run = rows.get(connection, number)
        assert run is not None
        assert rows.begin_attempt(connection, run, token="t", revision="r", engine="process", at=now, actor=actor)
        assert rows.change(
            connection, number, RunState.STARTING, state, attempt=1, at=now, actor=actor, reason="cell 3: KeyError"
        )
    return number


def test_a_notebook_that_fails_again_and_again_is_one_line(bench: Bench) -> None:
    """The newest failure stands for all, with their number."""
    ended(bench, "a.ipynb", RunState.FAILED)
    newest = ended(bench, "a.ipynb", RunState.CRASHED)
    (need,) = overview(bench).needs
    assert (need.key, need.command) == (str(newest), f"runs show {newest}")
    assert need.text == "churn/a.ipynb crashed (2 times): cell 3: KeyError"


def test_a_later_success_answers_a_failure(bench: Bench) -> None:
    """What ran well since needs nobody; another notebook's failure still does."""
    ended(bench, "a.ipynb", RunState.FAILED)
    ended(bench, "b.ipynb", RunState.FAILED)
    ended(bench, "a.ipynb", RunState.SUCCEEDED)
    assert [need.text.split()[0] for need in overview(bench).needs] == ["churn/b.ipynb"]


def test_another_combination_of_a_sweep_answers_no_failure(bench: Bench) -> None:
    """That the next value ran well does not mend the one that failed; the next sweep of it does."""
    numbers = [ended(bench, "a.ipynb", state) for state in (RunState.FAILED, RunState.SUCCEEDED)]
    with bench.store.write() as connection:
        connection.execute("UPDATE runs SET group_id = 1 WHERE id <= ?", (numbers[-1],))
    assert [need.key for need in overview(bench).needs] == [str(numbers[0])]
    ended(bench, "a.ipynb", RunState.SUCCEEDED)
    assert overview(bench).needs == ()


def test_a_cancelled_run_needs_nobody(bench: Bench) -> None:
    """Somebody wanted that."""
    ended(bench, "a.ipynb", RunState.CANCELLED)
    assert overview(bench).needs == ()


def test_a_project_that_went_by_itself_is_told(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder taken away with its schedules (a mistaken `mv`, a mount that is away) is said until it is back; one
    that was removed here is not."""
    monkeypatch.setattr(control, "ensure", lambda _: None)
    for name in ("lost", "left"):
        projects.create(bench, name)
        schedules.add(bench, name, "nightly", notebook="notebooks/start.ipynb", cron="0 6 * * *", timezone="UTC")
    part = Schedules(Desk(bench, lambda: None, bench.home.wake_socket), Clock(lambda: None))
    schedules.add(bench, "lost", "old", notebook="notebooks/start.ipynb", cron="0 6 * * *", timezone="UTC")
    part.look(True)
    (bench.home.projects / "lost" / "schedules" / "old.yaml").unlink()
    part.look(True)
    later = bench.now() + timedelta(hours=1)
    bench.clock = lambda: later
    assert overview(bench).needs == ()
    projects.remove(bench, "left", delete_files=True)
    (bench.home.projects / "lost").rename(bench.home.root / "elsewhere")
    part.look(True)
    (need,) = overview(bench).needs
    assert (need.kind, need.key, need.command) == ("project", "lost", "projects")
    assert (
        need.text
        == f"project lost is gone since {later.astimezone(bench.zone):%a %H:%M}, not by workbench: 1 schedule of it off"
    )
    assert "1 schedule of it off" in need.text
    (bench.home.root / "elsewhere").rename(bench.home.projects / "lost")
    part.look(True)
    assert overview(bench).needs == ()
    part.clock.close()
