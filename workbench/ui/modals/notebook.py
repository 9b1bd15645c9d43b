"""What running and scheduling ask alike: a project, one of its notebooks, where it runs, and its parameters."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from textual.containers import Vertical

from workbench.errors import WorkbenchError
from workbench.model.code import AS_IT_IS, FROZEN, LIVE, Code, code
from workbench.model.environment import EnvironmentSpec
from workbench.model.parameter import Declared
from workbench.model.parameter import shown as asked_for
from workbench.model.placeholder import named
from workbench.model.run import Request
from workbench.model.sweep import ASK, Sweep, of_words, told
from workbench.services.asking import given as given_service
from workbench.services.asking import sweeps
from workbench.services.bench import Bench
from workbench.text import clean, one_line
from workbench.ui.commands import fetches, shown
from workbench.ui.modals.form import Field, Form, choice, line

if TYPE_CHECKING:
    from workbench.notebooks.parameters import Parameters

PREFIX = "p:"
LOOKED_AT = 20  # notebooks that are read to find one to begin with
SWEEP = "e.g. region=north,south rows=10..50..10"
HELP = 160  # characters of what a notebook says about a parameter


class NotebookForm(Form[Any]):
    """A form with a project, one of its notebooks, an environment, and the parameters of the notebook."""

    def __init__(
        self,
        bench: Bench,
        projects: Sequence[str],
        *,
        project: str = "",
        notebook: str = "",
        environment: str = "",
        given: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(bench)
        self.projects = list(projects)
        self.project, self.notebook, self.environment = project, notebook, environment
        self.given = dict(given or {})
        self.parameters: Parameters | None = None
        self.code = self.fetch = ""  # what the fields say at first
        self._of = ("", "")
        self._why = ""

    def notebook_fields(self) -> Iterable[Field]:
        """Project, notebook and environment."""
        yield choice("project", "project", self.projects, self.project)
        yield choice("notebook", "notebook", [self.notebook] if self.notebook else [], self.notebook)
        yield choice("environment", "environment", [], prompt="the project's own")

    async def changed(self, name: str, value: str) -> None:
        """Another project has other notebooks and environments, another notebook other parameters."""
        if name == "project" and value:
            from workbench.services import environments, projects

            found = await asyncio.to_thread(projects.notebooks, self.bench, value)
            if value == self.project and self.notebook and self.notebook not in found:
                found = [self.notebook, *found]  # gone: said, and none other put in its place
            first = self.notebook if self.notebook in found else await asyncio.to_thread(self._first, value, found)
            self.put_options("notebook", found, first)
            known = [spec.name for spec in await asyncio.to_thread(environments.specs, self.bench)]
            own = [one for one in known if "/" not in one or one.startswith(f"{value}/")]
            before = self.environment if value == self.project else ""
            self.put_options("environment", own, self.field("environment").value or before)
        elif name == "code":
            self.field("fetch").display = value.strip() not in ("", LIVE, FROZEN)
        elif name == "notebook":
            await self.put_parameters(self.field("project").value, value)

    def _first(self, project: str, found: Sequence[str]) -> str:
        """The notebook to begin with: what ran last, else the first that the project's environment can run."""
        from workbench.services import runs
        from workbench.services.asking import requests

        last = runs.page(self.bench, runs.RunFilter(project=project), limit=1)
        if last and last[0].notebook in found:
            return last[0].notebook
        try:
            spec = self.runs_in(project, "")
        except WorkbenchError:
            return next(iter(found), "")
        for notebook in found[:LOOKED_AT]:
            try:
                language = requests.parameters_of(self.bench, project, notebook).language
            except WorkbenchError:
                continue
            if not _lacks(spec, language):
                return notebook
        return next(iter(found), "")

    def runs_in(self, project: str, chosen: str) -> EnvironmentSpec:
        """The environment that was chosen, else the project's own."""
        from workbench.services import environments, projects

        if chosen:
            return environments.spec(self.bench, chosen)
        return environments.for_project(self.bench, projects.get(self.bench, project))

    def unfit(self, spec: EnvironmentSpec) -> str:
        """Why the notebook that is chosen cannot run in this environment; empty where nothing is known against it."""
        if self.parameters is None or not _lacks(spec, self.parameters.language):
            return ""
        return f"It is in R, which {spec.name} lacks: choose another environment."

    async def put_parameters(self, project: str, notebook: str) -> None:
        """One line for each parameter, with the notebook's own value."""
        from workbench.services.asking import requests

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
        lines = [parameter_field(one, self.given.get(one.name, one.default)) for one in found.declared]
        if lines:
            lines.append(line("sweep", "several values", placeholder=SWEEP, hint="one run for each combination"))
        lines.append(line("code", "code", self.code, placeholder=LIVE, hint="live, frozen, or a branch, tag or commit"))
        lines.append(choice("fetch", "ask the remote", ["first"], self.fetch, prompt="no"))
        lines[-1].display = bool(self.fetch)  # else once a branch, tag or commit is named
        await more.mount_all(lines)

    def swept(self, values: Mapping[str, str], errors: dict[str, str]) -> Sweep | None:
        """What is to be run with several values; None for nothing. Errors are added to `errors`."""
        try:
            return of_words(shlex.split(values.get("sweep", ""))) or None
        except (WorkbenchError, ValueError) as error:
            errors["sweep"] = error.message if isinstance(error, WorkbenchError) else f"a quote is not closed ({error})"
            return None

    def preview_sweep(self, values: Mapping[str, str], given: Mapping[str, Any], errors: dict[str, str]) -> str:
        """The runs that a sweep becomes, in words; empty for none. Errors are added to `errors`."""
        swept = self.swept(values, errors)
        if swept is None:
            return ""
        try:
            rows = sweeps.preview(self.bench, self.request(values, given))
        except WorkbenchError as error:
            errors["sweep"] = error.message
            return ""
        if len(rows) > ASK:
            errors["sweep"] = f"{len(rows)} runs are more than {ASK}: ask for them on a command line, with --yes"
        return told(rows)

    def preview_references(
        self, values: Mapping[str, str], given: Mapping[str, Any], errors: dict[str, str]
    ) -> dict[str, str]:
        """What references in the parameters stand for, by name. Errors are added to `errors`."""
        found, wrong = given_service.previewed(self.bench, self.request(values, given))
        for name, text in found.items():
            declared = self.parameters.get(name) if self.parameters else None
            if declared and (problem := declared.problem(declared.meant(text))):
                wrong[name] = f"{text}: {problem}"
        errors |= {PREFIX + name: why for name, why in wrong.items()}
        return {name: text for name, text in found.items() if name not in wrong}

    def request(self, values: Mapping[str, str], given: Mapping[str, Any]) -> Request:
        """What is asked for, with references of the present."""
        swept = self.swept(values, {})
        return Request(
            values["project"],
            values["notebook"],
            given,
            values["environment"] or None,
            at=self.bench.now().astimezone(self.bench.zone),
            sweep=swept.data if swept else None,
            code=self.seen_code(values, {}),
        )

    def seen_code(self, values: Mapping[str, str], errors: dict[str, str]) -> Code:
        """Which files of the project are seen; live for nothing. Errors are added to `errors`."""
        try:
            return code(values.get("code", "").strip() or LIVE, fetch=fetches(values))
        except WorkbenchError as error:
            errors["code"] = error.message
            return AS_IT_IS

    def read(self, values: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
        """The parameters that differ from the notebook's own, and what is wrong with any."""
        given: dict[str, Any] = {}
        errors: dict[str, str] = {}
        if self._why:
            errors["notebook"] = self._why
        self.seen_code(values, errors)
        swept = self.swept(values, errors)
        for one in self.parameters.declared if self.parameters else ():
            if swept and one.name in swept.names:
                continue
            text = values.get(PREFIX + one.name, "")
            if not text.strip() and (one.source or one.type != "str" or one.explicit):
                if one.required:
                    errors[PREFIX + one.name] = "it has to be given"
                continue
            try:
                value = text if any(named(text)) else one.read(text)
            except WorkbenchError as error:
                errors[PREFIX + one.name] = error.message
                continue
            if not one.literal or value != one.default or type(value) is not type(one.default):
                given[one.name] = value
        errors |= {name: "choose one" for name in ("project", "notebook") if not (values.get(name) or errors.get(name))}
        return given, errors


def parameter_field(one: Declared, value: Any) -> Field:
    """One parameter to fill in, marked where it has to be; what has choices is chosen."""
    name = f"{one.name}*" if one.required else one.name
    label = f"{name}: {one.kind}" if one.kind else name
    limits = "" if one.choices else one.limits
    hint = one_line(" · ".join(filter(None, (limits, one.help))), HELP)
    if one.choices:
        prompt = "" if one.literal else f"as in the notebook: {one_line(one.source)}" if one.source else "choose one"
        known = [asked_for(choice) for choice in one.choices]
        field = choice(PREFIX + one.name, label, known, asked_for(value), prompt=prompt, hint=hint)
        field.must = one.required
        return field
    placeholder = f"as in the notebook: {one_line(one.source)}" if one.source else "no default"
    return line(
        PREFIX + one.name,
        label,
        "" if value is None and not one.literal else _typed(value),
        placeholder=placeholder,
        hint=hint,
    )


def _typed(value: Any) -> str:
    """What stands in the field; a text that a line cannot hold is left to the placeholder."""
    text = shown(value)
    return text if clean(text) == text and "\n" not in text else ""


def _lacks(spec: EnvironmentSpec, language: str) -> bool:
    """Whether a declaration cannot bring R; what else is there is known when the kernel is chosen."""
    return language.lower() == "r" and not (spec.r or spec.image or spec.use)
