"""What users of papermill, jupyter-scheduler and notebooker asked for: a test named after each, by its tool and number."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import attempts
import old_runs
import pytest
from attempts import Desk, desk
from letters import Files, Letters, letters
from schedule_world import NOTEBOOK, START, World, world
from supervisor_parts import Parts, parts
from waiting import until
from world import PROJECT, end, ended, kernel_python, leftovers, notebook, start

from workbench.errors import Conflict, Refused
from workbench.execution.fence import is_held
from workbench.execution.result import Result, read_result
from workbench.model.notice import NoticeState, Occasion
from workbench.model.run import Request, Run, RunState
from workbench.model.schedule import ByHand, DueState
from workbench.model.terms import Terms
from workbench.services import projects, runs, schedules
from workbench.services.bench import Bench, open_bench
from workbench.services.history import continuing, retention, scalars, tags
from workbench.services.scheduling import changing as schedule_changing
from workbench.store import runs as run_rows
from workbench.store import scalars as scalar_rows
from workbench.supervisor.due.schedules import Schedules
from workbench.supervisor.notices import Notices
from workbench.supervisor.queue.endings import Endings
from workbench.supervisor.queue.jobs import BOOT_FILE

__all__ = ["desk", "kernel_python", "letters", "parts", "world"]
SAYS = "import os, sys\nprint(sys.prefix, os.environ['WHERE'], os.getcwd())\nopen('made.txt', 'w').write(os.getcwd())"
LIVE = "import live\nprint(live.VALUE)"


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory, kernel_python: Path) -> Iterator[tuple[Bench, dict[str, Run]]]:
    """Runs of one notebook in two environments at once, of another folder, and of one whose module was edited after it
    was asked for."""
    bench = open_bench(tmp_path_factory.mktemp("wishes") / "home")
    for name in ("first", "second"):
        text = f"engine: process\nuse: {kernel_python}\nides: []\nenv: {{WHERE: {name}}}\n"
        (bench.home.environments / f"{name}.yaml").write_text(text)
    bench.home.settings_file.write_text("concurrency: 4\n")
    folder = projects.create(bench, PROJECT, environment="first").path
    paths = {name: notebook(bench, f"{name}.ipynb", SAYS) for name in ("says", "other")}
    (folder / "other").mkdir()
    (folder / paths["other"]).rename(folder / "other/other.ipynb")
    live = notebook(bench, "live.ipynb", LIVE)
    (folder / "notebooks/live.py").write_text("VALUE = 'before'\n")
    asked = {
        "first": Request(PROJECT, paths["says"]),
        "second": Request(PROJECT, paths["says"], environment="second"),
        "other": Request(PROJECT, "other/other.ipynb"),
        "live": Request(PROJECT, live),
    }
    numbers = {name: runs.submit(bench, request) for name, request in asked.items()}
    (folder / "notebooks/live.py").write_text("VALUE = 'edited'\n")
    notebook(bench, "live.ipynb", "raise SystemExit('the notebook itself is as it was asked for')")
    start(bench)
    yield bench, {name: ended(bench, number) for name, number in numbers.items()}
    end(bench)
    until(lambda: not leftovers(bench), "nothing to be left")
    bench.close()


def said(run: Run) -> str:
    """What its cells printed."""
    assert run.state is RunState.SUCCEEDED, (run.reason, run.failure)
    cells = json.loads((Path(run.output) / "output.ipynb").read_text())["cells"]
    return "".join("".join(output.get("text", ())) for cell in cells for output in cell["outputs"]).strip()


def test_papermill_302_run_in_an_environment(done: tuple[Bench, dict[str, Run]], kernel_python: Path) -> None:
    """The kernel is the Python of the declared environment, found without a kernelspec of the account, and not the one that
    papermill runs in."""
    prefix = Path(said(done[1]["first"]).split()[0])
    assert prefix == kernel_python.parent.parent or prefix == kernel_python
    assert prefix != Path(sys.prefix)


def test_jupyter_scheduler_594_environment_per_job(done: tuple[Bench, dict[str, Run]]) -> None:
    """One notebook runs in two environments at once, each run in its own; the record names it."""
    for name in ("first", "second"):
        run = done[1][name]
        assert said(run).split()[1] == name
        assert json.loads((Path(run.output) / "record.json").read_text())["environment"] == name


def test_papermill_473_own_working_directory_each(done: tuple[Bench, dict[str, Run]]) -> None:
    """Runs at the same time each work in their notebook's folder, whatever the others do."""
    bench, found = done
    folder = projects.get(bench, PROJECT).path
    for name, inner in (("first", "notebooks"), ("other", "other")):
        assert said(found[name]).split()[2] == str(folder / inner)
        assert (folder / inner / "made.txt").read_text() == str(folder / inner)


