"""Change the parameters of a schedule; they hold from its next due time on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, ClassVar

from textual import work
from textual.widget import Widget

from workbench.model.run import Request
from workbench.model.schedule import ScheduleSpec
from workbench.services.bench import Bench
from workbench.services.scheduling import changing
from workbench.ui.commands import parameters, sweeps, words
from workbench.ui.modals import schedule_keys
from workbench.ui.modals.form import Considered, Field
from workbench.ui.modals.notebook import PREFIX, NotebookForm
from workbench.ui.page import Page
from workbench.ui.tone import Tone


class ScheduleParameters(NotebookForm):
    """Dismissed with the schedule's key."""

    heading: ClassVar[str] = "Change a schedule"
    verb: ClassVar[str] = "Save"
    preview_first = True

    def __init__(self, bench: Bench, spec: ScheduleSpec, there: Mapping[str, Any]) -> None:
        """`there`: what its file says."""
        super().__init__(bench, [], given=spec.parameters)
        self.spec = spec
        self.there = there
        self.code = "" if spec.code.live else spec.code.what
        self.fetch = "first" if spec.code.fetch else ""

    def fields(self) -> Iterable[Widget]:
        """The parameters, once the notebook is read, and what else its file says."""
        yield schedule_keys.folded(self.there)

    def on_mount(self) -> None:
        """Read the notebook."""
        self.begin()

    @work(exclusive=True, group="begin", exit_on_error=False)
    async def begin(self) -> None:
        """One line for each parameter, as the schedule has it."""
        await self.put_parameters(self.spec.project, self.spec.notebook)
        for one in list(self.query("#more Field").results(Field))[:1]:
            one.widget.focus()
        self.revise()

    def values(self) -> dict[str, str]:
        """All fields, with what the schedule says beside them."""
        fixed = {"project": self.spec.project, "notebook": self.spec.notebook}
        return {**fixed, "environment": self.spec.environment or "", **super().values()}

    def request(self, values: Mapping[str, str], given: Mapping[str, Any]) -> Request:
        """What is asked for at its next time."""
        from workbench.services import schedules

        view = schedules.get(self.bench, self.spec.key)
        swept = self.swept(values, {})
        wanted = replace(self.spec, parameters=given, sweep=swept.data if swept else self.spec.sweep)
        return schedules.request(wanted, view.next_due or self.bench.now())

    def consider(self, values: Mapping[str, str]) -> Considered:
        """What is set, and what references stand for at its next time."""
        given, errors = self.read(values)
        page = Page().text(f"{self.spec.key} runs {self.spec.notebook}", Tone.STRONG)
        changed, unset = self._changes(values, given)
        if "notebook" not in errors:
            for name, text in self.preview_references(values, given, errors).items():
                page.text(f"{name} will be {text}", Tone.MUTED)
            if runs := self.preview_sweep(values, given, errors):
                page.text(runs, Tone.MUTED)
        page.text("It holds from its next time on; comments in its file stay.", Tone.MUTED)
        keys = self._keys(values, errors)
        schedule_keys.check(self.there, keys, errors)
        parts = [*parameters(changed), *(part for name in unset for part in ("--unset", name)), *sweeps(values)]
        parts += schedule_keys.words(keys)
        command = words("schedules", "set", self.spec.key, *parts) if parts and not errors else ""
        return Considered(errors, page.content(), command)

    def _keys(self, values: Mapping[str, str], errors: dict[str, str]) -> dict[tuple[str, ...], Any]:
        """What else of its file is changed."""
        keys = schedule_keys.changes(values, self.there, errors)
        code = self.seen_code(values, {})
        if "code" in values and code != self.spec.code:
            keys["code",] = code.declared or None
        return keys

    def _changes(self, values: Mapping[str, str], given: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
        """What is set anew, and what is left to the notebook again."""
        before = self.spec.parameters
        changed = {name: value for name, value in given.items() if name not in before or before[name] != value}
        unset = []
        for one in self.parameters.declared if self.parameters else ():
            if one.name not in before or one.name in given:
                continue
            if values.get(PREFIX + one.name, "").strip() and one.literal:
                if before[one.name] != one.default:
                    changed[one.name] = one.default
            else:
                unset.append(one.name)
        return changed, unset

    def carry_out(self, values: Mapping[str, str]) -> str:
        """Write its file."""
        given, _ = self.read(values)
        changed, unset = self._changes(values, given)
        swept = self.swept(values, {})
        more = {"sweep": swept.data} if swept else {}
        keys = self._keys(values, {})
        if changed or unset or more or keys:
            changing.change(self.bench, self.spec.key, keys, parameters=changed, unset=unset, **more)
        return self.spec.key
