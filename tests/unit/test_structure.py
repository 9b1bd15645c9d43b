"""The shape of the program: sizes, names, which library in which layer, and what starting may import."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "workbench"
LINES = 300
# Modules that may be longer, each with its reason.
LONGER: dict[str, str] = {}
NO_NOUNS = {"util", "utils", "helper", "helpers", "manager", "managers", "common", "misc"}
# The one place that may import a library; a path ending in / is a folder.
PLACE = {
    "aiohttp": "front/",
    "apprise": "notices/",
    "apscheduler": "supervisor/due/clock.py",
    "cronsim": "model/cron.py",
    "docker": "engines/docker/",
    "jupyter_client": "execution/",
    "jupytext": "notebooks/",
    "nbclient": "execution/",
    "nbconvert": "notebooks/",
    "nh3": "notebooks/",
    "nbformat": "notebooks/",
    "papermill": "execution/",
    "pydantic": "declare/",
    "ruamel": "declare/",
    "textual": "ui/",
    "yaml": "declare/",
    "zmq": "execution/",
}
# What must not be imported before a command is known to need it.
HEAVY = {*PLACE, "asyncio", "jinja2", "psutil", "requests", "sqlite3", "tornado"}


@cache
def modules(folder: Path) -> tuple[Path, ...]:
    """Python files in `folder`, the shipped examples left out."""
    return tuple(sorted(path for path in folder.rglob("*.py") if "__pycache__" not in path.parts))


@cache
def tree(path: Path) -> ast.Module:
    """`path` parsed."""
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def imported(path: Path) -> Iterator[tuple[str, int]]:
    """First names of what `path` imports anywhere in it, for type checkers alone too, with their lines."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from ((alias.name.split(".")[0], node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield (node.module or "").split(".")[0], node.lineno


def loaded_by(code: str) -> set[str]:
    """Names of the modules a fresh Python has loaded after `code`."""
    code += "\nimport sys; names = sorted(sys.modules); import json; print(json.dumps(names))"
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT, env=environ
    )
    return set(json.loads(done.stdout))


def test_modules_stay_small() -> None:
    """No module of the program has more than 300 lines, unless it is listed with its reason."""
    sizes = {
        str(path.relative_to(PACKAGE)): len(path.read_text(encoding="utf-8").splitlines()) for path in modules(PACKAGE)
    }
    assert {name: size for name, size in sizes.items() if size > LINES and name not in LONGER} == {}
    assert [name for name in LONGER if sizes.get(name, 0) <= LINES] == [], "listed, but not longer any more"


def test_modules_are_nouns() -> None:
    """No module or folder is called utils, helpers, manager or common."""
    wrong = [str(path) for path in modules(PACKAGE) if NO_NOUNS & {*path.parts[len(PACKAGE.parts) :], path.stem}]
    assert wrong == []


@pytest.mark.parametrize("library", sorted(PLACE))
def test_each_library_has_its_place(library: str) -> None:
    """A library is imported in one layer, so that the others can be read and changed without knowing it."""
    wrong = [
        f"{path.relative_to(ROOT)}:{line}"
        for path in modules(PACKAGE)
        for name, line in imported(path)
        if name == library and not str(path.relative_to(PACKAGE)).startswith(PLACE[library])
    ]
    assert wrong == []


def test_every_module_says_what_it_owns() -> None:
    """Modules of the program and of the tests open with a docstring."""
    silent = [
        str(path.relative_to(ROOT))
        for path in (*modules(PACKAGE), *modules(ROOT / "tests"), *modules(ROOT / "benchmarks"))
        if path.read_text(encoding="utf-8").strip() and not ast.get_docstring(tree(path))
    ]
    assert silent == []


def test_every_test_states_its_promise() -> None:
    """The docstring of a test says what it holds the program to."""
    silent = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"
        for path in modules(ROOT / "tests")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test")
        and not ast.get_docstring(node)
    ]
    assert silent == []


def test_no_test_sleeps_for_a_time() -> None:
    """Tests wait for a condition (tests/waiting.py), never for a length of time unless that line says why."""
    asleep = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in modules(ROOT / "tests")
        if path.name != "waiting.py"
        for test in ast.walk(tree(path))
        if isinstance(test, ast.FunctionDef | ast.AsyncFunctionDef) and test.name.startswith("test")
        for node in ast.walk(test)
        if isinstance(node, ast.Call) and ast.unparse(node.func) in {"time.sleep", "sleep", "asyncio.sleep"}
        if "  # " not in path.read_text(encoding="utf-8").splitlines()[node.lineno - 1]
    ]
    assert asleep == []


def test_the_package_root_imports_nothing() -> None:
    """`import workbench` loads the package alone."""
    assert loaded_by("import workbench") - loaded_by("pass") == {"workbench"}


@pytest.mark.parametrize("code", ["import workbench.__main__", "import workbench.paths, workbench.model.run"])
def test_starting_loads_nothing_heavy(code: str) -> None:
    """Help and completion answer at once: no engine, notebook, YAML or screen library is loaded for them."""
    assert sorted({name.split(".")[0] for name in loaded_by(code)} & HEAVY) == []


def test_help_loads_nothing_heavy() -> None:
    """`workbench --help` is printed without loading what the commands behind it need."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "workbench", "--help"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=environ,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    lines = [line for line in done.stderr.splitlines() if line.startswith("import time:")]
    names = {line.rsplit("|", 1)[-1].strip().split(".")[0] for line in lines}
    assert "workbench" in names
    assert sorted(names & HEAVY) == []


def test_an_idle_supervisor_holds_no_kernel_s_libraries() -> None:
    """What runners and people need is theirs to import: an idle supervisor stays small."""
    names = loaded_by("import workbench.supervisor.loop")
    heavy = {"jupyter_client", "zmq", "papermill", "nbclient", "nbformat", "nbconvert", "pydantic", "textual"}
    assert heavy.isdisjoint(names)


def test_an_engine_is_greeted_without_its_library() -> None:
    """A home that has nothing on Docker knows whether it answers, and its supervisor does not hold 10 MB for that."""
    asked = "assert greet(EngineName.DOCKER, ('unix:///no', 'x')).problem"
    names = loaded_by(f"from workbench.engines.registry import EngineName, greet; {asked}")
    assert {"docker", "requests", "urllib3"}.isdisjoint(names)


def test_processes_of_ours_do_not_look_in_the_working_directory() -> None:
    """`python -m workbench…` has -P or a working directory of ours: a project may have a file `json.py`."""
    wrong = []
    for path in modules(PACKAGE):
        placed = {
            id(inner)
            for call in ast.walk(tree(path))
            if isinstance(call, ast.Call) and any(keyword.arg == "cwd" for keyword in call.keywords)
            for inner in ast.walk(call)
        }
        for node in ast.walk(tree(path)):
            if not isinstance(node, ast.List | ast.Tuple) or id(node) in placed:
                continue
            words = [ast.unparse(part) for part in node.elts]
            for at, word in enumerate(words[:-1]):
                if word == "'-m'" and "workbench" in words[at + 1] and "'-P'" not in words[:at]:
                    wrong.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert wrong == []
