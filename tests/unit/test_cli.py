"""The command line as people and scripts read it: shapes, errors, exit codes. Nothing here starts a supervisor."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from cli_home import Shell, make_shell

from workbench.cli.program import ENTRIES, run
from workbench.cli.shapes import things as shapes
from workbench.model.run import Failure, RunState
from workbench.services.supervision import control

ROOT = Path(__file__).parents[2]


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str]) -> Iterator[Shell]:
    made = make_shell(capsys)
    yield made
    made.bench.close()


def test_a_bare_group_lists_and_names_may_be_cut_short(shell: Shell) -> None:
    """`workbench env` is `workbench environments list`, and options may stand before the command's name."""
    assert shell("env") == shell("environments", "list") == shell("environment")
    assert json.loads(shell("env", "--json")) == json.loads(shell("--json", "environments", "li"))
    assert shell.code == 0


def test_a_word_that_may_mean_two_commands_is_misuse(shell: Shell) -> None:
    """An ambiguous or unknown name is never guessed: exit code 2, and what there is."""
    shell("e")
    assert shell.code == 2
    assert "edit or environments" in shell.err
    shell("run", "show", "--nonsense")
    assert shell.code == 2
    shell("sessions", "strat")
    assert shell.code == 2
    assert "Did you mean start?" in shell.err
    shell("sessions", "logs", "s1")
    assert (shell.code, "It stands alone: workbench logs." in shell.err) == (2, True)


def test_lists_of_commands_end_no_line_in_the_middle_of_a_clause(shell: Shell) -> None:
    """What each does is a whole clause on one line, whichever group it is of."""
    for name, entry in ENTRIES.items():
        if entry.section.startswith("Things"):
            commands = shell(name, "--help").partition("Commands:")[2]
            assert commands.strip()
            assert "..." not in commands, name


def test_lists_are_arrays_with_the_documented_keys(shell: Shell) -> None:
    """`--json` of a list is an array, also when it is empty, and each thing has exactly its documented keys."""
    assert shell.json("runs") == shell.json("sessions") == shell.json("projects") == shell.json("schedules") == []
    run_id = shell.add_run()
    shell.add_session()
    assert [set(one) for one in shell.json("runs")] == [{key.name for key in shapes.RUN.keys}]
    assert shell.json("runs")[0]["id"] == str(run_id)
    assert [set(one) for one in shell.json("sessions")] == [{key.name for key in shapes.SESSION.keys}]
    assert [set(one) for one in shell.json("environments")] == [
        {key.name for key in shapes.ENVIRONMENT.keys} for _ in shell.json("environments")
    ]


def test_filters_narrow_the_list(shell: Shell) -> None:
    """--project, --state (words and groups) and --since leave out what does not match."""
    old = shell.add_run(ago=3 * 86400)
    failed = shell.add_run(project="sales")
    shell.end_run(failed, RunState.FAILED)
    ids = [str(failed), str(old)]
    assert [one["id"] for one in shell.json("runs")] == ids
    assert [one["id"] for one in shell.json("runs", "--project", "churn")] == [str(old)]
    assert [one["id"] for one in shell.json("runs", "--state", "unsuccessful")] == [str(failed)]
    assert [one["id"] for one in shell.json("runs", "--state", "queued,running")] == [str(old)]
    assert [one["id"] for one in shell.json("runs", "--since", "2d")] == [str(failed)]
    assert [one["id"] for one in shell.json("runs", "-n", "1", "--before", str(failed))] == [str(old)]
    shell("runs", "--state", "faild")
    assert (shell.code, "Did you mean failed?" in shell.err) == (2, True)
    shell("runs", "--since", "sometime")
    assert shell.code == 2


def test_runs_are_found_by_tag_and_notebook(shell: Shell) -> None:
    """With the other filters; the list says which tags there are, and `tag` alone what one has."""
    numbers = [shell.add_run(notebook=f"notebooks/{name}.ipynb") for name in ("a", "b", "b")]
    shell("runs", "tag", *map(str, numbers[:2]), "--add", "gold")
    assert [one["id"] for one in shell.json("runs", "--tag", "gold")] == [str(numbers[1]), str(numbers[0])]
    assert [one["id"] for one in shell.json("runs", "--tag", "gold", "--before", str(numbers[1]))] == [str(numbers[0])]
    narrow = ("runs", "--tag", "gold", "--notebook", "notebooks/b.ipynb", "--state", "queued", "--since", "1d")
    assert [one["id"] for one in shell.json(*narrow)] == [str(numbers[1])]
    assert [one["id"] for one in shell.json("runs", "--notebook", "notebooks/b.ipynb")] == [*map(str, numbers[:0:-1])]
    assert shell.json("runs", "--tag", "gold", "--state", "failed") == []
    assert shell("runs").splitlines()[2].split()[-1] == "gold"
    assert shell("runs", "tag", str(numbers[0])).strip() == "1 run: gold"
    assert shell.json("runs", "tag", str(numbers[2])) == {str(numbers[2]): []}


