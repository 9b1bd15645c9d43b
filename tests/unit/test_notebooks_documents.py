"""Notebooks as documents: what is one, what is not and on which line, and what is run of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from workbench.errors import Refused
from workbench.notebooks import document, outputs
from workbench.notebooks.document import parse, read, written


def whole(*cells: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    """A notebook of version 4.5."""
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": list(cells)}


def cell(source: Any = "", kind: str = "code", **more: Any) -> dict[str, Any]:
    """A cell without an id."""
    return {"cell_type": kind, "metadata": {}, "source": source, **more}


def told(content: bytes | str) -> str:
    """Why `content` is refused."""
    with pytest.raises(Refused) as caught:
        parse(content if isinstance(content, bytes) else content.encode(), title="n.ipynb")
    assert caught.value.title == "n.ipynb"
    return caught.value.message


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "the file is empty"),
        (" \n ", "the file is empty"),
        ("\n<!DOCTYPE html>\n<html>", "line 1: it holds HTML"),
        ("[1, 2]", "line 1: it holds a JSON array"),
        ('"x"', "a single JSON value"),
        ('{"a": 1}', "has no `nbformat`"),
        ('{\n "cells": [\n  {"cell_type": "code",', "line 3: the file ends in the middle"),
        ('{\n "cells": "an open te', "line 2: the file ends in the middle"),
        ('{\n "cells": [],\n "x": nope\n}', "line 3, column 7"),
        ('{\n "a": 1,\n<<<<<<< HEAD\n "b": 2\n=======\n}', "line 3: a merge conflict is not resolved"),
        ('{"nbformat": 4}'.encode("utf-16"), "it is UTF-16 text"),
        (b'{"a": "\n\n\xff"}', "line 3: it is not UTF-8"),
        ("version https://git-lfs.github.com/spec/v1\noid sha256:0", "pointer of Git LFS"),
        ('{"nbformat": 4, "cells": {}}', "no list of cells"),
        ('{"nbformat": 4, "cells": [{"cell_type": "code"}]}', "cell 1 has no `source`"),
        ('{"nbformat": 4, "cells": [{"cell_type": "raw", "source": [1]}]}', "cell 1 has no `source`"),
        ('{"nbformat": 4, "cells": [7]}', "cell 1 is not a cell"),
        ('{"nbformat": 3, "worksheets": 5}', "cannot be converted"),
        ("[" * 100_000, "nested too deeply"),
        (f'{{"nbformat": 4, "cells": [], "x": {"9" * 5000}}}', "a number that is too long"),
    ],
)
def test_what_is_no_notebook_is_named_with_its_line(content: bytes | str, words: str) -> None:
    """Truncated, empty, HTML, an array and the like: what it is, and where, in one sentence."""
    assert words in told(content)


def test_a_newer_format_is_refused() -> None:
    """A notebook of a format nobody knows yet is refused by its number."""
    assert "format 5" in told('{"nbformat": 5, "cells": []}')


def test_too_large_is_refused_and_large_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is a limit on bytes and cells, with a warning well before it."""
    path = tmp_path / "n.ipynb"
    path.write_text(json.dumps(whole(*[cell("1")] * 30)))
    monkeypatch.setattr(document, "LARGE", 100)
    monkeypatch.setattr(document, "MANY_CELLS", 20)
    assert [words.split(":")[0] for words in read(path).warnings] == [
        f"the notebook is {path.stat().st_size / 1000:.1f} kB",
        "the notebook has 30 cells",
    ]
    monkeypatch.setattr(document, "MOST_CELLS", 25)
    with pytest.raises(Refused, match="30 cells; the limit is 25"):
        read(path)
    monkeypatch.setattr(document, "LARGEST", 100)
    with pytest.raises(Refused, match="the limit is 100 B"):
        read(path)


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    """Missing, or a folder."""
    with pytest.raises(Refused, match="no such notebook"):
        read(tmp_path / "n.ipynb")
    with pytest.raises(Refused, match="cannot be read"):
        read(tmp_path)


