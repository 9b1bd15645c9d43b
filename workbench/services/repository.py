"""The git repository of a project, asked with git itself and nothing in it trusted."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from workbench.model.project import Project

PATIENCE = 10.0  # seconds; a repository on a slow disk shall not hold a run up for longer
# A repository's own configuration names programs that git starts, and a cell in a container can write it. So: no hooks,
# no helper that watches files, nothing fetched, no lock taken from the person's own git, no question asked.
_SAFE = ("-c", "core.fsmonitor=false", "-c", f"core.hooksPath={os.devnull}", "-c", "core.untrackedCache=false")
_ALONE = {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "GIT_ALLOW_PROTOCOL": "", "GIT_NO_LAZY_FETCH": "1"}


@dataclass(frozen=True)
class GitState:
    """Where a project's repository stands; all None where it is in none, or git cannot say.

    `commit` is None before the first one, `branch` on a detached head. `dirty` is about the project's files alone,
    published runs left out.
    """

    commit: str | None = None
    branch: str | None = None
    dirty: bool | None = None


def git_state(project: Project) -> GitState:
    """Commit, branch and dirtiness of the project's folder."""
    about = ["--porcelain=v2", "--branch", "-z", "--untracked-files=normal", "--ignore-submodules=all"]
    without = _without_filters(project.path)
    said = None if without is None else _git(project.path, [*without, "status", *about, "--", ".", ":(exclude)runs"])
    if said is None:
        return GitState()
    lines = said.split("\0")
    facts = dict(line[2:].split(" ", 1) for line in lines if line.startswith("# ") and " " in line[2:])
    commit, branch = facts.get("branch.oid"), facts.get("branch.head")
    return GitState(
        commit=None if commit in (None, "(initial)") else commit,
        branch=None if branch in (None, "(detached)") else branch,
        dirty=any(line and not line.startswith("# ") for line in lines),
    )


def git_init(folder: Path) -> None:
    """Make `folder` a repository; nothing where git is missing or a repository above it holds it already."""
    if (_git(folder, ["rev-parse", "--is-inside-work-tree"]) or "").strip() != "true":
        _git(folder, ["init", "--quiet"])


def _without_filters(folder: Path) -> list[str] | None:
    """Options under which git starts no `filter.<name>.clean` and its like; None where that cannot be had.

    A file that was touched and whose filter would have made it as it was then counts as changed.
    """
    said = _git(folder, ["config", "--null", "--name-only", "--list"])
    if said is None:
        return None
    found = {key.rpartition(".")[0] for key in said.split("\0") if key.startswith("filter.")}
    if any("=" in name for name in found):
        return None  # `-c` ends a name there
    settings = [
        f"{name}.{key}" for name in sorted(found) for key in ("clean=", "smudge=", "process=", "required=false")
    ]
    return [word for setting in settings for word in ("-c", setting)]


def _git(folder: Path, arguments: list[str]) -> str | None:
    """What git prints; None where it fails, is not there, or takes too long."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("GIT_") or "CONFIG" in name}
    environ |= _ALONE | {"LC_ALL": "C"}
    try:
        done = subprocess.run(
            ["git", *_SAFE, "-C", str(folder), *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env=environ,
            timeout=PATIENCE,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired, ValueError):
        return None
    return done.stdout.decode(errors="replace") if done.returncode == 0 else None
