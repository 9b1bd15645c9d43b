"""A supervisor that hangs is told from one that waits for work."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest
import world
from waiting import until

from workbench.cli.program import run
from workbench.services.bench import Bench
from workbench.services.supervision import control, pulse
from workbench.store.holding import state_of

# In the supervisor's own process, as Python starts it: once it is told to, it locks the store as a commit does, and stops.
STOPS_IN_A_WRITE = """
import os, pathlib, signal, sqlite3, sys, threading, time

def stop(told, database):
    while not told.exists():
        time.sleep(0.02)
    connection = sqlite3.connect(database, timeout=60, isolation_level=None)
    connection.execute("BEGIN EXCLUSIVE")
    told.unlink()
    signal.pthread_kill(threading.get_ident(), signal.SIGSTOP)  # a signal to the process may come after the next line
    connection.execute("ROLLBACK")

if "workbench.supervisor" in sys.orig_argv:
    paths = (pathlib.Path(os.environ["WB_TOLD"]), os.environ["WB_DATABASE"])
    threading.Thread(target=stop, args=paths, daemon=True).start()
"""


def test_one_that_hangs_is_said_so(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Stopped by a signal it holds its lock and does nothing: `status` says since when, and what helps; then it is well."""
    monkeypatch.setattr(pulse, "LATE", 2.0)
    monkeypatch.setenv("WORKBENCH_HOME", str(bench.home.root))
    world.start(bench)
    pid = control.status(bench).pid
    os.kill(pid, signal.SIGSTOP)
    try:
        found = until(lambda: (seen := control.status(bench)).silent and seen, "it to be noticed", seconds=60)
        assert found.alive
        assert "does not answer since" in found.trouble
        assert "stopped by a signal" in found.trouble
        assert run(["status", "--json"]) == 1
        (need,) = [one for one in json.loads(capsys.readouterr().out)["needs"] if one["kind"] == "service"]
        assert need["command"] == f"kill -CONT {pid}"
        assert run(["service", "status"]) == 1
    finally:
        os.kill(pid, signal.SIGCONT)
    until(lambda: not control.status(bench).silent, "it to answer", seconds=60)
    assert control.status(bench).trouble == ""


def test_one_stopped_in_a_write_is_named_by_all_that_read(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It keeps the store locked: `status` says so and what helps, other commands and `doctor` name it; `service stop` ends it."""
    monkeypatch.setenv("WORKBENCH_HOME", str(bench.home.root))
    (tmp_path / "hook").mkdir()
    (tmp_path / "hook/sitecustomize.py").write_text(STOPS_IN_A_WRITE)
    told, path = tmp_path / "told", os.pathsep.join([str(tmp_path / "hook"), os.environ.get("PYTHONPATH", "")])
    process = world.start(bench, PYTHONPATH=path, WB_TOLD=str(told), WB_DATABASE=str(bench.home.database))
    assert process
    until(lambda: control.held(bench.home) and control.card(bench.home).get("wake"), "the supervisor")
    told.touch()
    until(lambda: not told.exists() and state_of(process.pid) == "T", "it to be stopped", seconds=60)
    assert run(["status", "--json"]) == 1
    said = json.loads(capsys.readouterr().out)
    (need,) = said["needs"]
    assert (need["kind"], need["command"]) == ("service", f"kill -CONT {process.pid}")
    assert "it was stopped by a signal; it has locked the store" in need["text"]
    assert said["active"] is None, "not known is not none"
    assert run(["status"]) == 1
    assert f"kill -CONT {process.pid}" in capsys.readouterr().out
    assert run(["runs"]) == 1
    refused = capsys.readouterr().err
    assert f"locked by the supervisor, process {process.pid}, which was stopped by a signal" in refused
    assert f"kill -CONT {process.pid}, or start another: workbench" in refused
    run(["doctor", "--json"])
    found = json.loads(capsys.readouterr().out)
    assert [one["remedy"] for one in found if one["about"] == "supervisor"] == [f"kill -CONT {process.pid}"]
    assert any(f"process {process.pid}, which was stopped" in one["text"] for one in found if one["about"] == "store")
    assert run(["service", "stop"]) == 0
    assert process.wait(15) == 0
    assert bench.store.integrity() == []
