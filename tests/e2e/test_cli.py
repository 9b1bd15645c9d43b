"""The product through the command line alone, on local processes: from an empty home to a run, a schedule, a session."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from waiting import until

pytestmark = pytest.mark.timeout(600)
ENVIRONMENT = """\
title: What these tests need
engine: process
python: {packages: [jupyterlab, ipykernel]}
ides: [jupyter]
"""


@dataclass(frozen=True)
class Program:
    """The real command on a home of its own, called from a folder that has nothing to do with it."""

    home: Path
    cwd: Path

    @property
    def argv(self) -> list[str]:
        """What is called."""
        return [sys.executable, "-m", "workbench"]

    @property
    def environ(self) -> dict[str, str]:
        """The home comes from the environment, as scripts give it."""
        return {**os.environ, "WORKBENCH_HOME": str(self.home), "NO_COLOR": "1"}

    def __call__(self, *args: str, code: int = 0) -> str:
        """What it prints on stdout; it has to end with `code`."""
        done = subprocess.run(
            [*self.argv, *args],
            env=self.environ,
            cwd=self.cwd,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        assert done.returncode == code, f"{args}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr
        return done.stdout

    def json(self, *args: str, code: int = 0) -> Any:
        """What it answers with --json."""
        return json.loads(self(*args, "--json", code=code))


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """A home with a project in a built environment; its supervisor is stopped in the end."""
    made = Program(tmp_path_factory.mktemp("cli") / "home", tmp_path_factory.mktemp("elsewhere"))
    made("init", "--timezone", "Europe/Berlin")
    (made.home / "environments" / "small.yaml").write_text(ENVIRONMENT)
    made("projects", "new", "churn", "-e", "small")
    assert "small is ready" in made("environments", "build", "small")
    yield made
    for session in made.json("sessions", "--state", "alive"):
        made("sessions", "stop", session["id"])
    made("service", "stop")


def notebook(program: Program, name: str, *sources: str) -> str:
    """A notebook in the project, its first cell the parameters; its path."""
    cells = [
        {
            "cell_type": "code", "id": f"c{number}", "source": source, "outputs": [], "execution_count": None,
            "metadata": {} if number else {"tags": ["parameters"]},
        }
        for number, source in enumerate(sources)
    ]  # fmt: skip
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    path = program.home / "projects" / "churn" / "notebooks" / name
    path.write_text(
        json.dumps({"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5})
    )
    return str(path)


def test_a_built_environment_costs_nothing_more(program: Program) -> None:
    """Built again without a change it says so at once, and lists show it as ready."""
    assert "nothing changed" in program("environments", "build", "small")
    (found,) = [one for one in program.json("environments") if one["name"] == "small"]
    assert (found["state"], found["engine"]) == ("ready", "process")
    assert any(line.startswith("jupyterlab==") for line in program.json("env", "show", "small")["packages"])
    assert program("logs", found["build"]["id"])


def test_a_run_waits_streams_and_leaves_its_output(program: Program) -> None:
    """`run` types parameters as papermill does, streams what cells print, and says where the output notebook is."""
    path = notebook(program, "add.ipynb", "a = 1\nb = ''", "print('sum', a + 1, repr(b))")
    out = program("run", path, "-p", "a", "41", "-r", "b", "7")
    assert "sum 42 '7'" in out
    assert "succeeded" in out
    run = program.json("runs", "show", "@last")
    assert run["parameters"] == {"a": 41, "b": "7"}
    saved = json.loads(Path(run["files"]["notebook"]).read_text())
    assert [cell["metadata"].get("tags") for cell in saved["cells"]][:2] == [["parameters"], ["injected-parameters"]]
    assert "sum 42 '7'" in program("runs", "output", "@last", "--text")
    assert "sum 42 '7'" in program("logs", run["id"])
    record = json.loads(Path(run["files"]["record"]).read_text())
    assert record["parameters"] == {"a": 41, "b": "7"}


def test_a_run_that_fails_exits_3_and_tells_why_first(program: Program) -> None:
    """Cell, error and source come first, from `run` itself and from `runs show`; `status` names it."""
    path = notebook(program, "broken.ipynb", "x = 0", "1 / x")
    out = program("run", path, code=3)
    assert "ZeroDivisionError" in out
    head = out.partition("traceback")[0]
    assert "cell 2" in head
    assert "1 / x" in head
    run = program.json("run", path, code=3)
    assert (run["state"], run["failure"]["error"], run["failure"]["cell"]) == ("failed", "ZeroDivisionError", 2)
    shown = program("runs", "show", run["id"])
    assert shown.index("1 / x") < shown.index("notebook  ")
    needs = program.json("status", code=1)["needs"]
    assert f"workbench runs show {run['id']}" in [need["command"] for need in needs]
    program("runs", "remove", "--yes", *(one["id"] for one in program.json("runs", "--state", "failed")))


def test_a_detached_run_can_be_followed(program: Program) -> None:
    """`-d` prints the id alone; `logs -f` streams it to its end and exits as the run did."""
    path = notebook(
        program,
        "steps.ipynb",
        "n = 3",
        "import time\nfor i in range(n):\n    print('step', i, flush=True)\n    time.sleep(0.2)",
    )
    run = program("run", path, "-d").strip()
    assert run.isdecimal()
    out = program("logs", run, "-f")
    assert [line for line in out.splitlines() if line.startswith("step")] == ["step 0", "step 1", "step 2"]
    events = [json.loads(line) for line in program("logs", run, "--json").splitlines()]
    assert {"started", "cells", "cell", "output", "done"} <= {event["kind"] for event in events}


def test_ctrl_c_leaves_a_run_alone(program: Program) -> None:
    """Interrupted while it waits, `run` says how to go on, exits 130, and the run lives until it is cancelled."""
    path = notebook(program, "long.ipynb", "n = 600", "import time\ntime.sleep(n)")
    waiting = subprocess.Popen(
        [*program.argv, "run", path], env=program.environ, cwd=program.cwd, stderr=subprocess.PIPE, text=True
    )
    (run,) = until(lambda: program.json("runs", "--state", "running"), "the run to start")
    waiting.send_signal(signal.SIGINT)
    _, said = waiting.communicate(timeout=30)
    assert waiting.returncode == 130
    assert f"workbench logs {run['id']} -f" in said
    assert program.json("runs", "show", run["id"])["state"] == "running"
    assert program.json("stop", run["id"]) == {"stopping": [run["id"]]}
    until(lambda: program.json("runs", "show", run["id"])["state"] == "cancelled", "the run to be cancelled")


def test_a_schedule_fires_once_at_its_time(program: Program) -> None:
    """`schedules add --once`, seconds ahead: the run is asked for by the schedule and has its due time."""
    notebook(program, "due.ipynb", "day = ''", "print('for', day)")
    due = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=4)
    added = program.json(
        "schedules", "add", "churn", "soon", "-n", "notebooks/due.ipynb", "--timezone", "UTC",
        "--once", f"{due:%Y-%m-%d %H:%M:%S}", "-p", "day", "monday",
    )  # fmt: skip
    assert (added["key"], added["next"]) == ("churn/soon", due.isoformat())
    assert added["tonight"]
    (run,) = until(
        lambda: program.json("runs", "--schedule", "churn/soon", "--state", "ended"), "the scheduled run", seconds=60
    )
    assert (run["state"], run["due"], run["origin"]) == ("succeeded", due.isoformat(), "schedule")
    assert "for monday" in program("runs", "output", run["id"], "--text")
    ledger = program.json("schedules", "show", "churn/soon")["ledger"]
    assert [(one["state"], one["run"]) for one in ledger] == [("fired", run["id"])]
    assert program.json("schedules", "remove", "churn/soon", "--yes")["removed"] == "churn/soon"
    assert program.json("schedules") == []


def test_a_session_answers_with_its_secret_alone(program: Program) -> None:
    """`sessions start` waits until it answers, `url` gives the address with its secret, lists do not, `stop` ends it."""
    session = program.json("sessions", "start", "churn")
    assert session["state"] == "ready"
    secret = program("sessions", "url", "churn-jupyter").strip()
    token = secret.rpartition("token=")[2]
    base = f"http://127.0.0.1:{session['port']}/api/status"
    with urllib.request.urlopen(f"{base}?token={token}", timeout=10) as answer:
        assert answer.status == 200
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(base, timeout=10)
    caught.value.close()
    assert caught.value.code in (401, 403)
    for line in (
        program("sessions"),
        program("status"),
        program("sessions", "show", session["id"]),
        json.dumps(session),
    ):
        assert token not in line
    assert program("open", "churn", "--print").strip() == secret
    (stopped,) = program.json("sessions", "stop", session["id"])
    assert stopped["state"] == "stopped"
    assert program("logs", session["id"])
    program("sessions", "url", session["id"], code=1)
    assert program.json("sessions", "remove", session["id"], "--yes") == {"removed": [session["id"]]}


def test_the_service_stops_and_starts_again(program: Program) -> None:
    """`service` tells whether the supervisor runs; stopped it exits 1, and the next verb starts it."""
    before = program.json("service")
    assert before["alive"]
    program("service", "stop")
    assert not program.json("service", "status", code=1)["alive"]
    path = notebook(program, "after.ipynb", "x = 1", "print(x)")
    program("run", path)
    after = program.json("service")
    assert after["alive"]
    assert after["pid"] != before["pid"]
    assert program("service", "logs")


def test_the_doctor_finds_no_problem_here(program: Program) -> None:
    """On the machine that runs the tests the home, the store and the supervisor are well."""
    found = {one["about"]: one["level"] for one in program.json("doctor")}
    assert {found[name] for name in ("home", "state folder", "store", "supervisor")} == {"ok"}


def test_a_sweep_is_watched_to_its_end(program: Program) -> None:
    """Every combination runs with its own values and environment; one that fails is told, and the exit code says so."""
    path = notebook(program, "sweep.ipynb", "a = 1", "import os\nprint(os.environ['WORKBENCH_GROUP'], a)\n1 / (a - 2)")
    told = program.json("run", path, "--sweep", "a=1..3", code=3)
    assert (told["state"], told["counts"], told["names"]) == ("failed", {"failed": 1, "succeeded": 2}, ["a"])
    states = {run["combination"]["a"]: run["state"] for run in told["runs"]}
    assert states == {1: "succeeded", 2: "failed", 3: "succeeded"}
    assert f"{told['id']} 3" in program("runs", "output", told["runs"][2]["id"], "--text")
    shown = program("runs", "show", told["id"])
    assert "3 of 3 done, 1 failed" in shown
    assert "ZeroDivisionError" in shown
