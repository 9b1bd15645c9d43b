"""`make demo`'s command, as a newcomer runs it: a session that answered, and a run at its due time."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from images import mirror

pytestmark = pytest.mark.timeout(900)


def demo(home: Path, engine: str | None = None) -> tuple[str, float]:
    """What the demo prints without a terminal, and how many seconds it took; it has to end well."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("WORKBENCH_")}
    if engine:
        env["WORKBENCH_ENGINE"] = engine
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "workbench", "--home", str(home), "demo"],
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout, time.monotonic() - began


def listed(home: Path, *command: str) -> list[dict[str, object]]:
    """What a list command answers in JSON."""
    done = subprocess.run(
        [sys.executable, "-m", "workbench", "--home", str(home), *command, "--json"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
    )
    return list(json.loads(done.stdout))


def shown(home: Path, said: str, engine: str) -> None:
    """The demo did what it says: one run, at its due time, with its output; the session answered and is stopped."""
    assert re.search(r"Jupyter .*answers with its token, refuses without \(40[13]\)", said)
    assert re.search(r"Run +\d+ succeeded", said)
    (notebook,) = re.findall(r"notebook +(\S+output\.ipynb)", said)
    output = Path(notebook).read_text()
    assert "7.8 °C warmer than normal" in output
    assert '"image/png"' in output
    ran = listed(home, "runs")
    assert [run["state"] for run in ran] == ["succeeded"] * len(ran)
    assert {run["engine"] for run in ran} == {engine}
    assert all(run["due"] for run in ran)
    assert [session["state"] for session in listed(home, "sessions")] == ["stopped"]
    assert "\x1b" not in said, "no control sequences where there is no terminal"


def test_demo_with_local_processes(tmp_path: Path) -> None:
    """It works without any engine; a second time it does the same again, in under 30 seconds."""
    home = tmp_path / "home"
    said, _ = demo(home, "process")
    shown(home, said, "process")
    said, seconds = demo(home, "process")
    shown(home, said, "process")
    assert len(listed(home, "runs")) == 2
    assert seconds < 30


@pytest.mark.docker
def test_demo_in_containers(tmp_path: Path) -> None:
    """With an engine whose base image can be had, environment, session and run are in containers."""
    home = tmp_path / "home"
    mirror.use(home)
    said, _ = demo(home)
    shown(home, said, "docker")


@pytest.mark.docker
def test_demo_says_why_it_takes_no_containers(tmp_path: Path) -> None:
    """Where the base image cannot be had, it names the reason and takes local processes."""
    home = tmp_path / "home"
    home.mkdir()
    (home / "workbench.yaml").write_text("registries: {docker.io: '127.0.0.1:9'}\n")
    # A declaration of its own: an image that was built before would rightly be found and used.
    (home / "environments").mkdir()
    (home / "environments" / "python.yaml").write_text(
        "python: {packages: [jupyterlab, ipykernel, pandas, matplotlib, tomli-w]}\n"
    )
    said, _ = demo(home)
    assert re.search(r"! Containers +not here: .*127\.0\.0\.1:9", said)
    shown(home, said, "process")
