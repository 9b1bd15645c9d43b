"""The parameters of a request: references written out, then checked against what the notebook takes."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from workbench.errors import Refused
from workbench.model.parameter import shown
from workbench.model.placeholder import Moments, alone, expanded, named
from workbench.model.run import Request
from workbench.model.variables import references
from workbench.services.bench import Bench
from workbench.store import asked

if TYPE_CHECKING:
    from workbench.notebooks.parameters import Parameters

SOME_RUN = 1  # an id like any other, to see whether parameters that name theirs fit


@dataclass(frozen=True)
class Given:
    """What a run is given. `by_id`: the same for the run's id, where a value names it. `references`: what is kept with
    the run for its kernel's environment."""

    parameters: Mapping[str, Any]
    by_id: Callable[[int], dict[str, Any]] | None = None
    references: Mapping[str, str] = field(default_factory=dict)


def of(bench: Bench, takes: Parameters, request: Request) -> Given:
    """The values of `request` where they fit what the notebook takes. Raises `Refused` with all problems."""
    from workbench.notebooks import agreement, parameters

    moments = moments_of(bench, request)

    def written(run: int) -> dict[str, Any]:
        values: Mapping[str, Any] = agreement.filled(takes, request.parameters)
        if moments is not None:
            asked = values
            values = expanded(values, replace(moments, run=run), texts=takes.texts)
            values = {name: _typed(takes, name, asked[name], value) for name, value in values.items()}
        return parameters.check(takes, values, allow_unknown=request.allow_unknown_parameters)

    late = moments is not None and "run" in named(agreement.filled(takes, request.parameters))
    kept = dict(request.references) or references(moments, request.schedule)
    return Given(written(SOME_RUN), written if late else None, kept)


def _typed(takes: Parameters, name: str, asked: Any, value: Any) -> Any:
    """What a reference stands for, as a number where it is declared as one: `year: "${due:%Y}"`."""
    declared = takes.get(name)
    if declared is None or declared.type not in ("int", "float") or not alone(asked) or not isinstance(value, str):
        return value
    return int(value) if re.fullmatch(r"-?[0-9]{1,18}", value) else value


def moments_of(bench: Bench, request: Request) -> Moments | None:
    """What references in its parameters stand for; None where they hold none, only text that looks so."""
    if request.at is None:
        return None
    if request.schedule is None:
        return Moments(request.at, scheduled=False)
    with bench.store.read() as connection:
        previous = asked.previous_success(connection, request.schedule, request.at)
    return Moments(request.at, bench.now(), previous)


def previewed(bench: Bench, request: Request) -> tuple[dict[str, str], dict[str, str]]:
    """What the parameters that hold references will be, and why others cannot be, by name; of the run's id the mark stays."""
    moments = moments_of(bench, request)
    found, wrong = dict[str, str](), dict[str, str]()
    for name, value in request.parameters.items():
        names = set(named(value))
        if moments is None or not names or "run" in names:
            continue
        try:
            found[name] = shown(expanded({name: value}, moments)[name])
        except Refused as error:
            wrong[name] = error.message.removeprefix(f"parameter {name}: ")
    return found, wrong
