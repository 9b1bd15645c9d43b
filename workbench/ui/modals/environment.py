"""Declare an environment of one's own: a name, what it is based on, packages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from workbench.model.names import SLUG_RULE, is_slug
from workbench.services.bench import Bench
from workbench.ui.modals.form import Considered, Field, Form, choice, line
from workbench.ui.page import Page
from workbench.ui.tone import Tone
from workbench.ui.widgets.header import shortened


class EnvironmentForm(Form[str]):
    """Dismissed with the environment's name."""

    heading: ClassVar[str] = "New environment"
    verb: ClassVar[str] = "Write"

    def __init__(self, bench: Bench, known: Sequence[str]) -> None:
        super().__init__(bench)
        self.known = list(known)

    def fields(self) -> Iterable[Field]:
        """Name, base, packages."""
        yield line("name", "name", placeholder="sales")
        yield choice("extends", "based on", self.known, "python" if "python" in self.known else "")
        yield line(
            "packages", "packages", placeholder="pandas>=2.2 scikit-learn", hint="Python packages, with spaces between"
        )

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
        from workbench.services import environments

        keys: dict[str, Any] = {"extends": values["extends"]}
        if values["packages"].split():
            keys["python"] = {"packages": values["packages"].split()}
        return environments.create(self.bench, values["name"].strip(), keys).name
