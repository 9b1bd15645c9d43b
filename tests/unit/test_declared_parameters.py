"""Parameters that a project declares of its notebooks, in any language: typed, merged with the cell's, checked first.

Wishes of other tools' users: papermill #818 (strict parameters).
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cli_home import Shell, make_shell

from workbench.declare import load_project
from workbench.errors import Refused
from workbench.model.parameter import Declared, matches
from workbench.model.run import Request
from workbench.services import projects, runs
from workbench.services.asking import checking
from workbench.services.supervision import control

DECLARED = """\
parameters:
  notebooks/report.ipynb:
    region: {choices: [north, south], help: Which region}
    rows: {type: integer, min: 1, max: 500, default: 100}
    day: {type: date, min: 2024-01-01}
    zip: {type: text}
    flag: true
  "*.ipynb":
    seed: {type: integer, min: 0, required: false}
"""
PATH = "notebooks/report.ipynb"


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """A home with project `churn`, which declares parameters; no supervisor is started."""
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    monkeypatch.setattr(control, "ensure", lambda bench: None)
    made = make_shell(capsys)
    projects.create(made.bench, "churn", environment="python")
    declare(made)
    write(made, 'region = "north"  # from the cell\nrows = 10\nday: str\nzip = "00000"\nown = 1.5\n')
    return made


def declare(shell: Shell, text: str = DECLARED) -> None:
    """Put `parameters:` into the project's file."""
    (projects.get(shell.bench, "churn").path / "project.yaml").write_text(f"environment: python\n{text}")


def write(shell: Shell, cell: str | None, language: str = "python") -> None:
    """The notebook, with or without a parameters cell."""
    tagged = {"cell_type": "code", "metadata": {"tags": ["parameters"]}, "source": cell, "outputs": []}
    content = {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {"language_info": {"name": language}, "kernelspec": {"name": "k", "display_name": "k"}},
        "cells": [] if cell is None else [tagged],
    }
    path = projects.get(shell.bench, "churn").path / PATH
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(content))


def test_a_reference_is_a_number_where_one_is_declared(shell: Shell) -> None:
    """`rows: "${today:%j}"` is the day of the year; where text is declared it stays text."""
    at = datetime(2026, 3, 1, tzinfo=UTC)
    values = {"rows": "${today:%j}", "zip": "${today:%j}", "day": "${today}"}
    checked = checking.check(shell.bench, Request("churn", PATH, values, at=at))
    assert checked.request.parameters == {"rows": 60, "zip": "060", "day": "2026-03-01", "flag": True}


def queued(shell: Shell, **given: Any) -> Any:
    """What a run with `given` is queued with."""
    return runs.get(shell.bench, runs.submit(shell.bench, Request("churn", PATH, given))).parameters


def refused(shell: Shell, **given: Any) -> str:
    """Why it is refused."""
    with pytest.raises(Refused) as caught:
        queued(shell, **given)
    assert runs.page(shell.bench) == []
    return f"{caught.value.message}\n{caught.value.hint}"


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"day": "2024-05-01", "regon": "north"}, "regon: the notebook has no such parameter; did you mean region?"),
        ({"day": "2024-05-01", "region": "east"}, "region: must be one of north, south"),
        ({"day": "2024-05-01", "rows": 501}, "rows: 501 is out of range: 1 to 500"),
        ({"day": "2024-05-01", "rows": 1.5}, "rows: a whole number is expected"),
        ({"day": "2024-05-01", "rows": float("nan")}, "rows: a whole number is expected"),
        ({"day": "2023-12-31"}, "day: 2023-12-31 is out of range: at least 2024-01-01"),
        ({"day": "2024-02-30"}, "day: a date, as 2026-01-31, is expected"),
        ({"day": "2024-05-01", "seed": -1}, "seed: -1 is out of range"),
        ({"day": "2024-05-01", "flag": 1}, "flag: True or False is expected"),
        ({}, "day: has no default and was not given"),
    ],
)
def test_papermill_818_strict_parameters(shell: Shell, given: dict[str, Any], told: str) -> None:
    """What is unknown, of another type, out of its range or missing is refused before queueing, with all there are."""
    said = refused(shell, **given)
    assert told in said
    assert (
        'It takes: region: text (north, south) = "north", rows: integer (1 to 500) = 100,'
        ' day: date (at least 2024-01-01), required, zip: text = "00000", own: float = 1.5,'
        " seed: integer (at least 0), flag: boolean = true"
    ) in said


def test_the_projects_defaults_win_over_the_cells(shell: Shell) -> None:
    """A default that is not the notebook's own is given; what the notebook has already is left to it."""
    assert queued(shell, day="2024-05-01", own=2) == {"day": "2024-05-01", "own": 2, "rows": 100, "flag": True}


@pytest.mark.parametrize("language", ["R", "julia", "scala"])
def test_any_language_may_be_declared(shell: Shell, language: str) -> None:
    """A notebook without a cell that can be read is as strict once its project declares what it takes."""
    write(shell, None, language)
    given = {"day": "2024-05-01", "region": "south", "zip": "1"}
    with pytest.raises(Refused, match="nope: the notebook has no such parameter"):
        checking.check(shell.bench, Request("churn", PATH, {**given, "nope": 1}, "r"))
    checked = checking.check(shell.bench, Request("churn", PATH, given, "r"))
    assert checked.request.parameters == {**given, "rows": 100, "flag": True}
    with pytest.raises(Refused, match="else: is a word of"):
        checking.check(shell.bench, Request("churn", PATH, {**given, "else": 1}, "r"))


