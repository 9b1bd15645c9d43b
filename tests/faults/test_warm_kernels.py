"""Warmth comes after a run, is shown, bounded and given back; where it is lost a run is the same, and slower."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import psutil
import pytest
import world
from cli_home import make_shell
from waiting import until

from workbench.locks import take
from workbench.model.run import RunState
from workbench.services import warmth
from workbench.services.bench import Bench


def run(bench: Bench, path: str) -> bool:
    """One run to its good end; whether its kernel was warm."""
    number = world.submit(bench, path)
    ended = world.ended(bench, number)
    assert ended.state is RunState.SUCCEEDED, ended.reason
    return next(bool(event["warm"]) for event in world.events_of(bench, number) if event["kind"] == "kernel")


def process(bench: Bench) -> psutil.Process:
    """The zygote, waited for."""
    until(lambda: any(one.memory for one in warmth.kernels(bench)), "a warm kernel")
    return until(lambda: next(iter(_children(bench)), None), "its process")


def _children(bench: Bench) -> list[psutil.Process]:
    found = []
    for one in world.supervisor(bench).children():
        with contextlib.suppress(psutil.Error):  # a fork that is gone by now
            if "warm kernel" in " ".join(one.cmdline()):
                found.append(one)
    return found


def test_warmth_comes_and_goes(bench: Bench, kernel_python: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """After a run of an environment the next is warm, and shown to be. A package that is installed, kill -9 of
    it or of the supervisor, a setting: each costs warmth, no run."""
    path = world.notebook(bench, "a.ipynb", "print(6 * 7)")
    world.start(bench)
    run(bench, path)
    first = process(bench)
    assert run(bench, path) is True

    shell = make_shell(capsys)
    shell.bench = bench
    home = ("--home", str(bench.home.root))
    assert "bare  " in shell("status", *home)
    assert "MB" in shell("environments", "show", "bare", *home)
    (told,) = json.loads(shell("status", "--json", *home))["warm"]
    assert (told["environment"], told["engine"], told["problem"]) == ("bare", "process", "")
    assert told["memory"] > 10_000_000

    site = next(kernel_python.parent.parent.glob("lib/python*/site-packages"))
    (site / "acme_new.py").write_text("")
    (site / "acme_new.py").unlink()
    run(bench, path)
    until(lambda: not first.is_running(), "the outdated one to go")

    second = process(bench)
    assert second.pid != first.pid
    second.kill()
    run(bench, path)
    third = process(bench)
    assert third.pid != second.pid

    waits = world.notebook(
        bench, "b.ipynb", "import time, pathlib\nwhile not pathlib.Path('go').exists(): time.sleep(0.02)"
    )
    number = world.submit(bench, waits)
    world.in_cell(bench, number, 1)
    world.kill_supervisor(bench)
    until(lambda: not third.is_running(), "the zygote to end with its supervisor")
    world.start(bench)
    (world.projects.get(bench, world.PROJECT).path / "notebooks" / "go").touch()
    assert world.ended(bench, number).state is RunState.SUCCEEDED
    run(bench, path)
    fourth = process(bench)
    bench.home.settings_file.write_text("concurrency: 2\nwarm_kernels: 0\n")
    until(lambda: run(bench, path) is False, "the setting to hold")
    until(lambda: not fourth.is_running(), "it to be given back")


def test_one_budget_holds_for_all_homes(bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the supervisor of another home has said that it takes is not free for this one, as long as that lives."""
    from workbench.paths import open_home
    from workbench.supervisor.budget import Budget

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    ours, theirs = Budget(bench.home), Budget(open_home(tmp_path / "other"))
    assert ours.room("kernels", 1000) == 1000
    theirs.say("kernels", 300)
    theirs.say("sessions", 500)
    ours.say("sessions", 50)
    assert ours.room("kernels", 1000) == 150
    assert ours.room("sessions", 1000) == 200
    theirs.say("sessions", 0)
    assert ours.room("sessions", 1000) == 700
    theirs.close()
    assert ours.room("sessions", 1000) == 1000
    stranger = ours.folder / "9-x"
    stranger.write_text("not a number")
    held = take(stranger)
    assert held is not None
    assert ours.others() == 0
    ours.close()
