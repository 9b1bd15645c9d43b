"""The parts of a supervisor without its loop, over a real home and store: nothing is built, nothing is started."""

from __future__ import annotations

import os
import queue
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from workbench.model.environment import EngineName, Revision
from workbench.model.run import RunState
from workbench.services import environments, projects, runs
from workbench.services.bench import Bench, open_bench
from workbench.store import runs as rows
from workbench.store.events import Actor
from workbench.supervisor.builds import Builds
from workbench.supervisor.desk import Desk
from workbench.supervisor.due.clock import Clock
from workbench.supervisor.due.schedules import Schedules
from workbench.supervisor.engines import Engines
from workbench.supervisor.queue.dispatch import Dispatch
from workbench.supervisor.queue.ready import Environments, Never, NotYet, Readiness, Usable
from workbench.supervisor.queue.runs import Runs
from workbench.supervisor.sessions.sessions import Sessions
from workbench.supervisor.warmth import Warmth

NOW = datetime(2026, 5, 4, 10, 0, 30, tzinfo=UTC)


class Known(Environments):
    """Environments of which it is known how they are, so that nothing is built."""

    def __init__(self, desk: Desk, engines: Engines) -> None:
        super().__init__(desk, engines)
        self.answers: Mapping[str, Readiness | Exception] = {}

    def ready(self, name: str, asked: datetime, actor: Actor) -> Readiness:
        """What is known; a fault where that is one."""
        answer = self.answers[name]
        if isinstance(answer, Exception):
            raise answer
        return answer


@dataclass
class Parts:
    """The parts of a supervisor without a loop; runs are claimed and handed to nobody."""

    desk: Desk
    dispatch: Dispatch
    environments: Known
    runs: Runs
    builds: Builds
    sessions: Sessions

    @property
    def bench(self) -> Bench:
        """The home."""
        return self.desk.bench

    def queue(self, environment: str = "there", *, project: str = "p", notebook: str = "n.ipynb", **more: Any) -> int:
        """A queued run."""
        with self.bench.store.write() as connection:
            return rows.insert(
                connection, project=project, notebook=notebook, name="n", environment=environment, parameters={}, cells=1,
                created=NOW, actor=self.bench.actor, **more,
            )  # fmt: skip

    def reason(self, run: int) -> str:
        """Why it is in its state."""
        return runs.get(self.bench, run).reason

    def end(self, run: int) -> None:
        """Have a run that was started succeed, and give its place of the machine back."""
        self.let_go()
        with self.bench.store.write() as connection:
            assert rows.change(
                connection, run, RunState.STARTING, RunState.SUCCEEDED, attempt=1, at=NOW, actor=self.bench.actor
            )

    def let_go(self) -> None:
        """Give back all places of the machine that runs were to take with them."""
        while True:
            try:
                _, _, place = self.dispatch.launches._queue.get_nowait()
            except queue.Empty:
                return
            if place is not None:
                os.close(place)

    def state(self, run: int) -> RunState:
        """The state of a run."""
        return runs.get(self.bench, run).state


@contextmanager
def parts_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Parts]:
    """A home with project `p`, and the parts."""
    bench = open_bench(tmp_path / "home")
    bench.clock = lambda: NOW
    bench.home.settings_file.write_text("concurrency: 2\n")
    projects.create(bench, "p", environment="python")
    desk = Desk(bench, lambda: None, tmp_path / "wake")
    engines = Engines(desk)
    known = Known(desk, engines)
    revision = Revision(id="r1", engine=EngineName.PROCESS, reference="/nowhere")
    known.answers = {
        "there": Usable(environments.spec(bench, "python"), EngineName.PROCESS, revision),
        "building": NotYet("building environment building"),
        "down": NotYet("docker is down", down=True),
        "never": Never("it cannot be built"),
    }
    clock = Clock(lambda: None)
    dispatch = Dispatch(desk, engines, known, Schedules(desk, clock), Warmth(desk, engines, desk.budget))
    monkeypatch.setattr(dispatch.launches, "_launch", lambda: None)
    made = Parts(desk, dispatch, known, Runs(desk, dispatch), Builds(desk, engines), Sessions(desk, engines, known))
    yield made
    made.let_go()
    clock.close()
    bench.close()


@pytest.fixture
def parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Parts]:
    """A home with project `p`, and the parts of its supervisor."""
    with parts_in(tmp_path, monkeypatch) as made:
        yield made
