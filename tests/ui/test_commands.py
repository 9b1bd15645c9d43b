"""Command lines that are shown and copied: the very act, readable by the command, on this home."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import click
import pytest
from ui.seeding import Seed, story

from workbench.cli.program import program
from workbench.cli.runs.given import Given
from workbench.declare.parameters import read_parameters
from workbench.errors import Refused
from workbench.model.forward import Forward
from workbench.model.run import RunState
from workbench.model.session import SessionState
from workbench.store import sessions as session_rows
from workbench.store.rows import column
from workbench.ui import commands, registry
from workbench.ui.modals.confirm import Confirm
from workbench.ui.modals.schedule import ScheduleForm
from workbench.ui.screens import SCREENS


def read(args: list[str]) -> None:
    """Let the command read its arguments and do nothing; raises `UsageError` where it cannot."""
    command: click.Command = program()
    context, name = None, "workbench"
    while isinstance(command, click.Group):
        context = command.make_context(name, args, parent=context)
        found, command, args = command.resolve_command(context, [*context._protected_args, *context.args])
        name = found or ""
    command.make_context(name, args, parent=context)


def lines(seed: Seed, item: Any, mode: str) -> dict[str, str]:
    """All command lines for one thing, by the action's id."""
    noun = SCREENS[mode].noun_class()
    able = [action for action in registry.of(mode) if action.command and action.on_item and action.fits(item)]
    steps = {"show": noun.show_command(item), **{action.id: action.command(item) for action in able}}
    return {name: commands.line(seed.bench.home, found) for name, found in steps.items() if found}


def of(seed: Seed, mode: str, key: str) -> dict[str, str]:
    """All command lines for the thing of that key."""
    noun = SCREENS[mode].noun_class()
    return lines(seed, next(item for item in noun.load(seed.bench) if noun.key(item) == key), mode)