def test_jupyter_scheduler_504_live_file(done: tuple[Bench, dict[str, Run]]) -> None:
    """Files beside the notebook are as they are when it runs, not a copy of when it was asked for; the notebook is that
    copy."""
    assert said(done[1]["live"]) == "edited"


def test_papermill_824_resume(done: tuple[Bench, dict[str, Run]]) -> None:
    """A notebook that ran out of time is gone on with at the cell in which it was interrupted, with more time and all that
    the cells before had made; those are not run again. Where the kernel was not kept that is said, and `again` offered."""
    bench, _ = done
    mark = projects.get(bench, PROJECT).path / "ran.txt"
    long = f"with open({str(mark)!r}, 'a') as file:\n    file.write('long work ')\nx = 41"
    path = notebook(bench, "resume.ipynb", long, "import time\ntime.sleep(600)", "print(x + 1)")
    asked = Request(PROJECT, path, terms=Terms(keep=600.0, cell=3.0))
    run = ended(bench, runs.submit(bench, asked))
    assert (run.state, run.kept_cell) == (RunState.TIMED_OUT, 2), run.reason
    notebook(bench, "resume.ipynb", long, "x += 1", "print(x)")
    after = ended(bench, continuing.go_on(bench, run.id, timeout=600.0))
    assert said(after) == "42"
    assert mark.read_text() == "long work "
    with pytest.raises(Conflict, match="its cells") as refused:
        continuing.go_on(
            bench, ended(bench, runs.submit(bench, Request(PROJECT, notebook(bench, "bad.ipynb", "1 / 0")))).id
        )
    assert "workbench runs again" in refused.value.hint


def test_jupyter_scheduler_91_notify(letters: Letters) -> None:
    """jupyter-scheduler #91: who is named is told of a run that failed, once, with what to look at; looking again and
    another sender tell nobody twice."""
    run = letters.run(RunState.FAILED, reason="KeyError: 'a' (cell 7)")
    for _ in range(3):
        letters.send()
    assert letters.told() == [(Occasion.FAILURE, NoticeState.SENT)]
    (mail,) = letters.box.mails
    assert mail["To"] == "ann@acme.example"
    assert mail["From"] == "workbench@acme.example"
    assert mail["Subject"] == f"[workbench] run {run} p/nightly failed: KeyError: 'a' (cell 7)"
    assert f"runs show {run}" in mail.get_content()
    again = Notices(letters.desk, Files())  # type: ignore[arg-type]  # a supervisor that is started anew
    again._send = lambda now: 60.0  # type: ignore[method-assign]
    again.look()
    letters.send()
    assert len(letters.box.mails) == 1


def interrupted(parts: Parts, run: int) -> None:
    """Start the run; its runner goes with the machine, which is started again."""
    parts.dispatch.look()
    now = runs.get(parts.bench, run)
    assert now.state is RunState.STARTING
    folder = parts.bench.home.attempt_folder(run, now.attempt)
    (folder / BOOT_FILE).write_text("the boot before")
    (folder / "events.jsonl").write_text('{"kind": "started", "pid": 1}\n')
    parts.dispatch.launching.clear()
    parts.let_go()
    parts.runs.look()


