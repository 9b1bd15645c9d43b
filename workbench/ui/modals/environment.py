"""Declare an environment of one's own: a name, what it is based on, packages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from workbench.model.environment import EnvironmentSpec
from workbench.model.names import SLUG_RULE, is_slug
from workbench.services.bench import Bench
from workbench.ui.modals.form import Considered, Field, Form, choice, line
from workbench.ui.page import Page
from workbench.ui.tone import Tone
from workbench.ui.widgets.header import shortened

EXAMPLES = {"python": "e.g. pandas>=2.2 scikit-learn", "r": "e.g. data.table ggplot2"}
HINTS = {"python": "Python packages, with spaces between", "r": "R packages of CRAN, with spaces between"}


class EnvironmentForm(Form[str]):
    """Dismissed with the environment's name."""

    heading: ClassVar[str] = "New environment"
    verb: ClassVar[str] = "Write"

    def __init__(self, bench: Bench, known: Sequence[EnvironmentSpec]) -> None:
        super().__init__(bench)
        self.known = {spec.name: spec for spec in known}

    def fields(self) -> Iterable[Field]:
        """Name, base, packages."""
        yield line("name", "name", placeholder="e.g. sales")
        yield choice("extends", "based on", list(self.known), "python" if "python" in self.known else "")
        yield line("packages", "packages", placeholder=EXAMPLES["python"], hint=HINTS["python"])

    async def changed(self, name: str, value: str) -> None:
        """Packages are of the language that the base has."""
        if name == "extends" and value:
            language = self._language(value)
            self.field("packages").explain(EXAMPLES[language], HINTS[language])

    def _language(self, base: str) -> str:
        spec = self.known[base]
        # An R environment has a bare Python too where JupyterLab drives it.
        return "r" if spec.r is not None and not (spec.python and spec.python.packages) else "python"

    def consider(self, values: Mapping[str, str]) -> Considered:
        """The name's rule, and the file as it will be."""
        name = values["name"].strip()
        errors: dict[str, str] = {}
        if not is_slug(name):
            errors["name"] = SLUG_RULE if name else "it needs a name"
        if not values["extends"]:
            errors["extends"] = "choose one"
        if errors:
            return Considered(errors)
        page = Page().text(
            f"Writes {shortened(self.bench.home.environments / name)}.yaml; e edits it, r builds it.", Tone.MUTED
        )
        return Considered({}, page.content())

    def carry_out(self, values: Mapping[str, str]) -> str:
        """Write it."""
        from workbench.services.declared import environment_files

        keys: dict[str, Any] = {"extends": values["extends"]}
        if values["packages"].split():
            keys[self._language(values["extends"])] = {"packages": values["packages"].split()}
        return environment_files.create(self.bench, values["name"].strip(), keys).name
