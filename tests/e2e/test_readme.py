"""The day that the README describes, done line by line on a fresh home."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from world import kernel_python

__all__ = ["kernel_python"]
README = Path(__file__).parents[2] / "README.md"
NOT_DONE = ("workbench", "workbench open churn")  # a browser, and the program itself


def day() -> list[str]:
    """The command lines of the block below "A day", without their comments."""
    found = re.search(r"^## A day\n+```\n(.*?)```", README.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert found
    return [shlex.join(shlex.split(line, comments=True)) for line in found[1].splitlines()]


@pytest.mark.timeout(240)
def test_the_day_of_the_readme_can_be_had(tmp_path: Path, kernel_python: Path) -> None:
    """Each line does what its comment says, in this order, from a folder that has nothing to do with the home."""
    lines = day()
    assert set(NOT_DONE) < set(lines)
    home, elsewhere = tmp_path / "home", tmp_path / "elsewhere"
    (home / "environments").mkdir(parents=True)
    elsewhere.mkdir()
    # A Python that is there already, in place of what `python` would install.
    (home / "environments" / "python.yaml").write_text(f"engine: process\nuse: {kernel_python}\n")
    said = {}
    try:
        for line in lines:
            if line in NOT_DONE:
                continue
            done = subprocess.run(
                [sys.executable, "-m", *shlex.split(line)], cwd=elsewhere, stdin=subprocess.DEVNULL,
                env={**os.environ, "WORKBENCH_HOME": str(home)}, capture_output=True, text=True,
            )  # fmt: skip
            assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
            said[line.split()[1]] = done.stdout
        assert "after 60 days" in said["logs"]
        assert "succeeded" in said["runs"]
        assert (home / "projects" / "churn" / "schedules" / "nightly.yaml").is_file()
    finally:
        stop = [sys.executable, "-m", "workbench", "--home", str(home), "service", "stop"]
        subprocess.run(stop, capture_output=True, check=False)
