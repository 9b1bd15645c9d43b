"""A home whose project is a git repository: notebooks, modules beside them, data that was committed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from repositories import git, repository

from workbench.model.project import Project
from workbench.services import projects
from workbench.services.bench import Bench, open_bench
from workbench.services.supervision import control


def notebook(source: str) -> str:
    """A notebook of one cell."""
    import nbformat

    made = nbformat.v4.new_notebook(
        metadata={"kernelspec": {"name": "python3", "language": "python", "display_name": "P"}}
    )
    made.cells.append(nbformat.v4.new_code_cell(source))
    return str(nbformat.writes(made))


FILES = {
    "notebooks/report.ipynb": notebook("import helper"),
    "notebooks/helper.py": "VALUE = 'first'\n",
    "tool.sh": "#!/bin/sh\n",
    "data/committed.csv": "not code\n",
}


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """A home whose project `churn` is a repository with one commit, tagged v1."""
    monkeypatch.setattr(control, "ensure", lambda _: None)
    opened = open_bench(tmp_path / "home")
    repository(opened.home.projects / "churn", FILES)
    git(opened.home.projects / "churn", "tag", "v1")
    yield opened
    opened.close()


@pytest.fixture
def project(bench: Bench) -> Project:
    """Its project."""
    return projects.get(bench, "churn")
