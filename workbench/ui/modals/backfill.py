"""Run a schedule for times that have passed: one of them, or all of a stretch that did not fire."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, ClassVar

from workbench.errors import WorkbenchError
from workbench.model import timetable
from workbench.services.bench import Bench
from workbench.text import plural
from workbench.ui.commands import words
from workbench.ui.modals.form import Considered, Field, Form, choice, line
from workbench.ui.page import Page
from workbench.ui.tone import Tone

if TYPE_CHECKING:
    from workbench.services.schedules import Backfill, ScheduleView

MISSING, FAILED, ALL = "those that did not fire", "those that did not succeed", "all of them"
SHOWN = 6


class BackfillForm(Form[tuple[int, ...]]):
    """Dismissed with the runs it queued."""

    heading: ClassVar[str] = "Run for past times"
    verb: ClassVar[str] = "Run"

    def __init__(self, bench: Bench, view: ScheduleView) -> None:
        super().__init__(bench)
        self.view = view

    def fields(self) -> Iterable[Field]:
        """From when to when, and which of the due times."""
        yield line("first", "from", placeholder="e.g. 2026-01-02", hint="a day, or with a time of day; in its zone")
        yield line("last", "to", placeholder="e.g. 2026-01-31", hint="empty: one run, as for that time")
        yield choice("which", "due times", (MISSING, FAILED, ALL), MISSING)

    def consider(self, values: Mapping[str, str]) -> Considered:
        """How many runs that is, and of which times."""
        first, last = values["first"].strip(), values["last"].strip()
        page, errors = Page(), dict[str, str]()
        if not first:
            return Considered({"first": "it needs a time"})
        for name, text in (("first", first), ("last", last)):
            try:
                timetable.wall("time", text or first, last=name == "last")
            except WorkbenchError as error:
                errors[name] = error.hint.replace("time: ", "")
        if errors:
            return Considered(errors)
        if not last:
            page.text(f"One run; what its parameters say of the due time means {first}.")
            return Considered({}, page.content(), words("schedules", "now", self.view.key, "--due", first))
        try:
            plan = self._plan(values)
        except WorkbenchError as error:
            return Considered({"last": f"{error.message}. {error.hint}"})
        zone = timetable.zone(plan.spec.timezone)
        left = f"; {plural(len(plan.fired), 'due time')} left out" if plan.fired else ""
        page.text(f"{plural(len(plan.due), 'run')}, oldest first, one after the other{left}", Tone.STRONG)
        for due in plan.due[:SHOWN]:
            page.text(f"{due.astimezone(zone):%a %Y-%m-%d %H:%M %Z}", indent=2)
        if len(plan.due) > SHOWN:
            page.text(f"and {len(plan.due) - SHOWN} more", Tone.MUTED, indent=2)
        which = {FAILED: ["--failed"], ALL: ["--again"]}.get(values["which"], [])
        command = words("schedules", "backfill", self.view.key, "--from", first, "--to", last, *which, "--yes")
        return Considered({} if plan.due else {"last": "nothing to run in this stretch"}, page.content(), command)

    def carry_out(self, values: Mapping[str, str]) -> tuple[int, ...]:
        """Queue them."""
        from workbench.services import schedules

        if not values["last"].strip():
            return (schedules.now(self.bench, self.view.key, due=values["first"].strip()),)
        which = {"again": values["which"] == ALL, "failed": values["which"] == FAILED}
        return tuple(schedules.backfill(self.bench, self._plan(values), **which))

    def _plan(self, values: Mapping[str, str]) -> Backfill:
        from workbench.services import schedules

        which = {"again": values["which"] == ALL, "failed": values["which"] == FAILED}
        return schedules.plan_backfill(
            self.bench, self.view.key, values["first"].strip(), values["last"].strip(), **which
        )
