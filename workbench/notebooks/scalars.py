"""The scalars that a run tracks: numbers it shows with a MIME type of their own, from any language.

    display({"application/vnd.workbench.scalars+json": {"auc": 0.91}}, raw=True)                            # Python
    IRdisplay::publish_mimebundle(list("application/vnd.workbench.scalars+json" = list(auc = 0.91)))        # R

What scrapbook's `glue` leaves counts too.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

from workbench.notebooks.outputs import cells_of
from workbench.text import one_line

MIME = "application/vnd.workbench.scalars+json"
SCRAP = "application/scrapbook.scrap.json+json"
MOST = 200  # scalars of a run
LONGEST = 100  # characters of a name


def scalars_of(notebook: Mapping[str, Any]) -> dict[str, float]:
    """Name and number of each, in the order they came; the last of a name holds. What is no finite number is left out."""
    found: dict[str, float] = {}
    for name, value in _pairs(notebook):
        number = _number(value)
        if number is not None and (name in found or len(found) < MOST):
            found[name] = number
    return found


def _pairs(notebook: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for _, cell in cells_of(notebook):
        for output in cell.get("outputs") or ():
            data = output.get("data") or {}
            tracked, scrap = _mapping(data.get(MIME)), _mapping(data.get(SCRAP))
            for name, value in tracked.items():
                yield one_line(str(name), LONGEST), value
            if "data" in scrap:
                yield one_line(str(scrap.get("name", "")), LONGEST), scrap["data"]


def _mapping(value: Any) -> Mapping[str, Any]:
    if isinstance(value, str):  # IRkernel sends JSON of other types than its own as text
        try:
            value = json.loads(value)
        except ValueError:
            return {}
    return value if isinstance(value, Mapping) else {}


def _number(value: Any) -> float | None:
    if isinstance(value, list) and len(value) == 1:  # how R writes a number
        value = value[0]
    if not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value) if isinstance(value, bool) else value
