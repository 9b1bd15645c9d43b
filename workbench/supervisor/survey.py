"""A look at everything that a home has on disks, with why each thing has to stay, or that it may go."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from workbench.errors import WorkbenchError
from workbench.model.build import BuildState
from workbench.model.disk import Entry, Policy, Report
from workbench.model.environment import EngineName, EnvironmentSpec
from workbench.model.run import ENDED as RUN_ENDED
from workbench.model.run import RunState
from workbench.model.session import Desired, SessionState
from workbench.model.stock import Holding, Stock
from workbench.services import projects
from workbench.store import builds as build_rows
from workbench.store import disk as rows
from workbench.store import environments as environment_rows
from workbench.store import kept as kept_rows
from workbench.store import runs as run_rows
from workbench.store import sessions as session_rows
from workbench.supervisor import trees
from workbench.supervisor.desk import Desk
from workbench.supervisor.engines import Engines
from workbench.supervisor.usage import taken_by
from workbench.text import duration, one_line

OPEN_RUNS = frozenset(RunState) - RUN_ENDED


@dataclass(frozen=True)
class Survey:
    """What was found: the report, the engines' stocks and holdings behind it, and what is written down of revisions."""

    report: Report
    stocks: tuple[Stock, ...]
    holdings: dict[str, Holding]
    kept: tuple[rows.Kept, ...]

    def written(self, holding: Holding) -> list[rows.Kept]:
        """Rows of a holding: by the image's or the venv's own name, for one revision may have been made twice."""
        return [
            kept
            for kept in self.kept
            if kept.revision.engine is holding.engine
            and kept.revision.id == holding.revision
            and (kept.revision.digest or holding.id) == holding.id
        ]

    def freed(self, going: Iterable[Entry]) -> int:
        """Bytes that are free once all of `going` are gone."""
        entries = list(going)
        held = [self.holdings[entry.id] for entry in entries if entry.id in self.holdings]
        plain = sum(entry.own for entry in entries if entry.id not in self.holdings)
        # What another home names goes only where that was asked for, and then it does go.
        held = [replace(holding, shared="") for holding in held]
        return plain + sum(stock.freed(one for one in held if one.engine is stock.engine) for stock in self.stocks)


def survey(desk: Desk, engines: Engines, policy: Policy) -> Survey:
    """Everything, by `policy`. An engine that does not answer is told in the report's problems."""
    with desk.read() as connection:
        kept = tuple(rows.revisions(connection))
        chosen = environment_rows.all_chosen(connection)
        building = build_rows.in_states(connection, {BuildState.BUILDING})
        runs = run_rows.in_states(connection, OPEN_RUNS)
        kept_kernels = kept_rows.listing(connection)
        sessions = session_rows.in_states(connection, frozenset(SessionState))
    users = {run.revision: f"run {run.id}" for run in (*runs, *kept_kernels) if run.revision}
    up = [session for session in sessions if session.desired is Desired.UP]
    users |= {session.revision: f"session {session.name}" for session in up if session.revision}
    stocks, problems = [], []
    for name in EngineName:
        known = [one.revision for one in kept if one.revision.engine is name]
        wanted = known or any(one.engine is name for one in chosen.values())
        try:
            if problem := engines.problem(name)[0]:
                raise WorkbenchError(problem)
            stocks.append(engines.get(name).stock(known))
        except WorkbenchError as error:
            if wanted:
                problems.append(f"{name} is left out: {one_line(error.message, 200)}")
    found = Survey(Report(), tuple(stocks), {one.id: one for stock in stocks for one in stock.holdings}, kept)
    busy = {one.environment for one in building}
    now = desk.now().timestamp()
    entries = [
        entry
        for stock in stocks
        for holding in stock.holdings
        if (entry := _entry(found, stock, holding, policy, users, busy, now)) is not None
    ]
    whole = not policy.environment and not policy.only
    if whole:
        entries += _broken(desk, found, stocks, busy)
        entries += trees.entries(desk)
        entries += _homes(desk, {session.project for session in up} | {run.project for run in runs})
    entries.sort(key=lambda entry: (entry.kind != "revision", entry.environment, -entry.created))
    report = Report(
        entries=tuple(entries),
        freed=found.freed(entry for entry in entries if not entry.stays),
        folders=_folders(desk) if whole else {},
        cache=next((stock.cache for stock in stocks if stock.cache is not None), None),
        free=next((stock.free for stock in stocks if stock.free is not None), None),
        problems=tuple(problems),
    )
    return replace(found, report=report)


