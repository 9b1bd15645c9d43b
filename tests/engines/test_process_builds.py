"""Venvs of the process engine: what is refused, what is whole, what a failure says, and that nothing costs twice."""

from __future__ import annotations

import json
import os
import py_compile
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from threading import Event

import pytest
from engines.conftest import Bench, Opened, ignore
from tools import shipped_ide
from waiting import until

from workbench.engines.complaints import failure
from workbench.engines.process import bytecode, interpreters, proc, venv
from workbench.engines.process.builder import STEPS
from workbench.engines.process.engine import ProcessEngine
from workbench.engines.process.uv import settings
from workbench.engines.registry import open_engine
from workbench.errors import BuildFailed, Refused
from workbench.model.build import BuildProgress
from workbench.model.environment import EngineName, EnvironmentSpec, PythonPart, Revision, RPart
from workbench.paths import Home, open_home
from workbench.settings import Settings


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A home of its own."""
    return open_home(tmp_path / "home")


@pytest.fixture
def engine(home: Home) -> ProcessEngine:
    """An engine of an empty home."""
    return ProcessEngine(home, Settings())


def build(
    engine: ProcessEngine, spec: EnvironmentSpec, log: Path, progress: list[BuildProgress] | None = None
) -> Revision:
    """Build `spec`."""
    sink = ignore if progress is None else progress.append
    return engine.build(spec, engine.revision_id(spec), log=log, progress=sink, cancelled=Event())


@pytest.mark.parametrize(
    ("part", "word"),
    [
        ({"apt": ("libpq5",)}, "apt"),
        ({"r": RPart("4.5")}, "r"),
        ({"image": "rocker/tidyverse:4.5.2"}, "image"),
        ({"tools": (shipped_ide("rstudio"),)}, "ides: rstudio"),
    ],
)
def test_what_needs_a_container_is_refused(engine: ProcessEngine, part: dict[str, object], word: str) -> None:
    """What this engine cannot give is refused by name, with a way out; it is never ignored."""
    spec = replace(EnvironmentSpec("x"), **part)  # type: ignore[arg-type]
    with pytest.raises(Refused, match=f"`{word}` needs Docker") as caught:
        engine.check(spec)
    assert "engine: docker" in caught.value.hint
    engine.check(EnvironmentSpec("x", python=PythonPart("3.11", ("pandas",))))


def test_an_unchanged_environment_costs_nothing(process_bench: Bench) -> None:
    """Id and find together take well under 100 ms, and no process is started."""
    took = []
    for _ in range(5):  # other tests run beside this one: the shortest is what it takes
        begun = time.perf_counter()
        number = process_bench.engine.revision_id(process_bench.spec)
        assert process_bench.engine.find(process_bench.spec, number)
        took.append(time.perf_counter() - begun)
    assert min(took) < 0.1


def test_what_is_installed_is_compiled(process_bench: Bench) -> None:
    """Bytecode is there for every module, whatever the machine says about writing it."""
    packages = next(Path(process_bench.revision.reference).glob("lib/python*/site-packages/ipykernel"))
    assert len(list(packages.glob("__pycache__/*.pyc"))) >= len(list(packages.glob("*.py")))


def test_bytecode_is_taken_only_from_the_same_file(tmp_path: Path) -> None:
    """A file that is linked into two venvs is compiled once; one of the same name but its own is not."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    first, second = (tmp_path / name / "lib" / version / "site-packages" for name in ("first", "second"))
    for folder in (first, second):
        folder.mkdir(parents=True)
    for name in ("same.py", "own.py"):
        (first / name).write_text("x = 1\n")
    (second / "same.py").hardlink_to(first / "same.py")
    (second / "own.py").write_text("x = 2\n")
    for name in ("same.py", "own.py"):
        py_compile.compile(str(first / name))
    assert bytecode.packages(tmp_path / "first") == first
    assert bytecode.seed(second, [second, first]) == 1
    assert bytecode.missing(second) == [str(second / "own.py")]
    cached = Path("__pycache__") / f"same.{sys.implementation.cache_tag}.pyc"
    assert (second / cached).samefile(first / cached)
    assert bytecode.missing(first) == []


