"""Lists and pages of single things: one meaning of each filter, and nothing that is declared left out."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from cli_home import Shell, make_shell

from workbench.model.run import RunState
from workbench.services import projects
from workbench.services.scheduling.files import ScheduleFiles
from workbench.services.supervision import control

SCHEDULE = "notebook: notebooks/start.ipynb\ncron: 30 6 * * *\n"
LISTS = ("projects", "environments", "sessions", "runs", "schedules")


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Shell]:
    """A home in Berlin with project `churn`."""
    monkeypatch.setattr(control, "ensure", lambda _bench: None)
    made = make_shell(capsys)
    made.bench.home.settings_file.write_text("timezone: Europe/Berlin\n")
    projects.create(made.bench, "churn")
    yield made
    made.bench.close()


def schedule(shell: Shell, name: str, text: str) -> None:
    """Write a schedule's file by hand."""
    (shell.bench.home.projects / "churn" / "schedules" / f"{name}.yaml").write_text(text)


@pytest.mark.parametrize("noun", LISTS)
def test_every_list_refuses_what_cannot_match(shell: Shell, noun: str) -> None:
    """An unknown --state is misuse and an unknown --project is not found, with the nearest, whichever list it is."""
    shell(noun, "--state", "nonsense")
    assert (shell.code, "no state 'nonsense'" in shell.err) == (2, True)
    shell(noun, "--project", "chrun")
    assert (shell.code, shell.out) == (1, "")
    assert shell.err.splitlines() == ["✗ no project named 'chrun'", "  Did you mean churn?"]
    shell(noun, "--project", "churn")
    assert shell.code == 0


def test_runs_of_a_project_that_is_gone_can_be_listed(shell: Shell) -> None:
    """What ran stays, and can be found by its project's name."""
    run_id = shell.add_run(project="old")
    shell.end_run(run_id, RunState.SUCCEEDED)
    assert [one["id"] for one in shell.json("runs", "--project", "old")] == [str(run_id)]


@pytest.mark.parametrize(
    "words",
    [
        "runs show",
        "runs show g",
        "runs cancel g",
        "runs --before",
        "runs --group g",
        "logs",
        "logs b",
        "stop",
        "runs compare",
    ],
)
def test_a_number_that_no_id_can_have_names_nothing(shell: Shell, words: str) -> None:
    """However large it is: it is not found, as any other that is not there."""
    shell(*f"{words} {'9' * 5000}".replace("g 9", "g9").replace("b 9", "b9").split())
    assert (shell.code, "✗ no " in shell.err) == (1, True), shell.err


def test_what_would_remove_runs_is_held_to_what_there_is(shell: Shell) -> None:
    """A project that is not there, and a --failed that nothing goes by, are no "nothing to remove"."""
    shell("runs", "prune", "--last", "1", "--project", "chrun", "--dry-run")
    assert (shell.code, shell.err.splitlines()[-1]) == (1, "  Did you mean churn?")
    shell("runs", "prune", "--failed", "--dry-run")
    assert (shell.code, "--failed goes with" in shell.err) == (2, True)


def test_states_of_environments_and_schedules_are_told_near_misses(shell: Shell) -> None:
    """The words of the list are the words of the filter."""
    schedule(shell, "a", SCHEDULE)
    schedule(shell, "b", f"{SCHEDULE}enabled: false\n")
    assert [one["name"] for one in shell.json("schedules", "--state", "off,paused")] == ["b"]
    assert "python" in [one["name"] for one in shell.json("env", "--state", "not built")]
    shell("schedules", "--state", "activ")
    assert "Did you mean active?" in shell.err


