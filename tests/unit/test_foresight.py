"""What dooms tonight's run is told today, at the line that has to change."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cli_home import Shell, make_shell

from workbench.errors import WorkbenchError
from workbench.services import projects, schedules
from workbench.services.asking import checking
from workbench.services.problems import problems_of, remarks_of
from workbench.services.supervision import control

SCHEDULE = "notebook: notebooks/start.ipynb\ncron: 30 6 * * *\ntimezone: UTC\n"


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Shell]:
    """A home with project `churn`, which has one notebook with parameters `days` and `seed`."""
    monkeypatch.setattr(control, "ensure", lambda _bench: None)
    made = make_shell(capsys)
    projects.create(made.bench, "churn")
    yield made
    made.bench.close()


def schedule(shell: Shell, text: str, name: str = "nightly") -> Path:
    """Write a schedule's file by hand."""
    path = shell.bench.home.projects / "churn" / "schedules" / f"{name}.yaml"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ("environment: nope\n", "4:14: no environment named 'nope': there are: minimal, python"),
        ("environment: pyton\n", "4:14: no environment named 'pyton': did you mean 'python'?"),
        ("environment: ./none.yaml\n", "4:14: no environment named 'churn/none.yaml': there are: minimal, python"),
        ("parameters: {dayz: 3}\n", "4:14: dayz: the notebook has no such parameter; did you mean days?"),
        ("parameters:\n  seed: 1\n  days: many\n", "6:3: days: "),
        ("parameters: {days: '${foo}'}\n", "4:20: parameter days: ${foo} is nothing that is known"),
    ],
)
def test_a_schedule_that_cannot_run_is_a_problem_of_its_file(shell: Shell, more: str, told: str) -> None:
    """`check` and `status` name the line of the key and exit with 1, hours before the due time would be missed."""
    schedule(shell, SCHEDULE + more)
    out = shell("check")
    assert (shell.code, f"projects/churn/schedules/nightly.yaml:{told}" in out) == (1, True), out
    assert "schedules/nightly.yaml:" in shell("status")
    assert shell.code == 1


def test_a_notebook_that_is_not_there_or_is_none_dooms_a_schedule(shell: Shell) -> None:
    """A missing notebook and a file that is no notebook are told at `notebook:`."""
    schedule(shell, "cron: '@daily'\nnotebook: notebooks/report.ipynb\n")
    assert "nightly.yaml:2:11: no notebook named 'churn/notebooks/report.ipynb'" in shell("check")
    (shell.bench.home.projects / "churn" / "notebooks" / "report.ipynb").write_text("{")
    assert "nightly.yaml:2:11: churn/notebooks/report.ipynb: not a notebook" in shell("check")


def test_what_check_finds_is_what_would_be_missed(shell: Shell) -> None:
    """A schedule is well in `check` exactly where the supervisor's own question, `checking.check`, is answered."""
    texts = ["", "environment: nope\n", "parameters: {days: 3}\n", "parameters: {daze: 3}\n", "environment: r\n"]
    for number, more in enumerate(texts):
        schedule(shell, SCHEDULE + more, f"s{number}")
    wrong = {problem.path.stem for problem in problems_of(shell.bench)}
    for view in schedules.listing(shell.bench):
        assert view.spec is not None
        assert view.next_due is not None
        try:
            checking.check(shell.bench, schedules.request(view.spec, view.next_due))
        except WorkbenchError:
            assert view.name in wrong
        else:
            assert view.name not in wrong
    assert wrong == {"s1", "s3"}


def test_a_schedule_that_does_not_fire_is_only_noticed(shell: Shell) -> None:
    """What is off or paused needs nobody; `check` mentions it all the same."""
    schedule(shell, SCHEDULE + "environment: nope\nenabled: false\n", "off")
    schedule(shell, SCHEDULE + "environment: nope\n", "paused")
    schedules.pause(shell.bench, "churn/paused", "until the new data is there")
    out = shell("check")
    assert (shell.code, out.count("no environment named 'nope'")) == (0, 2)
    shell("status")
    assert shell.code == 0


def test_environments_that_projects_and_settings_name_have_to_be_there(shell: Shell) -> None:
    """An unknown name is told where it stands, once, and not again by each schedule that would use it."""
    schedule(shell, SCHEDULE)
    shell.bench.home.settings_file.write_text("timezone: UTC\ndefault_environment: nope\n")
    assert shell("check").count("no environment named") == 1
    assert "workbench.yaml:2:22: no environment named 'nope'" in shell.out
    (shell.bench.home.projects / "churn" / "project.yaml").write_text("environment: nowhere\n")
    assert "projects/churn/project.yaml:1:14: no environment named 'nowhere'" in shell("check")
    assert (shell.code, shell.out.count("no environment named")) == (1, 2)


def test_a_project_is_shown_although_its_environment_is_unknown(shell: Shell) -> None:
    """`projects show` says what is there, and names the wrong line."""
    (shell.bench.home.projects / "churn" / "project.yaml").write_text("description: x\nenvironment: nope\n")
    out = shell("projects", "show", "churn")
    assert shell.code == 0
    assert "projects/churn/project.yaml:2:14: no environment named 'nope'" in out
    assert "notebooks/start.ipynb" in out
    shown = shell.json("projects", "show", "churn")
    assert (shown["uses"], "project.yaml:2:14" in shown["problem"]) == (None, True)
    (shell.bench.home.environments / "nope.yaml").write_text("colour: red\n")
    assert "environments/nope.yaml:1:1" in shell("projects", "show", "churn")
    (shell.bench.home.projects / "churn" / "project.yaml").write_text("description: x\n")
    assert shell.json("projects", "show", "churn")["uses"] == "python"


def test_the_zone_that_a_first_schedule_brings_is_said(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """`schedules add` in a home without a time zone says which it took and where that is written, once."""
    monkeypatch.setenv("TZ", "Europe/Berlin")
    add = ("-n", "notebooks/start.ipynb", "--cron", "@daily")
    shell("schedules", "add", "churn", "nightly", *add)
    assert "This home had no time zone: Europe/Berlin, the machine's, is now in " in shell.err
    shell("schedules", "add", "churn", "other", *add)
    assert "no time zone" not in shell.err


def test_asked_again_nothing_is_read_that_did_not_change(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """The program asks every few seconds: a schedule's request is checked anew only after a change it depends on."""
    schedule(shell, SCHEDULE)
    asked: list[Any] = []
    check = checking.check
    monkeypatch.setattr(checking, "check", lambda *args, **more: (asked.append(args), check(*args, **more))[1])
    assert problems_of(shell.bench) == problems_of(shell.bench) == ()
    assert len(asked) == 1
    notebook = shell.bench.home.projects / "churn" / "notebooks" / "start.ipynb"
    made = json.loads(notebook.read_text())
    made["cells"][1]["source"] = ["days: int\n"]
    notebook.write_text(json.dumps(made))
    assert "days: has no default and was not given" in str(problems_of(shell.bench)[0])
    (shell.bench.home.environments / "python.yaml").write_text("title: Other\nextends: python\n")
    (shell.bench.home.projects / "churn" / "schedules" / "nightly.yaml").write_text(SCHEDULE + "parameters: {days: 3}")
    assert remarks_of(shell.bench) == []
    assert len(asked) == 3
