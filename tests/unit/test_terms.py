"""How urgent a run is, how long its parts may take, when it is tried again: as people write it, and what comes of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta

import nbformat
import pytest
from attempts import notebook
from cli_home import Shell, make_shell
from hypothesis import given
from hypothesis import strategies as st
from schedule_world import NOTEBOOK, World
from supervisor_parts import NOW

from workbench.declare import load_schedule
from workbench.model.run import Request, Run, RunState
from workbench.model.terms import RETRIED, Terms, priority_of, priority_word
from workbench.services import projects, runs, schedules
from workbench.services.asking import beginning
from workbench.services.history import tags
from workbench.services.scheduling import text as schedule_text
from workbench.services.supervision import control
from workbench.store import retention as retention_rows

S = RunState
HEAD = "notebook: notebooks/a.ipynb\ncron: 0 6 * * *\n"


def test_short_and_long_forms_are_the_same() -> None:
    """`45m` is the whole run's limit and `3` the number of tries, as before; mappings say more."""
    short = load_schedule(f"{HEAD}timeout: 45m\nretries: 3\n", name="s").get()
    long = load_schedule(f"{HEAD}timeout: {{run: 45m}}\nretries: {{count: 3}}\n", name="s").get()
    assert (short.timeout, short.retries, short.terms, short.priority) == (2700, 3, Terms(), None)
    assert (long.timeout, long.retries, long.terms, long.priority) == (2700, 3, Terms(), None)
    text = (
        f"{HEAD}priority: high\ntimeout: {{queue: 2h, start: 3m, cell: 10m}}\n"
        "retries: {count: 3, delay: 30s, factor: 3, longest: 10m, on: [failed, interrupted]}\n"
    )
    spec = load_schedule(text, name="s").get()
    assert (spec.priority, spec.timeout, spec.retries) == (10, None, 3)
    assert spec.terms == Terms(7200, 180, 600, 30, 3, 600, frozenset({"failed", "interrupted"}))
    assert [spec.terms.pause(tries).total_seconds() for tries in (1, 2, 3, 4)] == [30, 90, 270, 600]
    kept = schedule_text.from_json(schedule_text.to_json(spec), spec.project, spec.name, spec.source, spec.digest)
    assert kept == spec, "as the store keeps it"


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("priority: urgent", "'urgent' is no priority: write low, normal, high"),
        ("priority: 1000", "'1000' is no priority"),
        ("timeout: 45", "45"),
        ("timeout: {cel: 5m}", "did you mean 'cell'"),
        ("retries: many", "many"),
        ("retries: 21", "20"),
        ("retries: {delay: 5s}", "count"),
        ("retries: {count: 1, factor: 0.5}", "expected a number from 1 to 100"),
        ("retries: {count: 1, on: [cancelled]}", "expected one of crashed, failed, interrupted"),
    ],
)
def test_what_is_wrong_is_said(line: str, why: str) -> None:
    """With its line, and what would be right."""
    (problem,) = load_schedule(f"{HEAD}{line}\n", name="s").problems
    assert why in f"{problem.message} {problem.hint}"
    assert problem.line == 3


@given(
    st.builds(
        Terms, queue=st.none() | st.floats(1, 1e6), cell=st.none() | st.floats(1, 1e6), delay=st.floats(1, 1e5),
        factor=st.floats(1, 100), longest=st.none() | st.floats(1, 1e6), on=st.frozensets(st.sampled_from(sorted(RETRIED))),
    ),
    st.integers(0, 1000),
)  # fmt: skip
def test_terms_are_kept_as_they_are_and_pauses_are_bounded(terms: Terms, tries: int) -> None:
    """What goes into the store comes out; no pause is longer than the longest, whatever the factor makes of it."""
    assert Terms.from_json(terms.to_json()) == terms
    assert timedelta() < terms.pause(tries) <= timedelta(seconds=terms.cap)


def test_a_project_s_limits_hold_where_nothing_nearer_is_said(world: World) -> None:
    """`timeout:` of `project.yaml` is for runs and schedules that name none, part by part; the home's comes last."""
    path = projects.get(world.bench, "p").path / "project.yaml"
    path.write_text("environment: python\ntimeout: {run: 45m, cell: 5m}\n")
    world.bench.home.settings_file.write_text("run_timeout: 3h\n")
    plain = runs.get(world.bench, runs.submit(world.bench, Request("p", NOTEBOOK)))
    assert (plain.timeout, plain.terms.cell) == (2700, 300)
    own = Request("p", NOTEBOOK, timeout=60, terms=Terms(cell=7, queue=9))
    said = runs.get(world.bench, runs.submit(world.bench, own))
    assert (said.timeout, said.terms.cell, said.terms.queue) == (60, 7, 9)
    path.write_text("environment: python\n")
    assert runs.get(world.bench, runs.submit(world.bench, Request("p", NOTEBOOK))).timeout == 3 * 3600