def test_every_command_line_is_read_by_the_command(seed: Seed, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the things are named, what is copied has its quotes, its options, and a command that knows them."""
    monkeypatch.setenv("SSH_CONNECTION", "10.0.0.9 50000 10.0.0.1 22")
    story(seed)
    seed.project("my project", {"a b.ipynb": ""})
    (seed.bench.home.environments / "own.yaml").write_text("extends: python\nsecrets: [PGPASSWORD]\n")
    idle = seed.session(name="mine", project="my project")
    failed = seed.failed_run()
    with seed.bench.store.write() as connection:
        session_rows.set_facts(
            connection, idle, idle_stop=7200.0, forwards=(Forward(8000, "board", "mine-8000.localhost", 40900),)
        )
        connection.execute(
            "UPDATE runs SET kept_until = ? WHERE id = ?", (column(seed.clock.now + timedelta(minutes=30)), failed)
        )
    seen = set()
    for mode, screen in SCREENS.items():
        for item in screen.noun_class().load(seed.bench):
            for name, line in lines(seed, item, mode).items():
                for step in line.split("; "):
                    read(shlex.split(step)[1:])
                seen.add(name)
    assert {action.id for action in registry.ACTIONS if action.command} - seen <= {
        "environments.activate", "environments.cancel", "environments.prune", "runs.again_failed", "runs.cancel_group", "runs.copy", "runs.prune",
        "runs.letter", "runs.told",
    }  # fmt: skip


def test_a_home_that_would_not_be_found_is_named(seed: Seed, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """`--home` stands in a line where the command would work on another home without it."""
    home = seed.bench.home
    assert commands.line(home, "runs show 9") == "workbench runs show 9"
    monkeypatch.delenv("WORKBENCH_HOME")
    monkeypatch.chdir(home.projects)
    assert commands.line(home, "runs show 9") == "workbench runs show 9"
    monkeypatch.chdir(tmp_path)
    assert commands.line(home, ("a 1", "b 2")) == f"workbench --home {home.root} a 1; workbench --home {home.root} b 2"


async def test_what_can_be_done_is_for_this_home(
    seed: Seed, stage: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Hints and errors that hold a command line name the home where that would not be found."""
    seed.run(RunState.FAILED, reason="no", hint="See: workbench service logs")
    monkeypatch.delenv("WORKBENCH_HOME")
    monkeypatch.chdir(tmp_path)
    wanted = f"workbench --home {seed.bench.home.root} "
    async with stage((160, 48)) as on:
        await on.list("runs", rows=1)
        await on.see(f"{wanted}service logs")
        on.app.show_error(Refused("no", hint="Cancel it: workbench stop 8. This is workbench itself."))
        await on.see(f"{wanted}stop 8. This is workbench itself.")


def test_lines_are_the_same_act(seed: Seed) -> None:
    """Removal says what goes with it and what ends first; opening means this very session."""
    story(seed)
    assert of(seed, "projects", "sales")["projects.remove"] == "workbench projects remove sales --delete-files"
    assert of(seed, "projects", "sales")["projects.edit"].endswith("projects/sales/project.yaml")
    assert (
        of(seed, "runs", "9")["runs.remove"] == "workbench runs cancel 9; workbench logs 9 -f; workbench runs remove 9"
    )
    assert of(seed, "runs", "7")["runs.remove"] == "workbench runs remove 7"
    assert "runs.copy" not in of(seed, "runs", "7")
    number = str(seed.session(name="mine", ide="jupyter"))
    assert of(seed, "sessions", number)["sessions.open"] == "workbench open sales --ide jupyter --name mine"
    assert of(seed, "sessions", number)["sessions.remove"] == "workbench sessions remove mine --stop"
    seed.session(SessionState.STOPPED, name="old")
    assert of(seed, "sessions", "4")["sessions.remove"] == "workbench sessions remove old"
    assert of(seed, "sessions", "1")["sessions.open"] == "workbench open sales --ide jupyter"


def test_parameters_are_read_as_they_were_typed() -> None:
    """Each value comes back from its command line as the very same value, text that looks like a number too."""
    given = {
        "a": 1,
        "b": 0.5,
        "c": "42",
        "d": "None",
        "e": None,
        "f": True,
        "g": "two words",
        "h": [1, "x"],
        "i": "nan",
    }
    parts, values, raw, yaml = commands.parameters(given), [], [], []
    while parts:
        option = parts.pop(0)
        if option == "-y":
            yaml.append(parts.pop(0))
        else:
            (values if option == "-p" else raw).append((parts.pop(0), parts.pop(0)))
    assert Given(values, raw, (), yaml).read() == given
    assert read_parameters(yaml[0], title="-y") == {"h": [1, "x"]}


async def test_a_question_shows_the_line_of_each_answer(seed: Seed, stage: Callable[..., Any]) -> None:
    """Removing output too is another line; Y copies that of the button in focus."""
    story(seed)
    async with stage() as on:
        await on.list("runs", rows=10)
        await on.select("7")
        await on.press("d")
        await on.modal(Confirm)
        await on.see("$ workbench runs remove 7", "$ workbench runs remove 7 --outputs")
        await on.press("Y")
        assert on.app.clipboard == "workbench runs remove 7"
        await on.press("right", "right", "Y")
        assert on.app.clipboard == "workbench runs remove 7 --outputs"


async def test_a_schedule_form_writes_text_as_text(seed: Seed, stage: Callable[..., Any]) -> None:
    """A parameter that looks like a number and is text has -r, as in the form of a run."""
    story(seed)
    async with stage() as on:
        await on.select("sales")
        await on.press("t")
        form = await on.modal(ScheduleForm)
        form.field("notebook").widget.value = "notebooks/report.ipynb"
        await on.until(lambda: any(one.field_name == "p:region" for one in form.query("Field")), "the parameters")
        for name, text in (("name", "monthly"), ("when", "0 7 1 * *"), ("p:region", "42")):
            form.field(name).widget.value = text
        await on.until(lambda: "-r region 42" in form.considered.command, "the command")


async def test_a_running_run_is_cancelled_before_it_is_removed(seed: Seed, stage: Callable[..., Any]) -> None:
    """The line of Cancel and remove does both, and waits in between."""
    number = seed.run(RunState.RUNNING)
    async with stage() as on:
        await on.list("runs", rows=1)
        await on.press("d")
        await on.see(f"$ workbench runs cancel {number}; workbench logs {number} -f; workbench runs remove {number}")
