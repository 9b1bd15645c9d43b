"""Run a notebook: its parameters are typed from its `parameters` cell."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from textual.containers import Vertical

from workbench.errors import WorkbenchError
from workbench.model.run import Request, Run
from workbench.services.bench import Bench
from workbench.services.preview import span_text
from workbench.text import clean, duration, one_line
from workbench.ui.commands import parameters, shown, words
from workbench.ui.modals.form import WIDTH, Considered, Field, Form, choice, line
from workbench.ui.page import Page
from workbench.ui.tone import Tone

if TYPE_CHECKING:
    from workbench.notebooks.parameters import Parameters

PREFIX = "p:"


class NotebookForm(Form[Any]):
    """A form with a project, one of its notebooks, and the parameters of that."""

    def __init__(
        self,
        bench: Bench,
        projects: Sequence[str],
        *,
        project: str = "",
        notebook: str = "",
        given: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(bench)
        self.projects = list(projects)
        self.project, self.notebook = project, notebook
        self.given = dict(given or {})
        self.parameters: Parameters | None = None
        self._of = ("", "")
        self._why = ""

    def notebook_fields(self) -> Iterable[Field]:
        """Project and notebook."""
        yield choice("project", "project", self.projects, self.project)
        yield choice("notebook", "notebook", [self.notebook] if self.notebook else [], self.notebook)

    async def changed(self, name: str, value: str) -> None:
        """Another project has other notebooks, another notebook other parameters."""
        if name == "project" and value:
            from workbench.services import projects

            found = await asyncio.to_thread(projects.notebooks, self.bench, value)
            if value == self.project and self.notebook and self.notebook not in found:
                found = [self.notebook, *found]  # gone: said, and none other put in its place
            self.put_options("notebook", found, self.notebook if self.notebook in found else (found or [""])[0])
        elif name == "notebook":
            await self.put_parameters(self.field("project").value, value)

    async def put_parameters(self, project: str, notebook: str) -> None:
        """One line for each parameter, with the notebook's own value."""
        from workbench.services import requests

        if (project, notebook) == self._of:
            return
        self._of, self.parameters, self._why = (project, notebook), None, ""
        more = self.query_one("#more", Vertical)
        await more.remove_children()
        if not (project and notebook):
            return
        try:
            found = await asyncio.to_thread(requests.parameters_of, self.bench, project, notebook)
        except WorkbenchError as error:
            self._why = error.message
            return
        self.parameters = found
        await more.mount_all(
            line(
                PREFIX + one.name,
                one.name if one.type == "any" else f"{one.name}: {one.type}",
                _typed(self.given.get(one.name, one.default if one.literal else "")),
                placeholder=f"as in the notebook: {one_line(one.source)}" if one.source else "no default",
                hint=one_line(one.help, 48),
            )
            for one in found.declared
        )

    def read(self, values: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
        """The parameters that differ from the notebook's own, and what is wrong with any."""
        given: dict[str, Any] = {}
        errors: dict[str, str] = {}
        if self._why:
            errors["notebook"] = self._why
        for one in self.parameters.declared if self.parameters else ():
            text = values.get(PREFIX + one.name, "")
            if not text.strip() and (one.source or one.type != "str"):
                if one.required:
                    errors[PREFIX + one.name] = "has no default"
                continue
            try:
                value = one.read(text)
            except WorkbenchError as error:
                errors[PREFIX + one.name] = error.message
                continue
            if not one.literal or value != one.default or type(value) is not type(one.default):
                given[one.name] = value
        for name in ("project", "notebook"):
            if not values.get(name):
                errors.setdefault(name, "choose one")
        return given, errors


class RunForm(NotebookForm):
    """Dismissed with the id of the run. `like`: a run whose environment, limit, retries and name it has."""

    heading: ClassVar[str] = "Run a notebook"
    verb: ClassVar[str] = "Run"

    def __init__(self, bench: Bench, projects: Sequence[str], *, like: Run | None = None, **begin: Any) -> None:
        if like:
            begin |= {"project": like.project, "notebook": like.notebook, "given": like.parameters}
        super().__init__(bench, projects, **begin)
        self.like = like

    def fields(self) -> Iterable[Field]:
        """Project, notebook and environment; parameters follow."""
        yield from self.notebook_fields()
        yield choice("environment", "environment", [], prompt="the project's own")

    async def changed(self, name: str, value: str) -> None:
        """Any environment that is read can be chosen."""
        await super().changed(name, value)
        if name == "project" and value:
            from workbench.services import environments

            known = [spec.name for spec in await asyncio.to_thread(environments.specs, self.bench)]
            own = [one for one in known if "/" not in one or one.startswith(f"{value}/")]
            before = self.like.environment if self.like and value == self.like.project else ""
            self.put_options("environment", own, self.field("environment").value or before)

    def consider(self, values: Mapping[str, str]) -> Considered:
        """Types of parameters, the environment, how long it usually takes."""
        given, errors = self.read(values)
        page = Page()
        project, notebook = values.get("project", ""), values.get("notebook", "")
        if not project or not notebook or errors:
            return Considered(errors, page.content(WIDTH))
        chosen = values.get("environment", "")
        try:
            page = self._preview(project, notebook, given, chosen)
        except WorkbenchError as error:
            errors["notebook"] = error.message
        more = ["--environment", chosen] if chosen else []
        if self.like:
            more += ["--timeout", span_text(self.like.timeout)] if self.like.timeout else []
            more += ["--retries", str(self.like.retries)] if self.like.retries else []
            more += ["--name", self.like.name]
        path = f"{self.bench.home.projects / project}/{notebook}"
        command = words("run", path, *parameters(given), *more)
        return Considered(errors, page.content(WIDTH), command)

    def _preview(self, project: str, notebook: str, given: Mapping[str, Any], chosen: str) -> Page:
        from workbench.services import environments, projects, runs

        own = environments.for_project(self.bench, projects.get(self.bench, project))
        spec = environments.spec(self.bench, chosen) if chosen else own
        view = environments.view(self.bench, spec.name)
        word = "" if view.state == "ready" else f", {view.state}: it is built first"
        last = runs.page(self.bench, runs.RunFilter(project=project, notebook=notebook), limit=1)
        usual = runs.usual_seconds(self.bench, last[0]) if last else None
        page = Page()
        page.facts(
            ("runs in", f"{spec.name}{word}"),
            ("changed", ", ".join(given) or "nothing: the notebook's own values"),
            ("usually", duration(usual) if usual else "not run before"),
            ("time limit", duration(self.like.timeout) if self.like and self.like.timeout else None),
            ("retries", str(self.like.retries) if self.like and self.like.retries else None),
            width=19,
        )
        if self.parameters is not None and not self.parameters.has_cell:
            page.text("The notebook has no cell tagged `parameters`.", Tone.MUTED)
        language = self.parameters.language.lower() if self.parameters else ""
        if language == "r" and spec.r is None and not spec.image:
            page.text(f"It is in R, which {spec.name} lacks: choose another environment.", Tone.WARN)
        return page

    def carry_out(self, values: Mapping[str, str]) -> int:
        """Queue it."""
        from workbench.services import runs

        given, _ = self.read(values)
        request = Request(values["project"], values["notebook"], given, values["environment"] or None)
        if self.like:
            request = replace(request, name=self.like.name, timeout=self.like.timeout, retries=self.like.retries)
        return runs.submit(self.bench, request)


def _typed(value: Any) -> str:
    """What stands in the field; a text that a line cannot hold is left to the placeholder."""
    text = shown(value)
    return text if clean(text) == text and "\n" not in text else ""