def test_terms_that_say_nothing_take_no_room() -> None:
    """Most runs have none."""
    assert Terms().to_json() == "{}"
    assert [priority_word(priority_of(word)) for word in ("low", "normal", "high", "7")] == [
        "low",
        "normal",
        "high",
        "7",
    ]


def test_a_schedules_runs_have_its_terms(world: World) -> None:
    """From the file to the row of the run that it fires."""
    world.write(
        cron="0 * * * *", priority="low", timeout={"queue": "1h", "cell": "5m"}, retries={"count": 2, "delay": "1m"}
    )
    world.at(timedelta())
    world.at(timedelta(hours=1))
    (run,) = runs.page(world.bench)
    assert (run.priority, run.retries, run.terms) == (-10, 2, Terms(queue=3600, cell=300, delay=60))


def test_a_projects_terms_hold_where_nothing_else_is_said(world: World) -> None:
    """For runs by hand and of schedules, each key by itself; also `0` and `normal` are said. Shown with the file."""
    said = "retries: {count: 2, delay: 30s, on: [crashed]}\npriority: low\ntimeout: {run: 1h, cell: 5m}\n"
    (projects.get(world.bench, "p").path / "project.yaml").write_text(f"environment: python\n{said}")
    world.write("quiet", cron="0 * * * *")
    world.write("loud", cron="0 * * * *", retries=0, priority="normal", timeout={"run": "2h", "cell": "1m"})
    world.at(timedelta())
    world.at(timedelta(hours=1))
    by_hand = runs.submit(world.bench, runs.Request("p", NOTEBOOK, retries=1, terms=Terms(delay=10)))
    found = {run.name if run.schedule else "by hand": run for run in runs.page(world.bench)}
    terms = Terms(cell=300, delay=30, on=frozenset({"crashed"}))
    quiet, loud, mine = found["quiet"], found["loud"], found["by hand"]
    assert (quiet.retries, quiet.priority, quiet.timeout, quiet.terms) == (2, -10, 3600, terms)
    assert (loud.retries, loud.priority, loud.timeout, loud.terms) == (0, 0, 7200, Terms(cell=60))
    assert (mine.id, mine.retries, mine.priority, mine.terms) == (by_hand, 1, -10, Terms(cell=300, delay=10))
    given = dict.fromkeys(("retries", "priority", "timeout"), "project.yaml")
    assert runs.noted(world.bench, quiet.id)["given_by"] == given
    assert "given_by" not in runs.noted(world.bench, loud.id)
    views = {view.name: view.spec for view in schedules.listing(world.bench)}
    assert views["quiet"]
    assert beginning.facts(world.bench, views["quiet"]) == [
        ("priority", "low (project.yaml)"),
        ("timeout", "1h00m, each cell 5m00s (project.yaml)"),
        ("retries", "2 (project.yaml)"),
    ]
    assert views["loud"]
    assert beginning.facts(world.bench, views["loud"])[2] == ("retries", None)
    again = runs.get(world.bench, runs.again(world.bench, loud.id))
    assert (again.retries, again.priority) == (0, 0), "a run again is as it was"