def test_progress_goes_through_all_steps(process_bench: Bench, tmp_path: Path) -> None:
    """Steps are told in order, once begun each; the log holds commands and answers; a lock file stays."""
    spec = replace(process_bench.spec, name="steps", python=PythonPart(packages=("iniconfig",)), ides=(), tools=())
    told: list[BuildProgress] = []
    assert isinstance(process_bench.engine, ProcessEngine)
    made = build(process_bench.engine, spec, tmp_path / "log", told)
    assert [step.text for step in told if step.text in STEPS] == list(STEPS)
    assert [step.step for step in told] == sorted(step.step for step in told)
    assert any("Installed" in step.text for step in told)
    log = (tmp_path / "log").read_text()
    assert "$ uv pip compile" in log
    assert "+ iniconfig==" in log
    folder = Path(made.reference).parent
    assert "iniconfig==" in (folder / "requirements.lock").read_text()
    assert sorted(path.name for path in folder.iterdir()) == [
        "ready.json",
        "requirements.in",
        "requirements.lock",
        "venv",
    ]
    assert made.ides == ()


def test_versions_stay_when_a_package_is_added(process_bench: Bench, tmp_path: Path) -> None:
    """Adding a package keeps the versions of the last lock file, where they still fit."""
    engine = process_bench.engine
    assert isinstance(engine, ProcessEngine)
    first = replace(process_bench.spec, name="pins", python=PythonPart(packages=("iniconfig<2.1",)), ides=())
    made = build(engine, first, tmp_path / "log")
    more = replace(first, python=PythonPart(packages=("iniconfig", "six")))
    second = build(engine, more, tmp_path / "log")
    old = next(package for package in made.packages if package.startswith("iniconfig=="))
    assert old in second.packages
    assert any(package.startswith("six==") for package in second.packages)


def test_a_half_made_folder_is_made_anew(process_opened: Opened, engine: ProcessEngine, tmp_path: Path) -> None:
    """A folder that a crash left without its mark is not found, and a build replaces it."""
    spec = EnvironmentSpec("left", python=PythonPart(), ides=())
    folder = engine.home.environment_folder("left") / engine.revision_id(spec)
    (folder / "venv" / "bin").mkdir(parents=True)
    (folder / "venv" / "rest").touch()
    assert engine.find(spec, folder.name) is None
    made = build(engine, spec, tmp_path / "log")
    assert engine.find(spec, folder.name) == made
    assert not (folder / "venv" / "rest").exists()
    assert [path.name for path in folder.parent.iterdir() if path.name.startswith(".gone")] == []


@pytest.mark.parametrize("harm", ["python", "kernel", "mark"])
def test_a_damaged_venv_is_not_found(process_opened: Opened, tmp_path: Path, harm: str) -> None:
    """Without its Python, its kernel or a readable mark a revision is not whole."""
    source = Path(process_opened.revision.reference).parent
    folder = tmp_path / source.name
    shutil.copytree(source, folder, symlinks=True, ignore=shutil.ignore_patterns("jupyterlab", "babel", "__pycache__"))
    revision = replace(process_opened.revision, reference=str(folder / "venv"))
    venv.write(folder, revision)
    assert venv.read(folder) == revision
    if harm == "python":
        (folder / "venv" / "bin" / "python").unlink()
        (folder / "venv" / "bin" / "python").symlink_to("/no/such/python")
    elif harm == "kernel":
        shutil.rmtree(next(folder.glob("venv/lib/*/site-packages/ipykernel")))
    else:
        (folder / "ready.json").write_text((folder / "ready.json").read_text()[:-9])
    assert venv.read(folder) is None