def test_last_names_the_newest_run(shell: Shell) -> None:
    """`@last` stands for the newest run wherever a run is named."""
    shell.add_run()
    newest = shell.add_run()
    assert shell.json("runs", "show", "@last")["id"] == str(newest)


def test_a_failed_run_shows_cell_error_and_source_first(shell: Shell) -> None:
    """What went wrong comes before any other fact, and no text of a notebook reaches the terminal as a command."""
    run_id = shell.add_run()
    failure = Failure(
        "ValueError", "no rows\x1b]52;c;AAAA\x07", 2, "df.merge(\x1b[2Jother)", "Traceback …\nValueError: no rows"
    )
    shell.end_run(run_id, RunState.FAILED, reason="ValueError: no rows (cell 2)", failure=failure)
    out = shell("runs", "show", str(run_id))
    first, second, third = out.splitlines()[:3]
    assert first == f"✗ {run_id} failed in 1s: ValueError: no rows (cell 2)"
    assert (second, third) == ("cell 2", "  df.merge(other)")
    assert "\x1b" not in out
    assert out.index("df.merge") < out.index("notebook")
    shown = shell.json("runs", "show", str(run_id))
    assert shown["failure"]["cell"] == 2
    assert len(shown["attempts"]) == 1


def test_errors_are_short_lines_on_stderr(shell: Shell) -> None:
    """An error says what and what to do on stderr, prints nothing on stdout, and is one object with --json."""
    shell("runs", "show", "9")
    assert (shell.code, shell.out) == (1, "")
    assert shell.err.splitlines() == ["✗ no run named '9'", "  See what there is: workbench runs"]
    shell("runs", "show", "9", "--json")
    error = json.loads(shell.err)["error"]
    assert set(error) == {"kind", "message", "title", "hint"}
    assert error["kind"] == "NotFound"
    assert (shell.code, shell.out) == (1, "")
    shell("runs", "show", "nine")
    assert "A run is a number" in shell.err


