"""A sweep that is asked for: its combinations, each checked as a run of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from workbench.errors import Refused
from workbench.model import sweep as sweeps
from workbench.model.parameter import shown
from workbench.model.placeholder import Moments, expanded, named
from workbench.model.run import Request
from workbench.services.asking import given, requests
from workbench.services.asking.memo import Memo
from workbench.services.bench import Bench

if TYPE_CHECKING:
    from workbench.notebooks.parameters import Parameters


def check(bench: Bench, request: Request, *, ahead: bool, later: bool, memo: Memo) -> requests.Checked:
    """A request with a sweep: every combination checked, as the `group` of the first. Raises `Refused` with the
    combination that does not fit."""
    takes = requests.parameters_of(bench, request.project, request.notebook, memo=memo, code=request.code)
    made = []
    for row in combinations(bench, request, takes):
        with _told(row):
            made.append(requests.check_one(bench, _one(request, row), ahead=ahead, later=later, memo=memo))
    return replace(made[0], group=tuple(made), swept=tuple(sweeps.read(request.sweep).names))


def preview(bench: Bench, request: Request) -> list[dict[str, Any]]:
    """The combinations of a request's sweep before it is asked for. Raises `Refused` where the parameters do not fit."""
    takes = requests.parameters_of(bench, request.project, request.notebook, code=request.code)
    found = combinations(bench, request, takes)
    for row in found:
        with _told(row):
            given.of(bench, takes, _one(request, row))
    return found


def _one(request: Request, row: Mapping[str, Any]) -> Request:
    return replace(request, sweep=None, parameters={**request.parameters, **row})


@contextmanager
def _told(row: Mapping[str, Any]) -> Iterator[None]:
    """What is wrong with parameters is told with their combination."""
    try:
        yield
    except Refused as error:
        if error.title != "parameters":
            raise
        where = f"{error.message} (in the combination {told(row)})"
        raise Refused(where, title=error.title, hint=error.hint) from error


def combinations(bench: Bench, request: Request, takes: Parameters) -> list[dict[str, Any]]:
    """What each run of a sweep is given beside the request's own parameters. Raises `Refused` for what is no sweep."""
    from workbench.declare.parameters import read_grid

    sweep = sweeps.read(request.sweep)
    twice = [name for name in sweep.names if name in request.parameters]
    if twice:
        raise Refused(f"{', '.join(twice)}: given and swept", title=sweeps.TITLE, hint="Only one of them can hold.")
    moments = given.moments_of(bench, request)

    def written(name: str, text: str) -> str:
        return text if moments is None or "run" in named(text) else _text(moments, name, text)

    def flow(text: str) -> Any:
        return read_grid(text, title=sweeps.TITLE)

    reader = sweeps.Reader(takes.meant, takes.texts, written, flow)
    return sweeps.combinations(sweep, reader)


def _text(moments: Moments, name: str, text: str) -> str:
    return str(expanded({name: text}, moments)[name])


def told(combination: Mapping[str, Any]) -> str:
    """`region = north, rows = 10`."""
    return ", ".join(f"{name} = {shown(value)}" for name, value in combination.items())
