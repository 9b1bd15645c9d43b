"""Run a notebook: its parameters are typed from its `parameters` cell."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from textual.widget import Widget

from workbench.errors import WorkbenchError
from workbench.model.environment import EnvironmentSpec
from workbench.model.placeholder import escaped
from workbench.model.run import Run
from workbench.services.bench import Bench
from workbench.services.scheduling.preview import span_text
from workbench.text import duration
from workbench.ui.commands import codes, parameters, sweeps, words
from workbench.ui.modals import run_terms
from workbench.ui.modals.form import WIDTH, Considered
from workbench.ui.modals.notebook import NotebookForm
from workbench.ui.page import Page
from workbench.ui.tone import Tone


class RunForm(NotebookForm):
    """Dismissed with the id of the run. `like`: a run whose environment, limit, retries and name it has."""

    heading: ClassVar[str] = "Run a notebook"
    verb: ClassVar[str] = "Run"

    def __init__(self, bench: Bench, projects: Sequence[str], *, like: Run | None = None, **begin: Any) -> None:
        from workbench.services import runs
        from workbench.services.code import seen

        if like:
            begin |= {"project": like.project, "notebook": like.notebook, "given": escaped(like.parameters)}
            begin["environment"] = like.environment
        super().__init__(bench, projects, **begin)
        self.like = like
        if like:
            asked = seen.again(runs.noted(bench, like.id))
            self.code = "" if asked.live else asked.what

    def fields(self) -> Iterable[Widget]:
        """Project, notebook and environment, then what most runs do not say; parameters follow."""
        yield from self.notebook_fields()
        yield run_terms.folded(self.like)

    def consider(self, values: Mapping[str, str]) -> Considered:
        """Types of parameters, the environment, how long it usually takes."""
        given, errors = self.read(values)
        keys = run_terms.read(values, errors)
        page = Page()
        project, notebook = values.get("project", ""), values.get("notebook", "")
        if {"project", "notebook"} & errors.keys():
            return Considered(errors)
        chosen = values.get("environment", "")
        try:
            spec = self.runs_in(project, chosen)
            if unfit := self.unfit(spec):
                errors["environment"] = unfit
            written = self.preview_references(values, given, errors)
            runs = "" if errors else self.preview_sweep(values, given, errors)
            page = self._preview(project, notebook, None if errors else given, spec, runs)
            page.facts(*((name, text) for name, text in written.items()), width=19)
            if not errors:
                page.facts(("begins with", run_terms.by_project(self.bench, project, keys, self.like)), width=19)
        except WorkbenchError as error:
            errors["notebook"] = error.message
        if errors:
            return Considered(errors, page.content(WIDTH))
        more = ["--environment", chosen] if chosen else []
        more += run_terms.words(keys)
        if self.like:
            for name in ("queue", "start"):
                length = getattr(self.like.terms, name)
                more += [f"--{name}-timeout", span_text(length)] if length else []
            more += ["--name", self.like.name]
        path = f"{self.bench.home.projects / project}/{notebook}"
        command = words("run", path, *parameters(given), *sweeps(values), *codes(values), *more)
        return Considered(errors, page.content(WIDTH), command)

    def _preview(
        self, project: str, notebook: str, given: Mapping[str, Any] | None, spec: EnvironmentSpec, swept: str
    ) -> Page:
        from workbench.services import environments, runs

        view = environments.view(self.bench, spec.name)
        word = "" if view.state == "ready" else f", {view.state}: it is built first"
        last = runs.page(self.bench, runs.RunFilter(project=project, notebook=notebook), limit=1)
        usual = runs.usual_seconds(self.bench, last[0]) if last else None
        page = Page()
        page.facts(
            ("runs in", f"{spec.name}{word}"),
            ("changed", None if given is None else ", ".join(given) or "nothing: the notebook's own values"),
            ("several values", swept),
            ("usually", duration(usual) if usual else "not run before"),
            width=19,
        )
        if self.parameters is not None and not self.parameters.has_cell:
            page.text("The notebook has no cell tagged `parameters`.", Tone.MUTED)
        return page

    def carry_out(self, values: Mapping[str, str]) -> int:
        """Queue it."""
        from workbench.services import runs

        given, _ = self.read(values)
        request = replace(self.request(values, given), **run_terms.asked(run_terms.read(values, {}), self.like))
        if self.like:
            request = replace(request, name=self.like.name)
        return runs.submit(self.bench, request)
