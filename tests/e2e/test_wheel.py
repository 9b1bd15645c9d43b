"""The wheel, installed as people install it and run with no checkout near."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from workbench import __version__

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.timeout(600)


@dataclass(frozen=True)
class Person:
    """Somebody with an empty home folder and nothing of ours in the environment; only uv's cache is shared."""

    home: Path

    @property
    def environ(self) -> dict[str, str]:
        """The environment of their shell."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PYTHON", "WORKBENCH", "VIRTUAL_ENV", "XDG_", "PIPX", "UV_"))
        }
        cache = (
            os.environ.get("UV_CACHE_DIR")
            or subprocess.run(
                [sys.executable, "-m", "uv", "cache", "dir"], capture_output=True, text=True, check=True
            ).stdout.strip()
        )
        return {
            **kept,
            "HOME": str(self.home),
            "UV_CACHE_DIR": cache,
            "PATH": f"{self.home}/.local/bin:{os.environ['PATH']}",
        }

    def run(self, *arguments: str | Path, code: int = 0) -> str:
        """What a command prints, run in the home folder; its exit code has to be `code`."""
        done = subprocess.run(
            [str(argument) for argument in arguments],
            env=self.environ,
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        said = f"{done.stdout}\n{done.stderr}"
        assert done.returncode == code, f"{arguments} ended with {done.returncode}:\n{said[-4000:]}"
        return done.stdout


@pytest.fixture
def person(tmp_path: Path) -> Person:
    """Somebody new to workbench."""
    home = tmp_path / "person"
    home.mkdir()
    return Person(home)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built once from this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    done = subprocess.run(
        [sys.executable, "-m", "uv", "build", "--quiet", "--wheel", "--out-dir", str(folder), str(ROOT)],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    (built,) = folder.glob("*.whl")
    return built


def first_day(person: Person) -> None:
    """What a newcomer does first, with the command found on PATH."""
    assert __version__ in person.run("workbench", "--version")
    assert person.run("dsw", "--version") == person.run("workbench", "--version")
    home = person.home / "bench"
    person.run("workbench", "--home", home, "init")
    assert (home / ".workbench").is_dir()
    person.run("workbench", "--home", home, "check")
    listed = json.loads(person.run("workbench", "--home", home, "environments", "list", "--json"))
    assert {"python", "r"} <= {entry["name"] for entry in listed}


def test_everything_that_ships_is_in_the_wheel(wheel: Path) -> None:
    """The shipped environments, the example project and the typing marker are packed."""
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    for folder in ("environments", "ides", "projects"):
        here = {
            f"workbench/shipped/{path.relative_to(ROOT)}"
            for path in (ROOT / folder).rglob("*")
            if path.is_file() and not {".ipynb_checkpoints", "runs", "__pycache__"} & set(path.parts)
        }
        assert here, f"nothing in {folder}/ of the checkout"
        assert here - names == set()
    assert "workbench/py.typed" in names
    assert not [name for name in names if name.startswith(("tests/", "benchmarks/"))]


def test_uv_tool_install(wheel: Path, person: Person) -> None:
    """`uv tool install` gives a command that works in an empty home folder."""
    person.run(sys.executable, "-m", "uv", "tool", "install", "--quiet", "--python", sys.executable, wheel)
    first_day(person)


def test_pipx_install(wheel: Path, person: Person, tmp_path: Path) -> None:
    """`pipx install` gives the same."""
    tools = tmp_path / "pipx"
    person.run(sys.executable, "-m", "uv", "venv", "--quiet", "--python", sys.executable, tools)
    person.run(sys.executable, "-m", "uv", "pip", "install", "--quiet", "--python", tools / "bin" / "python", "pipx")
    person.run(tools / "bin" / "pipx", "install", "--quiet", "--python", sys.executable, wheel)
    first_day(person)


def test_another_owner_of_the_package_is_named(wheel: Path, person: Person, tmp_path: Path) -> None:
    """Where another distribution in the same Python has a package `workbench`, doctor names it."""
    python = tmp_path / "venv" / "bin" / "python"
    uv = (sys.executable, "-m", "uv")
    person.run(*uv, "venv", "--quiet", "--python", sys.executable, tmp_path / "venv")
    other = tmp_path / "otherbench-1.2-py3-none-any.whl"
    info = "otherbench-1.2.dist-info"
    with zipfile.ZipFile(other, "w") as archive:
        archive.writestr("workbench/other.py", "")
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: otherbench\nVersion: 1.2\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(
            f"{info}/RECORD", f"workbench/other.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n"
        )
    person.run(*uv, "pip", "install", "--quiet", "--python", python, wheel, other)
    done = subprocess.run(
        [python, "-m", "workbench", "--home", person.home / "bench", "doctor"],
        env=person.environ,
        cwd=person.home,
        capture_output=True,
        text=True,
    )
    assert "otherbench 1.2" in done.stdout + done.stderr
