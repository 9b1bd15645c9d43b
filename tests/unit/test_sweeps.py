"""Sweeps: several values of a parameter become one run for each combination, asked for and told as one group."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cli_home import Shell, make_shell

from workbench.errors import Refused
from workbench.model.run import ENDED, Request, RunState
from workbench.model.sweep import MOST, Reader, Sweep, combinations, of_words, read, told
from workbench.notebooks.parameters import guess
from workbench.services import groups, notices, projects, runs
from workbench.services.supervision import control
from workbench.store import runs as run_rows

PATH = "notebooks/report.ipynb"
READER = Reader(lambda _name, text: guess(text), texts=frozenset({"zip"}), flow=json.loads)


@pytest.mark.parametrize(
    ("words", "rows"),
    [
        (["region=north,south"], [{"region": "north"}, {"region": "south"}]),
        (["n=10..50..20"], [{"n": 10}, {"n": 30}, {"n": 50}]),
        (["n=3..1"], [{"n": 3}, {"n": 2}, {"n": 1}]),
        (["x=0.1..0.3..0.1"], [{"x": 0.1}, {"x": 0.2}, {"x": 0.3}]),
        (["n=1,2,5..6"], [{"n": 1}, {"n": 2}, {"n": 5}, {"n": 6}]),
        (["day=2024-02-28..2024-03-01"], [{"day": "2024-02-28"}, {"day": "2024-02-29"}, {"day": "2024-03-01"}]),
        (
            ["day=2024-01-31..2024-03-31..1 month"],
            [{"day": "2024-01-31"}, {"day": "2024-02-29"}, {"day": "2024-03-31"}],
        ),
        (["zip=1..3"], [{"zip": "1..3"}]),
        (["path=../a,../b"], [{"path": "../a"}, {"path": "../b"}]),
        (['name=["a,b", ""]'], [{"name": "a,b"}, {"name": ""}]),
        (['name="a,b","c"'], [{"name": "a,b"}, {"name": "c"}]),
        (["name=it's,5'"], [{"name": "it's"}, {"name": "5'"}]),
        (["a=1,2", "b=x,y"], [{"a": 1, "b": "x"}, {"a": 1, "b": "y"}, {"a": 2, "b": "x"}, {"a": 2, "b": "y"}]),
    ],
)
def test_lists_and_ranges_become_combinations(words: list[str], rows: list[dict[str, Any]]) -> None:
    """Every combination once, the last name fastest; ranges hold both ends exactly; text with dots and commas is safe."""
    assert combinations(of_words(words), READER) == rows


def test_a_grid_is_names_with_values_or_the_combinations_themselves() -> None:
    """What a YAML file or `sweep:` of a schedule may hold; what was read is written back the same."""
    grid = read({"region": ["north", "south"], "n": {"from": 1, "to": 3}, "fixed": 7})
    assert len(combinations(grid, READER)) == 6
    assert read(grid.data) == grid
    rows = [{"region": "north", "n": 1}, {"region": "south", "n": 2}]
    assert combinations(read(rows), READER) == rows
    assert read(rows).names == ("region", "n")
    assert told(combinations(grid, READER)) == "6 runs: region north, south; n 1, 2, 3; fixed 7"


@pytest.mark.parametrize(
    ("sweep", "why"),
    [
        (["n"], "is no sweep"),
        (["n=1,2", "n=3"], "swept twice"),
        (["n=1..0..1"], "never reached"),
        (["n=1,,2"], "missing between commas"),
        (["n=1,1"], "1 is there twice"),
        (["day=2024-02-30..2024-03-01"], "days of the calendar"),
        ([f"n=1..{MOST + 1}"], f"more than {MOST} values"),
        (["a=1..40", "b=1..40"], "1600 combinations"),
        ([], "expected names"),
        ([{"a": 1}, {"b": 1}], "the same names"),
        ([{"a": 1, "b": 2}, {"a": 1, "b": "2"}, {"b": 2, "a": 1}], "a combination is there twice"),
    ],
)
def test_what_is_no_sweep_is_refused(sweep: Any, why: str) -> None:
    """Slips are told, and so is a sweep that would be thousands of kernels."""
    words = bool(sweep) and isinstance(sweep[0], str)
    with pytest.raises(Refused) as caught:
        combinations(of_words(sweep) if words else read(sweep), READER)
    assert why in caught.value.message


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """A home with project `churn` and a notebook with parameters; no supervisor is started."""
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    monkeypatch.setattr(control, "ensure", lambda bench: None)
    made = make_shell(capsys)
    folder = projects.create(made.bench, "churn", environment="python").path / "notebooks"
    folder.mkdir(exist_ok=True)
    cell = {"cell_type": "code", "metadata": {"tags": ["parameters"]}, "outputs": []}
    cell["source"] = 'region = "north"\nrows = 10\nzip = "0"\nday = ""\n'
    content = {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {"kernelspec": {"name": "python3", "language": "python"}},
    }
    (folder / "report.ipynb").write_text(json.dumps({**content, "cells": [cell]}))
    return made


def ask(shell: Shell, sweep: Any, **given: Any) -> int:
    """Ask for a sweep; the group's id."""
    at = shell.bench.now().astimezone(shell.bench.zone)
    first = runs.submit(shell.bench, Request("churn", PATH, given, sweep=sweep, at=at))
    group = groups.of_run(shell.bench, first)
    assert group
    return group.id