def _entry(
    found: Survey,
    stock: Stock,
    holding: Holding,
    policy: Policy,
    users: dict[str, str],
    busy: set[str],
    now: float,
) -> Entry | None:
    written = found.written(holding)
    names = [one.environment for one in written]
    if policy.environment and policy.environment not in names:
        return None
    if policy.only and holding.revision not in policy.only:
        return None
    active = [one.environment for one in written if one.active]
    stays = ""
    if holding.users:
        stays = f"used by {', '.join(holding.users[:3])}"
    elif active:
        stays = f"active in {', '.join(active)}"
    elif written and holding.revision in users:
        stays = f"used by {users[holding.revision]}"
    elif not holding.whole and holding.environment in {EnvironmentSpec(name).slug for name in busy}:
        stays = "is being built"
    elif holding.shared and not policy.shared:
        stays = holding.shared
    elif any(_rank(found, one) < policy.keep for one in written):
        stays = (
            f"one of the {policy.keep} newest before the active one" if policy.keep > 1 else "the one before the active"
        )
    elif policy.older and now - holding.created < policy.older:
        stays = f"younger than {duration(policy.older)}"
    name = names[0] if names else holding.environment or "no environment"
    return Entry(
        kind="revision" if holding.whole else "leftover",
        name=f"{name} {holding.revision or holding.reference}",
        id=holding.id,
        engine=holding.engine,
        environment=name if names else "",
        revision=holding.revision,
        size=holding.size,
        own=stock.freed([replace(holding, shared="")]),
        active=bool(active),
        created=max([one.created.timestamp() for one in written], default=holding.created),
        stays=stays,
    )


def _rank(found: Survey, kept: rows.Kept) -> int:
    """How many revisions of its environment that are not active are newer."""
    others = [one for one in found.kept if one.environment == kept.environment and not one.active]
    return others.index(kept) if kept in others else 0


def _broken(desk: Desk, found: Survey, stocks: list[Stock], busy: set[str]) -> Iterator[Entry]:
    """Folders in which an image was to be built that is not there; only where that engine was asked."""
    if not any(stock.engine is EngineName.DOCKER for stock in stocks):
        return
    there = {one.revision for one in found.holdings.values()} | {one.revision.id for one in found.kept}
    slugs = {EnvironmentSpec(name).slug for name in busy}
    for dockerfile in sorted((desk.home.state / "environments").glob("*/*/Dockerfile")):
        folder = dockerfile.parent
        if folder.name not in there and folder.parent.name not in slugs:
            taken = taken_by(folder)
            name = f"{folder.parent.name} {folder.name}"
            yield Entry("leftover", name, str(folder), "docker", size=taken, own=taken, created=folder.stat().st_mtime)


def _homes(desk: Desk, busy: set[str]) -> Iterator[Entry]:
    """Home folders of sessions whose project is gone."""
    known = {project.name for project in projects.listing(desk.bench)} | busy
    for folder in _inside(desk.home.state / "homes"):
        if folder.name not in known:
            taken = taken_by(folder)
            yield Entry("home", folder.name, str(folder), size=taken, own=taken, created=folder.stat().st_mtime)


def _folders(desk: Desk) -> dict[str, int]:
    """Bytes of what else the home keeps."""
    state = desk.home.state
    found = projects.listing(desk.bench)
    return {
        "published runs": sum(taken_by(project.runs) for project in found),
        "runs": taken_by(state / "runs"),
        "sessions": taken_by(state / "sessions"),
        "homes of projects": sum(taken_by(state / "homes" / project.name) for project in found),
        "build logs": taken_by(state / "builds"),
        "store": sum(path.stat().st_size for path in state.glob("state.db*")) + taken_by(state / "backups"),
    }


def _inside(folder: Path) -> list[Path]:
    return (
        sorted(path for path in folder.iterdir() if path.is_dir() and not path.is_symlink()) if folder.is_dir() else []
    )
