"""Venvs of standard files: what a machine without Docker makes of them, and what it refuses."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from threading import Event

import pytest
import uv
from engines.conftest import ignore

from workbench.declare.standard import leading, load_standard
from workbench.engines.process.engine import ProcessEngine
from workbench.engines.process.venv import interpreter
from workbench.errors import Refused
from workbench.model.environment import EnvironmentSpec, Revision
from workbench.paths import open_home
from workbench.settings import Settings


def spec(folder: Path, files: Mapping[str, str]) -> EnvironmentSpec:
    """What these files declare, without JupyterLab."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    found = leading(folder)
    assert found
    declared = load_standard(folder / found, project="test-standard", folder=folder).get()
    return replace(declared, ides=(), tools=())


def build(tmp_path: Path, wanted: EnvironmentSpec) -> Revision:
    """Its venv in a home of its own."""
    engine = ProcessEngine(open_home(tmp_path / "home"), Settings())
    engine.check(wanted)
    log = tmp_path / "build.log"
    return engine.build(wanted, engine.revision_id(wanted), log=log, progress=ignore, cancelled=Event())


def said(revision: Revision, code: str) -> str:
    """What Python of the venv prints."""
    done = subprocess.run([interpreter(revision), "-c", code], capture_output=True, text=True, check=True, cwd="/")
    return done.stdout.strip()


SETUP = "from setuptools import setup\nsetup(name='mine', version='1.2', py_modules=['mine'], install_requires=['idna>=3.7'])\n"


def test_a_package_of_the_project_is_seen_as_it_is_now(tmp_path: Path) -> None:
    """Requirements with `-e .`: what it needs is resolved with the rest, and an edit of it is seen without a build."""
    folder = tmp_path / "p"
    files = {
        "requirements.txt": "iniconfig==2.0.0\n-c bounds.txt\n-e .\n",
        "bounds.txt": "idna<3.8\n",
        "setup.py": SETUP,
        "mine.py": "ANSWER = 42\n",
    }
    revision = build(tmp_path, spec(folder, files))
    assert "idna==3.7" in revision.packages
    assert "iniconfig==2.0.0" in revision.packages
    assert said(revision, "import mine; print(mine.ANSWER)") == "42"
    (folder / "mine.py").write_text("ANSWER = 43\n")
    assert said(revision, "import mine; print(mine.ANSWER)") == "43"


def test_a_lock_of_uv(tmp_path: Path) -> None:
    """Its versions, also where newer ones are there; a member of its workspace is installed too."""
    files = {
        "pyproject.toml": (
            "[project]\nname = 'x'\nversion = '1'\nrequires-python = '>=3.9'\ndependencies = ['idna', 'part']\n"
            "[tool.uv]\nconstraint-dependencies = ['idna==3.7']\n[tool.uv.workspace]\nmembers = ['part']\n"
            "[tool.uv.sources]\npart = { workspace = true }\n"
        ),
        "part/pyproject.toml": (
            "[project]\nname = 'part'\nversion = '0.5'\nrequires-python = '>=3.9'\n"
            "[build-system]\nrequires = ['setuptools']\nbuild-backend = 'setuptools.build_meta'\n"
        ),
        "part/part.py": "X = 1\n",
    }
    folder = tmp_path / "p"
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    subprocess.run([uv.find_uv_bin(), "lock", "--quiet"], cwd=folder, check=True, timeout=120)
    revision = build(tmp_path, spec(folder, {}))
    assert "idna==3.7" in revision.packages
    assert "part==0.5" in revision.packages
    assert said(revision, "import part; print(part.X)") == "1"


@pytest.mark.parametrize(
    ("files", "word"),
    [
        ({"apt.txt": "git\n"}, "apt"),
        ({"install.R": "install.packages('digest')\n"}, "r"),
        ({"Dockerfile": "FROM x\n"}, "dockerfile"),
        ({"environment.yml": "dependencies: [gdal]\n"}, "conda"),
        ({"requirements.txt": "idna\n", "postBuild": "#!/bin/sh\n"}, "post_build"),
        ({"start": "#!/bin/sh\n"}, "start"),
    ],
)
def test_what_needs_a_container_is_refused(tmp_path: Path, files: dict[str, str], word: str) -> None:
    """By name, before anything is made; never left out."""
    with pytest.raises(Refused) as caught:
        build(tmp_path, spec(tmp_path / "p", files))
    assert f"`{word}" in caught.value.message
    assert "needs Docker" in caught.value.message
