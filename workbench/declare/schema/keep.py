"""The keys of `keep:`, alike in settings, projects and schedules."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from workbench.declare.scalars import Duration, Truth, Whole
from workbench.declare.schema.base import Keys
from workbench.model.retention import Keep


class KeepKeys(Keys):
    """Which ended runs are kept, with what they left; the others go once a day. Without `last` and `for`: all."""

    last: Annotated[Whole, Field(ge=1)] | None = Field(None, description="The newest so many of each name.")
    for_: Duration | None = Field(None, alias="for", description="Those younger than that.", examples=["90d"])
    failed: Truth = Field(False, description="true: those that did not succeed, however old.")


def keep_of(keys: KeepKeys | None) -> Keep | None:
    """What was declared; None for nothing."""
    return Keep(keys.last, keys.for_, keys.failed) if keys else None
