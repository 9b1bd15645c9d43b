"""Lock files: what they say, and how they are read beside a declaration."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from workbench.declare import DeclarationError
from workbench.declare import lock as lock_files
from workbench.model.lock import Change, Lock, changes
from workbench.services import environments
from workbench.services.bench import open_bench
from workbench.services.declared import catalogue, environment_files

LOCK = Lock(
    "docker",
    "linux/amd64",
    "debian:trixie-slim@sha256:" + "a" * 64,
    "3.13.5",
    ("pygments==2.19.2 --hash=sha256:00", "six==1.17.0 --hash=sha256:11 --hash=sha256:22"),
    ("libpq5=17.2-1", "tree=2.2.1-1"),
    "20261127T060000Z",
    ("dplyr==1.1.4",),
)
SUM = "--hash=md5:" + "0" * 32


def test_a_lock_is_read_as_it_was_written() -> None:
    """A line for each package, all of it read back; the same content has the same digest."""
    text = LOCK.to_json()
    assert Lock.from_json(text) == LOCK
    assert len([line for line in text.splitlines() if "==" in line]) == 3
    summed = replace(LOCK, r=(f"dplyr==1.1.4 {SUM}",))
    assert Lock.from_json(summed.to_json()) == summed
    assert summed.r_versions == LOCK.r_versions == {"dplyr": "1.1.4"}
    assert replace(LOCK, r=()).digest != LOCK.digest == Lock.from_json(text).digest


def test_a_lock_tells_what_it_lacks_and_what_agrees() -> None:
    """Names are compared as Python compares them; versions have to be equal."""
    assert LOCK.lacks(["six>=1", "Pygments", "pandas[excel]>=2"]) == ["pandas[excel]>=2"]
    assert LOCK.agrees(["Pygments==2.19.2", "six==1.17.0", "toolz==1.0", "deb:tree==9", "R:dplyr==1.1.4", "R:R6==2"])
    assert not LOCK.agrees(["six==1.16.0", "R:dplyr==1.1.4"])
    assert not LOCK.agrees(["six==1.17.0", "R:dplyr==1.1.3"])
    assert not LOCK.agrees(["six==1.17.0"]), "what R packages it has must be there: nothing fetches them later"
    assert LOCK.debian_names == {"libpq5", "tree"}


def test_changes_are_what_differs() -> None:
    """Newer, new and gone are told, each with both versions; what is equal is not."""
    assert changes("python", {"a": "1", "b": "1", "c": "1"}, {"a": "2", "b": "1", "d": "3"}) == [
        Change("python", "a", "1", "2"),
        Change("python", "c", "1", ""),
        Change("python", "d", "", "3"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"form": 99}',
        LOCK.to_json().replace("six", "s\\u001bix"),
        LOCK.to_json().replace('"r"', '"x"'),
        LOCK.to_json().replace("dplyr==1.1.4", "dplyr==1.1.4 --hash=md5:00"),
        LOCK.to_json().replace("dplyr==", "x; quit() =="),
    ],
)
def test_a_broken_lock_is_a_problem(tmp_path: Path, text: str) -> None:
    """A lock that cannot be read is no reason to build without one: the environment is invalid, with the file named."""
    bench = open_bench(tmp_path / "home")
    path = bench.home.environments / "own.yaml"
    path.parent.mkdir(exist_ok=True)
    path.write_text("python: {packages: [six]}\n")
    path.with_suffix(".lock").write_text(text)
    with pytest.raises(DeclarationError, match="lock"):
        environments.spec(bench, "own")
    bench.close()


def test_a_lock_stands_beside_its_declaration(tmp_path: Path) -> None:
    """It is another fingerprint, so that it is built by; that of a shipped environment is in the home."""
    bench = open_bench(tmp_path / "home")
    before = environments.spec(bench, "python")
    assert before.locked is None
    path = catalogue.lock_file(bench, before)
    assert path == bench.home.environments / "python.lock"
    lock_files.write(path, LOCK)
    after = environments.spec(bench, "python")
    assert after.locked == LOCK
    assert after.fingerprint != before.fingerprint
    assert [view.name for view in environments.listing(bench) if "lock" in view.name] == []
    bench.close()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("uv.lock", 'version = 1\nrevision = 3\nrequires-python = ">=3.11"\n'),
        ("renv.lock", '{"R": {"Version": "4.5.0", "Repositories": []}, "Packages": {}}'),
        ("Pipfile.lock", '{"_meta": {"pipfile-spec": 6, "sources": []}, "default": {}, "develop": {}}'),
    ],
)
def test_a_lock_of_another_tool_is_none_of_ours(tmp_path: Path, name: str, text: str) -> None:
    """A project's `uv.lock` is read as what it is, and a lock of ours stands beside it under a name of its own."""
    bench = open_bench(tmp_path / "home")
    folder = bench.home.projects / "study"
    folder.mkdir(parents=True)
    (folder / name).write_text(text)
    (folder / "pyproject.toml").write_text('[project]\nname = "study"\nversion = "1"\nrequires-python = ">=3.11"\n')
    spec = environments.spec(bench, f"study/{name}")
    path = catalogue.lock_file(bench, spec)
    assert path == folder / f"{name}.workbench.lock"
    lock_files.write(path, LOCK)
    assert environments.spec(bench, f"study/{name}").locked == LOCK
    assert (folder / name).read_text() == text
    bench.close()


def test_a_lock_that_the_declaration_names_is_none_of_ours(tmp_path: Path) -> None:
    """`python: {lock: own.lock}` in own.yaml keeps its meaning; locking it writes another file."""
    bench = open_bench(tmp_path / "home")
    bench.home.environments.mkdir(exist_ok=True)
    (bench.home.environments / "own.yaml").write_text("python: {lock: own.lock}\n")
    (bench.home.environments / "own.lock").write_text("six==1.17.0\n")
    spec = environments.spec(bench, "own")
    assert spec.locked is None
    assert catalogue.lock_file(bench, spec) == bench.home.environments / "own.yaml.workbench.lock"
    bench.close()


def test_a_removed_environment_takes_its_lock_along(tmp_path: Path) -> None:
    """Both are kept aside, so that another environment of that name is not built by the lock of the first."""
    bench = open_bench(tmp_path / "home")
    path = bench.home.environments / "own.yaml"
    path.parent.mkdir(exist_ok=True)
    path.write_text("python: {packages: [six]}\n")
    lock_files.write(path.with_suffix(".lock"), LOCK)
    kept = environment_files.remove(bench, "own")
    assert Lock.from_json(kept.with_suffix(".lock").read_text()) == LOCK
    assert list(path.parent.glob("own*")) == []
    bench.close()
