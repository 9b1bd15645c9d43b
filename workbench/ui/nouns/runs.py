"""Runs: what the list says of each, and the pages of one."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from pathlib import Path

from workbench.model.parameter import shown
from workbench.model.run import ACTIVE, ENDED, PENDING, Run, RunState
from workbench.model.terms import priority_word
from workbench.services.bench import Bench
from workbench.text import duration, one_line, plural, size
from workbench.ui.nouns.base import MOST, Column, Noun, since
from workbench.ui.page import Page, cell_of
from workbench.ui.sources import EventSource, FileSource, Source
from workbench.ui.tone import Cell, Mark, Tone, of_run

BAR = 24  # cells of a progress bar
GIVEN = 6  # parameters on the first page


def took(run: Run, now: datetime) -> float | None:
    """Seconds that it took, or has taken so far; None before it began."""
    if run.state in ENDED:
        return run.seconds
    return (now - run.started).total_seconds() if run.started and run.state in ACTIVE else None


def progress(run: Run) -> str:
    """` 7/23` behind the state while it runs, ` kept` while the kernel of a failed one is."""
    going = run.cells and run.state is RunState.RUNNING and not run.cancel_asked
    return f" {run.cells_done}/{run.cells}" if going else " kept" if run.kept_until else ""


def bar(done: int, total: int, width: int = BAR) -> str:
    """`━━━━━━────` in `width` cells."""
    filled = min(width, width * done // total) if total else 0
    return "━" * filled + "─" * (width - filled)


class Runs(Noun[Run]):
    """The queue and the history."""

    mode = "runs"
    title = "Runs"
    tabs = ("Summary", "Output", "Log", "Parameters", "Record")
    state_column = 1
    loading = "Looking for runs..."
    empty = "No runs. Press n to run a notebook."
    columns = (
        Column("#", 4, right=True, sort=lambda run: run.id, reverse=True),
        Column("State", 16, sort=lambda run: str(run.state)),
        Column("Run", 12, grow=3, sort=lambda run: run.name.casefold()),
        Column("Project", 8, grow=1, drop=3, sort=lambda run: run.project),
        Column("Took", 6, drop=1, right=True, sort=lambda run: run.seconds, reverse=True),
        Column("Age", 4, drop=2, right=True, sort=lambda run: run.created, reverse=True),
    )

    def __init__(self) -> None:
        self._tags: dict[int, list[str]] = {}

    def load(self, bench: Bench) -> list[Run]:
        """The newest runs."""
        from workbench.services import runs
        from workbench.services.history import tags

        found = runs.page(bench, limit=MOST)
        self._tags = tags.of(bench, [run.id for run in found])
        return found

    def key(self, item: Run) -> str:
        """Its number."""
        return str(item.id)

    def name(self, item: Run) -> str:
        """`run 41`."""
        return f"run {item.id}"

    def crumbs(self, item: Run) -> tuple[str, ...]:
        """`churn.ipynb > #41`."""
        return (item.notebook.rpartition("/")[2], f"#{item.id}")

    def mark(self, item: Run) -> Mark:
        """Its state; a run whose end was asked for says so at once."""
        if item.cancel_asked and item.state not in ENDED:
            return of_run(RunState.CANCELLING)
        return of_run(item.state)

    def rank(self, item: Run) -> int:
        """What runs, what waits, what is over."""
        return 0 if item.state in ACTIVE else 1 if item.state in PENDING else 2

    def live(self, item: Run) -> bool:
        """While it runs."""
        return item.state in ACTIVE

    def words(self, item: Run) -> str:
        """Number, name, notebook, project, state, schedule, group, tags."""
        group = f"g{item.group}" if item.group else ""
        parts = (
            f"#{item.id}",
            item.name,
            item.notebook,
            item.project,
            self.mark(item).word,
            item.schedule or "",
            group,
            *self._tags.get(item.id, ()),
        )
        return " ".join(parts)

    def cells(self, item: Run, now: datetime) -> tuple[Cell, ...]:
        """Number, state with progress, name, project, length, age."""
        muted, mark, length = Tone.MUTED, self.mark(item), took(item, now)
        return (
            Cell(str(item.id), muted),
            Cell(f"{mark}{progress(item)}", mark.tone),
            Cell(f"{item.name} g{item.group}" if item.group else item.name),
            Cell(item.project, muted),
            Cell("" if length is None else duration(length), muted),
            Cell(since(item.ended or item.started or item.created, now), muted),
        )

    def page(self, bench: Bench, item: Run, tab: str) -> Page | Source:
        """The pages of a run."""
        from workbench.services import runs

        if tab == "Output":
            return EventSource(f"run-{item.id}-events", bench, item.id)
        if tab == "Log":
            left = runs.artifacts(bench, item.id)
            path = left.log or bench.home.attempt_folder(item.id, max(item.attempt, 1)) / "log.txt"
            return FileSource(f"run-{item.id}-{item.attempt}-log", path, zone=bench.zone)
        if tab == "Parameters":
            return parameters_page(item)
        if tab == "Record":
            left = runs.artifacts(bench, item.id)
            if left.record is None:
                return Page().text("The record is written when the run ends.", Tone.MUTED)
            try:
                return Page().text(left.record.read_text(encoding="utf-8", errors="replace"))
            except OSError as error:
                return Page().text(f"{left.record} cannot be read: {error.strerror}", Tone.BAD)
        return summary(bench, item)


def parameters_page(run: Run) -> Page:
    """Name and value of each."""
    if not run.parameters:
        return Page().text("Run with the notebook's own values.", Tone.MUTED)
    rows = [[Cell(name, Tone.MUTED), Cell(shown(value))] for name, value in run.parameters.items()]
    return Page().table(rows).gap().text("Those it was not given have the notebook's own values.", Tone.MUTED)


def summary(bench: Bench, run: Run) -> Page:
    """What went wrong first, or how far it is; then the facts."""
    from workbench.model.notice import masked
    from workbench.services import notices, revisions, runs
    from workbench.services.asking import beginning
    from workbench.services.history import continuing, exact, scalars, tags

    now, zone, page = bench.now(), bench.zone, Page()
    usual, kept = runs.usual_seconds(bench, run), continuing.words(bench, run)
    left = runs.artifacts(bench, run.id)
    loose = ", not pinned" if revisions.borrowed(bench, run.environment, run.revision) else ""
    by = partial(beginning.with_file, runs.noted(bench, run.id))
    if run.failure is not None and run.state in ENDED:
        _failure(page, run, bench.home.root)
    else:
        page.state(of_run(run.state), run.reason)
        page.hint(run.hint, bench.home.root)
    if run.state in ACTIVE:
        at = min(run.cells_done + 1, run.cells) if run.cells else 0
        cells = f"cell {at} of {run.cells}" if run.cells else "starting the kernel"
        page.line(Cell(bar(run.cells_done, run.cells), Tone.BUSY), Cell(f"  {cells}"))
        expected = f" of usually {duration(usual)}" if usual else ""
        page.line(Cell(f"{duration(took(run, now))}{expected}", Tone.MUTED))
    page.gap()
    page.facts(
        ("notebook", f"{run.project}/{run.notebook}"),
        ("parameters", _values(run)),
        ("environment", f"{run.environment}{f' on {run.engine}' if run.engine else ''}{loose}"),
        ("again", exact.told(bench, run)),
        ("group", _group(bench, run)),
        ("schedule", run.schedule),
        ("due", _moment(run.due, zone)),
        ("asked", f"{_moment(run.created, zone)} by {run.by} ({run.origin})"),
        ("started", _moment(run.started, zone)),
        ("ended", _moment(run.ended, zone)),
        ("took", f"{duration(run.seconds)}{f', usually {duration(usual)}' if usual else ''}" if run.seconds else None),
        ("memory", f"{size(run.peak_memory)} at most" if run.peak_memory else None),
        ("priority", by("priority", priority_word(run.priority) if run.priority else "")),
        ("retries", by("retries", f"{run.retries}, try {run.attempt}" if run.retries else "")),
        ("time limit", by("timeout", run.terms.limits(run.timeout, duration))),
        ("output", str(left.folder) if left.folder else None),
        (
            "kernel",
            f"{kept}: F goes on in it, s and J look into it, + keeps it longer, K gives it back" if kept else None,
        ),
        ("went on", continuing.went_on(bench, run) or None),
        ("changed", run.changed or None),
        ("told", ", ".join(f"{masked(one.target)} ({one.state})" for one in notices.recent(bench, run=run.id)) or None),
        ("tags", ", ".join(tags.of(bench, [run.id]).get(run.id, ()))),
    )
    numbers = scalars.of(bench, [run.id]).get(run.id)
    if numbers:
        page.heading("Tracked").facts(*((name, scalars.text(value)) for name, value in numbers.items()))
    tries = runs.attempts(bench, run.id)
    if len(tries) > 1:
        page.heading(plural(len(tries), "attempt"))
        page.table(
            [
                Cell(f"  {one.number}", Tone.MUTED),
                cell_of(of_run(one.state)),
                Cell(duration(one.seconds)),
                Cell(one.reason),
            ]
            for one in tries
        )
    if run.failure is not None and run.state in ENDED and run.failure.traceback:
        title = "Traceback" if run.state is RunState.FAILED else "Last words of its kernel"
        page.heading(title).text(run.failure.traceback, Tone.MUTED, indent=2)
    return page


def _failure(page: Page, run: Run, home: Path) -> None:
    failure = run.failure
    assert failure is not None
    where = f" in cell {failure.cell}" if failure.cell else ""
    page.line(Cell(f"{of_run(run.state)}{where}", of_run(run.state).tone))
    said = f"{failure.error}: {failure.message}" if failure.message else failure.error
    page.text(said or run.reason, Tone.STRONG)
    whole, short = one_line(said), one_line(run.reason).partition("…")[0]  # a reason is the error, cut where it is long
    if short and short not in whole and not (whole and whole in short):
        page.text(run.reason)
    page.hint(run.hint, home)
    if failure.source:
        page.heading(f"Cell {failure.cell}" if failure.cell else "Cell").text(failure.source, indent=2)


def _group(bench: Bench, run: Run) -> str:
    """The sweep it is of, and how that is."""
    from workbench.services import groups

    if not run.group:
        return ""
    group, so = groups.get(bench, run.group), groups.standing(bench, run.group)
    return f"{group.label}, {so.words}"


def _values(run: Run) -> str:
    """The first of what it was given; all of it is on a page of its own."""
    lines = [f"{name} = {one_line(shown(value), 200)}" for name, value in run.parameters.items()]
    more = len(lines) - GIVEN
    return "\n".join([*lines[:GIVEN], *([f"and {more} more"] if more > 0 else [])])


def _moment(moment: datetime | None, zone: object) -> str | None:
    from zoneinfo import ZoneInfo

    assert isinstance(zone, ZoneInfo)
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M:%S %Z}" if moment else None