def test_only_the_copy_gets_ids(tmp_path: Path) -> None:
    """Cells without ids, and with the same, get one in the copy that runs; the file and its bytes stay."""
    path = tmp_path / "n.ipynb"
    before = json.dumps(whole(cell("1"), cell(["a\n", "b"], id="x"), cell("", "markdown", id="x"))).encode()
    path.write_bytes(before)
    found = read(path)
    node = found.node()
    ids = [one.id for one in node.cells]
    assert len(set(ids)) == 3
    assert ids[1] == "x"
    assert node.cells[1].source == "a\nb"
    assert path.read_bytes() == found.content == before
    assert len(found.sha256) == 64
    assert parse(written(node), title="again").node() == node


def test_old_notebooks_are_read() -> None:
    """Formats 3 and 4.0 are converted, as papermill does."""
    old = {
        "nbformat": 3,
        "nbformat_minor": 0,
        "metadata": {"name": ""},
        "worksheets": [{"cells": [{"cell_type": "code", "input": ["1"], "outputs": [], "language": "python"}]}],
    }
    assert parse(json.dumps(old).encode(), title="").node().cells[0].source == "1"
    older = {"nbformat": 4, "nbformat_minor": 0, "metadata": {}, "cells": [cell("1", outputs=[])]}
    assert parse(json.dumps(older).encode(), title="").node().nbformat_minor == 5


def test_a_byte_order_mark_is_no_hindrance() -> None:
    """Files of some editors begin with one."""
    content = b"\xef\xbb\xbf" + json.dumps(whole()).encode()
    assert parse(content, title="").cells == []


@pytest.mark.parametrize(
    ("metadata", "kernel", "language"),
    [
        ({}, "", ""),
        ({"kernelspec": {"name": "ir", "display_name": "R"}}, "ir", "R"),
        ({"kernelspec": {"name": "k", "language": "julia"}}, "k", "julia"),
        ({"language_info": {"name": "python"}, "kernelspec": {"name": "k"}}, "k", "python"),
        ({"kernelspec": "odd"}, "", ""),
    ],
)
def test_kernel_and_language(metadata: dict[str, Any], kernel: str, language: str) -> None:
    """They are what the metadata says, and empty where it does not."""
    found = parse(json.dumps(whole(**metadata)).encode(), title="")
    assert (found.kernel, found.language) == (kernel, language)


def test_an_output_notebook_as_input_is_told() -> None:
    """A notebook that is itself papermill's output runs, with a word about it."""
    again = whole({**cell("a = 1"), "metadata": {"tags": ["injected-parameters"]}})
    assert "output of a run" in parse(json.dumps(again).encode(), title="").warnings[0]


def error(name: str = "ValueError", value: str = "bad") -> dict[str, Any]:
    """An error output."""
    return {"output_type": "error", "ename": name, "evalue": value, "traceback": ["\x1b[31mline\x1b[0m", "\x9b2J!"]}


def test_the_failing_cell_is_the_first_that_may_not_fail() -> None:
    """Allowed errors and `sys.exit(0)` are none; papermill's banners do not count as cells."""
    banner = {**cell("", "markdown"), "metadata": {"tags": ["papermill-error-cell-tag"]}}
    allowed = {**cell("a"), "outputs": [error()], "metadata": {"tags": ["raises-exception"]}}
    left = cell("exit", outputs=[error("SystemExit", "0")])
    failure = outputs.failing_cell(whole(banner, allowed, left, cell(["x\n", "y"], outputs=[error()])))
    assert failure is not None
    assert (failure.cell, failure.error, failure.message, failure.source) == (3, "ValueError", "bad", "x\ny")
    assert failure.traceback == "line\n!"
    assert outputs.failing_cell(whole(allowed, left)) is None


def test_outputs_are_plain_text_without_control_characters() -> None:
    """Streams, results, errors and pictures are shown in order; nothing reaches the terminal but text."""
    shown = outputs.render(
        cell(
            "1",
            outputs=[
                {"output_type": "stream", "name": "stdout", "text": ["a\x1b]52;c;eA==\x07\n", "50%\r100%\n"]},
                {"output_type": "execute_result", "data": {"text/plain": "1", "text/html": "<b>1</b>"}},
                {"output_type": "display_data", "data": {"image/png": "eA==", "text/plain": "<Figure>"}},
                {"output_type": "display_data", "data": {"application/json": {}}},
                error(),
            ],
        )
    )
    assert shown == "a\n100%\n1\n[image/png]\n[application/json]\nline\n!"