def test_jupyter_scheduler_90_retries(parts: Parts) -> None:
    """jupyter-scheduler #90: a run is tried again after the ends that were asked for, with longer and longer pauses, and
    not oftener than was asked for: a restart of the machine meanwhile uses a try. Nothing is tried again unasked."""
    run = parts.queue(retries=2, terms=Terms(delay=30, factor=3, on=frozenset({"interrupted"})))
    for tries, pause in ((1, 30), (2, 90)):
        interrupted(parts, run)
        now = runs.get(parts.bench, run)
        assert (now.state, now.attempt) == (RunState.RETRYING, tries)
        assert now.not_before == parts.bench.now() + timedelta(seconds=pause)
        assert now.reason.startswith(f"try {tries} of 3 interrupted: the machine was restarted")
        parts.dispatch.look()
        assert parts.state(run) is RunState.RETRYING, "the pause is kept"
        later = parts.bench.now() + timedelta(seconds=pause)
        parts.bench.clock = lambda later=later: later
    interrupted(parts, run)
    assert parts.state(run) is RunState.INTERRUPTED
    assert [one.state for one in runs.attempts(parts.bench, run)] == [RunState.INTERRUPTED] * 3
    waiting = parts.queue(retries=2, terms=Terms(delay=600))
    interrupted(parts, waiting)
    with parts.bench.store.write() as connection:
        run_rows.ask_cancel(connection, waiting, at=parts.bench.now(), actor=parts.bench.actor)
    parts.runs.look()
    ended = runs.get(parts.bench, waiting)
    assert ended.state is RunState.CANCELLED
    assert ended.reason.startswith("cancelled after try 1 of 3 interrupted: the machine was restarted")
    failed, unasked = parts.queue(retries=2, terms=Terms(on=frozenset({"interrupted"}))), parts.queue()
    parts.dispatch.look()
    for one in (failed, unasked):
        found = runs.get(parts.bench, one)
        with parts.bench.store.read() as connection:
            token = run_rows.token(connection, one, 1)
        assert parts.runs.endings.by_result(found, Result(RunState.FAILED, token, "ZeroDivisionError"))
        assert parts.state(one) is RunState.FAILED


def test_jupyter_scheduler_328_retention(world: World) -> None:
    """jupyter-scheduler #328: old runs go with all they left, as declared in the most special place; tagged ones stay."""
    bench = world.bench
    (bench.home.root / "workbench.yaml").write_text("keep: {last: 2}\n")
    runs_of_a = [old_runs.ended(bench, "a") for _ in range(4)]
    runs_of_b = [old_runs.ended(bench, "b", RunState.FAILED) for _ in range(3)]
    tags.change(bench, runs_of_a[:1], ["gold"])
    with bench.store.write() as connection:
        scalar_rows.keep(connection, runs_of_a[1], {"auc": 0.5}, bench.actor)
    plan = retention.going(bench, retention.declared(bench))
    assert [one.run for one in plan] == [runs_of_a[1], runs_of_b[0]]
    (bench.home.projects / "p" / "project.yaml").write_text("keep: {last: 2, failed: true}\n")
    plan = retention.going(bench, retention.declared(bench))
    assert [one.run for one in plan] == [runs_of_a[1]]
    assert (retention.size_of(bench, plan) or 0) > 0
    assert [retention.remove(bench, one) for one in plan] == [""]
    folders = {path.name for path in (bench.home.projects / "p" / "runs").iterdir()}
    assert f"a-{runs_of_a[1]}" not in folders
    assert len(folders) == 6
    assert [run.id for run in runs.page(bench)] == [*reversed(runs_of_b), runs_of_a[3], runs_of_a[2], runs_of_a[0]]
    assert scalars.of(bench, runs_of_a) == {}


def test_jupyter_scheduler_352_schedules_run_without_the_program(world: World) -> None:
    """The part that fires needs no program open and no server: files in a folder and a home are enough."""
    world.write(cron="0 * * * *")
    world.at(START).at(timedelta(hours=1))
    (run,) = runs.page(world.bench)
    assert (run.schedule, run.origin) == ("p/s", "schedule")


def test_jupyter_scheduler_476_never_twice(world: World) -> None:
    """Two supervisors that look at the same home at the same moment, again and again: one run for each due time."""
    world.write(cron="*/10 * * * *", overlap="allow", catch_up="all")
    world.at(START)
    other = Schedules(world.desk, world.clock)
    for _ in range(6):
        world.now += timedelta(minutes=10)
        other.look(woken=True)
        world.part.look(woken=True)
        world.part.look(woken=True)
    due = [run.due for run in runs.page(world.bench)]
    assert len(due) == len(set(due)) == 6
    assert len(world.ledger()) == 6


