"""Parameters: what a notebook declares, how values are read as papermill reads them, and what is refused before a run."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.errors import Refused
from workbench.notebooks.cell import declared_in
from workbench.notebooks.document import parse
from workbench.notebooks.parameters import Parameters, check, decode_base64, gather, guess, parameters_of

PYTHON = """
import datetime as dt
from typing import Literal, Optional
%matplotlib inline
month = "2026-01"  # which month
alpha: float = 0.5  # type: ignored, for it is annotated
n = 10  # type: int # how many
names = ["a", "b"]
limit: Optional[int] = None
mode: Literal["fast", "exact"] = "fast"
when = dt.date.today()
flag = True
table = {
    "a": 1,  # inside
}
required: str
"""


def of(source: str | None, language: str = "python") -> Parameters:
    """The parameters of a notebook with `source` as its parameters cell, or without one."""
    tagged = {"cell_type": "code", "metadata": {"tags": ["parameters"]}, "source": source, "outputs": []}
    content = {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {"language_info": {"name": language}},
        "cells": [tagged] if source is not None else [],
    }
    return parameters_of(parse(json.dumps(content).encode(), title=""))


def refused(parameters: Parameters, **values: Any) -> str:
    """Why `values` are refused, with the hint."""
    with pytest.raises(Refused) as caught:
        check(parameters, values)
    return f"{caught.value.message}\n{caught.value.hint}"


def test_a_python_cell_declares_names_types_defaults_and_help() -> None:
    """Annotations, type comments and defaults give the type; trailing comments the help; magics are passed over."""
    found = {one.name: (one.type, one.default, one.help, one.annotated) for one in of(PYTHON).declared}
    assert found == {
        "month": ("str", "2026-01", "which month", False),
        "alpha": ("float", 0.5, "type: ignored, for it is annotated", True),
        "n": ("int", 10, "how many", True),
        "names": ("list", ["a", "b"], "", False),
        "limit": ("int", None, "", True),
        "mode": ("str", "fast", "", True),
        "when": ("any", None, "", False),
        "flag": ("bool", True, "", False),
        "table": ("dict", {"a": 1}, "", False),
        "required": ("str", None, "", True),
    }
    assert of(PYTHON)["mode"].choices == ("fast", "exact")
    assert of(PYTHON)["when"].source == "dt.date.today()"


def test_an_r_cell_declares_as_well_as_can_be() -> None:
    """Assignments by `<-` and `=`, with R's words for values."""
    source = 'month <- "2026-01" # which\nn = 5L\nx <- 1e-3\nflag <- TRUE\nnone <- NULL\nv <- c(1, 2)\nw <- c(a = 1)\nl <- list(a=1)\nf <- g(x) # h\n'
    found = {one.name: (one.type, one.default, one.help) for one in of(source, "R").declared}
    assert found == {
        "month": ("str", "2026-01", "which"),
        "n": ("int", 5, ""),
        "x": ("float", 0.001, ""),
        "flag": ("bool", True, ""),
        "none": ("any", None, ""),
        "v": ("list", None, ""),
        "w": ("any", None, ""),
        "l": ("any", None, ""),
        "f": ("any", None, "h"),
    }


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("True", True),
        ("False", False),
        ("None", None),
        ("007", 7),
        ("1_0", 10),
        ("1e5", 1e5),
        ("-inf", -math.inf),
        ("true", "true"),
        ("2026-01-01", "2026-01-01"),
        ("", ""),
    ],
)
def test_values_are_read_as_papermill_does(text: str, value: Any) -> None:
    """`-p` guesses exactly papermill's way."""
    from papermill.cli import _resolve_type

    assert guess(text) == value == _resolve_type(text)
    assert type(guess(text)) is type(value)


@given(st.text(max_size=12) | st.from_regex(r"[+-]?[0-9_.eE]{1,8}", fullmatch=True))
def test_any_value_is_read_as_papermill_does(text: str) -> None:
    """Whatever is typed after `-p NAME`."""
    from papermill.cli import _resolve_type

    assert repr(guess(text)) == repr(_resolve_type(text))


