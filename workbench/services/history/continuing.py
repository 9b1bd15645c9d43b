"""Going on with a failed run: its kernel is kept, the cell is corrected, and a new run goes on from it in the same state."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from workbench.errors import Conflict, Refused
from workbench.model.run import ENDED, Run
from workbench.services import projects, runs
from workbench.services.asking import frozen, requests
from workbench.services.bench import Bench
from workbench.services.supervision import control
from workbench.store import attachments
from workbench.store import kept as rows
from workbench.store import runs as run_rows

if TYPE_CHECKING:
    from workbench.notebooks.document import Document

KEY = "continues"  # of a run's record
RUNTIME = ("host", "lock", "image", "inputs", "git_patch", "git_patch_cut", KEY)  # facts of the run before alone


@dataclass(frozen=True)
class Next:
    """What a kept kernel would run next: the cell's number from 1 of all, and its text."""

    run: Run
    cell: int
    source: str


def kept(bench: Bench, run_id: int) -> Run:
    """A failed run whose kernel is kept. Raises `Conflict` where it is not, with what can be done instead."""
    run = runs.get(bench, run_id)
    if run.kept_until:
        return run
    with bench.store.read() as connection:
        after = rows.newest_following(connection, run_id)
    if after:
        raise Conflict(f"run {after.id} went on from run {run_id}", hint=f"How that is: workbench runs show {after.id}")
    again = f"Run all of it: workbench runs again {run_id}"
    if run.state not in ENDED:
        raise Conflict(f"run {run_id} is {run.state}", hint="Only a run that failed can be gone on with.")
    if run.ended_well:
        raise Conflict(f"run {run_id} succeeded: there is nothing to go on with", hint=again)
    if run.kept_cell is not None:
        raise Conflict(
            f"the kernel of run {run_id} is not kept any more, and with it went the state of its cells", hint=again
        )
    how = "`--keep 30m` of `workbench run` keeps a kernel, or `keep_kernel:` of a schedule or project."
    message = f"the kernel of run {run_id} was not kept, and with it went the state of its cells"
    raise Conflict(message, hint=f"{how} {again}")


def coming(bench: Bench, run_id: int) -> Next:
    """What would be run next. Raises as `kept` does."""
    from workbench.notebooks import correction

    run = kept(bench, run_id)
    cell = run.kept_cell or 1
    return Next(run, cell, correction.source_of(left(bench, run).data, cell))


def go_on(
    bench: Bench,
    run_id: int,
    sources: Mapping[int, str] | None = None,
    *,
    notebook: str = "",
    timeout: float | None = None,
) -> int:
    """Queue a run that goes on in the kernel of a failed one, from the cell that failed: as the project's notebook is now, or
    another file of the project, or with `sources` in place of single cells. Its id. Raises `Conflict` and `Refused`, and
    queues nothing then.

    The notebook is only read. `timeout`, in seconds, is as the failed run's was where it is not given.
    """
    from workbench.notebooks import correction

    run = kept(bench, run_id)
    ran, cell = left(bench, run).data, run.kept_cell or 1
    sha256 = None
    if sources is None:
        now = _now(bench, run, notebook or run.notebook)
        sha256 = None if notebook else now.sha256
        try:
            corrected, changes = correction.by_notebook(ran, cell, now.data)
        except Refused as error:
            hint = f"{error.hint} workbench runs again {run_id}"
            raise Refused(error.message, title=f"{run.project}/{notebook or run.notebook}", hint=hint) from error
    else:
        corrected, changes = correction.by_sources(ran, cell, sources)
    at = bench.now()
    with bench.store.read() as connection:
        attached = [
            {"by": one.by, "way": one.way, "at": one.at.isoformat(timespec="seconds")}
            for one in attachments.of_run(connection, run.id)
        ]
    facts: dict[str, Any] = {
        "run": run.id, "attempt": run.attempt, "cell": cell, "changes": [one.facts for one in changes],
        "by": bench.actor.by, "at": at.isoformat(timespec="seconds"),
    } | ({"attached": attached} if attached else {})  # fmt: skip
    correction.note(corrected, facts)
    content = json.dumps(corrected, ensure_ascii=False).encode("utf-8", "replace")
    record = {name: value for name, value in runs.noted(bench, run.id).items() if name not in RUNTIME}
    record |= {KEY: facts} | ({"notebook_sha256": sha256} if sha256 else {})
    with bench.store.write() as connection:
        if rows.waits(connection, run.id):
            raise Conflict(f"another run waits to go on from run {run.id}")
        number = run_rows.insert(
            connection, project=run.project, notebook=run.notebook, name=run.name, environment=run.environment,
            parameters=run.parameters, cells=run.cells, created=at, actor=bench.actor,
            timeout=run.timeout if timeout is None else timeout, priority=run.priority,
            terms=run.terms, record=record, continues=run.id, kernel=run.kernels[-1],
        )  # fmt: skip
        frozen.freeze(bench, number, content)
    control.tell(bench)
    return number