def test_jupyter_scheduler_522_parameters_are_edited(world: World) -> None:
    """Parameters of a schedule are set and taken away from its next due time on; comments stay, slips write nothing."""
    world.write(cron="0 6 * * *", parameters={"day": "monday"})
    path = projects.get(world.bench, "p").path / "schedules" / "s.yaml"
    path.write_text(path.read_text().replace("parameters:", "# ours\nparameters:"))
    world.at(START)
    world.at(START.replace(day=5))
    assert runs.page(world.bench)[0].parameters == {"day": "monday"}
    world.end(runs.page(world.bench)[0].id)
    schedule_changing.change(world.bench, "p/s", {}, parameters={"day": "${due:%d.%m.}"})
    assert "# ours\n" in path.read_text()
    world.at(START.replace(day=6))
    assert runs.page(world.bench)[0].parameters == {"day": "06.05."}
    world.end(runs.page(world.bench)[0].id)
    before = path.read_text()
    for given, unset, why in (
        ({"dya": 1}, [], "mean day"),
        ({}, ["nope"], "nope: not set"),
        ({"day": 3}, [], "text is"),
    ):
        with pytest.raises(Refused, match=why):
            schedule_changing.change(world.bench, "p/s", {}, parameters=given, unset=unset)
    assert path.read_text() == before
    schedule_changing.change(world.bench, "p/s", {}, unset=["day"], sweep={"day": ["a", "b"]})
    world.at(START.replace(day=7))
    assert [run.parameters["day"] for run in runs.page(world.bench)[:2]] == ["b", "a"]
    assert [state for _, state in world.ledger()] == [DueState.FIRED] * 3


@pytest.mark.parametrize("phase", ["starting", "running", "finishing"])
def test_jupyter_scheduler_565_true_status(phase: str, desk: Desk) -> None:
    """jupyter-scheduler #565: a run whose process is killed never shows success, in whichever phase that was; success is
    only what was written down as such, with its whole output published."""
    cells = {"starting": ["1"], "running": ["1", "import time; time.sleep(300)"], "finishing": ["1"]}[phase]
    attempt = desk.write(attempts.notebook(*cells))
    process = attempts.runner(attempt.folder)

    def reached() -> bool:
        if phase == "running" and not any(event["cell"] == 2 for event in attempt.events("cell")):
            return False
        return any(event["name"] == phase for event in attempt.events("phase"))

    until(reached, f"the run to be {phase}", seconds=60)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    until(lambda: not is_held(attempt.folder), "its lock to be free")
    written = read_result(attempt.folder)
    now = datetime.now(UTC)
    run: Any = SimpleNamespace(state=RunState.RUNNING, cancel_asked=False, started=now, cells=len(cells), cells_done=0)
    endings = Endings(SimpleNamespace(now=lambda: now))  # type: ignore[arg-type] - all that it is asked
    ended = endings.of_a_dead_runner(run, attempt.folder, attempt.job.token, cell=None, rebooted=False, heard=None)
    assert ended
    if written:  # it was quicker than the signal
        assert phase == "finishing"
        assert (Path(written.output) / "output.ipynb").is_file()
        assert ended == written
    else:
        assert ended.state is RunState.CRASHED
        assert "its runner was killed" in ended.reason
        assert not ended.published


def test_papermill_818_strict_parameters(world: World) -> None:
    """A parameter that is unknown, of another type or out of its range is refused before anything is queued, with what
    there is."""
    declared = "parameters: {notebooks/n.ipynb: {rows: {type: integer, max: 500, required: true}}}\n"
    (projects.get(world.bench, "p").path / "project.yaml").write_text(f"environment: python\n{declared}")
    for given, why in (
        ({"rows": 1, "dya": "monday"}, "dya: the notebook has no such parameter; did you mean day"),
        ({"rows": 1, "day": 3}, "day: text is"),
        ({"rows": 501}, "rows: 501 is out of range"),
        ({}, "rows: has no default and was not given"),
    ):
        with pytest.raises(Refused, match=re.escape(why)) as refused:
            runs.submit(world.bench, Request("p", NOTEBOOK, parameters=given))
        assert "It takes: day: str = '', rows: integer (at most 500), required" in refused.value.hint
    assert runs.page(world.bench) == []
    asked = runs.submit(world.bench, Request("p", NOTEBOOK, parameters={"rows": 500}))
    assert runs.get(world.bench, asked).parameters == {"rows": 500}


