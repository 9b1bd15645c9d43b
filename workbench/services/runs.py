"""Runs: ask for one, cancel it, follow it, find what it left."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from workbench.errors import Conflict, NotFound
from workbench.model.environment import EngineName
from workbench.model.run import ENDED, Attempt, Request, Run
from workbench.services import environments
from workbench.services.asking import checking, frozen, queueing
from workbench.services.bench import Bench
from workbench.services.code import seen
from workbench.services.supervision import control
from workbench.store import run_pages
from workbench.store import runs as rows
from workbench.store.run_pages import RunFilter

__all__ = ["RunFilter"]


@dataclass(frozen=True)
class Mark:
    """How far a run's events were read: the attempt and the byte offset in its file."""

    attempt: int = 0
    offset: int = 0


@dataclass(frozen=True)
class Artifacts:
    """What a run left. Paths are None where there is nothing (yet); `folder` is the published one."""

    folder: Path | None
    notebook: Path | None
    log: Path | None
    record: Path | None
    frozen: Path | None


def submit(bench: Bench, request: Request) -> int:
    """Queue a run and return its id at once. Raises `Refused` or `NotFound` and queues nothing when it cannot be."""
    checked = checking.check(bench, request)
    with bench.store.write() as connection:
        run = queueing.insert(bench, connection, checked, bench.actor)
        environments.carry_engine(bench, connection, checked.environment)
    control.tell(bench)
    return run


def again(
    bench: Bench, run_id: int, parameters: Mapping[str, Any] | None = None, *, allow_unknown: bool = False
) -> int:
    """Run the same notebook once more, as it is now, with the same or other parameters. The new run's id.

    Names that the old run had need not be the notebook's; others must, unless `allow_unknown`. References are written out
    in `parameters`, not in those of the old run.
    """
    return submit(bench, request_of(bench, get(bench, run_id), parameters, allow_unknown=allow_unknown))


def request_of(
    bench: Bench, run: Run, parameters: Mapping[str, Any] | None = None, *, allow_unknown: bool = False
) -> Request:
    """What asks for the same as a run that there was, with its parameters or others."""
    record = noted(bench, run.id)
    return Request(
        project=run.project,
        notebook=run.notebook,
        parameters=run.parameters if parameters is None else parameters,
        environment=run.environment,
        name=run.name,
        timeout=run.timeout,
        retries=run.retries,
        priority=run.priority,
        terms=run.terms,
        allow_unknown_parameters=allow_unknown or frozenset(run.parameters),
        at=None if parameters is None else bench.now().astimezone(bench.zone),
        references=record.get("references", {}),
        code=seen.again(record),
        inputs=tuple(record.get("inputs_declared", ())),
        tags=tuple(record.get("tags", ())),
    )


def cancel(bench: Bench, run_id: int) -> bool:
    """Ask for a run's end; False where it has ended or was asked before. It ends as `cancelled` a moment later."""
    get(bench, run_id)
    return bool(cancel_all(bench, [run_id]))


def cancel_all(bench: Bench, ids: Sequence[int]) -> list[int]:
    """The same for several at once; those that had not ended and were not asked before."""
    with bench.store.write() as connection:
        asked = [run for run in ids if rows.ask_cancel(connection, run, at=bench.now(), actor=bench.actor)]
    control.tell(bench)
    return asked


def get(bench: Bench, run_id: int) -> Run:
    """One run. Raises `NotFound`."""
    with bench.store.read() as connection:
        run = rows.get(connection, run_id)
    if run is None:
        raise NotFound("run", str(run_id), hint="See what there is: workbench runs")
    return run


def noted(bench: Bench, run_id: int) -> dict[str, Any]:
    """What was noted for its record when it was asked for."""
    with bench.store.read() as connection:
        return rows.record(connection, run_id)


def last(bench: Bench) -> Run:
    """The newest run, which `@last` names. Raises `NotFound`."""
    newest = page(bench, RunFilter(), limit=1)
    if not newest:
        raise NotFound("run", "@last", hint="Nothing was run in this home yet.")
    return newest[0]


def page(bench: Bench, only: RunFilter | None = None, *, before: int | None = None, limit: int = 200) -> list[Run]:
    """Runs, newest first; the next page begins `before` the last id of this one."""
    with bench.store.read() as connection:
        return run_pages.page(connection, only or RunFilter(), before=before, limit=limit)


def attempts(bench: Bench, run_id: int) -> list[Attempt]:
    """All tries of a run."""
    with bench.store.read() as connection:
        return rows.attempts(connection, run_id)


def usual_seconds(bench: Bench, run: Run) -> float | None:
    """How long this notebook usually takes: median of its last successes; None before the first."""
    with bench.store.read() as connection:
        return rows.usual_seconds(connection, run.project, run.notebook)


def tail(
    bench: Bench, run_id: int, mark: Mark | None = None, *, limit: int = 4_000_000
) -> tuple[list[dict[str, Any]], Mark]:
    """Events (`model.event.Progress`) after `mark`, and the next mark; a new attempt starts anew. `limit` in bytes."""
    run = get(bench, run_id)
    mark = mark if mark and mark.attempt == run.attempt else Mark(run.attempt, 0)
    path = bench.home.attempt_folder(run.id, run.attempt) / "events.jsonl"
    try:
        with path.open("rb") as file:
            file.seek(mark.offset)
            block = file.read(limit)
    except FileNotFoundError:
        return [], mark
    whole = block[: block.rfind(b"\n") + 1]
    events = [event for line in whole.splitlines() if (event := _event(line))]
    return events, replace(mark, offset=mark.offset + len(whole))


def artifacts(bench: Bench, run_id: int) -> Artifacts:
    """Where a run's output, log and record are: published, or still in its private state."""
    run = get(bench, run_id)
    attempt = bench.home.attempt_folder(run.id, max(run.attempt, 1))
    published = Path(run.output) if run.output else None
    folder = published if published and published.is_dir() else None
    if folder and run.engine == EngineName.DOCKER and folder.resolve() != folder:
        folder = None  # code in a container has put a link there

    def found(*candidates: Path | None) -> Path | None:
        return next((path for path in candidates if path and path.is_file() and not path.is_symlink()), None)

    return Artifacts(
        folder=folder,
        notebook=found(folder and folder / "output.ipynb", attempt / "output.ipynb"),
        log=found(folder and folder / "log.txt", attempt / "log.txt"),
        record=found(folder and folder / "record.json"),
        frozen=found(bench.home.run_folder(run.id) / frozen.FILE),
    )


def remove(bench: Bench, run_id: int, *, outputs: bool = False) -> None:
    """Forget an ended run and its private state; with `outputs` what it published too. Raises `Conflict` if it lives."""
    run = get(bench, run_id)
    if run.state not in ENDED:
        raise Conflict(f"run {run_id} is {run.state}", hint=f"Cancel it first: workbench runs cancel {run_id}")
    left = artifacts(bench, run_id)
    with bench.store.write() as connection:
        rows.delete(connection, run_id, at=bench.now(), actor=bench.actor)
    shutil.rmtree(bench.home.run_folder(run_id), ignore_errors=True)
    if outputs and left.folder:
        shutil.rmtree(left.folder, ignore_errors=True)


def _event(line: bytes) -> dict[str, Any] | None:
    """A line of a run's events; None for what a full disk left of one."""
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) and "kind" in found else None
