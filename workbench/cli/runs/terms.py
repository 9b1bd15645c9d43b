"""How urgent a run is, how long its parts may take and when it is tried again: as options of commands, and as told."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import click

from workbench.cli import filters
from workbench.cli.filters import Span
from workbench.cli.grammar import options
from workbench.model.run import MOST_RETRIES, Run
from workbench.model.terms import DELAY, FACTOR, RETRIED, Terms, priority_of, priority_word
from workbench.text import duration, plural


class Priority(click.ParamType[int]):
    """`low`, `normal`, `high` or a number."""

    name = "level"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The number."""
        try:
            return priority_of(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


class KeptFor(Span):
    """A length of time, or `off`."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Seconds, 0 for `off`."""
        return 0.0 if value == "off" else super().convert(value, param, ctx)


def with_terms(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options; they arrive as `priority`, `timeout`, `retries` and one `terms`."""

    @wraps(function)
    def wrapper(
        *args: Any, queue: float | None, start: float | None, cell: float | None, delay: float | None,
        after: tuple[str, ...], keep: float | None, **more: Any,
    ) -> Any:  # fmt: skip
        on = filters.states(after, sorted(RETRIED), option="--retry-on") or RETRIED
        if (after or delay is not None) and not more["retries"]:
            raise click.UsageError("--retry-on and --retry-delay say nothing without --retries.")
        terms = Terms(queue=queue, start=start, cell=cell, delay=DELAY if delay is None else delay, on=on, keep=keep)
        return function(*args, terms=terms, **more)

    return options(
        click.option(
            "--priority", type=Priority(), metavar="LEVEL",
            help="low, normal, high, or a number: which starts first where several wait; the project's unless given.",
        ),
        click.option("--timeout", type=Span(), metavar="TIME", help="Limit of the whole run, as 45m."),
        click.option("--queue-timeout", "queue", type=Span(), metavar="TIME", help="Limit of the time until it begins."),
        click.option("--start-timeout", "start", type=Span(), metavar="TIME", help="Limit until its kernel answers; 2m."),
        click.option("--cell-timeout", "cell", type=Span(), metavar="TIME", help="Limit of each cell."),
        click.option(
            "--retries", type=click.IntRange(0, MOST_RETRIES),
            help="Further tries when it does not succeed; the project's unless given.",
        ),
        click.option(
            "--retry-delay", "delay", type=Span(), metavar="TIME", help="Pause before the second try, 5s; each is doubled."
        ),
        click.option("--retry-on", "after", multiple=True, metavar="STATE", help="Ends to try again after; all but cancelled."),
        click.option(
            "--keep", type=KeptFor(), metavar="TIME",
            help="Keep its kernel so long where a cell fails or time is over, for `runs continue`; `off`: not.",
        ),
    )(wrapper)  # fmt: skip


def limits(run: Run) -> str:
    """`45m, each cell 10m, to begin 2h`; empty for none."""
    return run.terms.limits(run.timeout, duration)


def tries(run: Run, had: int) -> str:
    """`1 of 4, after failed or crashed, first pause 30s`; empty where it has one."""
    if not run.retries:
        return ""
    on = f", after {' or '.join(sorted(run.terms.on))}" if run.terms.on != RETRIED else ""
    pause = f", first pause {duration(run.terms.delay)}" if run.terms.delay != DELAY else ""
    grows = f", times {run.terms.factor:g}" if run.terms.factor != FACTOR else ""
    return f"{had} of {run.retries + 1}{on}{pause}{grows}"


def urgent(run: Run) -> str:
    """Its priority, where it is not the usual one."""
    return priority_word(run.priority) if run.priority else ""


def changed(numbers: list[int], level: int) -> str:
    """What was done."""
    which = f"Run {numbers[0]}" if len(numbers) == 1 else plural(len(numbers), "run")
    return f"{which}: priority {priority_word(level)}."