def test_a_schedules_runs_have_its_tags(world: World) -> None:
    """From its file, each of a sweep, and those run again; they are found by it. Such a tag keeps none, one of a person's does."""
    cells = [nbformat.v4.new_code_cell("rate = 1.0", metadata={"tags": ["parameters"]})]
    path = projects.get(world.bench, "p").path / NOTEBOOK
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=nbformat.read(path, 4).metadata), path)
    world.write(cron="0 * * * *", tags=["month-end", "north"], sweep={"rate": [0.1, 0.2]})
    world.at(timedelta())
    world.at(timedelta(hours=1))
    first, second = sorted(run.id for run in runs.page(world.bench))
    again = runs.again(world.bench, second)
    assert tags.of(world.bench, [first, second, again]) == {
        run: ["month-end", "north"] for run in (first, second, again)
    }
    assert len(tags.page(world.bench, "north", runs.RunFilter())) == 3
    tags.change(world.bench, [second], add=["north"])
    with world.bench.store.write() as connection:
        connection.execute("UPDATE runs SET state = 'succeeded'")
    with world.bench.store.read() as connection:
        assert [old.run for old in retention_rows.old_runs(connection, "p")] == [first, again]
    spec = load_schedule(f"{HEAD}tags: [a, b, a]\n", name="s").get()
    assert spec.tags == ("a", "b")
    kept = schedule_text.from_json(schedule_text.to_json(spec), spec.project, spec.name, spec.source, spec.digest)
    assert kept == spec, "as the store keeps it"
    problems = load_schedule(f"{HEAD}tags: [Not a tag]\n", name="s").problems
    assert "'Not a tag' is no name" in str(problems[0])


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Shell]:
    """The command in a home with project `churn` and a notebook; no supervisor is started."""
    monkeypatch.setattr(control, "ensure", lambda bench: None)
    made = make_shell(capsys)
    project = projects.create(made.bench, "churn", environment="python")
    (project.path / "notebooks").mkdir(exist_ok=True)
    (project.path / "notebooks" / "a.ipynb").write_text(json.dumps(notebook("1")))
    yield made
    made.bench.close()


def test_the_command_says_it_all(shell: Shell) -> None:
    """`run` takes each part; `runs show` tells it, in words and as JSON; `again` has the same."""
    path = str(shell.bench.home.projects / "churn" / "notebooks" / "a.ipynb")
    options = [
        "--priority",
        "high",
        "--timeout",
        "45m",
        "--queue-timeout",
        "2h",
        "--cell-timeout",
        "10m",
        "--retries",
        "3",
        "--retry-delay",
        "30s",
        "--retry-on",
        "crashed",
    ]
    number = shell("run", path, *options, "-d").strip()
    assert shell.code == 0, shell.err
    told = shell("runs", "show", number)
    assert "high" in told
    assert "45m, to begin 2h00m, each cell 10m" in told
    assert "0 of 4, after crashed, first pause 30s" in told
    facts = shell.json("runs", "show", number)
    assert (facts["priority"], facts["timeout"]) == (10, 2700)
    assert facts["timeouts"] == {"queue": 7200, "start": None, "cell": 600}
    assert facts["retry"] == {"delay": 30, "factor": 2, "longest": 300, "on": ["crashed"]}
    assert (facts["peak_memory"], facts["cpu_seconds"]) == (None, None)
    shell("run", path, "-d", "--retries", "1", "--retry-on", "cancelled")
    assert (shell.code, "for --retry-on: no state 'cancelled'" in shell.err) == (2, True)
    shell("run", path, "-d", "--code", "")  # a variable that is not set is no wish for the code as it is
    assert (shell.code, "'' is no branch, tag or commit" in shell.err) == (1, True)
    shell("run", path, "-d", "--retry-delay", "9s")
    assert (shell.code, "without --retries" in shell.err) == (2, True)
    again = runs.get(shell.bench, runs.again(shell.bench, int(number)))
    old = runs.get(shell.bench, int(number))
    assert (again.priority, again.terms, again.retries) == (old.priority, old.terms, old.retries)
    shell("run", path, "--retry-on", "cancelled")
    assert shell.code == 2
    shell("run", path, "--priority", "urgent")
    assert "write low, normal, high" in shell.err


def test_the_priority_of_what_waits_is_changed(shell: Shell) -> None:
    """Of several at once; one that began or ended is named, and stays as it is."""
    first, second, ended = (shell.add_run() for _ in range(3))
    shell.end_run(ended, S.SUCCEEDED)
    answer = shell.json("runs", "priority", str(first), str(second), str(ended), "high")
    assert answer == {"changed": [str(first), str(second)], "priority": 10}
    assert f"{ended}: began, or ended, before" in shell.err
    assert [runs.get(shell.bench, run).priority for run in (first, second, ended)] == [10, 10, 0]
    shell("runs", "priority", str(ended), "low")
    assert shell.code == 1
    assert "none of them waits any more" in shell.err


def test_a_run_has_terms_of_its_own() -> None:
    """A row of before this was known, and a request without any, have the usual ones."""
    assert Run.__dataclass_fields__["terms"].default_factory() == Terms()  # type: ignore[misc]
    assert (NOW + timedelta(seconds=9)) == Terms(queue=9).begin_by(NOW)
