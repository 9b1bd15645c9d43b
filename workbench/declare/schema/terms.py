"""The keys of `timeout:`, `retries:` and `priority:`: how urgent a run is, how long its parts take, when it is tried again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, Field, WithJsonSchema

from workbench.declare.scalars import Duration, Slug, Whole, text, wrong
from workbench.declare.schema.base import Keys, choice
from workbench.model.run import MOST_RETRIES, MOST_TAGS
from workbench.model.terms import DELAY, FACTOR, RETRIED, Terms, priority_of

DAY = 86400.0


def _priority(value: object) -> int:
    said = text(value)
    try:
        return priority_of(said)
    except ValueError as error:
        wrong(str(error))


def _factor(value: object) -> float:
    said = text(value)
    try:
        number = float(said)
    except ValueError:
        number = 0.0
    if not 1 <= number <= 100:
        wrong(f"expected a number from 1 to 100, found {said[:40]!r}")
    return number


def _short(key: str) -> BeforeValidator:
    """What stands alone stands for `key`."""
    return BeforeValidator(lambda value: value if isinstance(value, Mapping | Keys) else {key: value})


Priority = Annotated[
    int,
    BeforeValidator(_priority),
    WithJsonSchema(
        {"type": ["string", "integer"], "x-form": "`low`, `normal`, `high` or a number", "examples": ["high"]}
    ),
]
Factor = Annotated[
    float, BeforeValidator(_factor), WithJsonSchema({"type": "number", "minimum": 1, "x-form": "number"})
]
Ends = Annotated[str, *choice(*sorted(RETRIED))]


Tags = Annotated[list[Slug], Field(max_length=MOST_TAGS)]


class TimeoutKeys(Keys):
    """How long the parts of a run may take. A duration alone is short for `{run: …}`."""

    SHORT: ClassVar[str] = "run"

    queue: Duration | None = Field(None, description="Until it begins: a run that waits for longer ends.")
    start: Duration | None = Field(None, description="Until its kernel answers; 2m, where absent.")
    run: Duration | None = Field(None, description="The whole run.")
    cell: Duration | None = Field(None, description="Each cell.")


class RetryKeys(Keys):
    """How a run that did not succeed is tried again. A number alone is short for `{count: …}`."""

    SHORT: ClassVar[str] = "count"
    SHORT_FORMS: ClassVar[list[str]] = ["integer"]

    count: Annotated[Whole, Field(ge=0, le=MOST_RETRIES)] = Field(description="How often.")
    delay: Duration = Field(
        DELAY, description="Pause before the second try.", examples=["30s"], json_schema_extra={"default": "5s"}
    )
    factor: Factor = Field(FACTOR, description="What the pause is multiplied by for each further one.")
    longest: Duration | None = Field(
        None, description="No pause is longer; 5m, where absent, or `delay` where that is more."
    )
    on: list[Ends] = Field(
        sorted(RETRIED),
        description="Ends after which it is; all of them, where absent. `interrupted`: the machine was restarted meanwhile."
        " Each counts as a try.",
        examples=[["failed", "interrupted"]],
    )


Timeouts = Annotated[TimeoutKeys, _short("run")]
Retries = Annotated[RetryKeys, _short("count")]


def terms_of(timeouts: TimeoutKeys | None, retries: RetryKeys | None, keep: float | None = None) -> Terms:
    """What was declared, with what holds where it says nothing."""
    said: dict[str, Any] = {"keep": keep}
    if timeouts:
        said |= {"queue": timeouts.queue, "start": timeouts.start, "cell": timeouts.cell}
    if retries:
        said |= {
            "delay": retries.delay,
            "factor": retries.factor,
            "longest": retries.longest,
            "on": frozenset(retries.on),
        }
    return Terms(**said)