def test_a_sweep_is_one_group_of_runs(shell: Shell) -> None:
    """All runs are there at once, each with its values, the frozen notebook shared; how it is is told as one."""
    group = groups.get(shell.bench, ask(shell, {"region": ["north", "south"], "rows": "1..3"}, zip="7"))
    members = groups.members(shell.bench, group.id)
    assert (group.label, group.size, group.names, len(members)) == ("g1", 6, ("region", "rows"), 6)
    assert group.combination(members[4]) == {"region": "south", "rows": 2}
    assert members[4].parameters == {"zip": "7", "region": "south", "rows": 2}
    frozen = {runs.artifacts(shell.bench, run.id).frozen for run in members}
    assert len({path.stat().st_ino for path in frozen if path}) == 1
    assert groups.standing(shell.bench, 1).words == "0 of 6 done, 6 waiting"
    shell.end_run(members[0].id, RunState.SUCCEEDED)
    shell.end_run(members[1].id, RunState.FAILED, reason="no rows")
    so = groups.standing(shell.bench, 1)
    assert (so.state, so.words) == ("running", "2 of 6 done, 4 waiting, 1 failed")
    assert [run.id for run in groups.members(shell.bench, 1, {RunState.FAILED})] == [members[1].id]
    assert groups.cancel(shell.bench, 1) == 4
    assert groups.cancel(shell.bench, 1) == 0


@pytest.mark.parametrize(
    ("sweep", "given", "why"),
    [
        ({"regon": ["a", "b"]}, {}, "did you mean region"),
        ({"rows": [1, "x"]}, {}, "in the combination rows = x"),
        ({"rows": [1, 2]}, {"rows": 3}, "given and swept"),
    ],
)
def test_a_combination_that_does_not_fit_queues_nothing(
    shell: Shell, sweep: Any, given: dict[str, Any], why: str
) -> None:
    """All or nothing: what is wrong with one combination is told with it."""
    with pytest.raises(Refused) as caught:
        ask(shell, sweep, **given)
    assert why in caught.value.message
    assert runs.page(shell.bench) == []
    assert groups.newest(shell.bench) == []


def test_values_of_a_sweep_are_typed_and_may_be_references(shell: Shell) -> None:
    """Text stays text where text is declared; a range may end with a reference; each run may name its own id."""
    group = ask(shell, {"zip": "007,008", "day": "${month_start}..${month_start + 1 day}"}, region="run ${run}")
    members = groups.members(shell.bench, group)
    assert {run.parameters["zip"] for run in members} == {"007", "008"}
    assert [run.parameters["region"] for run in members] == [f"run {run.id}" for run in members]
    assert {run.parameters["day"][8:] for run in members} == {"01", "02"}


