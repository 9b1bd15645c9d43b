"""The keys of `deliver:` of a schedule."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

from workbench.declare.scalars import Line, Truth, wrong
from workbench.declare.schema.base import Keys, choice
from workbench.model.delivery import BARE, NOTEBOOK, REPORT, Delivery

_BARE_BRACE = re.compile(r"(?<!\$)\{\s*[A-Za-z_]")  # of a reference whose $ was forgotten


def _path(said: str) -> str:
    if said.endswith("/") or ".." in said.split("/"):
        wrong(f"{said[:80]!r} is no path of a file", "as /srv/reports/sales-${due:%Y-%m}.html")
    if any(part.startswith(".") and part != "." for part in said.split("/")):
        wrong(f"{said[:80]!r} lies in what is hidden", "where people look for it")
    if found := _BARE_BRACE.search(said):
        wrong(
            f"{said[found.start() :][:60]!r} would stand in the name as it is",
            "references begin with $, as ${due:%Y-%m}",
        )
    return said


class DeliverKeys(Keys):
    """Where what a run leaves is copied to. A path alone is short for `{to: …}`."""

    SHORT = "to"

    to: Annotated[Line, AfterValidator(_path)] = Field(
        description="The file to write, replaced whole; relative to the project, or absolute in a folder that is there."
        " References as in parameters.",
        examples=["/srv/reports/sales-${due:%Y-%m}.html"],
    )
    what: Annotated[str, *choice("report", "notebook", "log")] | None = Field(
        None, description="What is copied. Absent: the notebook where the file's name ends in .ipynb, else the report."
    )
    code: Truth = Field(True, description="false: the report is without code.")
    failed: Truth = Field(False, description="true: also of runs that did not succeed.")


Deliver = Annotated[list[DeliverKeys], BeforeValidator(lambda value: value if isinstance(value, list) else [value])]


def deliveries_of(keys: list[DeliverKeys]) -> tuple[Delivery, ...]:
    """What was declared."""
    return tuple(Delivery(one.to, _kind(one), one.failed) for one in keys)


def _kind(said: DeliverKeys) -> str:
    what = said.what or (NOTEBOOK if said.to.endswith(".ipynb") else REPORT)
    return BARE if what == REPORT and not said.code else what