def test_papermill_253_no_secrets_in_output(desk: Desk, tmp_path: Path) -> None:
    """papermill #253: known secrets are nowhere in what a run leaves, however they were put out, and the person is told."""
    value = "s3cret-of-acme-42"
    file = tmp_path / "PGPASSWORD"
    file.write_text(value)
    cells = attempts.notebook(
        "import os, sys, time\nsecret = os.environ['PGPASSWORD']\nprint(secret, flush=True)",
        "sys.stdout.write(secret[:6]); sys.stdout.flush(); time.sleep(0.5); print(secret[6:], flush=True)",
        "from IPython.display import display, HTML\ndisplay(HTML(f'<b>{secret}</b>'))\n"
        "display({'application/json': {secret: 1}}, raw=True)\n{'key': [secret]}",
        "raise ValueError(f'no access with {secret}')",
    )
    space = replace(desk.space, secrets={"PGPASSWORD": file})
    attempt, result = desk.run(cells, workspace=space)
    assert result.state is RunState.FAILED
    assert result.reason == "ValueError: no access with [secret] (cell 4)"
    places = [*Path(result.output).iterdir(), attempt.folder / "result.json", attempt.folder / "output.ipynb"]
    for place in places:
        assert value not in place.read_text(), place
        assert value[6:] not in place.read_text(), place
    assert "[secret]" in (Path(result.output) / "log.txt").read_text()
    record = json.loads((Path(result.output) / "record.json").read_text())
    assert record["secrets_hidden"] >= 5
    _, result = desk.run(attempts.notebook("import os\nprint(os.environ['PGPASSWORD'])"), workspace=space)
    assert (result.state, result.reason) == (
        RunState.SUCCEEDED,
        "it put out a secret 1 time, left out of what is kept",
    )


def test_notebooker_65_run_now(world: World) -> None:
    """A schedule is run at once, with its own parameters; its next regular time comes as if nothing had happened."""
    key = world.write(cron="0 * * * *", parameters={"day": "${due}"})
    world.at(START)
    number = schedules.now(world.bench, key)
    run = runs.get(world.bench, number)
    assert (run.schedule, run.due, run.parameters) == (key, None, {"day": "2026-05-04"})
    (line,) = schedules.ledger(world.bench, key)
    assert (line.by_hand, line.run, line.why) == (ByHand.NOW, number, f"by hand, {world.bench.actor.by}")
    assert schedules.get(world.bench, key).last is None
    world.at(timedelta(hours=1))  # the one by hand is still queued: it skips no due time
    assert world.ledger() == [("04 11:00", DueState.FIRED)]


def test_notebooker_134_scheduled_time(world: World) -> None:
    """A run knows the time it was scheduled for: its own due time, or the one it is run for by hand, not the present."""
    key = world.write(cron="0 6 * * *", timezone="Europe/Berlin", parameters={"day": "${due} ${due:%H:%M}"})
    world.at(START)
    world.at(START.replace(day=5, hour=4, minute=0, second=0))
    regular = runs.page(world.bench)[0]
    assert regular.parameters == {"day": "2026-05-05 06:00"}
    again = runs.get(world.bench, schedules.now(world.bench, key, due="2026-05-05 06:00"))
    assert (again.due, again.parameters, again.origin) == (regular.due, regular.parameters, "cli")
    early = runs.get(world.bench, schedules.now(world.bench, key, due="2026-02-28"))
    assert early.parameters == {"day": "2026-02-28 00:00"}
    lines = schedules.ledger(world.bench, key)
    assert [(line.due, line.by_hand) for line in lines if line.due == regular.due] == [
        (regular.due, ByHand.NOW), (regular.due, None)
    ]  # fmt: skip
