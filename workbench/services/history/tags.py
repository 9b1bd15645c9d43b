"""Tags of runs: words to find them by; a tagged run is kept whatever the retention says."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from workbench.errors import Refused
from workbench.model.names import SLUG_RULE, is_slug
from workbench.model.run import MOST_TAGS, Run
from workbench.services import runs
from workbench.services.bench import Bench
from workbench.services.runs import RunFilter
from workbench.store import tags as rows


def change(bench: Bench, run_ids: Sequence[int], add: Iterable[str] = (), remove: Iterable[str] = ()) -> None:
    """Put tags on runs and take others off. Raises `Refused` for what is no tag, `NotFound` for what is no run."""
    wanted = tuple(add)
    for tag in wanted:
        if not is_slug(tag):
            raise Refused(f"{tag!r} is no tag", hint=SLUG_RULE)
    for run in run_ids:
        runs.get(bench, run)
    with bench.store.write() as connection:
        for run in run_ids:
            for tag in remove:
                rows.remove(connection, run, tag, at=bench.now(), actor=bench.actor)
            had = rows.of_runs(connection, [run]).get(run, [])
            if len({*had, *wanted}) > MOST_TAGS:
                raise Refused(f"run {run} would have more than {MOST_TAGS} tags")
            for tag in wanted:
                rows.add(connection, run, tag, at=bench.now(), actor=bench.actor)


def of(bench: Bench, run_ids: Iterable[int]) -> dict[int, list[str]]:
    """By run, the tags of those that have any."""
    with bench.store.read() as connection:
        return rows.of_runs(connection, run_ids)


def page(bench: Bench, tag: str, only: RunFilter, *, before: int | None = None, limit: int = 200) -> list[Run]:
    """Runs that have a tag, newest first, as `runs.page` narrows them."""
    with bench.store.read() as connection:
        found = rows.tagged(connection, tag, before=before)
    return [run for run in found if _fits(run, only)][:limit]


def _fits(run: Run, only: RunFilter) -> bool:
    held = {"project": only.project, "schedule": only.schedule, "notebook": only.notebook, "group": only.group_id}
    return (
        all(getattr(run, name) == value for name, value in held.items() if value)
        and (not only.states or run.state in only.states)
        and (only.since is None or run.created >= only.since)
    )
