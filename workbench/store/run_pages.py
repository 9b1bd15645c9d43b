"""Pages of `runs`, newest first, each found by indexes alone: as quick among a million runs as among a hundred.

A page of several states, or of words, is put together of the newest of each state, or of each notebook and name that the
words are in: every one of these lists is a stretch of one index.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from workbench.model.run import Run, RunState
from workbench.store import runs
from workbench.store.rows import marks, stamp

FAR = 1 << 62  # no run has such an id
NEAR = 2000  # newest runs whose words are looked at one by one; most pages are found among them
DIFFERENT = 2000  # notebooks and names that words are looked for in; where there are more, each run is looked at
DISORDER = 1000  # runs made at about the same time, among which a clock that was set may have mixed up the order
_FIXED = ("group_id", "schedule", "notebook", "name", "project")  # columns that a page holds still, the narrowest first


@dataclass(frozen=True)
class RunFilter:
    """What a list of runs shows; empty fields do not narrow. `text` is looked for in notebook, name and project."""

    project: str = ""
    states: frozenset[RunState] = frozenset()
    schedule: str = ""
    notebook: str = ""
    text: str = ""
    group_id: int = 0
    since: datetime | None = None


@dataclass(frozen=True)
class _Stretch:
    """Runs with ids between two, made since a time, so many at most."""

    below: int
    above: int
    since: str | None
    limit: int

    @property
    def clauses(self) -> list[str]:
        """As SQL has it."""
        return ["id < ?", "id > ?", *(["created >= ?"] if self.since else [])]

    @property
    def values(self) -> list[Any]:
        """What its question marks stand for."""
        return [self.below, self.above, *([self.since] if self.since else [])]


def page(connection: sqlite3.Connection, only: RunFilter, *, before: int | None = None, limit: int = 200) -> list[Run]:
    """Newest first, those with an id below `before`: the next page begins at the last id of this one."""
    above = _before_since(connection, only.since)
    if above is None:
        return []
    stretch = _Stretch(before or FAR, above, stamp(only.since), limit)
    fixed = {name: value for name in _FIXED if (value := getattr(only, name, None))}
    if only.text:
        ids = _with_text(connection, only, fixed, stretch)
    else:
        ids = _merged((_ids(connection, one, state, stretch) for one, state in _lists(connection, fixed, only)), limit)
    return _by_ids(connection, ids)


def _before_since(connection: sqlite3.Connection, since: datetime | None) -> int | None:
    """An id that all runs made since then are above; 0 where that is not narrowed, None where there is none."""
    if since is None:
        return 0
    (first,) = connection.execute(
        "SELECT min(id) FROM (SELECT id FROM runs WHERE created >= ? ORDER BY created LIMIT ?)",
        (stamp(since), DISORDER),
    ).fetchone()
    return None if first is None else first - 1


def _lists(
    connection: sqlite3.Connection, fixed: Mapping[str, Any], only: RunFilter
) -> Iterator[tuple[Mapping[str, Any], RunState | None]]:
    """The lists that make the page: each holds columns still, and a state."""
    states: Iterable[RunState | None] = sorted(only.states) or [None]
    if "notebook" in fixed and not fixed.keys() & {"project", "schedule", "group_id"}:  # no index begins with it
        sets: Iterable[Mapping[str, Any]] = [{**fixed, "project": name} for name in projects(connection)]
    else:
        sets = [fixed]
    return ((one, state) for one in sets for state in states)


def _ids(
    connection: sqlite3.Connection, fixed: Mapping[str, Any], state: RunState | None, stretch: _Stretch
) -> list[int]:
    """The newest ids of one list. What the best index does not hold is marked with `+`, so that it is the one used."""
    narrowest = next((name for name in _FIXED if name in fixed), "")
    held = {narrowest, "project"} if narrowest in ("notebook", "name") else {narrowest}
    clauses = [f"{name} = ?" if name in held else f"+{name} = ?" for name in fixed]
    values = list(fixed.values())
    if state:
        clauses.append("+state = ?" if narrowest == "group_id" else "state = ?")
        values.append(state)
    found = connection.execute(
        f"SELECT id FROM runs WHERE {' AND '.join([*clauses, *stretch.clauses])} ORDER BY id DESC LIMIT ?",  # noqa: S608
        (*values, *stretch.values, stretch.limit),
    ).fetchall()
    return [row[0] for row in found]


def _merged(lists: Iterable[list[int]], limit: int) -> list[int]:
    return sorted({number for found in lists for number in found}, reverse=True)[:limit]


def _by_ids(connection: sqlite3.Connection, ids: list[int]) -> list[Run]:
    if not ids:
        return []
    rows = connection.execute(f"SELECT * FROM runs WHERE id IN ({marks(ids)})", ids).fetchall()  # noqa: S608
    return [runs.of_row(row) for row in sorted(rows, key=lambda row: -int(row["id"]))]


def _with_text(
    connection: sqlite3.Connection, only: RunFilter, fixed: Mapping[str, Any], stretch: _Stretch
) -> list[int]:
    """Those with the words in them: of the newest runs, and where these are too few, of all by their notebooks and names."""
    near = _look_through(connection, only, fixed, stretch, NEAR)
    if len(near) >= stretch.limit:
        return near
    narrowed = bool(fixed.keys() & {"group_id", "schedule", "notebook"})  # few names each: its runs are looked through
    subjects = None if narrowed else _subjects(connection, only)
    if subjects is None:
        return _look_through(connection, only, fixed, stretch, FAR)
    states: Iterable[RunState | None] = sorted(only.states) or [None]
    lists = (_ids(connection, {**fixed, **one}, state, stretch) for one in subjects for state in states)
    return _merged(lists, stretch.limit)


def _look_through(
    connection: sqlite3.Connection, only: RunFilter, fixed: Mapping[str, Any], stretch: _Stretch, most: int
) -> list[int]:
    """Ids with the words among the newest `most` of the narrowest list."""
    narrowest = next((name for name in _FIXED if name in fixed), "")
    held = {narrowest, "project"} if narrowest == "notebook" else {narrowest}
    rest = [name for name in fixed if name not in held]
    clauses, values = [f"{name} = ?" for name in fixed if name in held], [fixed[name] for name in fixed if name in held]
    deepest = connection.execute(
        f"SELECT id FROM runs WHERE {' AND '.join([*clauses, *stretch.clauses])} ORDER BY id DESC LIMIT 1 OFFSET ?",  # noqa: S608
        (*values, *stretch.values, most),
    ).fetchone()
    if deepest:
        stretch = replace(stretch, above=deepest[0])
    clauses += [*stretch.clauses, *(f"+{name} = ?" for name in rest)]
    values += [*stretch.values, *(fixed[name] for name in rest)]
    if only.states:
        clauses.append(f"+state IN ({marks(only.states)})")
        values += only.states
    found = connection.execute(
        f"SELECT id FROM runs WHERE {' AND '.join(clauses)}"  # noqa: S608
        " AND (instr(notebook, ?) OR instr(name, ?) OR instr(project, ?)) ORDER BY id DESC LIMIT ?",
        (*values, *[only.text] * 3, stretch.limit),
    ).fetchall()
    return [row[0] for row in found]


def _subjects(connection: sqlite3.Connection, only: RunFilter) -> list[dict[str, str]] | None:
    """What the words are in: each notebook of a project, and each name; None where there are too many to ask them all."""
    found: list[dict[str, str]] = []
    for column in ("notebook", "name"):
        known = _different(connection, column, [only.project] if only.project else projects(connection))
        if len(known) > DIFFERENT:
            return None
        found += [
            {"project": project, column: value}
            for project, value in known
            if only.text in value or only.text in project
        ]
    return found


def _different(connection: sqlite3.Connection, column: str, among: Iterable[str]) -> list[tuple[str, str]]:
    """Each (project, value of the column) once, by leaps through an index; a few more than `DIFFERENT` at most."""
    found: list[tuple[str, str]] = []
    for project in among:
        values = connection.execute(
            f"WITH RECURSIVE leap (value) AS (SELECT min({column}) FROM runs WHERE project = ?1 UNION ALL"  # noqa: S608
            f" SELECT (SELECT {column} FROM runs WHERE project = ?1 AND {column} > value ORDER BY {column} LIMIT 1)"
            " FROM leap WHERE value IS NOT NULL) SELECT value FROM leap WHERE value IS NOT NULL LIMIT ?2",
            (project, DIFFERENT + 1),
        ).fetchall()
        found += [(project, row[0]) for row in values]
        if len(found) > DIFFERENT:
            break
    return found


def projects(connection: sqlite3.Connection) -> list[str]:
    """Projects that have runs, also those that are gone."""
    found, last = [], ""
    while row := connection.execute(
        "SELECT project FROM runs WHERE project > ? ORDER BY project LIMIT 1", (last,)
    ).fetchone():
        last = row[0]
        found.append(last)
    return found
