"""The demo on a terminal: it ends in the program, and the session stays until somebody stops it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from waiting import until

pytestmark = pytest.mark.timeout(600)


class Terminal:
    """A real terminal of 100 by 30, in a tmux server of its own."""

    def __init__(self, socket: Path) -> None:
        self.socket = socket

    def tmux(self, *arguments: str) -> str:
        """What a tmux command prints."""
        done = subprocess.run(["tmux", "-S", self.socket, *arguments], capture_output=True, text=True)
        return done.stdout

    def shows(self, text: str) -> bool:
        """Whether `text` is on the screen now."""
        return text in self.tmux("capture-pane", "-p", "-J")


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    """A terminal that is closed at the end."""
    if not shutil.which("tmux"):
        pytest.skip("no tmux on PATH")
    opened = Terminal(tmp_path / "tmux")
    yield opened
    opened.tmux("kill-server")


def test_demo_ends_in_the_program(tmp_path: Path, terminal: Terminal) -> None:
    """After its last line a key opens the program in the demo's home; leaving it leaves the session up."""
    home = tmp_path / "home"
    workbench = f"{sys.executable} -m workbench --home {home}"
    environ = " ".join(f"-u {name}" for name in os.environ if name.startswith("WORKBENCH_"))
    line = f"env {environ} WORKBENCH_ENGINE=process {workbench} demo; echo ended $?; exec cat"
    terminal.tmux("-f", "/dev/null", "new-session", "-d", "-x", "100", "-y", "30", line)
    try:
        until(lambda: terminal.shows("Press a key"), "the demo's last line", seconds=300, every=0.2)
        terminal.tmux("send-keys", "Enter")
        until(lambda: terminal.shows("1 Projects"), "the program", seconds=30, every=0.2)
        until(lambda: terminal.shows("weather"), "the example project", seconds=30, every=0.2)
        terminal.tmux("send-keys", "q")
        until(lambda: terminal.shows("1 session stays up"), "the question", seconds=30, every=0.2)
        terminal.tmux("send-keys", "y")
        until(lambda: terminal.shows("ended 0"), "its end", seconds=30, every=0.2)
        listed = subprocess.run([*workbench.split(), "sessions", "--json"], capture_output=True, text=True, check=True)
        assert [session["state"] for session in json.loads(listed.stdout)] == ["ready"]
    finally:
        subprocess.run([*workbench.split(), "sessions", "stop", "weather-jupyter"], capture_output=True)
        stopped = [*workbench.split(), "sessions", "--json", "--state", "stopped"]
        until(
            lambda: "weather-jupyter" in subprocess.run(stopped, capture_output=True, text=True).stdout,
            "the session's end",
            every=0.2,
        )
        subprocess.run([*workbench.split(), "service", "stop"], capture_output=True)
