"""Make a project, add a folder that stays where it is, or clone a repository."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import ClassVar

from textual.content import Content
from textual.widgets import Static

from workbench.errors import WorkbenchError
from workbench.model.names import SLUG_RULE, is_slug
from workbench.services.bench import Bench
from workbench.text import one_line
from workbench.ui.commands import words
from workbench.ui.modals.form import Considered, Field, Form, choice, line
from workbench.ui.page import Page
from workbench.ui.widgets.header import shortened

EMPTY, FOLDER, CLONE = "an empty project", "a folder that I have", "a repository elsewhere"


class ProjectForm(Form[str]):
    """Dismissed with the project's name."""

    heading: ClassVar[str] = "New project"
    verb: ClassVar[str] = "Make"

    def __init__(self, bench: Bench, examples: Iterable[str], environments: Iterable[str]) -> None:
        super().__init__(bench)
        self.examples = list(examples)
        self.environments = list(environments)
        self.brought = False  # whether the project came with files of its own

    def fields(self) -> Iterable[Field]:
        """What it is made of, its name, its environment."""
        kinds = [EMPTY, FOLDER, CLONE, *(f"a copy of the example {name}" for name in self.examples)]
        yield line("name", "name", placeholder="e.g. sales-2025")
        yield choice("kind", "made of", kinds, EMPTY)
        yield line("folder", "folder", placeholder="e.g. ~/work/sales", hint="it stays where it is")
        yield line(
            "address",
            "address",
            placeholder="e.g. https://host.example/team/sales.git",
            hint="cloned with git's own login",
        )
        yield choice(
            "environment", "environment", self.environments, prompt="the standard files found, else the default"
        )

    def on_mount(self) -> None:
        """A folder is asked for only where one is taken in."""
        super().on_mount()
        self._fit(EMPTY)

    async def changed(self, name: str, value: str) -> None:
        """Lines that do not apply are not shown."""
        if name == "kind":
            self._fit(value)

    def _fit(self, kind: str) -> None:
        self.field("folder").display = kind == FOLDER
        self.field("address").display = kind == CLONE
        self.field("environment").display = kind == EMPTY

    def consider(self, values: Mapping[str, str]) -> Considered:
        """The name's rule, the folder or address, and what will be there."""
        errors: dict[str, str] = {}
        name, kind = values["name"].strip(), values["kind"]
        linked = kind == FOLDER
        folder = Path(values["folder"].strip()).expanduser()
        if linked and not values["folder"].strip():
            errors["folder"] = "which folder?"
        elif linked and not folder.is_dir():
            errors["folder"] = "there is no such folder"
        if kind == CLONE:
            return self._clone(name, values["address"].strip())
        if not name and not linked:
            errors["name"] = "it needs a name"
        elif name and not is_slug(name):
            errors["name"] = SLUG_RULE
        page = Page()
        if errors:
            return Considered(errors, page.content())
        if linked:
            page.text(f"Links {folder.absolute()}. Nothing in it is changed; runs are published in its runs/.")
            called = ["--name", name] if name else []
            return Considered({}, page.content(), words("projects", "add", folder.absolute(), *called))
        place = shortened(self.bench.home.projects / name)
        more: list[str] = []
        if kind == EMPTY:
            page.text(f"Makes {place} with notebooks/, data/, project.yaml and a git repository.")
        else:
            example = kind.rpartition(" ")[2]
            page.text(f"Copies the example {example} to {place} and makes it a git repository.")
            more = ["--example", example]
        if values["environment"] and kind == EMPTY:
            more = ["--environment", values["environment"]]
        return Considered({}, page.content(), words("projects", "new", name, *more))

    def _clone(self, name: str, address: str) -> Considered:
        """A repository: its address, and the name that it gives."""
        from workbench.services.code import cloning
        from workbench.services.declared.folders import name_for_folder

        errors: dict[str, str] = {}
        if name and not is_slug(name):
            errors["name"] = SLUG_RULE
        try:
            called = name or name_for_folder(Path(cloning.name_of(cloning.check(address))))
        except WorkbenchError as error:
            errors["address"] = error.message if address else "which repository?"
            called = ""
        if errors:
            return Considered(errors)
        page = Page().text(f"Clones it to {shortened(self.bench.home.projects / called)}. Nothing in it is run.")
        return Considered({}, page.content(), words("projects", "add", address, *(["--name", name] if name else [])))

    def _progress(self, text: str) -> None:
        """What git says while it clones, in the place of the preview."""
        self.app.call_from_thread(self.query_one("#preview", Static).update, Content(one_line(text, 100)))

    def carry_out(self, values: Mapping[str, str]) -> str:
        """Make it."""
        from workbench.services import projects

        name, kind = values["name"].strip(), values["kind"]
        self.brought = kind in (FOLDER, CLONE)
        if kind == CLONE:
            return projects.clone(self.bench, values["address"].strip(), name or None, progress=self._progress).name
        if kind == FOLDER:
            return projects.add(self.bench, Path(values["folder"].strip()).expanduser(), name or None).name
        example = None if kind == EMPTY else kind.rpartition(" ")[2]
        environment = (values["environment"] or None) if kind == EMPTY else None
        return projects.create(self.bench, name, example=example, environment=environment).name
