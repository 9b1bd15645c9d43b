"""The git repository of a project, asked with git itself and nothing in it trusted."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from workbench.model.project import Project
from workbench.services.code.git import git, without_filters


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
    without = without_filters(project.path)
    if without is None:
        return GitState()
    answer = git(project.path, [*without, "status", *about, "--", ".", ":(exclude)runs"])
    if answer.problem:
        return GitState()
    lines = answer.text.split("\0")
    facts = dict(line[2:].split(" ", 1) for line in lines if line.startswith("# ") and " " in line[2:])
    commit, branch = facts.get("branch.oid"), facts.get("branch.head")
    return GitState(
        commit=None if commit in (None, "(initial)") else commit,
        branch=None if branch in (None, "(detached)") else branch,
        dirty=any(line and not line.startswith("# ") for line in lines),
    )


def git_init(folder: Path) -> None:
    """Make `folder` a repository; nothing where git is missing or a repository above it holds it already."""
    if git(folder, ["rev-parse", "--is-inside-work-tree"]).text.strip() != "true":
        git(folder, ["init", "--quiet"])
