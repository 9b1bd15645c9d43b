"""A home with something in it: projects on the disk, rows in a real store, and what a runner leaves behind."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from workbench.model.build import BuildProgress, BuildState
from workbench.model.environment import EngineName, KernelSpec, Revision
from workbench.model.run import Failure, RunState
from workbench.model.schedule import DueState
from workbench.model.session import SessionState
from workbench.paths import open_home
from workbench.services.bench import Bench
from workbench.store import builds, environments, revisions, runs, schedules, sessions
from workbench.store.environments import EngineRow
from workbench.store.events import Actor

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
ANN = Actor("ann", "ann", "ui")
HOSTILE = "[/x] \x1b[31mred\x1b]52;c;AAAA\x07 \u202egnp.exe [b"


@dataclass
class Clock:
    """A clock that tests turn."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        """The time it shows."""
        return self.now


@dataclass
class Seed:
    """A bench with its clock; each method adds one thing and returns its id."""

    root: Path
    clock: Clock = field(default_factory=Clock)

    def __post_init__(self) -> None:
        self.bench = Bench(open_home(self.root), ANN, self.clock)

    def project(self, name: str, notebooks: Mapping[str, str] | None = None, declaration: str = "") -> Path:
        """A project folder with notebooks; each value is the source of its parameters cell."""
        folder = self.bench.home.projects / name
        (folder / "notebooks").mkdir(parents=True, exist_ok=True)
        (folder / "project.yaml").write_text(declaration or "environment: python\n")
        for notebook, source in (notebooks or {}).items():
            (folder / "notebooks" / notebook).write_text(notebook_text(source))
        return folder

    def run(self, state: RunState = RunState.SUCCEEDED, *, ago: float = 60, seconds: float = 12.0, **more: Any) -> int:
        """A run that was asked for `ago` seconds before now, brought to `state` on a way that is allowed."""
        created = self.clock.now - timedelta(seconds=ago)
        wanted: dict[str, Any] = {
            "project": "sales", "notebook": "notebooks/report.ipynb", "name": "report", "environment": "python",
            "parameters": {}, "cells": 23, "created": created, "actor": ANN,
        }  # fmt: skip
        facts = {key: more.pop(key) for key in ("failure", "reason", "hint", "cells_done", "output") if key in more}
        with self.bench.store.write() as connection:
            number = runs.insert(connection, **{**wanted, **more})
            if state is RunState.QUEUED:
                return number
            run = runs.get(connection, number)
            assert run
            if state in (RunState.WAITING, RunState.CANCELLED):
                runs.change(connection, number, run.state, state, attempt=0, at=created, actor=ANN, **facts)
                return number
            runs.begin_attempt(connection, run, token="t", revision="r1", engine="process", at=created, actor=ANN)
            done = facts.pop("cells_done", 23 if state is RunState.SUCCEEDED else 6)
            if state is RunState.STARTING:
                return number
            runs.change(connection, number, RunState.STARTING, RunState.RUNNING, attempt=1, at=created, actor=ANN)
            runs.note_progress(connection, number, 1, cells=23, done=done)
            if state is RunState.RUNNING:
                return number
            at = created + timedelta(seconds=seconds)
            runs.change(
                connection, number, RunState.RUNNING, state, attempt=1, at=at, actor=ANN, seconds=seconds, **facts
            )
            runs.end_attempt(connection, number, 1, state=state, at=at, seconds=seconds)
        return number

    def runs(self, count: int) -> None:
        """As many runs that succeeded, in one transaction."""
        with self.bench.store.write() as connection:
            for _ in range(count):
                number = runs.insert(
                    connection, project="sales", notebook="notebooks/report.ipynb", name="report", environment="python",
                    parameters={}, cells=23, created=self.clock.now, actor=ANN,
                )  # fmt: skip
                connection.execute("UPDATE runs SET state = ?, seconds = 12 WHERE id = ?", (RunState.SUCCEEDED, number))

    def failed_run(self, **more: Any) -> int:
        """A run that failed in a cell."""
        failure = Failure(
            error="KeyError",
            message="'region'",
            cell=7,
            source='totals = df.groupby("region").sum()\ntotals.plot()',
            traceback="Traceback (most recent call last)\nCell In[7], line 1\nKeyError: 'region'",
        )
        return self.run(RunState.FAILED, failure=failure, reason="KeyError: 'region' in cell 7", **more)

    def events(self, run: int, *lines: Mapping[str, Any]) -> None:
        """Append what a runner would."""
        folder = self.bench.home.attempt_folder(run, 1)
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "events.jsonl").open("a") as file:
            for line in lines:
                file.write(json.dumps({"t": NOW.isoformat(), **line}) + "\n")

    def log(self, run: int, text: str) -> Path:
        """Append to a run's log."""
        folder = self.bench.home.attempt_folder(run, 1)
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "log.txt").open("a") as file:
            file.write(text)
        return folder / "log.txt"

    def session(
        self, state: SessionState = SessionState.READY, *, name: str = "sales-jupyter", ago: float = 600, **more: Any
    ) -> int:
        """A session in `state`; a ready one has a token file and a port."""
        at = self.clock.now - timedelta(seconds=ago)
        facts = {"project": "sales", "ide": "jupyter", "environment": "python", "file": "", **more}
        way = {
            SessionState.QUEUED: [],
            SessionState.STARTING: [SessionState.STARTING],
            SessionState.READY: [SessionState.STARTING, SessionState.READY],
            SessionState.STOPPED: [SessionState.STOPPED],
            SessionState.FAILED: [SessionState.STARTING, SessionState.FAILED],
        }[state]
        with self.bench.store.write() as connection:
            number = sessions.insert(connection, name=name, at=at, actor=ANN, **facts)
            old = SessionState.QUEUED
            for new in way:
                reason = {"reason": "port 8888 is taken"} if new is SessionState.FAILED else {}
                sessions.change(connection, number, old, new, at=at, actor=ANN, port=40000 + number, **reason)
                old = new
        folder = self.bench.home.session_folder(number)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "token").write_text("s3cret-token-of-a-session")
        (folder / "session.log").write_text("[I ServerApp] Jupyter Server is running\n")
        return number

    def environment(
        self, name: str = "python", *, packages: tuple[str, ...] = ("pandas==2.3.0", "numpy==2.2.1")
    ) -> None:
        """A ready environment with its revision."""
        from workbench.services import environments as service

        spec = service.spec(self.bench, name)
        revision = Revision(
            id="4f1c9a0e", engine=EngineName.PROCESS, reference=f"/home/ann/.workbench/environments/{name}/4f1c9a0e",
            python_version="3.13.1", packages=packages, size=412_000_000, ides=("jupyter",),
            kernels=(KernelSpec("python3", "Python 3", "python", ("python",)),),
        )  # fmt: skip
        at = self.clock.now - timedelta(hours=3)
        with self.bench.store.write() as connection:
            environments.choose_engine(
                connection, name, EngineName.PROCESS, "no Docker Engine answers", at=at, actor=ANN
            )
            build = builds.request(connection, name, spec.fingerprint, at=at, actor=ANN)
            builds.change(connection, build, BuildState.QUEUED, BuildState.BUILDING, at=at, actor=ANN)
            builds.note_progress(connection, build, BuildProgress("check the kernel", 6, 6))
            ready = at + timedelta(seconds=41)
            builds.change(connection, build, BuildState.BUILDING, BuildState.READY, at=ready, actor=ANN)
            revisions.add(connection, name, spec.fingerprint, revision, build=build, at=at, actor=ANN)

    def building(self, name: str, progress: BuildProgress) -> int:
        """An open build with its newest moment."""
        from workbench.services import environments as service

        at = self.clock.now - timedelta(seconds=20)
        with self.bench.store.write() as connection:
            build = builds.request(
                connection, name, service.spec(self.bench, name).fingerprint, at=at, actor=ANN, force=True
            )
            builds.change(connection, build, BuildState.QUEUED, BuildState.BUILDING, at=at, actor=ANN)
            builds.note_progress(connection, build, progress)
        path = self.bench.home.build_log(build)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("Resolved 41 packages in 0.4s\nDownloading pandas (12.4MiB)\n")
        return build

    def schedule(self, project: str, name: str, text: str, due: DueState | None = None, run: int | None = None) -> str:
        """A schedule's file, and what became of its last time."""
        folder = self.bench.home.projects / project / "schedules"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.yaml").write_text(text)
        key = f"{project}/{name}"
        if due is not None:
            with self.bench.store.write() as connection:
                at = self.clock.now - timedelta(hours=3)
                schedules.notice(
                    connection, key=key, project=project, name=name, digest="", timing="", problem="", at=at, actor=ANN
                )
                reason = "the machine slept" if due is DueState.MISSED else ""
                schedules.add_due(connection, key, at, due, at=at, actor=ANN, run=run, reason=reason)
        return key

    def engine(
        self,
        name: EngineName = EngineName.DOCKER,
        *,
        problem: str = "",
        endpoint: str = "unix:///var/run/docker.sock",
        version: str = "27.3.1",
    ) -> None:
        """What the supervisor last saw of an engine."""
        seen = EngineRow(
            name,
            endpoint,
            "default",
            "" if problem else version,
            "x",
            problem,
            "Is it running?" if problem else "",
            self.clock.now,
        )
        with self.bench.store.write() as connection:
            environments.note_engine(connection, seen, actor=ANN)