def test_a_python_that_is_not_there(engine: ProcessEngine, tmp_path: Path) -> None:
    """The refusal lists the Pythons of the machine, nothing is downloaded, and nothing is left."""
    spec = EnvironmentSpec("old", python=PythonPart("3.2"), ides=())
    with pytest.raises(BuildFailed, match=r"Python 3\.2 is not on this machine") as caught:
        build(engine, spec, tmp_path / "log")
    assert f"{sys.version_info.major}.{sys.version_info.minor}" in caught.value.hint
    assert caught.value.step == STEPS[0]
    assert not (engine.home.environment_folder("old") / engine.revision_id(spec)).exists()


def test_a_python_is_found_by_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A minor version, a whole version, and those of pyenv; shims, which answer for what is not there, are passed."""
    for place in ("shims/python3.99", "versions/3.98.4/bin/python3.98"):
        path = tmp_path / place
        path.parent.mkdir(parents=True)
        path.write_text("#!/bin/sh\necho Python 3.98.4\n")
        path.chmod(0o755)
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    monkeypatch.setenv("PATH", f"{tmp_path / 'shims'}:/usr/bin")
    assert interpreters.find(None) == interpreters.own()
    assert interpreters.find("3.98") == tmp_path / "versions/3.98.4/bin/python3.98"
    assert interpreters.find("3.98.4") == tmp_path / "versions/3.98.4/bin/python3.98"
    for version in ("3.99", "3.98.5"):
        with pytest.raises(Refused):
            interpreters.find(version)
    monkeypatch.setenv("UV_PYTHON_DOWNLOADS", "automatic")
    assert interpreters.find("3.99") == "3.99"


def test_an_existing_python_is_used_as_it_is(process_opened: Opened, engine: ProcessEngine, tmp_path: Path) -> None:
    """`use:` takes a venv or a Python with a kernel, makes none, and leaves it when the environment is removed."""
    existing = Path(process_opened.revision.reference)
    for use in (str(existing), str(existing / "bin" / "python")):
        spec = EnvironmentSpec("mine", use=use, ides=())
        made = build(engine, spec, tmp_path / "log")
        assert made.reference == str(existing / "bin" / "python")
        assert made.packages == process_opened.revision.packages
        assert made.kernels[0].argv[0] == made.reference
        assert engine.find(spec, made.id) == made
        engine.remove(made)
        assert engine.find(spec, made.id) is None
        assert (existing / "bin" / "python").exists()
    with pytest.raises(Refused, match="cannot be added"):
        engine.check(EnvironmentSpec("mine", use=str(existing), python=PythonPart(packages=("six",))))


def test_an_existing_python_without_a_kernel_is_refused(engine: ProcessEngine, tmp_path: Path) -> None:
    """The message has the line that installs one; a path that is none, and an unknown conda name, are said too."""
    bare = tmp_path / "bare"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(bare)], check=True)
    with pytest.raises(BuildFailed, match="no working kernel") as caught:
        build(engine, EnvironmentSpec("bare", use=str(bare), ides=()), tmp_path / "log")
    assert f"{bare}/bin/python -m pip install ipykernel" in caught.value.hint
    for use, words in ((str(tmp_path / "none"), "there is no Python"), ("conda:nope", "no conda environment")):
        with pytest.raises(BuildFailed, match=words):
            build(engine, EnvironmentSpec("bare", use=use, ides=()), tmp_path / "log")


def test_a_build_ends_with_its_supervisor(home: Home, tmp_path: Path) -> None:
    """SIGKILL of the process that builds ends uv; the next build finds no obstacle."""
    code = f"""
