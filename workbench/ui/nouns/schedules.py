"""Schedules: what the list says of each, and the pages of one."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from workbench.errors import WorkbenchError
from workbench.model.schedule import DueState
from workbench.services.bench import Bench
from workbench.text import age, duration
from workbench.ui.nouns.base import Column, Noun, since
from workbench.ui.page import Page, cell_of
from workbench.ui.sources import Source
from workbench.ui.tone import Cell, Mark, Tone, of_run

if TYPE_CHECKING:
    from workbench.model.schedule import DueTime
    from workbench.services.schedules import ScheduleView

_DUE = {
    DueState.FIRED: Mark("✓", "fired", Tone.GOOD),
    DueState.SKIPPED: Mark("–", "skipped", Tone.MUTED),
    DueState.MISSED: Mark("!", "missed", Tone.WARN),
}


class Schedules(Noun["ScheduleView"]):
    """What runs by itself, and when."""

    mode = "schedules"
    title = "Schedules"
    tabs = ("Summary", "Next times", "Ledger", "Declaration")
    loading = "Looking for schedules..."
    empty = "No schedules. Press n to add one."
    columns = (
        Column("State", 9, sort=lambda view: _mark(view).word),
        Column("Schedule", 18, grow=3, sort=lambda view: view.key),
        Column("When", 15, grow=2, drop=3),
        Column("Next", 6, drop=1, right=True, sort=lambda view: view.next_due),
        Column("Last", 15, drop=2, sort=lambda view: view.last and view.last.due, reverse=True),
    )

    def __init__(self) -> None:
        self._elsewhere = ""

    def load(self, bench: Bench) -> list[ScheduleView]:
        """All whose file is there, unreadable ones too."""
        from workbench.services import other_homes, schedules

        found = schedules.listing(bench)
        self._elsewhere = "" if found else other_homes.with_schedules(bench)
        return found

    def nothing(self) -> str:
        """Also in which other homes the person has some."""
        return f"{self.empty}\n \n{self._elsewhere}" if self._elsewhere else self.empty

    def key(self, item: ScheduleView) -> str:
        """`<project>/<name>`."""
        return item.key

    def name(self, item: ScheduleView) -> str:
        """`<project>/<name>`."""
        return item.key

    def project(self, item: ScheduleView) -> str:
        """Whose it is."""
        return item.key.partition("/")[0]

    def crumbs(self, item: ScheduleView) -> tuple[str, ...]:
        """Project, then name."""
        project, _, name = item.key.partition("/")
        return (project, name)

    def mark(self, item: ScheduleView) -> Mark:
        """Active, paused, off, done or unreadable."""
        return _mark(item)

    def rank(self, item: ScheduleView) -> int:
        """What is wrong first, what is off last."""
        return 0 if item.problem else {"active": 1, "paused": 2}.get(item.state, 3)

    def words(self, item: ScheduleView) -> str:
        """Key, notebook, time, state."""
        spec = item.spec
        return f"{item.key} {spec.notebook if spec else ''} {spec.when if spec else ''} {_mark(item).word}"

    def cells(self, item: ScheduleView, now: datetime) -> tuple[Cell, ...]:
        """State, key, time, next, last."""
        last = of_run(item.run.state) if item.run else _DUE[item.last.state] if item.last else None
        return (
            cell_of(_mark(item)),
            Cell(item.key),
            Cell(item.spec.when if item.spec else "", Tone.MUTED),
            Cell(since(item.next_due, now), Tone.PLAIN),
            cell_of(last) if last else Cell(""),
        )

    def page(self, bench: Bench, item: ScheduleView, tab: str) -> Page | Source:
        """The pages of a schedule."""
        if tab == "Next times":
            return times_page(bench, item)
        if tab == "Ledger":
            return ledger_page(bench, item)
        if tab == "Declaration":
            return declaration_page(item)
        return summary(bench, item)


_STATES = {
    "invalid": Mark("✗", "invalid", Tone.BAD),
    "paused": Mark("‖", "paused", Tone.WARN),
    "off": Mark("–", "off", Tone.MUTED),
    "done": Mark("✓", "done", Tone.MUTED),
    "active": Mark("●", "active", Tone.GOOD),
}


def _mark(view: ScheduleView) -> Mark:
    mark = _STATES[view.state]
    # The file as it is now cannot be read, and the last good one holds: that is no rest, but it needs somebody.
    return Mark("!", mark.word, Tone.WARN) if view.problem and view.spec else mark


def summary(bench: Bench, view: ScheduleView) -> Page:
    """When in words, what it runs, what became of the last time, and whether it will really run."""
    from workbench.model import timetable
    from workbench.services import schedules
    from workbench.services.asking import beginning
    from workbench.services.scheduling import parameter_lines

    now, zone, page, spec = bench.now(), bench.zone, Page(), view.spec
    page.state(_mark(view), view.pause_told(zone))
    if view.problem:
        holds = "The last good one holds until that is mended; " if spec else ""
        page.text(view.problem, Tone.BAD).text(f"{holds}e opens the file", Tone.MUTED)
    if spec is None:
        return page
    try:
        page.text(timetable.of(spec).words(), Tone.STRONG)
    except WorkbenchError as error:
        page.text(error.message, Tone.BAD)
    page.gap()
    page.facts(
        (
            "next",
            f"{view.next_due.astimezone(zone):%a %Y-%m-%d %H:%M %Z}, {age(view.next_due, now)}"
            if view.next_due
            else None,
        ),
        ("runs", f"{spec.project}/{spec.notebook}"),
        ("when", spec.when),
        ("time zone", spec.timezone),
        ("parameters", "\n".join(parameter_lines.of(bench, spec, view.next_due))),
        ("environment", spec.environment),
        *beginning.facts(bench, spec),
        ("tags", ", ".join(spec.tags)),
        ("start", spec.start),
        ("end", spec.end),
        ("jitter", duration(spec.jitter) if spec.jitter else None),
        ("overlap", str(spec.overlap)),
        ("catch-up", str(spec.catch_up)),
    )
    if view.last is not None:
        page.heading("Last time").table([_due_cells(bench, view.last)])
        if view.run is not None:
            page.line(
                Cell(f"run {view.run.id}  ", Tone.MUTED), cell_of(of_run(view.run.state)), Cell(f"  {view.run.reason}")
            )
    if view.next_due is not None:
        page.heading("Will it run?")
        for line in schedules.tonight(bench, spec):
            page.text(line, indent=2)
    return page


def times_page(bench: Bench, view: ScheduleView) -> Page:
    """The next ten times, how often that is, what clock changes do to it, and whether its runs would overlap."""
    from workbench.services import schedules

    if view.spec is None:
        return Page().text("Its file cannot be read.", Tone.BAD)
    now = bench.now()
    try:
        found = schedules.of_schedule(bench, view.spec, row=view.row)
    except WorkbenchError as error:
        return Page().text(error.message, Tone.BAD)
    if not found.times:
        return Page().text("No further time.", Tone.MUTED)
    page = Page().text(f"{found.words}: {found.often}", Tone.STRONG).gap()
    page.table(
        [
            Cell(f"{time:%a %Y-%m-%d %H:%M %Z}"),
            Cell(f"{utc:%Y-%m-%d %H:%M} UTC", Tone.MUTED),
            Cell(age(time, now), Tone.MUTED),
            Cell("!" if time in found.remarks else "", Tone.WARN),
        ]
        for time, utc in zip(found.times, found.utc, strict=True)
    )
    page.gap()
    for text in (*found.warnings, *found.notes, *found.changes):
        page.text(text, Tone.WARN)
    if found.overlap:
        page.text(found.overlap)
    return page


def ledger_page(bench: Bench, view: ScheduleView) -> Page:
    """What became of every due time."""
    from workbench.services import schedules

    rows = schedules.ledger(bench, view.key)
    if not rows:
        return Page().text("It was not due yet.", Tone.MUTED)
    return Page().table(_due_cells(bench, row) for row in rows)


def _due_cells(bench: Bench, row: DueTime) -> list[Cell]:
    return [
        Cell(f"{row.due.astimezone(bench.zone):%a %Y-%m-%d %H:%M %Z}"),
        cell_of(_DUE[row.state]),
        Cell(row.run_told, Tone.MUTED),
        Cell(row.why, Tone.MUTED),
    ]


def declaration_page(view: ScheduleView) -> Page:
    """The file as it is."""
    try:
        text = view.path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        return Page().text(f"{view.path} cannot be read: {error.strerror}", Tone.BAD)
    return Page().text(str(view.path), Tone.MUTED).gap().text(text)
