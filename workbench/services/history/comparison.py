"""Two runs side by side: what was asked for, with what they ran, what came out."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workbench.errors import NotFound
from workbench.model.code import LIVE
from workbench.model.run import Run, RunState
from workbench.services import runs
from workbench.services.asking import frozen
from workbench.services.bench import Bench
from workbench.services.code import patch as patches
from workbench.services.history import continuing, scalars
from workbench.store import history
from workbench.text import duration, plural

if TYPE_CHECKING:
    from workbench.notebooks.comparison import Difference


PACKAGES = 12  # that differ are told to a person


@dataclass(frozen=True)
class Comparison:
    """`facts` that differ: name, of the first, of the second. `cells` of the executed notebooks."""

    first: Run
    second: Run
    facts: tuple[tuple[str, str, str], ...]
    cells: tuple[Difference, ...]

    @property
    def rows(self) -> list[tuple[str, str, str]]:
        """All of it as a person reads it; another base image has a hundred other packages, of which the first are told."""
        packages = [fact for fact in self.facts if fact[0].startswith("package ")]
        hidden = set(packages[PACKAGES:])
        rest = [(f"and {plural(len(hidden), 'package')} more", "…", "…")] if hidden else []
        facts = [fact for fact in self.facts if fact not in hidden]
        cells = ((f"cell {one.cell} {one.what}", one.first, one.second) for one in self.cells)
        return [(name, left or "-", right or "-") for name, left, right in (*facts, *rest, *cells)]


def before(bench: Bench, run_id: int) -> int:
    """The newest success before a run, of the same name. Raises `NotFound`."""
    run = runs.get(bench, run_id)
    with bench.store.read() as connection:
        found = history.last_success(connection, run.project, run.name, before=run.id)
    if found is None:
        raise NotFound("earlier success of run", str(run_id), hint="Name the run to compare it with.")
    return found.id


def compare(bench: Bench, first: int, second: int, tolerance: float | None = None) -> Comparison:
    """What differs. Raises `NotFound` where a run has no output, `Refused` where it cannot be read."""
    from workbench.notebooks import comparison

    both = [runs.get(bench, number) for number in (first, second)]
    records = [_record(bench, run) for run in both]
    notebooks = [_notebook(bench, run) for run in both]
    facts = tuple(_facts(bench, both, records))
    cells = comparison.differences(notebooks[0], notebooks[1], comparison.TOLERANCE if tolerance is None else tolerance)
    return Comparison(both[0], both[1], facts, tuple(cells))


def _facts(bench: Bench, both: list[Run], records: list[dict[str, Any]]) -> Iterator[tuple[str, str, str]]:
    one, other = both
    named = [
        ("state", str(one.state), str(other.state)),
        ("notebook", f"{one.project}/{one.notebook}", f"{other.project}/{other.notebook}"),
        ("continues", continuing.told(records[0]) or "-", continuing.told(records[1]) or "-"),
        ("environment", one.environment, other.environment),
        ("engine", one.engine, other.engine),
        ("revision", one.revision, other.revision),
        ("code", _code(records[0]), _code(records[1])),
        *((name, _text(records[0].get(key)), _text(records[1].get(key))) for key, name in (
            ("git_commit", "commit"), ("git_branch", "branch"), ("git_dirty", "uncommitted changes"), ("kernel", "kernel"),
            ("host", "host"))),
    ]  # fmt: skip
    if one.state is RunState.SUCCEEDED is other.state:
        named.append(("took", duration(one.seconds), duration(other.seconds)))
    yield from (fact for fact in named if fact[1] != fact[2])
    yield from _mapping(
        "file",
        *(_changed(bench, run, record) for run, record in zip(both, records, strict=True)),
        absent="as committed",
    )
    yield from _mapping("parameter", one.parameters, other.parameters)
    packages = [_packages(record) for record in records]
    yield from _mapping("package", *packages)
    yield from _mapping("input", *(inputs_of(record) for record in records))
    numbers = scalars.of(bench, [one.id, other.id])
    yield from _mapping("tracked", numbers.get(one.id, {}), numbers.get(other.id, {}))


def _code(record: Mapping[str, Any]) -> str:
    """`live`, or which of its project's files a run saw."""
    found = record.get("code") or {}
    what = str(found.get("what", LIVE))
    return what if what == LIVE else f"{what} {str(found.get('commit') or found.get('tree') or '')[:60]}".strip()


def _changed(bench: Bench, run: Run, record: Mapping[str, Any]) -> dict[str, str]:
    """What of the files was not as committed: a mark for each, that tells it from another."""
    try:
        text = (bench.home.run_folder(run.id) / frozen.PATCH).read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        text = ""
    found = {name: f"changed ({mark})" for name, mark in patches.files_of(text).items()}
    new = zip(record.get("git_untracked") or (), record.get("git_untracked_marks") or (), strict=False)
    return {**found, **{str(name): f"new ({str(mark)[:10]})" for name, mark in new}}


def _mapping(kind: str, first: Any, second: Any, *, absent: str = "-") -> Iterator[tuple[str, str, str]]:
    for name in dict.fromkeys((*first, *second)):
        left, right = (_text(side[name]) if name in side else absent for side in (first, second))
        if left != right:
            yield f"{kind} {name}", left, right


def inputs_of(record: Mapping[str, Any]) -> dict[str, str]:
    """What tells each file that was read from another: its hash; of one too large for that size and time."""
    found = record.get("inputs")
    each = [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
    return {str(one.get("path")): _mark(one) for one in each}


def _mark(one: Mapping[str, Any]) -> str:
    if one.get("sha256"):
        return str(one["sha256"])[:16]
    return f"{one['size']} bytes of {one.get('changed')}" if "size" in one else str(one.get("problem"))


def _packages(record: Mapping[str, Any]) -> dict[str, str]:
    revision = record.get("revision")
    found = revision.get("packages") if isinstance(revision, dict) else None
    pairs = (str(one).partition("==") for one in found or ())
    return {name: version for name, _, version in pairs}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else "-" if value is None else json.dumps(value, ensure_ascii=False)


def _record(bench: Bench, run: Run) -> dict[str, Any]:
    path = runs.artifacts(bench, run.id).record
    try:
        found = json.loads(path.read_text(encoding="utf-8")) if path else {}
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _notebook(bench: Bench, run: Run) -> Mapping[str, Any]:
    from workbench.notebooks import document

    path = runs.artifacts(bench, run.id).notebook
    if path is None:
        raise NotFound("output of run", str(run.id), hint=f"How it is: workbench runs show {run.id}")
    return document.read(path, title=f"output of run {run.id}").data