def test_sweeps_on_the_command_line(shell: Shell, tmp_path: Path) -> None:
    """--sweep and --grid queue a group; it is listed, shown, cancelled by its name, and many runs are asked about."""
    file = str(projects.get(shell.bench, "churn").path / PATH)
    assert shell("run", file, "-d", "--sweep", "rows=1..3", "--sweep", "region=north,south", "-p", "zip", "7") == "g1\n"
    assert shell.json("run", file, "-d", "--sweep", "rows=1,2") == {"id": "g2"}
    grid = tmp_path / "grid.yaml"
    grid.write_text("region: [north, south]\nrows: 10..30..10\n")
    assert shell("run", file, "-d", "--grid", str(grid)) == "g3\n"
    assert len(shell.json("runs", "list", "--group", "g1")) == 6
    assert "GROUP" in shell("runs", "list")
    told = shell("runs", "show", "g1")
    assert "0 of 6 done, 6 waiting" in told
    assert "REGION" in told
    shown = shell.json("runs", "show", "g1")
    assert (shown["state"], shown["counts"], shown["runs"][5]["combination"]) == (
        "queued", {"queued": 6}, {"rows": 3, "region": "south"},
    )  # fmt: skip
    assert len(shell.json("runs", "cancel", "g1")["cancelling"]) == 6
    assert shell.json("stop", "g2") == {"stopping": ["g2"]}
    assert shell("run", file, "-d", "--sweep", "rows=1..51") == ""
    assert "without a yes" in shell.err
    assert shell.code == 1
    assert shell("run", file, "-d", "--sweep", "rows=1..51", "--yes") == "g4\n"
    assert shell("runs", "show", "g9") == ""
    assert "no group named 'g9'" in shell.err
    shell("runs", "output", "g1")
    assert "It is a group" in shell.err
    assert all(run.state not in ENDED for run in runs.page(shell.bench))


def test_many_are_cancelled_in_one_piece(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever is killed over it has asked for the end of all or of none; each counts once, however often it is named."""
    group = ask(shell, {"rows": "1..4"})
    asked_for = run_rows.ask_cancel

    def killed(connection: Any, run: int, **more: Any) -> bool:
        if run == 3:
            raise KeyboardInterrupt
        return asked_for(connection, run, **more)

    with monkeypatch.context() as patch:
        patch.setattr(run_rows, "ask_cancel", killed)
        with pytest.raises(KeyboardInterrupt):
            runs.cancel_all(shell.bench, [1, 2, 3, 4])
    assert not any(run.cancel_asked for run in groups.members(shell.bench, group))
    assert shell.json("runs", "cancel", f"g{group}", "2", "4") == {"cancelling": ["1", "2", "3", "4"]}


def test_a_grid_file_is_read_as_sweep_of_a_schedule_is(shell: Shell, tmp_path: Path) -> None:
    """`no` and `22:22` are text in it, though they are none in papermill's files of parameters; so they are on the command
    line, in a list as YAML writes it."""
    file = str(projects.get(shell.bench, "churn").path / PATH)
    grid = tmp_path / "grid.yaml"
    grid.write_text("region: [no, 22:22, 2026-01-01, '007']\nrows: [1, 2, null]\n")
    for given in (
        ["--grid", str(grid)],
        ["--sweep", "region=[no, 22:22, 2026-01-01, '007']", "--sweep", "rows=[1, 2, null]"],
    ):
        group = shell("run", file, "-d", *given).strip()
        found = [one["combination"] for one in shell.json("runs", "show", group)["runs"]] if group else shell.err
        assert [one["region"] for one in found[::3]] == ["no", "22:22", "2026-01-01", "007"]
        assert [one["rows"] for one in found[:3:2]] == [1, None]


def test_nothing_is_a_sweep() -> None:
    """No words are no sweep."""
    assert not of_words([])
    assert Sweep({"a": "1"})


def test_a_combination_is_compared_with_its_own_of_the_sweep_before(shell: Shell) -> None:
    """A run of a sweep recovers from its own failure the last time, never from that of another combination."""
    first = groups.members(shell.bench, ask(shell, {"rows": [1, 2]}))
    shell.end_run(first[0].id, RunState.FAILED)
    shell.end_run(first[1].id, RunState.SUCCEEDED)
    second = groups.members(shell.bench, ask(shell, {"rows": [1, 2]}))
    with shell.bench.store.read() as connection:
        assert notices.before(connection, runs.get(shell.bench, first[1].id)) is None
        before = [notices.before(connection, run) for run in second]
    assert [run.id if run else None for run in before] == [first[0].id, first[1].id]
