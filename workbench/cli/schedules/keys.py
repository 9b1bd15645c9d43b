"""Keys of a schedule's file as options, the same for `schedules add` and `schedules set`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

import click

from workbench.cli import filters
from workbench.cli.filters import Span
from workbench.cli.grammar import options
from workbench.cli.names import environment_names
from workbench.cli.runs.code import inner
from workbench.cli.runs.terms import Priority
from workbench.model.notice import TOLD
from workbench.model.run import MOST_RETRIES
from workbench.model.schedule import CatchUp, Overlap
from workbench.model.terms import RETRIED, priority_word

Key = tuple[str, ...]
# The option's name in Python, its key in the file, and the option.
_OPTIONS: tuple[tuple[str, Key, Any], ...] = (
    ("environment", ("environment",), click.option(
        "-e", "--environment", metavar="NAME", shell_complete=environment_names, help="Another environment.")),
    ("code_", ("code", "ref"), click.option(
        "--code", "code_", metavar="WHAT",
        help="Files of the project its runs see: live (the usual), frozen, or a branch, tag or commit.")),
    ("fetch", ("code", "fetch"), click.option(
        "--fetch/--no-fetch", default=None, help="Ask the repository's remote for that branch or tag first.")),
    ("inputs", ("inputs",), click.option(
        "--input", "inputs", multiple=True, metavar="FILE", callback=inner,
        help="A file its runs read, in the project, as data/*.csv: its hash is kept. May be given several times.")),
    ("tags", ("tags",), click.option(
        "--tag", "tags", multiple=True, metavar="WORD", help="A word that its runs are found by. May be given several times.")),
    ("start", ("start",), click.option("--start", metavar="DAY", help="Nothing is due before: '2026-01-02', or with a time of day.")),
    ("end", ("end",), click.option("--end", metavar="DAY", help="Nothing is due after it.")),
    ("jitter", ("jitter",), click.option("--jitter", type=Span(), metavar="TIME", help="Fire each due time up to so much later.")),
    ("overlap", ("overlap",), click.option(
        "--overlap", type=click.Choice([str(one) for one in Overlap]), help="While the run before goes on.")),
    ("catch_up", ("catch_up",), click.option(
        "--catch-up", type=click.Choice([str(one) for one in CatchUp]), help="After a time of not running.")),
    ("catch_up_window", ("catch_up_window",), click.option(
        "--catch-up-window", type=Span(), metavar="TIME", help="How late one may still be made up for.")),
    ("priority", ("priority",), click.option(
        "--priority", type=Priority(), metavar="LEVEL", help="low, normal, high, or a number.")),
    ("timeout", ("timeout", "run"), click.option("--timeout", type=Span(), metavar="TIME", help="Limit of each run, as 45m.")),
    ("queue", ("timeout", "queue"), click.option(
        "--queue-timeout", "queue", type=Span(), metavar="TIME", help="Limit of the time until a run begins.")),
    ("start_", ("timeout", "start"), click.option(
        "--start-timeout", "start_", type=Span(), metavar="TIME", help="Limit until its kernel answers; 2m.")),
    ("cell", ("timeout", "cell"), click.option("--cell-timeout", "cell", type=Span(), metavar="TIME", help="Limit of each cell.")),
    ("retries", ("retries", "count"), click.option(
        "--retries", type=click.IntRange(0, MOST_RETRIES), help="Further tries of a run that does not succeed.")),
    ("delay", ("retries", "delay"), click.option(
        "--retry-delay", "delay", type=Span(), metavar="TIME", help="Pause before the second try, 5s.")),
    ("factor", ("retries", "factor"), click.option(
        "--retry-factor", "factor", type=click.FloatRange(1, 100), metavar="NUMBER", help="What each further pause is multiplied by, 2.")),
    ("longest", ("retries", "longest"), click.option(
        "--retry-longest", "longest", type=Span(), metavar="TIME", help="No pause is longer, 5m.")),
    ("after", ("retries", "on"), click.option(
        "--retry-on", "after", multiple=True, metavar="STATE", help="Ends to try again after; all but cancelled.")),
    ("last", ("keep", "last"), click.option(
        "--keep-last", "last", type=click.IntRange(1), metavar="N", help="Keep its newest so many runs.")),
    ("young", ("keep", "for"), click.option("--keep-for", "young", type=Span(), metavar="TIME", help="Keep runs younger than that, as 90d.")),
    ("failed", ("keep", "failed"), click.option(
        "--keep-failed/--no-keep-failed", "failed", default=None, help="Keep those that did not succeed, however old.")),
    ("kernel", ("keep_kernel",), click.option(
        "--keep-kernel", "kernel", type=Span(), metavar="TIME", help="Keep a failed run's kernel so long.")),
    ("told", ("notify",), click.option(
        "--notify", "told", multiple=True, metavar="OCCASION=WHO",
        help=f"Tell somebody, as failure=ann@acme.example: {', '.join(TOLD)}.")),
    ("heartbeat", ("notify", "heartbeat"), click.option(
        "--heartbeat", metavar="URL", help="Ask for it after each success, for a monitor.")),
    ("report", ("notify", "report"), click.option(
        "--report/--no-report", default=None, help="Mail brings the run's HTML report.")),
    ("deliver", ("deliver",), click.option(
        "--deliver", multiple=True, metavar="PATH",
        help="Copy the report there, as '/srv/reports/${due:%Y-%m}.html', or the notebook where it ends in .ipynb.")),
    ("enabled", ("enabled",), click.option("--enabled/--disabled", default=None, help="Whether it fires.")),
    ("free", (), click.option(
        "--set", "free", multiple=True, metavar="KEY=YAML",
        help="Any other key of its file, as 'deliver=[{to: out/log.txt, what: log}]' or keep.failed=true.")),
)  # fmt: skip
_SPANS = {"jitter", "catch_up_window", "timeout", "queue", "start_", "cell", "delay", "longest", "young", "kernel"}


def with_keys(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options; what was given arrives as one `keys`: values by their path in the file."""

    @wraps(function)
    def wrapper(*args: Any, **more: Any) -> Any:
        given = {name: more.pop(name) for name, _, _ in _OPTIONS}
        return function(*args, keys=_keys(given), **more)

    return options(*(option for _, _, option in _OPTIONS))(wrapper)


def _keys(given: dict[str, Any]) -> dict[Key, Any]:
    from workbench.declare import single_keys
    from workbench.services.scheduling.preview import span_text

    found: dict[Key, Any] = {}
    for name, path, _ in _OPTIONS:
        value = given[name]
        if value is None or value == ():
            continue
        if name == "free":
            found |= dict(map(single_keys.said, value))
        elif name == "told":
            found |= _told(value)
        elif name == "after":
            found[path] = sorted(filters.states(value, sorted(RETRIED), option="--retry-on"))
        elif name == "priority":
            found[path] = priority_word(value)
        elif name in _SPANS:
            found[path] = span_text(value)
        else:
            found[path] = list(value) if isinstance(value, tuple) else value
    return found


def _told(words: Sequence[str]) -> dict[Key, list[str]]:
    found: dict[Key, list[str]] = {}
    for word in words:
        occasion, equals, target = word.partition("=")
        if not equals or occasion not in TOLD:
            raise click.UsageError(f"--notify {word!r}: write one of {', '.join(TOLD)}, =, and who is told.")
        found.setdefault(("notify", occasion), []).append(target)
    return found
