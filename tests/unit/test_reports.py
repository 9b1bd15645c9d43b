"""Reports of runs: what is shown, and that nothing in them runs or loads anything."""

from __future__ import annotations

from typing import Any

import pytest

from workbench.notebooks import report
from workbench.notebooks.scalars import MIME, SCRAP, scalars_of

EVIL = "# Title\n\n<script>alert(1)</script> <a href=javascript:alert(2)>a</a> <img src=x onerror=alert(3)> <iframe src=//x></iframe>"


def notebook(*cells: dict[str, Any]) -> dict[str, Any]:
    """A notebook of version 4.5."""
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": {"language_info": {"name": "python"}}, "cells": list(cells)}


def code(source: str, *outputs: dict[str, Any], tags: tuple[str, ...] = ()) -> dict[str, Any]:
    """A code cell."""
    return {
        "cell_type": "code", "id": "a", "metadata": {"tags": list(tags)}, "source": source, "execution_count": 1,
        "outputs": list(outputs),
    }  # fmt: skip


def shown(data: dict[str, Any]) -> dict[str, Any]:
    """An output of a display."""
    return {"output_type": "display_data", "data": data, "metadata": {}}


def page(*cells: dict[str, Any], **options: Any) -> str:
    """The report's text."""
    return report.page(notebook(*cells), title="t <b>", **options).decode()


def test_nothing_in_a_report_runs_or_loads() -> None:
    """Scripts, event handlers, frames, forms, addresses of scripts and of pictures elsewhere are gone, wherever they
    came from; the page's policy forbids the browser what could be overlooked."""
    markdown = {"cell_type": "markdown", "id": "m", "metadata": {}, "source": EVIL}
    html = "<form action=//x><input></form><b onclick='x()'>bold</b><svg onload=x()></svg><img src=http://x/p.png>"
    text = page(
        markdown,
        code(
            "f()",
            shown({"application/javascript": "alert(4)", "text/plain": "<script>5</script>"}),
            shown({"text/html": html}),
            shown({"image/svg+xml": "<svg onload='alert(6)'/>"}),
        ),
        facts=[("<i>", "<script>alert(7)</script>")],
    )
    for word in (
        "<script",
        "onerror",
        "onclick",
        "<iframe",
        "<form",
        "<input",
        "javascript:",
        "http://x",
        "<svg",
        "<i>",
    ):
        assert word not in text
    assert "default-src 'none'" in text.replace("&#x27;", "'")
    assert "<b>bold</b>" in text
    assert text.count("data:image/svg+xml;base64,") == 1


@pytest.mark.parametrize(
    "left_open", ["<style>", "<!-- ", "<script>", "<math><style></math>", "<textarea>", "<title>", "</main></html>"]
)
def test_what_one_output_leaves_open_hides_nothing_below_it(left_open: str) -> None:
    """HTML of one cell, or of a Markdown text, that never ends what it began is shown, and so is all that follows."""
    text = page(
        {"cell_type": "markdown", "id": "m", "metadata": {}, "source": f"before {left_open} inside"},
        code("x", shown({"text/html": f"<b>first</b>{left_open}"}), shown({"text/markdown": f"*second* {left_open}"})),
        code("y = 1", shown({"text/html": "<table><tr><td>third</td></tr></table>"})),
        {"cell_type": "markdown", "id": "n", "metadata": {}, "source": "a $x < 1$ and `<b>` and *last*"},
    )
    for word in (
        "before",
        "<b>first</b>",
        "<em>second</em>",
        "<td>third</td>",
        "<em>last</em>",
        "<code>&lt;b&gt;</code>",
    ):
        assert word in text
    assert "$x &lt; 1$" in text


def test_pictures_tables_and_errors_are_shown() -> None:
    """Pictures of outputs and attachments are in the page, tables keep their cells, a traceback its colours."""
    attached = {
        "cell_type": "markdown", "id": "m", "metadata": {}, "source": "![p](attachment:x.png)",
        "attachments": {"x.png": {"image/png": "QUJD"}},
    }  # fmt: skip
    table = "<style>p{}</style><table><thead><tr><th>n</th></tr></thead><tbody><tr><td style='color:red'>1</td></tr></table>"
    error = {"output_type": "error", "ename": "E", "evalue": "v", "traceback": ["\x1b[31mred\x1b[0m"]}
    text = page(attached, code("x", shown({"text/html": table}), shown({"image/png": "QUJE\n"}), error))
    assert 'src="data:image/png;base64,QUJD"' in text
    assert 'src="data:image/png;base64,QUJE"' in text
    assert '<td style="color:red">1</td>' in text
    assert "p{}" not in text
    assert '<span class="ansi-red-fg">red</span>' in text


def test_text_in_lines_is_shown_as_text(recwarn: pytest.WarningsRecorder) -> None:
    """Files of notebooks keep texts as lists of their lines: the report shows the text, and nothing is said beside it."""
    lines = ["one *two*\n", "three"]
    for kind, seen in (
        ("text/markdown", "<em>two</em>"),
        ("text/html", "*two*\nthree"),
        ("text/plain", "*two*\nthree"),
    ):
        text = page(code("x", shown({kind: lines})))
        assert seen in text
        assert "['" not in text.replace("&#39;", "'").replace("&#x27;", "'")
    stream = {"output_type": "stream", "name": "stdout", "text": lines}
    kernel = {
        **notebook(code("x", stream)),
        "metadata": {"language_info": {"name": "python", "pygments_lexer": "ipython3"}},
    }
    assert "<pre>one *two*\nthree</pre>" in report.page(kernel, title="t").decode()
    assert not recwarn.list


def test_code_is_shown_or_hidden_and_tags_hold() -> None:
    """Without code only what cells put out is there; tags of Jupyter Book leave out a cell, its code or its output."""
    out = {"output_type": "stream", "name": "stdout", "text": "said\n"}
    cells = (
        code("one_source", out),
        code("two_source", out, tags=("remove-cell",)),
        code("three_source", out, tags=("remove-input",)),
        code("four_source", {**out, "text": "secretive\n"}, tags=("remove-output",)),
        code("five_source"),
    )
    text = page(*cells)
    assert ("one_source" in text, "two_source" in text, "three_source" in text) == (True, False, False)
    assert "four_source" in text
    assert "secretive" not in text
    assert text.count("said\n") == 2
    bare = page(*cells, code=False)
    assert "_source" not in bare
    assert bare.count("said\n") == 2


def test_scalars_of_python_r_and_scrapbook() -> None:
    """Numbers come as Python and R write them, the last of a name holds; what is no finite number is left out."""
    found = scalars_of(
        notebook(
            code("a", shown({MIME: {"auc": 0.5, "n": 3, "ok": True, "name": "x"}})),
            code("b", shown({MIME: '{"rmse":[1.25],"many":[1,2]}'}), shown({MIME: {"auc": 0.75, "bad": float("nan")}})),
            code("c", shown({SCRAP: {"name": "glued", "data": 7, "encoder": "json", "version": 1}})),
            code("d", shown({MIME: "no json"}), shown({MIME: [1]})),
        )
    )
    assert found == {"auc": 0.75, "n": 3, "ok": 1.0, "rmse": 1.25, "glued": 7}
