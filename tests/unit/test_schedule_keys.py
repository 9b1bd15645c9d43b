"""Every key of a schedule's file can be set from the command line, when it is added and afterwards."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from cli_home import Shell
from schedule_world import NOTEBOOK, World

from workbench.declare import load_schedule
from workbench.declare.schema import ScheduleKeys
from workbench.model.notice import Occasion
from workbench.model.schedule import ScheduleSpec
from workbench.services import projects, schedules
from workbench.services.scheduling import changing as schedule_changing

ADD = ("schedules", "add", "p", "s", "--notebook", NOTEBOOK, "--cron", "0 6 * * *", "--timezone", "Europe/Berlin")


@pytest.fixture
def shell(world: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Shell:
    """Commands in the home of `world`."""
    monkeypatch.setenv("WORKBENCH_HOME", str(world.bench.home.root))
    return Shell(capsys, bench=world.bench)


def spec(shell: Shell) -> ScheduleSpec:
    """What its file says."""
    assert shell.code == 0, shell.err
    return load_schedule(projects.get(shell.bench, "p").path / "schedules" / "s.yaml", project="p").get()


def text(shell: Shell) -> str:
    """The file itself."""
    return (projects.get(shell.bench, "p").path / "schedules" / "s.yaml").read_text()


def test_every_key_when_it_is_added(shell: Shell) -> None:
    """Options for what people set, `--set` for whatever else the file may say."""
    shell(
        *ADD, "-p", "day", "${due - 1 day}", "--start", "2026-01-01", "--end", "2030-01-01", "--overlap", "queue",
        "--catch-up", "all", "--catch-up-window", "2h", "--jitter", "90s", "--timeout", "45m", "--cell-timeout", "10m",
        "--queue-timeout", "2h", "--start-timeout", "3m", "--retries", "3", "--retry-delay", "30s", "--retry-factor", "3",
        "--retry-longest", "10m", "--retry-on", "failed,crashed", "--priority", "high", "--code", "frozen",
        "--input", "data/*.csv", "-e", "python", "--keep-last", "30", "--keep-kernel", "30m", "--keep-for", "90d", "--keep-failed",
        "--notify", "failure=ann@acme.example", "--notify", "failure=bob@acme.example", "--notify", "late=ann@acme.example",
        "--heartbeat", "https://beat.acme.example/1", "--report", "--deliver", "/srv/${due:%Y}.html", "--disabled",
        "--set", "keep.last=31", "--tag", "month-end", "--tag", "north",
    )  # fmt: skip
    made = spec(shell)
    assert (made.start, made.end, made.overlap, made.catch_up) == ("2026-01-01", "2030-01-01", "queue", "all")
    assert (made.catch_up_window, made.jitter, made.timeout, made.retries) == (7200, 90, 2700, 3)
    terms = made.terms
    assert (terms.cell, terms.queue, terms.start, terms.delay, terms.factor) == (600, 7200, 180, 30, 3)
    assert (terms.longest, terms.on) == (600, {"failed", "crashed"})
    assert (made.priority, made.code.what, made.inputs, made.environment) == (10, "frozen", ("data/*.csv",), "python")
    assert made.keep
    assert (made.keep.last, made.keep.seconds, made.keep.failed) == (31, 90 * 86400, True)
    assert made.notify
    assert made.notify.targets[Occasion.FAILURE] == ("ann@acme.example", "bob@acme.example")
    assert made.notify.targets[Occasion.LATE] == ("ann@acme.example",)
    assert (made.notify.heartbeat, made.notify.report) == ("https://beat.acme.example/1", True)
    assert [one.to for one in made.deliver] == ["/srv/${due:%Y}.html"]
    assert (made.enabled, made.tags) == (False, ("month-end", "north"))
    unsaid = {name for name in ScheduleKeys.model_fields if f"\n{name}:" not in text(shell)}
    assert unsaid == {"once", "every", "sweep"}


def test_every_key_afterwards(shell: Shell, world: World) -> None:
    """`schedules set` changes what it is told and nothing else: comments stay, short forms become long where they must."""
    shell(*ADD, "--timeout", "45m", "--retries", "1")
    path = projects.get(world.bench, "p").path / "schedules" / "s.yaml"
    path.write_text(path.read_text() + "# for the board\n")
    shell("schedules", "set", "p/s", "--cell-timeout", "5m", "--notify", "failure=ann@acme.example", "--every", "2h")
    made = spec(shell)
    assert (made.timeout, made.terms.cell, made.retries, made.every, made.cron) == (2700, 300, 1, 7200, None)
    assert "# for the board\n" in text(shell)
    shell(
        "schedules",
        "set",
        "p/s",
        "--clear",
        "timeout.cell",
        "--clear",
        "notify",
        "--set",
        "deliver=[{to: o.txt, what: log}]",
    )
    made = spec(shell)
    assert (made.timeout, made.terms.cell, made.notify) == (2700, None, None)
    assert [(one.to, one.what) for one in made.deliver] == [("o.txt", "log")]
    before = text(shell)
    for words, why in (
        (("--once", "2020-01-01 06:00"), "is over"),
        (("--set", "overlap=never"), "skip"),
        (("--set", "colour=red"), "colour"),
        (("--start", "2030-01-01", "--end", "2029-01-01"), "before its start"),
        (("--notebook", "notebooks/none.ipynb"), "none.ipynb"),
        (("-p", "nonsense", "1"), "nonsense"),
        (("--notify", "sunset=ann@acme.example"), "failure"),
        ((), "what to change"),
    ):
        shell("schedules", "set", "p/s", *words)
        assert shell.code, words
        assert why in shell.err
        assert text(shell) == before


def test_what_was_due_before_other_times(shell: Shell, world: World) -> None:
    """Times that passed while nothing watched, before a command gave the schedule others, are missed, and say so."""
    shell(*ADD)
    key = "p/s"
    world.write(cron="0 * * * *")
    world.at(world.now)
    world.now += timedelta(hours=2)
    schedule_changing.change(world.bench, key, {("cron",): "30 * * * *"})
    world.at(timedelta(hours=1))
    told: list[Any] = [(line.state, line.reason) for line in schedules.lines(world.bench)[1:]]
    assert told == [("missed", "its times were changed before it was fired")] * 2


def test_what_is_declared_decides_what_a_text_is(shell: Shell, world: World) -> None:
    """`-p` follows the declaration: text stays text, a truth may be yes; what nobody declared is as papermill has it."""
    declared = "{yes_or_no: {type: boolean}, code: {type: text}, any: {}}"
    path = projects.get(world.bench, "p").path / "project.yaml"
    path.write_text(f"environment: python\nparameters: {{{NOTEBOOK}: {declared}}}\n")
    shell(*ADD, "-p", "yes_or_no", "yes", "-p", "code", "007", "-p", "any", "yes", "-p", "day", "no")
    assert spec(shell).parameters == {"yes_or_no": True, "code": "007", "any": "yes", "day": "no"}