def test_a_schedule_is_shown_with_all_it_says(shell: Shell) -> None:
    """Environment, what is caught up, who paused it and why: on the page and in JSON."""
    more = "environment: r\ncatch_up: none\ncatch_up_window: 2h\ntimeout: 45m\nretries: 2\noverlap: queue\n"
    schedule(shell, "nightly", f"{SCHEDULE}{more}")
    schedule(shell, "plain", SCHEDULE)
    shell("schedules", "pause", "churn/nightly", "--reason", "the warehouse moves")
    lines = {line[:13].strip(): line[13:].strip() for line in shell("schedules", "show", "nightly").splitlines()}
    by = shell.bench.actor.by
    assert lines["paused"] == f"by {by}: the warehouse moves"
    assert (lines["environment"], lines["catch-up"]) == ("r", "none, within 2h00m")
    shown = shell.json("schedules", "show", "nightly")
    assert (shown["paused_by"], shown["pause_reason"], shown["enabled"]) == (by, "the warehouse moves", True)
    assert (shown["environment"], shown["catch_up"], shown["catch_up_window"]) == ("r", "none", 7200.0)
    assert (shown["timeout"], shown["retries"], shown["overlap"]) == (2700.0, 2, "queue")
    assert "python (the project's)" in shell("schedules", "show", "plain")
    assert shell.json("schedules", "show", "plain")["environment"] is None


def test_a_zone_that_is_not_the_homes_is_named_in_the_list(shell: Shell) -> None:
    """WHEN is on the schedule's clock and NEXT on the home's: where they differ the zone stands there."""
    schedule(shell, "here", SCHEDULE)
    schedule(shell, "there", f"{SCHEDULE}timezone: Asia/Tokyo\n")
    here, there = sorted(shell("schedules").splitlines()[1:])
    assert "30 6 * * *  " in here
    assert "30 6 * * * Asia/Tokyo  " in there


def test_the_list_of_projects_names_the_environment_each_uses(shell: Shell) -> None:
    """Also where that is the home's default or a standard file of the project."""
    assert shell("projects").splitlines()[1].split()[:2] == ["churn", "python"]
    (shell.bench.home.projects / "churn" / "requirements.txt").write_text("six\n")
    assert shell("projects").splitlines()[1].split()[:2] == ["churn", "churn/requirements.txt"]
    (one,) = shell.json("projects")
    assert (one["environment"], one["uses"]) == (None, "churn/requirements.txt")


def test_a_project_in_place_of_an_environment_is_told_which_it_uses(shell: Shell) -> None:
    """Who names the project has the environment's name in the answer."""
    (shell.bench.home.projects / "churn" / "project.yaml").unlink(missing_ok=True)
    (shell.bench.home.projects / "churn" / "requirements.txt").write_text("six\n")
    for command in (("show", "churn"), ("build", "churn")):
        shell("environments", *command)
        assert shell.code == 1
        assert "The project churn uses churn/requirements.txt." in shell.err
    shell("environments", "show", "pyhton")
    assert "Did you mean python?" in shell.err


def test_a_bad_save_is_told_once_and_what_holds_meanwhile(shell: Shell) -> None:
    """A misspelt `cron` is the only mistake of its file, and the page says that the last good one holds."""
    schedule(shell, "nightly", SCHEDULE)
    ScheduleFiles(shell.bench, keep=True).look()  # as the supervisor does
    schedule(shell, "nightly", SCHEDULE.replace("cron", "crn"))
    assert [one["message"] for one in shell.json("check")] == ["unknown key 'crn'"]
    shown = shell("schedules", "show", "nightly")
    assert "did you mean 'cron'?" in shown
    assert "the last good declaration holds" in shown


def test_a_line_that_is_no_timing_names_no_file(shell: Shell) -> None:
    """What was typed as an interval is answered as such, not as a place in a file that nobody wrote."""
    shell("schedules", "next", "every 5 minutes")
    assert (shell.code, shell.err.splitlines()[0]) == (
        1,
        "✗ every: expected a duration with its unit, found '5 minutes'",
    )
    assert "45m" in shell.err


def test_what_status_lists_stands_in_columns(shell: Shell) -> None:
    """Names of any length: what follows them is below each other."""
    schedule(shell, "a", SCHEDULE)
    schedule(shell, "a-longer-name", SCHEDULE)
    lines = [line for line in shell("status").splitlines() if "churn/a" in line]
    assert len(lines) == 2
    assert len({line.index("  in ") for line in lines}) == 1
