"""How two executed notebooks differ: their code, and what their cells put out, numbers within a tolerance.

What differs each time and means nothing is the same: addresses in memory, days and clock times, ids, what was written to
stderr. Cells are matched by their ids where both have them, else by their text.
"""

from __future__ import annotations

import difflib
import html
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from math import isclose, isnan
from typing import Any

from workbench.notebooks.outputs import cells_of, is_figure, text_of
from workbench.text import clean, one_line

TOLERANCE = 1e-6  # of a number, relative; of one near nothing, absolute a thousandth of that
SHOWN = 200  # characters of each side of a difference
_WHOLE = r"(?:\d{1,3}(?:,\d{3})+(?!\d)|\d{1,3}(?:_\d{3})+(?!\d)|\d+)"  # with commas only where those of thousands are
_NUMBER = re.compile(rf"[-+]?(?:{_WHOLE}\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|\b(?:nan|inf|NaN|Inf)\b")
_FLEETING = re.compile(
    r"0x[0-9a-f]{6,}"
    r"|\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?)?"
    r"|\b\d{1,2}:\d{2}:\d{2}(?:\.\d+)?\b"
    r"|\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"
)
_TEXTS = ("text/plain", "text/html", "text/markdown", "text/latex", "application/json")
_NAME = re.compile(
    r"<[\w.]+ (?:object\b|at 0x).*>", re.DOTALL
)  # of an object in Python, which says nothing of what it shows
_MARKUP = re.compile(r"<!--.*?(?:-->|\Z)|<(style|script)\b.*?(?:</\1\s*>|\Z)|<[^<>]*>", re.DOTALL | re.IGNORECASE)
INJECTED = "injected-parameters"


@dataclass(frozen=True)
class Difference:
    """Of one cell: its number in the second notebook (in the first where it is only there), what differs (`output`,
    `code`, `only in the first`, `only in the second`), and both sides, short."""

    cell: int
    what: str
    first: str
    second: str


def differences(first: Mapping[str, Any], second: Mapping[str, Any], tolerance: float = TOLERANCE) -> list[Difference]:
    """All of the code cells, in the order of the second notebook. Injected parameters are left out: they are known."""
    found = []
    for left, right in _pairs(_cells(first), _cells(second)):
        if left is None or right is None:
            number, cell = left or right or (0, {})
            where = "only in the second" if left is None else "only in the first"
            source = one_line(text_of(cell.get("source")), SHOWN)
            found.append(Difference(number, where, source if right is None else "", source if left is None else ""))
            continue
        number = right[0]
        sources = [text_of(cell[1].get("source")) for cell in (left, right)]
        if sources[0] != sources[1]:
            found.append(Difference(number, "code", *_sides(*sources)))
        outputs = [list(_outputs(cell[1])) for cell in (left, right)]
        for one, other in zip_longest(*outputs, fillvalue=("nothing", "")):
            if not same(one, other, tolerance):
                found.append(Difference(number, "output", *_sides(_told(one), _told(other))))
    return found


def changed(first: Mapping[str, Any], second: Mapping[str, Any], tolerance: float = TOLERANCE) -> str:
    """What of the outputs of the second is materially other than of the first, in a line; empty for nothing."""
    found = [one for one in differences(first, second, tolerance) if one.what != "code"]
    if not found:
        return ""
    one = found[0]
    more = f", and {len(found) - 1} more" if len(found) > 1 else ""
    if one.what != "output":
        return f"cell {one.cell} is {one.what}{more}"
    return f"cell {one.cell}: {one.first or 'nothing'} became {one.second or 'nothing'}{more}"


def same(first: tuple[str, str], second: tuple[str, str], tolerance: float = TOLERANCE) -> bool:
    """Whether two outputs, each its kind and text, say the same."""
    if first == second:
        return True
    if first[0] != second[0] or is_figure(first[0]):
        return False
    texts = [_FLEETING.sub("*", text) for text in (first[1], second[1])]
    if texts[0] == texts[1]:
        return True
    words = [_NUMBER.split(text) for text in texts]
    if [" ".join(part.split()) for part in words[0]] != [" ".join(part.split()) for part in words[1]]:
        return False
    return all(
        _near(one, other, tolerance)
        for one, other in zip(_NUMBER.findall(texts[0]), _NUMBER.findall(texts[1]), strict=True)
    )


def _near(first: str, second: str, tolerance: float) -> bool:
    one, other = (float(text.replace(",", "").replace("_", "")) for text in (first, second))
    return (isnan(one) and isnan(other)) or isclose(one, other, rel_tol=tolerance, abs_tol=tolerance / 1000)


def _cells(notebook: Mapping[str, Any]) -> list[tuple[int, Mapping[str, Any]]]:
    return [
        (number, cell)
        for number, cell in cells_of(notebook)
        if cell.get("cell_type") == "code" and INJECTED not in (cell.get("metadata", {}).get("tags") or ())
    ]


def _pairs(
    first: Sequence[tuple[int, Mapping[str, Any]]], second: Sequence[tuple[int, Mapping[str, Any]]]
) -> Iterator[tuple[tuple[int, Mapping[str, Any]] | None, tuple[int, Mapping[str, Any]] | None]]:
    keys = [[str(cell.get("id") or text_of(cell.get("source"))) for _, cell in cells] for cells in (first, second)]
    if not set(keys[0]) & set(keys[1]):  # ids made anew: the text says which is which
        keys = [[text_of(cell.get("source")) for _, cell in cells] for cells in (first, second)]
    for act, a, b, c, d in difflib.SequenceMatcher(None, keys[0], keys[1], autojunk=False).get_opcodes():
        if act == "equal" or (act == "replace" and b - a == d - c):
            yield from zip(first[a:b], second[c:d], strict=True)
        else:
            yield from ((one, None) for one in first[a:b])
            yield from ((None, one) for one in second[c:d])


def _outputs(cell: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Kind and text of what a cell put out; a stream is one text."""
    said = ""
    for output in cell.get("outputs") or ():
        kind = output.get("output_type")
        if kind == "stream":
            said += text_of(output.get("text")) if output.get("name") != "stderr" else ""
        elif kind == "error":
            yield "error", f"{output.get('ename')}: {output.get('evalue')}"
        else:
            data = output.get("data") or {}
            picture = next((mime for mime in data if is_figure(mime)), "")
            texts = [mime for mime in _TEXTS if mime in data]
            if len(texts) > 1 and _NAME.fullmatch(text_of(data.get("text/plain"))):
                texts.remove("text/plain")
            mime = picture or next(iter(texts), "")
            if mime:
                value = data[mime]
                text = text_of(value) if isinstance(value, str | list) else json.dumps(value, sort_keys=True)
                yield mime, _words(text) if mime == "text/html" else text
    if said.strip():
        yield "text", said


def _words(text: str) -> str:
    """What HTML says, without its markup: the ids and styles in it are made anew each time (pandas' Styler)."""
    return " ".join(html.unescape(_MARKUP.sub(" ", text)).split())


def _told(output: tuple[str, str]) -> str:
    return f"[{output[0]}]" if is_figure(output[0]) else clean(output[1])


def _sides(first: str, second: str) -> tuple[str, str]:
    """Both texts from where they begin to differ, on one line each."""
    at = next((n for n, (a, b) in enumerate(zip(first, second, strict=False)) if a != b), min(len(first), len(second)))
    start = max(0, first.rfind("\n", 0, at) + 1)
    return one_line(first[start:], SHOWN), one_line(second[start:], SHOWN)