def test_later_options_win_in_papermills_order() -> None:
    """-b, then -f, -y, -p and -r; a mapping that is empty counts as none."""
    got = gather(
        base64_mappings=[{"a": 1, "b": 1, "c": 1, "d": 1, "e": 1}],
        file_mappings=[None, {"b": 2, "c": 2, "d": 2, "e": 2}],
        yaml_mappings=[{"c": 3, "d": 3, "e": 3}],
        values=[("d", "4"), ("e", "4")],
        raw=[("e", "5")],
    )
    assert got == {"a": 1, "b": 2, "c": 3, "d": 4, "e": "5"}
    assert decode_base64("YTog\nMQ==") == "a: 1"
    with pytest.raises(Refused, match="not base64"):
        decode_base64("ä")
    with pytest.raises(Refused, match="expected a mapping"):
        gather(yaml_mappings=[[1]])  # type: ignore[list-item]


@pytest.mark.parametrize("name", ["class", "1x", "a;b", "__import__('os')", "_a", "a b", "", "é", "x=1\n"])
def test_names_that_would_be_code_are_refused(name: str) -> None:
    """A name becomes code: only plain names that are no word of the language pass."""
    assert refused(of("a = 1"), **{name: 1})


def test_a_name_that_the_notebook_has_itself_may_be_given() -> None:
    """What stands in a Python cell as a name is one; what only the project declares, or stands in R's, has to be plain."""
    cell = of("größe = 1\n_n: int = 2")
    assert check(cell, {"größe": 3, "_n": 4}) == {"größe": 3, "_n": 4}
    assert "a name is" in refused(of("x <- 1\ngröße <- 2", "R"), größe=3)


@pytest.mark.parametrize(
    ("cell", "language", "text", "value"),
    [
        ("x = [1]", "python", "[3, 4]", [3, 4]),
        ("x: list[str] = ['a']", "python", '["b", "c,d"]', ["b", "c,d"]),
        ("x = {}", "python", '{"a": [1, null]}', {"a": [1, None]}),
        ("x = {}", "python", "{'a': None}", {"a": None}),
        ("x = []", "python", "a,b", "a,b"),
        ("x = ''", "python", "[3]", "[3]"),
        ("x <- c(1, 2)", "R", "[3, 4]", [3, 4]),
        ("x <- NULL", "R", "NULL", None),
        ("x <- NA", "R", "TRUE", True),
        ('x <- "a"', "R", "TRUE", "TRUE"),
        ("x = None", "python", "NULL", "NULL"),
    ],
)
def test_lists_mappings_and_the_words_of_r_may_be_typed(cell: str, language: str, text: str, value: Any) -> None:
    """`-p x '[3, 4]'` is a list where one is wanted, as it is in a form; TRUE and NULL mean in R what they mean there."""
    assert gather(values=[("x", text)], takes=of(cell, language)) == {"x": value}


@pytest.mark.parametrize(
    ("annotation", "value", "problem"),
    [
        ("list[int]", [1, 2], ""),
        ("list[int]", [1, "x"], "its item 2: a whole number is expected, not 'x'"),
        ("'List[float]'", [1, 2.5], ""),
        ("Optional[typing.List[str]]", ["a", 1], "its item 2: text is expected"),
        ("None | list[bool]", [1], "its item 1: True or False is expected"),
        ("list[int | None]", [1, None], ""),
        ("list[Literal['a', 'b']]", ["c"], "its item 1: must be one of 'a', 'b'"),
        ("list[list[int]]", [[1], ["x"]], ""),
        ("list[Any]", [1, "x"], ""),
        ("list", [1, "x"], ""),
    ],
)
def test_items_of_lists_are_held_to_their_type(annotation: str, value: Any, problem: str) -> None:
    """`list[int]` takes whole numbers; which one is wrong is said."""
    found = of(f"x: {annotation} = None")["x"].problem(value)
    assert found.startswith(problem)
    assert bool(found) == bool(problem)


def test_words_are_those_of_the_language() -> None:
    """`next` is a name in Python and a word of R; `lambda` the other way round."""
    assert check(of("next = 1"), {"next": 2}) == {"next": 2}
    assert "word of R" in refused(of("a <- 1", "R"), next=1)
    assert check(of("lambda <- 1", "R"), {"lambda": 2}) == {"lambda": 2}
    assert "word of python" in refused(of("a = 1"), **{"lambda": 1})


