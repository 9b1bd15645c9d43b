"""Two executed notebooks side by side: what differs of code and outputs, and what means nothing."""

from __future__ import annotations

from typing import Any, cast

import pytest

from workbench.model.run import Run
from workbench.notebooks.comparison import Difference, changed, differences, same
from workbench.services.history.comparison import PACKAGES, Comparison


def cell(source: str, *texts: str, id: str = "", **data: str) -> dict[str, Any]:  # noqa: A002
    """A code cell that printed `texts` and displayed `data`."""
    outputs: list[dict[str, Any]] = [{"output_type": "stream", "name": "stdout", "text": text} for text in texts]
    if data:
        outputs.append({"output_type": "display_data", "data": {k.replace("_", "/"): v for k, v in data.items()}})
    made = {"cell_type": "code", "metadata": {}, "source": source, "outputs": outputs}
    return {**made, "id": id} if id else made


def book(*cells: dict[str, Any]) -> dict[str, Any]:
    """A notebook."""
    return {"cells": list(cells)}


@pytest.mark.parametrize(
    ("first", "second", "equal"),
    [
        ("total 3.0000000001", "total 3.0", True),
        ("total 3.001", "total 3.0", False),
        ("1,234.5 rows", "1234.5 rows", True),
        ("nan and 1e-12", "nan and 2e-12", True),
        ("<f at 0x7f0000aa>", "<f at 0x7fddee11>", True),
        ("made 2026-01-02 06:30:00", "made 2026-01-03 06:31:07", True),
        ("took 0:00:01.5", "took 0:00:01.5", True),
        ("   a  1\nb  2.0", "a 1\nb     2", True),
        ("north", "south", False),
        ("1 2", "1 2 3", False),
        ("1,23", "12,3", False),
        ("[1,2,3]", "[1,23]", False),
        ("1_000 rows", "1000 rows", True),
        ("12,345,678.5", "12345678.5", True),
    ],
)
def test_numbers_have_a_tolerance_and_what_is_fleeting_is_the_same(first: str, second: str, equal: bool) -> None:
    """Numbers within a millionth, addresses, days and widths of columns are no difference; a word and a count are."""
    assert same(("text", first), ("text", second)) is equal


def test_cells_are_matched_and_what_differs_is_told() -> None:
    """By id, or by text where ids were made anew; one that is only on one side is told, with both sides short."""
    first = book(cell("a", "x 1\n", id="1"), cell("b", "same", id="2"), cell("old", id="3"))
    second = book(
        cell("a", "x 2\n", id="1"), cell("b + 0", "same", id="2"), cell("new", "n", id="4"), cell("n2", id="5")
    )
    found = [(one.cell, one.what, one.first, one.second) for one in differences(first, second)]
    assert found == [
        (1, "output", "x 1", "x 2"),
        (2, "code", "b", "b + 0"),
        (3, "only in the first", "old", ""),
        (3, "only in the second", "", "new"),
        (4, "only in the second", "", "n2"),
    ]
    assert changed(book(cell("a", "x 1", id="1")), book(cell("a", "x 1", id="9"))) == ""
    assert changed(first, second) == "cell 1: x 1 became x 2, and 3 more"


def test_pictures_tables_and_parameters() -> None:
    """Another picture is a difference, tables are compared by their numbers, injected parameters are left out."""
    injected = {**cell("n = 1"), "metadata": {"tags": ["injected-parameters"]}}
    one = book(injected, cell("t", text_plain="   a\n0  1.0", image_png="AAAA"))
    other = book(cell("t", text_plain="   a\n0  1.0", image_png="BBBB"))
    assert changed(one, other) == "cell 1: [image/png] became [image/png]"
    table = cell("t", text_html="<table><tr><td>1.00000000</td></tr></table>")
    near = cell("t", text_html="<table><tr><td>1.00000001</td></tr></table>")
    assert changed(book(table), book(near)) == ""
    far = cell("t", text_html="<table><tr><td>2</td></tr></table>")
    assert changed(book(table), book(far)) == "cell 1: 1.00000000 became 2"
    silent = {**cell("w"), "outputs": [{"output_type": "stream", "name": "stderr", "text": "warned at 3"}]}
    assert changed(book(cell("w")), book(silent)) == ""


@pytest.mark.parametrize(
    ("kind", "first", "second", "said"),
    [
        ("text_html", '<style>#T_a1 td{}</style><table id="T_a1"><tr><td>7 &lt; 9</td></tr></table>', "<table><tr><td>8</td>", "7 < 9 became 8"),
        ("text_html", '<style>#T_a1 td{}</style><b id="T_a1">7</b>', '<style>#T_b2 td{}</style><b id="T_b2">7</b>', ""),
        ("text_markdown", "**7** of 9", "**8** of 9", "**7** of 9 became **8** of 9"),
        ("application_json", '{"a": 7}', '{"a": 8}', '{"a": 7} became {"a": 8}'),
    ],
)  # fmt: skip
@pytest.mark.parametrize("name", ["<IPython.core.display.HTML object>", "<pandas.io.formats.style.Styler at 0x7f00aa>"])
def test_what_is_shown_is_compared_and_not_its_name(kind: str, first: str, second: str, said: str, name: str) -> None:
    """HTML, Markdown and the like that Python shows beside the name of an object are compared by what they say: the name
    is always the same, or another address, and the ids that a styled table is given mean nothing."""
    one, other = (book(cell("t", text_plain=name, **{kind: text})) for text in (first, second))
    assert changed(one, other) == (said and f"cell 1: {said}")


def test_a_hundred_other_packages_do_not_hide_what_the_cells_put_out() -> None:
    """A person is told the first of them and how many more there are; a program is told all."""
    run = cast("Run", None)  # which of them they are makes no difference
    facts = tuple((name, "1", "2") for name in ("engine", *(f"package p{n}" for n in range(90)), "parameter k"))
    found = Comparison(run, run, facts, (Difference(3, "output", "x", ""),))
    assert len(found.rows) == 1 + PACKAGES + 3
    assert found.rows[-3:] == [
        ("parameter k", "1", "2"),
        ("and 78 packages more", "…", "…"),
        ("cell 3 output", "x", "-"),
    ]


def test_cells_have_the_numbers_of_the_run() -> None:
    """Papermill's own cells above what failed are not counted, as nowhere else."""
    banner = {"cell_type": "markdown", "metadata": {"tags": ["papermill-error-cell-tag"]}, "source": "An Exception"}
    first, second = cell("a", "x"), cell("a", "y")
    assert [one.cell for one in differences(book(first), book(banner, banner, second))] == [1]