import sys
sys.path[:0] = {sys.path!r}
from pathlib import Path
from workbench.engines.process.uv import Tool
from threading import Event
tool = Tool(Path({str(tmp_path)!r}), "x", open({str(tmp_path / "log")!r}, "w"), Event(), print, None)
import workbench.engines.process.uv as uv
uv.binary = lambda: "sleep"
tool.run("step", ["600"])
"""
    process = subprocess.Popen([sys.executable, "-c", code])
    until((tmp_path / "identity.json").exists, "uv")
    child = json.loads((tmp_path / "identity.json").read_text())["child"]
    process.kill()
    process.wait()
    until(lambda: proc.start_time(child) is None, "uv to end", seconds=10)


def test_the_machines_index_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The declared index wins over uv's variables, those over pip's, and none of them is in an argv."""
    monkeypatch.setenv("HOME", str(tmp_path))
    assert settings({"UV_DEFAULT_INDEX": "https://u"}, "https://d")["UV_DEFAULT_INDEX"] == "https://d"
    assert (
        settings({"UV_DEFAULT_INDEX": "https://u", "PIP_INDEX_URL": "https://p"}, None)["UV_DEFAULT_INDEX"]
        == "https://u"
    )
    env = settings({"PIP_INDEX_URL": "https://p", "PIP_EXTRA_INDEX_URL": "https://a  https://b"}, None)
    assert (env["UV_DEFAULT_INDEX"], env["UV_INDEX"]) == ("https://p", "https://a https://b")
    assert env["UV_INDEX_STRATEGY"] == "unsafe-best-match", "pip takes the best of all its indexes"
    assert "UV_INDEX" not in settings({"PIP_EXTRA_INDEX_URL": "https://a"}, "https://d")
    (tmp_path / ".config" / "pip").mkdir(parents=True)
    (tmp_path / ".config" / "pip" / "pip.conf").write_text("[global]\nindex-url = https://conf/%40\n")
    assert settings({}, None)["UV_DEFAULT_INDEX"] == "https://conf/%40"
    assert settings({"PYTHONDONTWRITEBYTECODE": "1", "SSL_CERT_FILE": "/x"}, None).keys() >= {"SSL_CERT_FILE"}
    assert "PYTHONDONTWRITEBYTECODE" not in settings({"PYTHONDONTWRITEBYTECODE": "1"}, None)


@pytest.mark.parametrize(
    ("said", "message", "hint"),
    [
        ("Because pandsa was not found in the package registry and you require pandsa", "pandsa", "mean pandas"),
        ("Because sklearn was not found in the package registry", "sklearn", "mean scikit-learn"),
        ("Because there is no version of six==99 and you require six==99", "six", "Loosen"),
        ("error: Failed to fetch: x Caused by: dns error: failed to lookup address", "could not be reached", "network"),
        ("error: failed to write: No space left on device (os error 28)", "disk is full", "uv cache clean"),
        ("error: Failed to build `psycopg2==2.9`", "psycopg2", "apt"),
        ("HTTP status client error (401 Unauthorized) for url", "refused us", "credentials"),
        ("error: something new", "something new", ""),
    ],
)
def test_what_uv_says_becomes_words(said: str, message: str, hint: str) -> None:
    """Known failures are named with what to do; an unknown one is shown as it is."""
    error = failure("resolve packages", ["  × No solution", f"  {said}"], None)
    assert message in error.message
    assert hint in error.hint
    assert error.tail


def test_a_wrong_version_names_its_package(process_bench: Bench, tmp_path: Path) -> None:
    """uv's real words for a version that does not exist are understood."""
    spec = replace(process_bench.spec, name="wrong", python=PythonPart(packages=("six==99.9",)))
    assert isinstance(process_bench.engine, ProcessEngine)
    with pytest.raises(BuildFailed, match="no version of six"):
        build(process_bench.engine, spec, tmp_path / "log")
    assert not (os.path.lexists(process_bench.home.environment_folder("wrong") / "venv"))


