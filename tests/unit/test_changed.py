"""That the output of a scheduled run changed is a fact of it, and can be told; two runs can be compared."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from attempts import Desk, notebook, plain

from workbench.model.run import RunState
from workbench.paths import open_home


def test_a_success_says_what_of_its_output_changed(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """The same numbers are no change, another word is; of a failure and without a success before nothing is said."""
    project = tmp_path / "home" / "projects" / "p"
    desk = Desk(open_home(tmp_path / "home"), plain(tmp_path_factory), project)
    project.mkdir()
    first, result = desk.run(notebook("print('total 3.0')"))
    assert (result.state, result.changed) == (RunState.SUCCEEDED, "")
    before = first.folder / "output.ipynb"
    _, result = desk.run(notebook("print('total 3.0')"), previous=before)
    assert result.changed == ""
    attempt, result = desk.run(notebook("print('total 4.0')"), previous=before)
    assert result.changed == "cell 1: total 3.0 became total 4.0"
    assert replace(attempt.job, previous=before) == attempt.job
    _, result = desk.run(notebook("1/0"), previous=before)
    assert (result.state, result.changed) == (RunState.FAILED, "")
