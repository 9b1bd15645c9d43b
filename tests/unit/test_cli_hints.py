"""What is printed to be pasted does the right thing where it is pasted."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from cli_home import Shell, make_shell

from workbench.cli.invocation import Invocation
from workbench.cli.program import ENTRIES, run
from workbench.cli.terminal.hints import pasted
from workbench.model.run import RunState
from workbench.services.bench import open_bench
from workbench.services.command_lines import COMMANDS


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Iterator[Shell]:
    """A home that only --home names; another one is what WORKBENCH_HOME names."""
    open_bench().close()
    made = make_shell(capsys)
    made.bench.close()
    made.bench = open_bench(tmp_path / "the other")
    yield made
    made.bench.close()


def test_lines_to_paste_name_the_home_that_was_named(shell: Shell) -> None:
    """Errors, remarks, empty lists, needs and remedies all lead back to the home they are about."""
    home = str(shell.bench.home.root)
    line = f"workbench --home {shlex.quote(home)} "
    shell("runs", "show", "9", "--home", home)
    assert shell.err.splitlines()[1] == f"  See what there is: {line}runs"
    shell("--home", home, "runs", "show", "9", "--json")
    assert json.loads(shell.err)["error"]["hint"] == f"See what there is: {line}runs"
    shell("projects", "--home", home)
    assert f"Make one: {line}projects new NAME" in shell.err
    run_id = shell.add_run()
    shell.end_run(run_id, RunState.CRASHED)
    assert f"    {line}runs show {run_id}" in shell("status", "--home", home).splitlines()
    assert shell.json("--home", home, "status")["needs"][0]["command"] == f"{line}runs show {run_id}"
    assert f"→ {line}service start" in shell("doctor", "--home", home)


def test_they_are_short_where_the_home_is_found_anyway(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """WORKBENCH_HOME, or the folder one is in, names it as well."""
    home = str(shell.bench.home.root)
    shell("runs", "show", "9")
    assert shell.err.splitlines()[1] == "  See what there is: workbench runs"
    monkeypatch.setenv("WORKBENCH_HOME", home)
    shell("runs", "show", "9", "--home", home)
    assert shell.err.splitlines()[1] == "  See what there is: workbench runs"


def test_a_folder_that_is_no_home_is_told_how_it_becomes_one(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """The advice, done as it stands, makes the home that was asked for."""
    folder = tmp_path / "x"
    assert run(["--home", str(folder), "status"]) == 1
    hint = capsys.readouterr().err.splitlines()[1].strip()
    assert hint == f"Make one with: workbench --home {folder} init"
    assert run(shlex.split(hint.partition(": ")[2])[1:]) == 0
    assert run(["--home", str(folder), "status"]) == 0


def test_every_command_is_known_as_one() -> None:
    """What texts are searched for is what the command line has."""
    assert set(COMMANDS) == set(ENTRIES)


@pytest.mark.parametrize(
    "text",
    [
        "Install workbench anew.",
        "@reboot workbench --home /h service start",
        "/opt/workbench run",
        "my-workbench run",
        "export WORKBENCH_HOME=/x",
    ],
)
def test_only_command_lines_are_touched(text: str) -> None:
    """Sentences about the program, paths, and lines that name a home stay as they are."""
    assert pasted(text, Invocation(home="/somewhere/else")) == text