def test_an_unreachable_index_is_said(engine: ProcessEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No network is told apart from a missing package, in uv's real words."""
    monkeypatch.setenv("UV_HTTP_TIMEOUT", "2")
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    spec = EnvironmentSpec("lost", python=PythonPart(index="http://127.0.0.1:9/simple"), ides=())
    with pytest.raises(BuildFailed, match="index could not be reached"):
        build(engine, spec, tmp_path / "log")


def test_a_fresh_build_replaces_only_by_what_is_whole(
    engine: ProcessEngine, home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Made anew it is a new venv in the same place; where that fails, the one before is there as it was."""
    spec = EnvironmentSpec("plain", python=PythonPart(), ides=())
    first = build(engine, spec, tmp_path / "log")
    mark = Path(first.reference) / "mark"
    mark.touch()
    away = ProcessEngine(home, Settings(package_index="http://127.0.0.1:9/simple"))
    told = {"log": tmp_path / "log", "progress": ignore, "cancelled": Event(), "fresh": True}
    with monkeypatch.context() as patch:  # those that are to work are tried again, as the machine's index may be busy
        patch.setenv("UV_HTTP_RETRIES", "0")
        with pytest.raises(BuildFailed):
            away.build(spec, first.id, **told)  # type: ignore[arg-type]
    assert engine.find(spec, first.id) == first
    assert mark.exists()
    again = engine.build(spec, first.id, **told)  # type: ignore[arg-type]
    assert (again.id, again.reference) == (first.id, first.reference)
    assert not mark.exists()
    assert sorted(path.name for path in Path(first.reference).parent.parent.glob(".*")) == []


def killed_midway(folder: Path) -> None:
    """Leave a revision as a forced build does that was killed while it made it anew."""
    folder.rename(venv.aside(folder))
    (folder / "venv").mkdir(parents=True)
    (folder / "requirements.in").touch()


def test_a_forced_build_that_was_killed_costs_nothing(process_bench: Bench, tmp_path: Path) -> None:
    """What it had set aside is found again, and by the next build too; but not taken from one that is still at it."""
    spec = replace(process_bench.spec, name="killed", python=PythonPart(), ides=())
    engine = process_bench.engine
    assert isinstance(engine, ProcessEngine)
    made = build(engine, spec, tmp_path / "log")
    folder = Path(made.reference).parent
    killed_midway(folder)
    with venv.alone(folder) as held:
        assert held
        assert engine.find(spec, made.id) is None
        assert venv.aside(folder).exists()
    assert engine.find(spec, made.id) == made
    killed_midway(folder)
    told: list[BuildProgress] = []
    assert build(engine, spec, tmp_path / "log", told) == made
    assert told == []
    assert [path.name for path in folder.parent.iterdir() if path.name.startswith(".")] == []
    engine.remove(made)


def test_what_killed_builds_left_is_removed(home: Home, process_bench: Bench) -> None:
    """Halves of venvs, removals that were not finished, folders with secrets go; what is whole or being made stays."""
    environments = home.environment_folder("a")
    whole, half, made, image = (environments / f"{number:016x}" for number in range(4))
    shutil.copytree(Path(process_bench.revision.reference).parent, whole, symlinks=True)
    for path in (
        half / "tool" / "x",
        made / "venv" / "x",
        image / "Dockerfile",
        image / "uv.toml",
        image / "uv",
        environments / "build-abc" / "uv.toml",
        environments / ".gone-1" / "locked" / "x",
        environments / f".old-{whole.name}" / "ready.json",
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (environments / ".gone-1" / "locked").chmod(0o500)
    venv.write(whole, replace(process_bench.revision, reference=str(whole / "venv")))
    with venv.alone(made):
        for name in EngineName:
            open_engine(name, home, Settings()).tidy()
    left = {str(path.relative_to(environments)) for path in environments.rglob("*") if whole not in path.parents}
    names = {whole.name, made.name, f"{made.name}/venv", f"{made.name}/venv/x", image.name, f"{image.name}/Dockerfile"}
    assert {name for name in left if not name.endswith(".lock")} == names
    assert venv.read(whole)
