"""The keys of `deliver:` of a schedule."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

from workbench.declare.scalars import Line, Truth, wrong
from workbench.declare.schema.base import Keys, choice
from workbench.model.delivery import BARE, REPORT, Delivery


def _path(said: str) -> str:
    if said.endswith("/") or ".." in said.split("/"):
        wrong(f"{said[:80]!r} is no path of a file", "as /srv/reports/sales-${due:%Y-%m}.html")
    if any(part.startswith(".") and part != "." for part in said.split("/")):
        wrong(f"{said[:80]!r} lies in what is hidden", "where people look for it")
    return said


class DeliverKeys(Keys):
    """Where what a run leaves is copied to. A path alone is short for `{to: …}`."""

    SHORT = "to"

    to: Annotated[Line, AfterValidator(_path)] = Field(
        description="The file to write, replaced whole; relative to the project, or absolute in a folder that is there."
        " References as in parameters.",
        examples=["/srv/reports/sales-${due:%Y-%m}.html"],
    )
    what: Annotated[str, *choice("report", "notebook", "log")] = Field(REPORT, description="What is copied.")
    code: Truth = Field(True, description="false: the report is without code.")
    failed: Truth = Field(False, description="true: also of runs that did not succeed.")


Deliver = Annotated[list[DeliverKeys], BeforeValidator(lambda value: value if isinstance(value, list) else [value])]


def deliveries_of(keys: list[DeliverKeys]) -> tuple[Delivery, ...]:
    """What was declared."""
    return tuple(
        Delivery(one.to, BARE if one.what == REPORT and not one.code else one.what, one.failed) for one in keys
    )
