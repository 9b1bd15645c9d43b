"""Locking an environment as a person does it, through the supervisor."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from world import bench, end, kernel_python

from workbench.services import environments, locks
from workbench.services.bench import Bench

__all__ = ["bench", "kernel_python"]


def command(bench: Bench, *words: str, code: int = 0) -> Any:
    """What `environments WORDS --json` answers."""
    argv = [sys.executable, "-m", "workbench", "--home", str(bench.home.root), "environments", *words, "--json"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    return json.loads(done.stdout) if code == 0 else done.stderr


def test_an_environment_is_locked_and_stays_ready(bench: Bench) -> None:
    """`lock` builds what is not built and writes the file beside it; that costs no other build, and without the file the
    declaration is as it was. What is newer is told; `lock --update` takes it."""
    path = bench.home.environments / "pinned.yaml"
    path.write_text("engine: process\npython: {packages: ['six<1.17']}\nides: []\n")
    lock = path.with_suffix(".lock")
    assert command(bench, "lock", "pinned") == {"environment": "pinned", "lock": str(lock), "released": False}
    built = environments.view(bench, "pinned")
    assert built.state == "ready"
    assert built.revision
    assert "six==1.16.0" in built.revision.packages
    assert environments.build(bench, "pinned") is None
    assert "six==1.16.0 --hash" in lock.read_text()
    path.write_text("engine: process\npython: {packages: [six]}\nides: []\n")
    command(bench, "build", "pinned")
    assert environments.view(bench, "pinned").revision.packages == built.revision.packages  # type: ignore[union-attr]
    found = command(bench, "outdated", "pinned")
    assert found == [{"kind": "python", "name": "six", "installed": "1.16.0", "available": "1.17.0"}]
    command(bench, "lock", "pinned", "--update")
    assert "six==1.17.0 --hash" in lock.read_text()
    assert command(bench, "outdated", "pinned") == []
    folder = bench.home.root / "out"
    assert command(bench, "export", "pinned", str(folder)) == {"environment": "pinned", "folder": str(folder)}
    assert "six==1.17.0" in (folder / "requirements.txt").read_text()
    assert "not empty" in command(bench, "export", "pinned", str(folder), code=1)
    end(bench)


def test_what_cannot_be_locked_is_said(bench: Bench) -> None:
    """A Python that is used as it is has no versions of its own to pin; a lock that was taken away for an update comes
    back where that fails."""
    assert "not pinned" in command(bench, "lock", "bare", code=1)
    path = bench.home.environments / "lost.yaml"
    path.write_text("engine: process\npython: {packages: [no-such-package-of-ours-0]}\nides: []\n")
    lock = path.with_suffix(".lock")
    text = json.dumps({"form": 1, "engine": "process", "platform": "linux/x86_64", "python": []})
    lock.write_text(text)
    assert "no-such-package-of-ours-0" in command(bench, "lock", "lost", "--update", code=1)
    assert lock.read_text() == text
    assert locks.lock_file(bench, "lost") == Path(lock)
