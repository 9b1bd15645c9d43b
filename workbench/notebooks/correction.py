"""The notebook with which a run goes on after a cell that failed: what ran before as it ran, and the corrected rest."""

from __future__ import annotations

import copy
import difflib
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from workbench.errors import Refused
from workbench.notebooks.outputs import cells_of, text_of

INJECTED = "injected-parameters"
KEY = "workbench"  # of the metadata of a notebook and of its cells
LONGEST = 20_000  # characters of a change that are kept


@dataclass(frozen=True)
class Change:
    """One cell of those that had not run well: its number from 1 of all, the hash of its text before (empty for none), and
    how it differs now, as `diff -u` says it."""

    cell: int
    before_sha256: str
    diff: str

    @property
    def facts(self) -> dict[str, Any]:
        """For metadata and records."""
        return {"cell": self.cell, "before_sha256": self.before_sha256, "diff": self.diff}


def source_of(ran: Mapping[str, Any], cell: int) -> str:
    """The text of a cell, by its number from 1, of the output of a run. Raises `Refused` where there is none."""
    found = dict(cells_of(ran)).get(cell)
    if found is None or found.get("cell_type") != "code":
        raise Refused(f"cell {cell} is no cell of code")
    return text_of(found.get("source"))


def to_work_on(ran: Mapping[str, Any]) -> dict[str, Any]:
    """The output of a run to be corrected in: without the words that were put between its cells."""
    return {**ran, "cells": _plain(ran)}


def by_sources(ran: Mapping[str, Any], first: int, sources: Mapping[int, str]) -> tuple[dict[str, Any], list[Change]]:
    """The notebook with other text in some of its cells from `first` on. Raises `Refused` for a cell that ran already."""
    cells = _plain(ran)
    rest = copy.deepcopy(cells[first - 1 :])
    for number, text in sorted(sources.items()):
        if number < first:
            raise Refused(
                f"cell {number} has run already: its change would count for nothing",
                hint=f"What it should have done can be done in cell {first}, which is the next one.",
            )
        if number > len(cells):
            raise Refused(f"there is no cell {number}", hint=f"There are {len(cells)}.")
        source_of(ran, number)
        rest[number - first]["source"] = text
    return _made(ran, cells, first, rest)


def by_notebook(ran: Mapping[str, Any], first: int, now: Mapping[str, Any]) -> tuple[dict[str, Any], list[Change]]:
    """The notebook as it is `now`, from the cell on that is number `first` of the output. Raises `Refused` where one of those
    before, which ran, is another now."""
    cells, new = _plain(ran), _plain(now)
    injected = next((index for index, cell in enumerate(cells) if _is_injected(cell)), None)
    if injected is not None and not any(map(_is_injected, new)):
        new.insert(injected, copy.deepcopy(cells[injected]))
    for index in range(first - 1):
        if index >= len(new) or not _same(cells[index], new[index]):
            gone = index >= len(new)
            raise Refused(
                f"cell {index + 1}, which ran already, {'is gone now' if gone else 'is another now'}",
                hint="Its change would count for nothing: undo it, or run all of it again.",
            )
    if first > len(new):
        raise Refused(f"there is no cell {first} any more", hint="There is nothing to go on with.")
    return _made(ran, cells, first, copy.deepcopy(new[first - 1 :]))


def _made(
    ran: Mapping[str, Any], cells: Sequence[dict[str, Any]], first: int, rest: list[dict[str, Any]]
) -> tuple[dict[str, Any], list[Change]]:
    changes = []
    for number, (old, new) in enumerate(zip_longest(cells[first - 1 :], rest), first):
        before, after = (text_of(cell.get("source")) if cell else "" for cell in (old, new))
        if old is None or new is None or before != after:
            known = hashlib.sha256(before.encode("utf-8", "replace")).hexdigest() if old else ""
            changes.append(Change(number, known, _diff(before, after)))
            if new:
                new["metadata"] = {**new.get("metadata", {}), KEY: {"corrected": {"before_sha256": known}}}
    notebook = {**copy.deepcopy(dict(ran)), "cells": [*copy.deepcopy(list(cells[: first - 1])), *rest]}
    return notebook, changes


def note(notebook: dict[str, Any], facts: Mapping[str, Any]) -> None:
    """Write into its metadata from which run it goes on, and what was changed; beside what it says of runs before."""
    metadata = notebook.setdefault("metadata", {})
    said = metadata.get(KEY)
    own = said if isinstance(said, dict) else {}
    past = own.get("continues")
    metadata[KEY] = {**own, "continues": [*(past if isinstance(past, list) else []), dict(facts)]}


def _plain(notebook: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [dict(cell) for _, cell in cells_of(notebook)]


def _is_injected(cell: Mapping[str, Any]) -> bool:
    return INJECTED in (cell.get("metadata", {}).get("tags") or ())


def _same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    if _is_injected(one) and _is_injected(other):
        return True
    texts = [text_of(cell.get("source")).rstrip() for cell in (one, other)]
    return one.get("cell_type") == other.get("cell_type") and texts[0] == texts[1]


def _diff(before: str, after: str) -> str:
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), "before", "now", lineterm="", n=2)
    text = "\n".join(lines)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}\n…"