def test_unknown_names_are_refused_with_those_there_are() -> None:
    """A name that was mistyped is told with the nearest, and all declared ones."""
    words = refused(of(PYTHON), mont="2026-02", required="x")
    assert "did you mean month?" in words
    assert "alpha: float = 0.5" in words
    assert check(of("a = 1"), {"b": 1}, allow_unknown=True) == {"b": 1}


def test_values_without_a_parameters_cell_are_refused_unless_allowed() -> None:
    """They would be set at the top, where the notebook may overwrite them."""
    assert "no cell tagged" in refused(of(None), a=1)
    assert check(of(None), {"a": 1}, allow_unknown=True) == {"a": 1}
    assert check(of(None), {}) == {}


def test_missing_ones_are_told() -> None:
    """A parameter without a default has to be given."""
    assert "required: has no default" in refused(of(PYTHON), n=1)


@pytest.mark.parametrize(
    ("name", "value", "fits"),
    [
        ("month", "x", True),
        ("month", 202601, False),
        ("alpha", 1, True),
        ("alpha", "1", False),
        ("alpha", None, False),
        ("n", 1.5, False),
        ("n", True, False),
        ("limit", None, True),
        ("limit", 3, True),
        ("limit", "3", False),
        ("mode", "exact", True),
        ("mode", "slow", False),
        ("when", {"any": [1]}, True),
        ("flag", 1, False),
        ("flag", None, True),
        ("names", ["c"], True),
        ("names", "c", False),
        ("table", {"b": {"c": None}}, True),
    ],
)
def test_types_are_held_to(name: str, value: Any, fits: bool) -> None:
    """What was written down or shown by the default holds; None passes where nothing speaks against it."""
    given_values = {"required": "x", name: value}
    if fits:
        assert check(of(PYTHON), given_values) == given_values
    else:
        assert name in refused(of(PYTHON), **given_values)


def test_a_number_that_was_not_annotated_may_become_a_fraction() -> None:
    """`rate = 1` says a number, `rate: int = 1` a whole one."""
    assert check(of("rate = 1"), {"rate": 0.5}) == {"rate": 0.5}
    assert refused(of("rate: int = 1"), rate=0.5)


def test_only_values_of_json_pass() -> None:
    """Dates and other objects would be pasted unescaped."""
    import datetime as dt

    assert "no value of JSON" in refused(of("a = None"), a=dt.date(2026, 1, 1))
    assert "no value of JSON" in refused(of("a = None"), a=[{"b": (1, 2)}])
    assert "keys of a mapping" in refused(of("a = None"), a={1: 2})


def test_a_cell_that_cannot_be_read_accepts_any_name() -> None:
    """Where the cell is no Python that can be parsed, names cannot be judged and are not refused."""
    found = of("a = = 1")
    assert (found.has_cell, found.known) == (True, False)
    assert check(found, {"b": 1}) == {"b": 1}


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [("month", "007", "007"), ("n", "7", 7), ("alpha", "7", 7), ("flag", "yes", True), ("names", "['c']", ["c"])],
)
def test_forms_read_text_by_type(name: str, text: str, value: Any) -> None:
    """What a person types into a form is read by the declared type."""
    assert of(PYTHON)[name].read(text) == value
    with pytest.raises(Refused):
        of(PYTHON)["n"].read("many")


def test_a_wrong_value_is_told_in_words() -> None:
    """What is expected is said as a person would say it, not by the names of types."""
    cell = "day: float = 1.5\nyears: int = 3\nfull = False\nregions: list = []\nregion: str = ''"
    declared = {one.name: one for one in declared_in(cell, "python") or ()}
    assert declared["day"].problem("abc") == "a number is expected, not 'abc'"
    assert declared["years"].problem(2.5) == "a whole number is expected, not 2.5"
    assert declared["full"].problem("maybe") == "True or False is expected, not 'maybe'"
    assert declared["regions"].problem(None) == "a list, as [1, 2], is expected, not None"
    assert declared["region"].problem(42) == "text is expected, not 42 (as text: -r region …)"