def test_text_on_the_command_line_is_what_is_declared(shell: Shell) -> None:
    """`-p` of text stays text, of a boolean is one in lower case too; numbers are numbers. --help-notebook lists them."""
    file = str(projects.get(shell.bench, "churn").path / PATH)
    shell("run", file, "-d", "-p", "zip", "00712", "-p", "day", "2024-05-01", "-p", "flag", "false", "-p", "rows", "7")
    assert shell.code == 0, shell.err
    assert runs.last(shell.bench).parameters == {"zip": "00712", "day": "2024-05-01", "flag": False, "rows": 7}
    shell("run", file, "--help-notebook")
    lines = {line.split()[0]: line for line in shell.out.splitlines()}
    assert "required" in lines["day"]
    assert "north, south" in lines["region"]
    assert "Which region" in lines["region"]
    told = {one["name"]: one for one in shell.json("run", file, "--help-notebook")}
    assert (told["rows"]["min"], told["rows"]["declared"], told["own"]["declared"]) == (1, "project", "notebook")
    shell("run", file, "-d", "-p", "day", "${today}", "-r", "zip", "${today}")
    last = runs.last(shell.bench).parameters
    assert last["day"] == f"{shell.bench.now().astimezone(shell.bench.zone):%Y-%m-%d}"
    assert last["zip"] == "${today}"


def test_check_says_where_project_and_notebook_do_not_agree(shell: Shell) -> None:
    """A name that the cell lacks, a default that does not fit, another type, a notebook there is not: each at its line."""
    assert "flag" in shell("check")
    write(shell, 'region = "east"\nrows = 10\nday: int\nzipp = ""\nflag = True\nseed = 1\n')
    declare(shell, DECLARED + "  notebooks/reprot.ipynb:\n    a: 1\n")
    told = shell("check")
    assert shell.code == 0
    for line in (
        "project.yaml:4:5: notebooks/report.ipynb: the notebook's own default does not fit: must be one of north, south",
        "project.yaml:6:5: notebooks/report.ipynb: declared as date, and in the notebook as day: int",
        "project.yaml:7:5: notebooks/report.ipynb: the notebook's `parameters` cell has no such name: did you mean zipp?",
        "project.yaml:11:3: no notebook is 'notebooks/reprot.ipynb': did you mean notebooks/report.ipynb?",
    ):
        assert line in told


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("parameters: {rows: {a: 3}}", "'rows' is no notebook"),
        ("parameters: {a.ipynb: {n: {type: int}}}", "found 'int': write integer"),
        ("parameters: {a.ipynb: {n: {type: integer, default: x}}}", "a whole number is expected, not 'x'"),
        ("parameters: {a.ipynb: {n: {min: 5, max: 1}}}", "5 is more than max, 1"),
        ("parameters: {a.ipynb: {n: {type: text, min: 5}}}", "text has no range"),
        ("parameters: {a.ipynb: {n: {type: text, choices: [1, a]}}}", "1: text is expected"),
        ("parameters: {a.ipynb: {n: {default: 1, required: true}}}", "only one of them can hold"),
        ("parameters: {a.ipynb: {x=1: 1}}", "is no name of a parameter"),
        ("parameters: {../a.ipynb: {x: 1}}", "leads out of the project"),
    ],
)
def test_a_declaration_that_cannot_hold_is_told(tmp_path: Path, text: str, told: str) -> None:
    """Every fault has its place and says what is wrong."""
    (tmp_path / "project.yaml").write_text(f"{text}\n")
    [problem] = load_project(tmp_path, name="p").problems
    assert told in str(problem)
    assert problem.line == 1


@pytest.mark.parametrize(
    ("pattern", "path", "fits"),
    [
        ("*.ipynb", "notebooks/deep/a.ipynb", True),
        ("notebooks/*.ipynb", "notebooks/a.ipynb", True),
        ("notebooks/*.ipynb", "notebooks/deep/a.ipynb", False),
        ("notebooks/**/*.ipynb", "notebooks/deep/a.ipynb", True),
        ("a.ipynb", "notebooks/a.ipynb", True),
        ("notebooks/a.ipynb", "a.ipynb", False),
        ("a+(1).ipynb", "a+(1).ipynb", True),
    ],
)
def test_patterns_are_those_of_gitignore(pattern: str, path: str, fits: bool) -> None:
    """A pattern without a folder means the file in any; `*` stays in its folder."""
    assert matches(pattern, path) is fits


def test_a_choice_is_taken_as_it_is_shown() -> None:
    """What is chosen in a form is the very value, also where text looks like a number."""
    mixed = Declared("x", choices=("1", 2, True), explicit=True)
    assert [mixed.read(text) for text in ("1", "2", "true")] == ["1", 2, True]
    assert mixed.problem(1)
