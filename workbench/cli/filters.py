"""The filters that every list takes, and how spans, dates and states are written."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, TypeVar
from zoneinfo import ZoneInfo

import click

from workbench.cli.names import project_names

if TYPE_CHECKING:
    from workbench.services.bench import Bench

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
State = TypeVar("State", bound=str)


def seconds(text: str) -> float:
    """The length of `45m`, `2h`, `1h30m`; a unit is required. Raises ValueError."""
    parts = re.findall(r"(\d+(?:\.\d+)?)([smhdw])", text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise ValueError(f"{text!r} is no length of time: write 90s, 45m, 2h, 1h30m or 3d")
    return sum(float(number) * UNITS[unit] for number, unit in parts)


class Span(click.ParamType[float]):
    """A length of time in seconds, as `45m`."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Seconds, more than none."""
        if isinstance(value, (int, float)):
            return float(value)
        try:
            length = seconds(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)
        if length <= 0:
            self.fail("it must be more than nothing", param, ctx)
        return length


class IdleTime(Span):
    """A length of time, or none."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Seconds; 0 for `off`."""
        return 0.0 if value in ("off", 0.0) else super().convert(value, param, ctx)


def since(text: str, now: datetime, zone: ZoneInfo) -> datetime:
    """The moment that `2h` (ago), `today`, `yesterday`, `2025-11-20` or `2025-11-20T06:30` in `zone` names, in UTC."""
    local = now.astimezone(zone)
    days = {"today": 0, "yesterday": 1}
    if text in days:
        day = local.date() - timedelta(days=days[text])
        return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)
    try:
        return now - timedelta(seconds=seconds(text))
    except (ValueError, OverflowError):
        pass
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise click.BadParameter(
            f"{text!r} is no time: write 2h, 3d, today, yesterday, 2025-11-20 or 2025-11-20T06:30",
            param_hint="--since",
        ) from error
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)


def states(
    words: Iterable[str],
    kind: Iterable[State],
    groups: Mapping[str, frozenset[State]] | None = None,
    option: str = "--state",
) -> frozenset[State]:
    """The states that `words` name, each a state or a group of them, several separated by commas."""
    found: set[State] = set()
    known = {str(state): frozenset({state}) for state in kind} | dict(groups or {})
    for word in (part.strip() for text in words for part in text.split(",")):
        if word not in known:
            close = get_close_matches(word, known, n=1)
            more = f"Did you mean {close[0]}?" if close else f"There are: {', '.join(known)}."
            raise click.BadParameter(f"no state {word!r}. {more}", param_hint=option)
        found |= known[word]
    return frozenset(found)


def check_project(bench: Bench, name: str) -> None:
    """Raise `NotFound` with the nearest where no project has that name; one that has only its runs left is known."""
    if not name:
        return
    from workbench.services import projects, runs

    if not runs.page(bench, runs.RunFilter(project=name), limit=1):
        projects.get(bench, name)


@dataclass(frozen=True)
class Wanted:
    """What a list is narrowed to, as written."""

    project: str
    state: Sequence[str]
    since: str | None

    @property
    def narrowed(self) -> bool:
        """Whether anything is left out."""
        return bool(self.project or self.state or self.since)


def filtered(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--project --state --since`; they arrive as one `Wanted` named `wanted`."""
    from functools import wraps

    @wraps(function)
    def wrapper(*args: Any, project: str, state: tuple[str, ...], since: str | None, **more: Any) -> Any:
        return function(*args, wanted=Wanted(project, state, since), **more)

    for decorator in (
        click.option("--since", metavar="TIME", help="Only from then on: 2h, today, 2025-11-20."),
        click.option("--state", metavar="STATE", multiple=True, help="Only in this state; several with commas."),
        click.option("--project", metavar="NAME", default="", shell_complete=project_names, help="Only this project."),
    ):
        wrapper = decorator(wrapper)
    return wrapper