def test_looking_makes_no_home(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """A command that only reads refuses where there is no home, and leaves nothing behind."""
    assert run(["runs", "--home", str(tmp_path / "none")]) == 1
    assert f"workbench --home {tmp_path / 'none'} init" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()


def test_read_only_refuses_what_changes_something(shell: Shell) -> None:
    """Under --read-only a verb is refused wherever the option stands, and lists still work."""
    run_id = shell.add_run()
    for args in (("--read-only", "stop", str(run_id)), ("runs", "cancel", "--read-only", str(run_id))):
        shell(*args)
        assert (shell.code, "--read-only" in shell.err) == (1, True)
    assert not shell.bench.store.read().__enter__().execute("SELECT sum(cancel_asked) FROM runs").fetchone()[0]
    assert shell.json("runs", "--read-only")[0]["id"] == str(run_id)


def test_what_cannot_be_undone_needs_a_yes(shell: Shell) -> None:
    """Without a terminal to ask on, removing is refused; with --yes it is done."""
    run_id = shell.add_run()
    shell.end_run(run_id, RunState.SUCCEEDED)
    shell("runs", "remove", str(run_id))
    assert (shell.code, "--yes" in shell.err) == (1, True)
    shell("secrets", "remove", "NOPE")
    assert (shell.code, "no secret named 'NOPE'" in shell.err) == (1, True), "what is not there is not asked about"
    assert shell.json("runs", "remove", str(run_id), "--yes") == {"removed": [str(run_id)]}
    assert shell.json("runs") == []


def test_status_says_what_needs_a_person(shell: Shell) -> None:
    """`status` exits 1 while something needs somebody, and 0 when nothing does."""
    shell("status")
    assert (shell.code, "Nothing needs you" in shell.out) == (0, True)
    run_id = shell.add_run()
    shell.end_run(run_id, RunState.CRASHED, reason="kernel killed by SIGKILL in cell 2")
    answer = shell.json("status")
    assert shell.code == 1
    assert [(need["kind"], need["command"]) for need in answer["needs"]] == [("run", f"workbench runs show {run_id}")]
    assert [one["id"] for one in answer["failed"]] == [str(run_id)]
    assert set(answer) == {
        "home", "at", "supervisor", "engines", "needs", "active", "pending", "failed", "sessions", "spares", "kept", "warm",
            "next",
    }  # fmt: skip


def test_status_notices_that_nobody_works(shell: Shell) -> None:
    """Runs that wait while no supervisor runs need somebody, and that before all else; the list of runs says it too."""
    shell.end_run(shell.add_run(), RunState.CRASHED)
    shell("runs")
    assert "supervisor" not in shell.err
    shell.add_run(notebook="notebooks/b.ipynb")
    assert shell.json("status")["needs"][0]["command"] == "workbench service start"
    shell("runs")
    assert "workbench service start" in shell.err


def test_nothing_to_stop_is_no_sentence(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopping what has ended is a remark, and no empty line on stdout."""
    monkeypatch.setattr(control, "ensure", lambda _bench: None)
    run_id = shell.add_run()
    shell.end_run(run_id, RunState.SUCCEEDED)
    assert shell("stop", str(run_id)) == ""
    assert "ended, or asked before" in shell.err


def test_init_keeps_the_zone_it_has(shell: Shell) -> None:
    """`init` takes a zone once; done again it changes nothing, and a wrong one is refused with the nearest."""
    assert shell.json("init", "--timezone", "Europe/Berlin")["timezone"] == "Europe/Berlin"
    assert shell.json("init")["timezone"] == "Europe/Berlin"
    shell("init", "--timezone", "berlin")
    assert (shell.code, "Did you mean Europe/Berlin?" in shell.err) == (1, True)
    file = shell.bench.home.settings_file
    file.write_text(file.read_text() + "concurrency: 3   # a comment\n")
    assert shell.json("init", "--timezone", "Asia/Tokyo")["timezone"] == "Asia/Tokyo"
    assert "concurrency: 3   # a comment" in file.read_text()


def test_init_takes_the_machines_zone_where_nobody_can_be_asked(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a terminal `init` does not wait for an answer."""
    monkeypatch.setenv("TZ", "America/Lima")
    assert shell.json("init")["timezone"] == "America/Lima"


def test_check_prints_file_line_column(shell: Shell) -> None:
    """Every wrong declaration is named with its place; the exit code is 1, and 0 when all are well."""
    shell("check")
    assert shell.code == 0
    path = shell.bench.home.environments / "sales.yaml"
    path.write_text("extends: python\npyton: {version: '3.13'}\n")
    out = shell("check")
    assert shell.code == 1
    assert "environments/sales.yaml:2:1" in out
    found = shell.json("check")
    assert [(one["line"], one["notice"]) for one in found] == [(2, False)]
    assert "environments/sales.yaml:2" in shell("status")


def test_edit_checks_what_was_written(shell: Shell, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """`edit` opens the person's editor on a copy of what ships, checks the result, and keeps no untouched copy."""
    own = shell.bench.home.environments / "python.yaml"
    monkeypatch.setenv("EDITOR", "true")
    shell("edit", "python")
    assert (shell.code, own.exists()) == (0, False)
    script = tmp_path / "editor"
    script.write_text("#!/bin/sh\necho 'colour: red' >> \"$1\"\n")
    script.chmod(0o755)
    monkeypatch.setenv("VISUAL", str(script))
    out = shell("edit", "python")
    assert (shell.code, own.exists()) == (1, True)
    assert "environments/python.yaml" in out
    monkeypatch.setenv("VISUAL", "no-such-editor")
    shell("edit", "settings")
    assert (shell.code, "no-such-editor was not found" in shell.err) == (1, True)


def test_edit_print_names_a_file_that_is_there(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--print` gives the file that holds now, in the home or shipped, and makes nothing."""
    path = Path(shell("edit", "python", "--print").strip())
    assert path.is_file()
    assert "workbench edit python" in shell.err
    own = shell.bench.home.environments / "python.yaml"
    own.write_text("title: Mine\nextends: python\n")
    assert shell.json("edit", "python", "--print") == {"file": str(own)}
    assert shell.err == ""
    assert shell("edit", "settings", "--print").strip() == str(shell.bench.home.settings_file)
    assert "not there yet" in shell.err
    monkeypatch.setenv("EDITOR", "true")
    assert shell.json("edit", "r") == []


def test_every_misuse_names_the_page_that_helps(shell: Shell) -> None:
    """Also where an option lacks its value, before or behind the command."""
    for args, page in ((("run", "-p", "a"), "run "), (("--home",), ""), (("runs", "show", "--nonsense"), "runs show ")):
        shell(*args)
        assert (shell.code, shell.err.splitlines()[-1]) == (2, f"  See: workbench {page}--help")


def test_what_is_not_there_leads_to_what_is(shell: Shell) -> None:
    """Names of sessions and builds that do not exist come with the command that lists or makes some."""
    for args in (("url", "foo"), ("remove", "s9"), ("show", "@last")):
        shell("sessions", *args)
        assert (shell.code, shell.err.splitlines()[1]) == (1, "  See what there is: workbench sessions")
    shell("environments", "logs", "python")
    assert shell.err.splitlines() == ["✗ python was never built", "  Build it: workbench environments build python"]


def test_an_unexpected_error_leaves_its_traceback_in_a_file(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mistake of the program prints no traceback but the file that has it."""

    def broken(*_args: object, **_more: object) -> None:
        raise ZeroDivisionError("on purpose")

    monkeypatch.setattr("workbench.services.runs.page", broken)
    shell("runs")
    log = shell.bench.home.state / "cli.log"
    assert shell.code == 1
    assert "ZeroDivisionError: on purpose" in shell.err
    assert str(log) in shell.err
    assert "Traceback" not in shell.err
    assert "Traceback" in log.read_text()
    assert log.stat().st_mode & 0o777 == 0o600


def test_the_line_of_each_command_is_its_own(shell: Shell) -> None:
    """The help page, which imports no command, says of each what the command says of itself."""
    for name, entry in ENTRIES.items():
        command = entry.load()
        assert command.name == name
        if command.short_help:
            assert command.short_help == entry.help


def test_completion_knows_commands_and_names(shell: Shell) -> None:
    """The shell is given commands, options and the names of things, by the program's own answer."""
    assert "_WORKBENCH_COMPLETE=bash_complete" in shell("completion", "bash")
    assert "_DSW_COMPLETE=zsh_complete" in shell("completion", "zsh")
    shell.add_session("churn-jupyter")
    environ = {
        **os.environ,
        "_WORKBENCH_COMPLETE": "bash_complete",
        "COMP_WORDS": "workbench sessions stop chu",
        "COMP_CWORD": "3",
    }
    code = "from workbench.cli.program import run; import sys; sys.argv[0] = 'workbench'; run([])"
    done = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True, cwd=ROOT)
    assert "plain,churn-jupyter" in done.stdout.splitlines()


@pytest.mark.parametrize("args", [["--help"], ["runs"], ["runs", "--json"], ["sessions"], ["runs", "show", "1"]])
def test_quick_commands_import_nothing_heavy(shell: Shell, args: list[str]) -> None:
    """Help and the lists of the store answer without notebooks, engines, YAML or screens being loaded."""
    shell.end_run(shell.add_run(), RunState.SUCCEEDED)
    heavy = {
        "textual",
        "rich",
        "docker",
        "papermill",
        "nbformat",
        "pydantic",
        "yaml",
        "apscheduler",
        "aiohttp",
        "asyncio",
    }
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "workbench", *args], capture_output=True, text=True, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr[-2000:]
    lines = [line for line in done.stderr.splitlines() if line.startswith("import time:")]
    names = {line.rsplit("|", 1)[-1].strip().split(".")[0] for line in lines}
    assert "workbench" in names
    assert sorted(names & heavy) == []


def test_the_reader_may_go_away(shell: Shell) -> None:
    """`workbench … | head` ends quietly."""
    for _ in range(3):
        shell.add_run()
    done = subprocess.run(
        ["sh", "-c", f"'{sys.executable}' -m workbench runs --json | head -c 1"],
        capture_output=True, text=True, cwd=ROOT,
    )  # fmt: skip
    assert (done.stdout, done.stderr) == ("[", "")


def test_the_reference_page_is_current() -> None:
    """docs/cli.md says what the commands say."""
    from workbench.cli.reference import page

    assert (ROOT / "docs" / "cli.md").read_text(encoding="utf-8") == page(), (
        "write it anew: python -m workbench.cli.reference > docs/cli.md"
    )


def test_every_command_documents_its_json() -> None:
    """Each command has its answer on the reference page, and no other is named there."""
    from workbench.cli.reference import ANSWERS, leaves

    assert set(ANSWERS) == {name for name, _ in leaves()}
