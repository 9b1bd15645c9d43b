"""What a finished notebook shows: its failing cell, its outputs as plain text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from workbench.model.run import Failure
from workbench.text import clean, one_line

# Cells that papermill puts into a notebook that failed; not counted, so that numbers stay those of the run.
BANNER_TAG = "papermill-error-cell-tag"
ALLOWED_TAG = "raises-exception"
LONGEST_TRACEBACK = 20_000


def cells_of(notebook: Mapping[str, Any]) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Cells with their numbers from 1, papermill's own banners left out."""
    number = 0
    for cell in notebook.get("cells", ()):
        if BANNER_TAG not in (cell.get("metadata", {}).get("tags") or ()):
            number += 1
            yield number, cell


def failing_cell(notebook: Mapping[str, Any]) -> Failure | None:
    """The first cell with an error that its tags do not allow; None where there is none.

    `sys.exit(0)` is no error. The number is from 1, of all cells.
    """
    for number, cell in cells_of(notebook):
        if ALLOWED_TAG in (cell.get("metadata", {}).get("tags") or ()):
            continue
        for output in cell.get("outputs") or ():
            if output.get("output_type") == "error" and not is_clean_exit(output):
                return failure_of(number, cell, output)
    return None


def is_clean_exit(output: Mapping[str, Any]) -> bool:
    """Whether an error output is only `sys.exit(0)`."""
    return output.get("ename") == "SystemExit" and output.get("evalue") in {"", "0", "None"}


def failure_of(number: int, cell: Mapping[str, Any], output: Mapping[str, Any]) -> Failure:
    """The failure that an error output of a cell tells of, its text made safe to show."""
    traceback = clean("\n".join(map(str, output.get("traceback") or ())))
    if len(traceback) > LONGEST_TRACEBACK:
        half = LONGEST_TRACEBACK // 2
        traceback = f"{traceback[:half]}\n…\n{traceback[-half:]}"
    return Failure(
        error=one_line(str(output.get("ename", "")), 200),
        message=clean(str(output.get("evalue", "")))[:4000],
        cell=number,
        source=clean(text_of(cell.get("source"))),
        traceback=traceback,
    )


def render(cell: Mapping[str, Any]) -> str:
    """All outputs of a cell as plain text for a terminal, in order; pictures as `[image/png]`."""
    return "\n".join(text for text in map(render_output, cell.get("outputs") or ()) if text)


def render_output(output: Mapping[str, Any]) -> str:
    """One output as plain text, without control characters."""
    kind = output.get("output_type")
    if kind == "stream":
        return clean(text_of(output.get("text"))).rstrip("\n")
    if kind == "error":
        lines = "\n".join(map(str, output.get("traceback") or ()))
        return clean(lines or f"{output.get('ename')}: {output.get('evalue')}")
    data = output.get("data") or {}
    picture = next((mime for mime in data if is_figure(mime)), "")
    if picture:
        return f"[{one_line(picture)}]"
    plain = data.get("text/plain")
    if not plain or text_of(plain).startswith("<IPython."):  # the name of what was shown, and not what it says
        plain = data.get("text/markdown") or data.get("text/latex") or plain
    return clean(text_of(plain)) if plain else f"[{one_line(', '.join(data))}]" if data else ""


def is_figure(mime: str) -> bool:
    """Whether data of this type is a picture or a plot."""
    return mime.startswith(("image/", "application/vnd.plotly", "application/vnd.vega", "application/vnd.bokehjs_exec"))


def text_of(value: Any) -> str:
    """Text as notebooks keep it: one string, or a list of its lines."""
    return "".join(map(str, value)) if isinstance(value, list | tuple) else str(value if value is not None else "")
