"""Start a session: which project, which tool, what to open first; says what will happen."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar

from workbench.errors import Conflict, WorkbenchError
from workbench.model.names import LABEL_RULE, is_label
from workbench.services.bench import Bench
from workbench.ui.commands import words
from workbench.ui.modals.form import WIDTH, Considered, Field, Form, choice, line
from workbench.ui.page import Page

START_PAGE, NO_APP = "the start page", "no app was found"


NO_FILE = ("", START_PAGE, NO_APP)


class SessionForm(Form[int]):
    """Dismissed with the session's id."""

    heading: ClassVar[str] = "Start a session"
    verb: ClassVar[str] = "Start"

    def __init__(self, bench: Bench, projects: Sequence[str], project: str = "") -> None:
        super().__init__(bench)
        self.projects, self.project = list(projects), project

    def fields(self) -> Iterable[Field]:
        """Project, tool, first file, and a name where it is not the only one of its kind."""
        yield choice("project", "project", self.projects, self.project)
        yield choice("ide", "tool", [], "")
        yield choice("file", "opens", [START_PAGE], START_PAGE)
        yield line("name", "name", placeholder="as its project and tool; another for one more")

    async def changed(self, name: str, value: str) -> None:
        """Another project has other tools, another tool opens other files."""
        if name == "project" and value:
            tools = await asyncio.to_thread(self._tools, value)
            self.put_options("ide", tools, next(iter(tools), ""))
        values = self.values()
        if values["project"] and values["ide"]:
            first = await asyncio.to_thread(self._files, values["project"], values["ide"])
            self.put_options("file", first, first[0])

    def _tools(self, project: str) -> list[str]:
        from workbench.services import environments, ides, projects

        found = projects.get(self.bench, project)
        return [tool.name for tool in ides.offered(self.bench, found, environments.for_project(self.bench, found))]

    def _files(self, project: str, ide: str) -> list[str]:
        """What the tool can open there: apps, or notebooks behind the start page."""
        from workbench.services import apps, ides, projects

        tool = ides.named(self.bench, ide, project)
        if tool.takes_file:
            return apps.candidates(projects.get(self.bench, project), tool) or [NO_APP]
        return [START_PAGE, *projects.notebooks(self.bench, project)]

    def consider(self, values: Mapping[str, str]) -> Considered:
        """Engine, environment, address and folders, as they will be."""
        if not values["project"]:
            return Considered({"project": "choose one"})
        if not values["ide"]:
            return self._without(values["project"])
        name = values["name"].strip()
        if name and not is_label(name):
            return Considered({"name": LABEL_RULE})
        page = Page()
        try:
            self._preview(page, values)
        except WorkbenchError as error:
            return Considered({"project": error.message}, Page().text(error.hint).content(WIDTH))
        first = ["--file", values["file"]] if values["file"] not in NO_FILE else []
        called = ["--name", name] if name else []
        command = words("sessions", "start", values["project"], "--ide", values["ide"], *called, *first)
        return Considered({}, page.content(WIDTH), command)

    def _without(self, project: str) -> Considered:
        """No tool is chosen: there are some, or the environment has none."""
        from workbench.services import environments, ides, projects

        try:
            if self._tools(project):
                return Considered({"ide": "choose one"})
            spec = environments.for_project(self.bench, projects.get(self.bench, project))
        except WorkbenchError as error:
            return Considered({"project": error.message}, Page().text(error.hint).content(WIDTH))
        page = Page().text(f"Environment {spec.name} has no IDE. {ides.how_to_have(spec, 'jupyter')}")
        return Considered({"ide": "its environment has none"}, page.content(WIDTH))

    def _preview(self, page: Page, values: Mapping[str, str]) -> None:
        from workbench.services import environments, ides, projects, sessions

        project = projects.get(self.bench, values["project"])
        tool = ides.named(self.bench, values["ide"], project.name)
        spec = environments.for_project(self.bench, project)
        view = environments.view(self.bench, spec.name)
        name = values["name"].strip() or f"{project.name}-{tool.name}"
        there = next((one for one in sessions.listing(self.bench) if one.name == name), None)
        if there and (there.project, there.ide) != (project.name, tool.name):
            raise Conflict(f"{name} is {there.ide} of {there.project}", hint="Choose another name.")
        page.facts(
            ("session", f"{name}{f', which is {there.state}' if there else ''}"),
            ("environment", f"{spec.name}, {view.state}{'' if view.state == 'ready' else ': it is built first'}"),
            ("engine", str(view.engine or "chosen at the first build")),
            ("image", spec.image),
            ("address", there.url if there and there.url else f"http://{name}.localhost, on a free port that it keeps"),
            ("", "on this machine only"),
            (
                "folders",
                "\n".join([str(project.path), *(f"{m.path}{'' if m.write else ', read-only'}" for m in project.data)]),
            ),
            width=19,
        )

    def carry_out(self, values: Mapping[str, str]) -> int:
        """Ask for it."""
        from workbench.services import sessions

        file = "" if values["file"] in NO_FILE else values["file"]
        name = values["name"].strip() or None
        return sessions.start(self.bench, values["project"], values["ide"], name=name, file=file)
