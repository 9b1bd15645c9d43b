"""Pause schedules, with a reason and an end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from workbench.errors import WorkbenchError
from workbench.model import timetable
from workbench.services.bench import Bench
from workbench.ui.commands import words
from workbench.ui.modals.form import Considered, Field, Form, line
from workbench.ui.page import Page
from workbench.ui.tone import Tone

if TYPE_CHECKING:
    from workbench.services.schedules import ScheduleView


class PauseForm(Form[int]):
    """Dismissed with how many were paused, or had their pause changed."""

    heading: ClassVar[str] = "Pause"
    verb: ClassVar[str] = "Pause"

    def __init__(self, bench: Bench, views: Sequence[ScheduleView]) -> None:
        super().__init__(bench)
        self.views = views

    def fields(self) -> Iterable[Field]:
        """Why, and until when."""
        row = self.views[0].row
        yield line("reason", "reason", row.pause_reason if row else "", placeholder="e.g. the warehouse moves")
        yield line(
            "until", "until", placeholder="e.g. 2026-01-02 06:30", hint="then it resumes by itself; empty: never"
        )

    def consider(self, values: Mapping[str, str]) -> Considered:
        """Whether the end is a time that is still to come."""
        until, reason = values["until"].strip(), values["reason"].strip()
        errors = {}
        page = Page().text("What is due meanwhile does not fire, and is in the ledger as skipped.", Tone.MUTED)
        if until:
            try:
                timetable.wall("until", until)
            except WorkbenchError as error:
                errors["until"] = error.hint
        more = [*(("--reason", reason) if reason else ()), *(("--until", until) if until else ())]
        command = "" if errors else "; ".join(words("schedules", "pause", view.key, *more) for view in self.views)
        return Considered(errors, page.content(), command)

    def carry_out(self, values: Mapping[str, str]) -> int:
        """Pause each."""
        from workbench.services import schedules

        for view in self.views:
            schedules.pause(self.bench, view.key, values["reason"].strip(), until=values["until"].strip() or None)
        return len(self.views)
