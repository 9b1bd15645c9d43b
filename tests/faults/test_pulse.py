"""A supervisor that hangs is told from one that waits for work."""

from __future__ import annotations

import json
import os
import signal

import pytest
import world
from waiting import until

from workbench.cli.program import run
from workbench.services.bench import Bench
from workbench.services.supervision import control, pulse


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
