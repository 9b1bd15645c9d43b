"""Existing Pythons and conda environments used as they are.

There is no conda on the machines that test this: real venvs lie where conda keeps its environments, with the folder
that marks them, and a script answers `conda info --json`.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from threading import Event

import pytest
from engines.conftest import ignore
from engines.talking import Talk, workspace

from workbench import conda as folders
from workbench.engines.process import conda, interpreters
from workbench.engines.process.engine import ProcessEngine
from workbench.errors import Refused
from workbench.model.environment import EnvironmentSpec
from workbench.paths import open_home
from workbench.settings import Settings

UV = Path(sys.executable).parent / "uv"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where conda would be: `base`, and `sales` with a kernel and a package that has a script for activation."""
    place = tmp_path_factory.mktemp("conda") / "miniforge3"
    for folder in (place, place / "envs" / "sales"):
        subprocess.run([UV, "venv", "-q", "--python", sys.executable, folder], check=True)
        (folder / "conda-meta").mkdir()
    (place / "condabin").mkdir()
    sales = place / "envs" / "sales"
    subprocess.run([UV, "pip", "install", "-q", "--python", sales / "bin/python", "ipykernel"], check=True)
    scripts = sales / "etc" / "conda" / "activate.d"
    scripts.mkdir(parents=True)
    (scripts / "gdal.sh").write_text('export GDAL_DATA="$CONDA_PREFIX/share/gdal"\necho noise\n')
    return place


@pytest.fixture(autouse=True)
def person(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An account that knows of no conda yet."""
    for name in [name for name in os.environ if name.startswith(("CONDA", "MAMBA"))]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(folders, "USUAL", ())
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    return tmp_path


def test_an_environment_is_found_by_its_name(root: Path, person: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By what conda has written down, below where it is, and where its own settings have it; `base` is its root."""
    sales = root / "envs" / "sales"
    with pytest.raises(Refused, match="no conda environment 'sales'") as caught:
        interpreters.existing("conda:sales")
    assert "none that conda knows of" in caught.value.hint
    (person / ".conda").mkdir()
    (person / ".conda" / "environments.txt").write_text(f"/gone\n{sales}\n")
    assert interpreters.existing("conda:sales") == sales / "bin" / "python"
    (person / ".conda" / "environments.txt").unlink()
    monkeypatch.setenv("CONDA_EXE", str(root / "bin" / "conda"))
    assert conda.folder("sales") == sales
    assert conda.folder("base") == root
    with pytest.raises(Refused) as caught:
        conda.folder("sale")
    assert "There are: base, sales." in caught.value.hint


def test_conda_is_asked_where_its_lists_do_not_know(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its settings may keep environments anywhere; one that does not answer names none."""
    program = tmp_path / "elsewhere" / "bin" / "conda"
    program.parent.mkdir(parents=True)
    program.write_text(f'#!/bin/sh\n[ "$*" = "info --json" ] && echo \'{{"envs": ["{root}/envs/sales"]}}\'\n')
    program.chmod(0o755)
    monkeypatch.setenv("CONDA_EXE", str(program))
    assert conda.folder("sales") == root / "envs" / "sales"
    program.write_text("#!/bin/sh\nexit 1\n")
    with pytest.raises(Refused, match="no conda environment"):
        conda.folder("sales")


def test_a_conda_environment_runs_a_kernel_as_it_is(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is installed; what its packages set when it is activated is set; it is known that it is not pinned."""
    monkeypatch.setenv("CONDA_EXE", str(root / "bin" / "conda"))
    home = open_home(tmp_path / "home")
    engine = ProcessEngine(home, Settings())
    spec = EnvironmentSpec("borrowed", use="conda:sales", ides=())
    number = engine.revision_id(spec)
    made = engine.build(spec, number, log=tmp_path / "log", progress=ignore, cancelled=Event())
    assert (made.reference, made.borrowed) == (str(root / "envs" / "sales" / "bin" / "python"), True)
    assert engine.find(spec, number) == made
    host = engine.host(made, workspace(home, tmp_path / "project"), run="1.1")
    with Talk(host, made) as talk:
        said = talk.run("import os, sys; print(sys.prefix, os.environ['CONDA_DEFAULT_ENV'], os.environ['GDAL_DATA'])")
    sales = root / "envs" / "sales"
    assert said == f"{sales} sales {sales}/share/gdal"
    engine.remove(made)
    assert (sales / "bin" / "python").exists(), "what was borrowed stays"