def extend(bench: Bench, run_id: int, seconds: float) -> Run:
    """Have the kernel of a failed run kept for so long from now. Raises `Conflict` where none is kept, or it is on its way out."""
    run = kept(bench, run_id)
    with bench.store.write() as connection:
        until = bench.now() + timedelta(seconds=seconds)
        if not rows.extend(connection, run.id, until, at=bench.now(), actor=bench.actor):
            raise Conflict(f"the kernel of run {run.id} is being given back")
    control.tell(bench)
    return runs.get(bench, run.id)


def release(bench: Bench, run_id: int) -> None:
    """Have the kernel of a failed run given back now. Raises `Conflict` where none is kept."""
    run = kept(bench, run_id)
    with bench.store.write() as connection:
        rows.ask_release(connection, at=bench.now(), actor=bench.actor, run=run.id)
    control.tell(bench)


def all_kept(bench: Bench) -> list[Run]:
    """Runs whose kernel is kept, the one that failed first before others."""
    with bench.store.read() as connection:
        return rows.listing(connection)


def followed_by(bench: Bench, run_id: int) -> Run | None:
    """The newest run that went on from a run, or waits to."""
    with bench.store.read() as connection:
        return rows.newest_following(connection, run_id)


def words(bench: Bench, run: Run) -> str:
    """`kept until 10:32, 24m left (412 MB)`; empty where no kernel is kept."""
    from workbench.text import duration, memory

    if not run.kept_until:
        return ""
    local, today = run.kept_until.astimezone(bench.zone), bench.now().astimezone(bench.zone)
    when = f"{local:%H:%M}" if local.date() == today.date() else f"{local:%a %H:%M}"
    seconds = (local - today).total_seconds()
    left = f", {duration(seconds if seconds < 90 else 60 * round(seconds / 60))} left" if seconds > 0 else ""
    return f"kept until {when}{left}{f' ({memory(run.kept_memory)})' if run.kept_memory else ''}"


def facts(bench: Bench, run: Run) -> dict[str, Any]:
    """What its runner says of a kernel that it keeps: `connection`, the private file by which clients connect, and where
    there are such, `python` of its environment and `shell`, argv of one in its container. Raises `Conflict`."""
    path = bench.home.attempt_folder(run.id, run.attempt) / "kept.json"
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise Conflict(f"the kernel of run {run.id} is on its way out") from error
    return found


def told(record: Mapping[str, Any]) -> str:
    """`run 12 from cell 5, cell 5 changed`, by the record of a run; empty where it goes on from none."""
    facts = record.get(KEY)
    if not isinstance(facts, dict):
        return ""
    changed = ", ".join(str(one.get("cell")) for one in facts.get("changes", ()) if isinstance(one, dict))
    been = [str(one.get("way")) for one in facts.get("attached", ()) if isinstance(one, dict)]
    said = f"cell {changed} changed" if changed else "nothing changed"
    by_hand = f", after work by hand in it ({', '.join(dict.fromkeys(been))})" if been else ""
    return f"run {facts.get('run')} from cell {facts.get('cell')}, {said}{by_hand}"


def went_on(bench: Bench, run: Run) -> str:
    """Which run it goes on from, and which goes on from it; empty for neither."""
    after = followed_by(bench, run.id)
    before = told(runs.noted(bench, run.id)) if run.continues else ""
    return "\n".join(
        filter(None, (f"from {before}" if before else "", f"in run {after.id}, {after.state}" if after else ""))
    )


def left(bench: Bench, run: Run) -> Document:
    """What the failed run left, as it is kept privately."""
    from workbench.notebooks import document

    path = bench.home.attempt_folder(run.id, run.attempt) / "output.ipynb"
    return document.read(path, title=f"output of run {run.id}")


def _now(bench: Bench, run: Run, notebook: str) -> Document:
    """A notebook of the project as it is now."""
    from workbench.notebooks import document

    project = projects.get(bench, run.project)
    path = requests.notebook_path(bench, project, notebook)
    return document.read(path, title=f"{project.name}/{notebook}", root=project.path)
