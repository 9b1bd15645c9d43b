"""Add a schedule; its times are shown in words and as dates while it is typed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, ClassVar

from textual.widget import Widget
from textual.widgets import Input

from workbench.errors import WorkbenchError
from workbench.model.clocks import zone
from workbench.model.names import SLUG_RULE, is_slug
from workbench.model.run import Request
from workbench.services.scheduling.zones import machine_zone
from workbench.text import age
from workbench.ui.commands import codes, parameters, sweeps, words
from workbench.ui.modals import schedule_keys
from workbench.ui.modals.form import Considered, choice, line
from workbench.ui.modals.notebook import NotebookForm
from workbench.ui.page import Page
from workbench.ui.tone import Cell, Tone

TALL = 36  # lines of a screen
KINDS = {"cron": "cron line", "once": "once, at", "every": "every"}
EXAMPLES = {"cron": "e.g. 30 6 * * mon-fri", "once": "e.g. 2026-01-02 06:30", "every": "e.g. 2h"}
HINTS = {
    "cron": "minute hour day month weekday",
    "once": "a date and a time of day",
    "every": "a number with s, m, h or d",
}


class ScheduleForm(NotebookForm):
    """Dismissed with the schedule's key."""

    heading: ClassVar[str] = "Add a schedule"
    verb: ClassVar[str] = "Add"
    preview_first = True
    _kind_before = "cron"

    def fields(self) -> Iterable[Widget]:
        """Notebook, environment, name, when, zone, what else there is; parameters follow."""
        yield from self.notebook_fields()
        yield line("name", "name", placeholder="e.g. nightly")
        yield choice("kind", "when", list(KINDS.values()), KINDS["cron"])
        yield line("when", "", placeholder=EXAMPLES["cron"], hint=HINTS["cron"])
        yield line("timezone", "time zone", self.bench.settings.timezone or machine_zone())
        yield schedule_keys.folded({})

    async def changed(self, name: str, value: str) -> None:
        """The example beside the time follows its kind; a time of another kind goes."""
        if name != "kind":
            await super().changed(name, value)
            return
        kind, field = _kind(value), self.field("when")
        field.explain(EXAMPLES[kind], HINTS[kind])
        text = field.value.strip()
        if kind == self._kind_before:
            return
        self._kind_before = kind
        keep = not text or await asyncio.to_thread(self._is_time, kind, text)
        # Who has gone on to the time meanwhile is typing the new one.
        if not keep and field.value.strip() == text and isinstance(field.widget, Input) and not field.widget.has_focus:
            field.widget.value = ""

    def _is_time(self, kind: str, when: str) -> bool:
        from workbench.services import schedules

        try:
            when_given: dict[str, Any] = {kind: when}
            schedules.preview(self.bench, **when_given, timezone="UTC", n=1)
        except WorkbenchError:
            return False
        return True

    def consider(self, values: Mapping[str, str]) -> Considered:
        """Name, time and parameters; words and the next times."""
        given, errors = self.read(values)
        name = values["name"].strip()
        if not is_slug(name):
            errors["name"] = SLUG_RULE if name else "it needs a name"
        if not {"project", "notebook"} & errors.keys():
            try:
                unfit = self.unfit(self.runs_in(values["project"], values["environment"]))
            except WorkbenchError as error:
                unfit = _told(error)
            errors |= {"environment": unfit} if unfit else {}
        page = Page()
        when, kind = values["when"].strip(), _kind(values["kind"])
        self._consider_time(page, kind, when, values, errors)
        if not {"project", "notebook", "when", "timezone"} & errors.keys():
            for key, text in self.preview_references(values, given, errors).items():
                page.text(f"{key} will be {text}", Tone.MUTED)
            if runs := self.preview_sweep(values, given, errors):
                page.text(runs, Tone.MUTED)
        if self.bench.settings.timezone is None and "timezone" not in errors:
            page.text(f"{values['timezone'].strip()} will be kept as this home's time zone.", Tone.MUTED)
        keys = schedule_keys.changes(values, {}, errors)
        if not {"when", "timezone"} & errors.keys():
            base = {"notebook": "n.ipynb", kind: when, "timezone": values["timezone"].strip()}
            schedule_keys.check(base, keys, errors)
        command = "" if errors else f"{_command(values, kind, when, given)} {words(*schedule_keys.words(keys))}".strip()
        return Considered(errors, page.content(), command)

    def _consider_time(
        self, page: Page, kind: str, when: str, values: Mapping[str, str], errors: dict[str, str]
    ) -> None:
        if not when:
            errors["when"] = f"it needs a time: {HINTS[kind]}"
        try:
            zone(values["timezone"].strip())
        except WorkbenchError as error:
            errors["timezone"] = _told(error)
        if when and "timezone" not in errors:
            try:
                self._preview(page, kind, when, values)
            except WorkbenchError as error:
                errors["when"] = _told(error)

    def request(self, values: Mapping[str, str], given: Mapping[str, Any]) -> Request:
        """What is asked for at its next time."""
        from workbench.services import schedules

        place = values["timezone"].strip()
        when: dict[str, Any] = {_kind(values["kind"]): values["when"].strip()}
        coming = schedules.preview(self.bench, **when, timezone=place, n=1).times
        at = coming[0] if coming else self.bench.now().astimezone(zone(place))
        key = f"{values['project']}/{values['name'].strip()}"
        return replace(super().request(values, given), at=at, schedule=key)

    def _preview(self, page: Page, kind: str, when: str, values: Mapping[str, str]) -> None:
        """In words, how often, its next times here and in UTC, and what one would not expect."""
        from workbench.services import schedules

        given: dict[str, Any] = {kind: when}
        lasting = schedules.measured(self.bench, values["project"], values["notebook"])
        found = schedules.preview(
            self.bench, **given, timezone=values["timezone"].strip(), n=self._room, lasting=lasting
        )
        page.text(found.words, Tone.STRONG).text(found.often, Tone.MUTED)
        for text in (*found.warnings, *found.notes, *found.changes):
            page.text(text, Tone.WARN)
        if found.overlap:
            page.text(found.overlap, Tone.MUTED)
        now = self.bench.now()
        page.table(
            [
                Cell(f"  {time:%a %Y-%m-%d %H:%M %Z}"),
                Cell(f"{utc:%d %H:%M} UTC", Tone.MUTED),
                Cell(age(time, now), Tone.MUTED),
                Cell("!" if time in found.remarks else "", Tone.WARN),
            ]
            for time, utc in zip(found.times, found.utc, strict=True)
        )

    @property
    def _room(self) -> int:
        """How many times are shown: ten, and fewer where the lines of parameters would be out of sight."""
        return 10 if self.app.size.height >= TALL else 5

    def carry_out(self, values: Mapping[str, str]) -> str:
        """Write its file."""
        from workbench.services import preferences, schedules

        given, _ = self.read(values)
        place = values["timezone"].strip()
        if self.bench.settings.timezone is None:
            preferences.set_timezone(self.bench, place)
        when: dict[str, Any] = {_kind(values["kind"]): values["when"].strip()}
        return schedules.add(
            self.bench,
            values["project"],
            values["name"].strip(),
            notebook=values["notebook"],
            timezone=place,
            parameters=given,
            environment=values["environment"] or None,
            sweep=self.request(values, given).sweep,
            code=self.seen_code(values, {}),
            keys=schedule_keys.changes(values, {}, {}),
            **when,
        ).key


def _told(error: WorkbenchError) -> str:
    return f"{error.message}. {error.hint}" if error.hint else error.message


def _kind(shown: str) -> str:
    return next((kind for kind, text in KINDS.items() if text == shown), "cron")


def _command(values: Mapping[str, str], kind: str, when: str, given: Mapping[str, Any]) -> str:
    begin = ["schedules", "add", values["project"], values["name"].strip(), "--notebook", values["notebook"]]
    times = [f"--{kind}", when, "--timezone", values["timezone"].strip()]
    place = ["--environment", values["environment"]] if values["environment"] else []
    return words(*begin, *times, *place, *parameters(given), *sweeps(values), *codes(values))
