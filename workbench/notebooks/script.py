"""Scripts that run as notebooks: percent cells and jupytext's texts as their cells, a plain script as one.

Read by jupytext. Each cell keeps the line of the script that it begins at, so that an error names that.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from workbench.errors import Refused
from workbench.model.notebook import LANGUAGES, SCRIPTS
from workbench.notebooks.outputs import cells_of
from workbench.text import one_line, size

LARGEST = 5_000_000  # bytes
KEY = "workbench"  # of a cell's metadata
_PERCENT = re.compile(r"^\s*#\s*%%", re.MULTILINE)
_HEAD = 200  # lines that a header may take
_MARKER = re.compile(r"(?:Cell )?In ?\[(\d+)\], line (\d+)")


def has_cells(text: str) -> bool:
    """Whether a text says of itself that it is a notebook: by percent cells, or the header that jupytext writes."""
    return bool(_PERCENT.search(text)) or _has_header(text)


def content_of(content: bytes, name: str, *, title: str) -> bytes:
    """The script `name` as the bytes of a notebook. Raises `Refused`."""
    if len(content) > LARGEST:
        raise Refused(f"the script is {size(len(content))}; the limit is {size(LARGEST)}", title=title)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise Refused(f"not a script: line {line}: it is not UTF-8 text", title=title) from None
    suffix = PurePosixPath(name).suffix.lower()
    cells, metadata = _read(text, suffix, title)
    if not any(cell["cell_type"] == "code" and cell["source"].strip() for cell in cells):
        raise Refused("it holds no code that could be run", title=title)
    _place(cells, text)
    data = {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    return (json.dumps(data, ensure_ascii=False, indent=1) + "\n").encode("utf-8", "replace")


def line_of(notebook: Mapping[str, Any], number: int | None, traceback: str) -> tuple[int, bool] | None:
    """The line of the script where cell `number` failed, and whether it is that very line or only where the cell begins."""
    begin, count = next((_begin(cell) for one, cell in cells_of(notebook) if one == number), (0, 0))
    if not begin:
        return None
    found = [int(line) for cell, line in _MARKER.findall(traceback) if int(cell) == count]
    return (begin + found[-1] - 1, True) if found else (begin, False)


def placed(traceback: str, notebook: Mapping[str, Any], name: str) -> str:
    """A traceback that names lines of the script where it named those of cells."""
    begins = {count: begin for begin, count in (_begin(cell) for _, cell in cells_of(notebook)) if begin and count}

    def said(match: re.Match[str]) -> str:
        begin = begins.get(int(match[1]))
        return f"{name}, line {begin + int(match[2]) - 1}" if begin else match[0]

    return _MARKER.sub(said, traceback)


def _begin(cell: Mapping[str, Any]) -> tuple[int, int]:
    """The line of the script at which a cell begins, and its execution count; 0 where it has none."""
    line = (cell.get("metadata") or {}).get(KEY, {}).get("line")
    return (line, cell.get("execution_count") or 0) if isinstance(line, int) else (0, 0)


def _read(text: str, suffix: str, title: str) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Cells and metadata."""
    language = LANGUAGES.get(suffix, "")
    metadata: dict[str, Any] = {"language_info": {"name": language}} if language else {}
    if suffix in SCRIPTS and not has_cells(text):
        source = re.sub(r"\A#!.*\n", "\n", text).rstrip("\n")
        return [_cell("code", source, {}, 1)], metadata
    import jupytext

    known = "Rmd" if suffix == ".rmd" else "R" if suffix == ".r" else suffix[1:]
    percent = suffix in SCRIPTS and not (_has_header(text) and "format_name:" in text)
    try:
        found = jupytext.reads(text, fmt=f"{known}:percent" if percent else known)
        told = json.loads(json.dumps({"metadata": found.metadata, "cells": found.cells}))
    except Exception as error:
        raise Refused(f"jupytext cannot read it: {one_line(str(error), 200)}", title=title) from error
    # What jupytext says of its own would have JupyterLab write the output of a run back into a script.
    own = told["metadata"].pop("jupytext", {})
    if "kernelspec" not in told["metadata"] and (language := language or own.get("main_language", "")):
        metadata = {"language_info": {"name": language}}
    cells = [
        _cell(cell["cell_type"], cell["source"], _told(cell["metadata"]), number)
        for number, cell in enumerate(told["cells"], 1)
    ]
    return cells, {**metadata, **told["metadata"]}


def _told(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """What a cell says of itself, without how jupytext would write it."""
    return {key: value for key, value in metadata.items() if not key.startswith("lines_to_")}


def _has_header(text: str) -> bool:
    """Whether it begins with the YAML that jupytext writes, as comments or as it is."""
    lines = [line.removeprefix("#'").removeprefix("#").strip() for line in text.splitlines()[:_HEAD]]
    lines = [line for line in lines if line and not line.startswith(("!", "-*-"))]
    if not lines or lines[0].lstrip("\ufeff") != "---" or "---" not in lines[1:]:
        return False
    return any(line.startswith(("jupyter:", "jupytext:")) for line in lines[1 : lines.index("---", 1)])


def _cell(kind: str, source: str, metadata: Mapping[str, Any], number: int) -> dict[str, Any]:
    cell: dict[str, Any] = {"cell_type": kind, "id": f"cell-{number}", "metadata": dict(metadata), "source": source}
    return {**cell, "outputs": [], "execution_count": None} if kind == "code" else cell


def _place(cells: Sequence[dict[str, Any]], text: str) -> None:
    """Note in each cell of code the line, from 1, at which its source stands in the text."""
    lines = [line.rstrip() for line in text.splitlines()]
    begin = 0
    for cell in cells:
        source = [line.rstrip() for line in cell["source"].splitlines()]
        skipped = 1 if source and source[0].startswith("%%") else 0  # jupytext's own line
        wanted = source[skipped:]
        if cell["cell_type"] != "code" or not any(wanted):
            continue
        for at in range(begin, len(lines) - len(wanted) + 1):
            if all(map(_same, lines[at : at + len(wanted)], wanted)):
                cell["metadata"] = {**cell["metadata"], KEY: {"line": at + 1 - skipped}}
                begin = at + len(wanted)
                break


def _same(written: str, read: str) -> bool:
    """Whether a line of the text is that of a cell; jupytext keeps magics as comments."""
    return written == read or written.lstrip("#").strip() == read.strip() != ""