def notebook_text(parameters: str = "") -> str:
    """A notebook of version 4.5 with a parameters cell."""
    cells: list[dict[str, Any]] = [{"cell_type": "markdown", "id": "a", "metadata": {}, "source": "# Report"}]
    if parameters:
        cells.append(
            {
                "cell_type": "code", "id": "b", "metadata": {"tags": ["parameters"]}, "source": parameters, "outputs": [],
                "execution_count": None,
            }
        )  # fmt: skip
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec": kernel}, "cells": cells})


def story(seed: Seed) -> Seed:
    """A home as somebody would have it on a Monday morning."""
    seed.project(
        "sales",
        {
            "report.ipynb": 'region: str = "EU"  # two letters\nyear = 2025\ngrowth: float = 0.05\nfull = False',
            "churn.ipynb": "months = 12",
        },
    )
    seed.project("weather", {"weekly.ipynb": 'station = "Potsdam"'})
    seed.project("pricing", {"elasticities.ipynb": ""})
    seed.engine(EngineName.PROCESS, endpoint="")
    seed.engine()
    seed.environment()
    for ago in (400_000, 300_000, 200_000, 90_000):
        seed.run(ago=ago, seconds=140, schedule="sales/nightly", name="nightly")
    seed.run(ago=86_000, seconds=31, project="weather", notebook="notebooks/weekly.ipynb", name="weekly")
    failed = seed.failed_run(ago=10_800, name="nightly", schedule="sales/nightly", notebook="notebooks/churn.ipynb")
    seed.run(ago=5400, seconds=33, project="weather", notebook="notebooks/weekly.ipynb", name="weekly")
    seed.run(RunState.RUNNING, ago=65, cells_done=9, parameters={"region": "EU", "year": 2026, "growth": 0.07})
    running = seed.run(
        RunState.RUNNING,
        ago=9,
        cells_done=2,
        project="pricing",
        notebook="notebooks/elasticities.ipynb",
        name="elasticities",
    )
    seed.run(RunState.QUEUED, ago=5, project="weather", notebook="notebooks/weekly.ipynb", name="weekly")
    seed.events(
        running,
        {"kind": "kernel", "kernel": "python3", "seconds": 0.21},
        {"kind": "cell", "cell": 1, "n": 1, "of": 23},
        {"kind": "output", "cell": 1, "stream": "stdout", "text": "reading prices.parquet\n1,204,331 rows\n"},
        {"kind": "done", "cell": 1, "n": 1, "of": 23, "seconds": 1.4, "status": "ok"},
    )
    seed.log(running, "reading prices.parquet\n1,204,331 rows\n")
    seed.session(ago=8000)
    seed.session(SessionState.STOPPED, name="weather-jupyter", project="weather", ago=90_000)
    nightly = (
        "notebook: notebooks/report.ipynb\ncron: 30 6 * * mon-fri\ntimezone: Europe/Berlin\nparameters: {region: EU}\n"
    )
    seed.schedule("sales", "nightly", nightly, DueState.FIRED, failed)
    weekly = "notebook: notebooks/weekly.ipynb\ncron: 0 7 * * mon\ntimezone: Europe/Berlin\n"
    seed.schedule("weather", "weekly", weekly, DueState.MISSED)
    return seed
