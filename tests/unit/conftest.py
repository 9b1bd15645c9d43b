"""What unit tests share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from schedule_world import NOTEBOOK, World
from supervisor_parts import Parts, parts_in

from workbench.services import control, projects
from workbench.services.bench import open_bench


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A home with project `p` and a notebook in it; no supervisor is started."""
    monkeypatch.setattr(control, "ensure", lambda bench: None)
    bench = open_bench(tmp_path / "home")
    project = projects.create(bench, "p", environment="python")
    notebook = nbformat.v4.new_notebook(
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    )
    notebook.cells = [nbformat.v4.new_code_cell("day = ''", metadata={"tags": ["parameters"]})]
    (project.path / "notebooks").mkdir(exist_ok=True)
    nbformat.write(notebook, project.path / NOTEBOOK)
    made = World(bench)
    yield made
    made.clock.close()
    bench.close()


@pytest.fixture
def parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Parts]:
    """A home with project `p`, and the parts of its supervisor."""
    with parts_in(tmp_path, monkeypatch) as made:
        yield made
