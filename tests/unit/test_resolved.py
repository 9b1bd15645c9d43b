"""An environment as it resolves: each value has the file and line, the size, setting or default it comes from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from cli_home import Shell, make_shell

from workbench.declare import lock as lock_files
from workbench.model.lock import Lock
from workbench.services import projects
from workbench.services.declared.resolved import Value, resolved
from workbench.services.supervision import control


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Shell]:
    """A home with `base`, and `sales` that extends it; settings with a size and a registry."""
    monkeypatch.setattr(control, "ensure", lambda _bench: None)
    made = make_shell(capsys)
    folder = made.bench.home.environments
    (folder / "base.yaml").write_text(
        "python:\n  version: 3.13\n  packages: [pandas, numpy]\nenv: {A: base, B: base}\nlimits: {pids: 200}\n"
    )
    (folder / "more.txt").write_text("polars\n")
    (folder / "sales.yaml").write_text(
        """\
extends: base
title: Sales
python:
  packages:
    - pandas
    - acme
  requirements: more.txt
env: {B: own}
secrets: [KEY]
size: tiny
limits: {cpus: 1}
"""
    )
    made.bench.home.settings_file.write_text(
        "registries: {docker.io: mirror.example}\nsizes:\n  tiny: {memory: 512M, cpus: 0.5}\n"
    )
    yield made
    made.bench.close()


def rows(shell: Shell, name: str) -> dict[tuple[str, str], Value]:
    """All values by key and text."""
    return {(one.key, one.value): one for one in resolved(shell.bench, name).values}


def test_every_value_has_its_place(shell: Shell) -> None:
    """Of lists each item, of mappings each key; what was not said has its setting or default."""
    found = rows(shell, "sales")
    told = {key: (one.kind, one.origin) for key, one in found.items()}
    assert told["title", "Sales"] == ("declared", "environments/sales.yaml:2")
    assert told["python.version", "3.13"] == ("extends", "environments/base.yaml:2")
    assert told["python.packages", "pandas"] == ("extends", "environments/base.yaml:3")
    assert told["python.packages", "acme"] == ("declared", "environments/sales.yaml:6")
    assert told["python.packages", "polars"] == ("declared", "environments/more.txt")
    assert told["env.A", "base"] == ("extends", "environments/base.yaml:4")
    assert told["env.B", "own"] == ("declared", "environments/sales.yaml:8")
    assert told["limits.cpus", "1"] == ("declared", "environments/sales.yaml:11")
    assert told["limits.memory", "512 MB"] == ("size", "size tiny (workbench.yaml:3), environments/sales.yaml:10")
    assert told["limits.pids", "200"] == ("extends", "environments/base.yaml:5")
    assert told["registries.docker.io", "mirror.example"] == ("settings", "workbench.yaml:1")
    assert told["network", "true"] == ("default", "default of the program")
    assert told["ides", "jupyter"] == ("default", "default of the program")
    assert ("env.B", "base") not in found


def test_the_command_prints_them(shell: Shell) -> None:
    """For people with the chain of files, for programs with file and line."""
    out = shell("environments", "show", "sales", "--resolved")
    assert "environments/sales.yaml → environments/base.yaml" in out
    assert "environments/sales.yaml:6" in out
    data = shell.json("environments", "show", "sales", "--resolved")
    assert [Path(file).name for file in data["files"]] == ["sales.yaml", "base.yaml"]
    [acme] = [value for value in data["values"] if value["value"] == "acme"]
    assert (Path(acme["file"]).name, acme["line"], acme["kind"]) == ("sales.yaml", 6, "declared")
    shipped = shell("environments", "show", "python", "--resolved")
    assert "shipped python.yaml:" in shipped


def test_nothing_takes_the_whole_machine_by_default(shell: Shell) -> None:
    """The bound that holds where none is said is among the values."""
    memory = next(one for one in resolved(shell.bench, "python").values if one.key == "limits.memory")
    assert (memory.kind, "less a reserve" in memory.origin) == ("default", True)


def test_standard_files_are_named(shell: Shell, tmp_path: Path) -> None:
    """Each value names the file that brought it."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / "requirements.txt").write_text("six\n")
    (folder / "apt.txt").write_text("libpq5\n")
    (folder / "runtime.txt").write_text("python-3.12\n")
    projects.add(shell.bench, folder)
    told = {key: (one.kind, Path(one.origin).name) for key, one in rows(shell, "elsewhere/requirements.txt").items()}
    assert told["python.packages", "six"] == ("standard file", "requirements.txt")
    assert told["apt", "libpq5"] == ("standard file", "apt.txt")
    assert told["python.version", "3.12"] == ("standard file", "runtime.txt")


def test_passwords_of_addresses_are_left_out(shell: Shell) -> None:
    """What is printed may be sent to others: an address keeps its name of an account and loses its password."""
    (shell.bench.home.environments / "private.yaml").write_text(
        "python: {index: 'https://me:s3cret@index.example/simple'}\nenv: {DB: 'postgres://me:s3cret@db.example/x'}\n"
    )
    values = {one.key: one.value for one in resolved(shell.bench, "private").values}
    assert values["python.index"] == "https://me:…@index.example/simple"
    assert values["env.DB"] == "postgres://me:…@db.example/x"


def test_a_lock_is_told_from_its_own_file_and_without_its_hashes(shell: Shell) -> None:
    """Each locked version comes from the lock; how many hashes allow it is enough for people, programs get them all."""
    line = f"six==1.17.0 --hash=sha256:{'1' * 64} --hash=sha256:{'2' * 64}"
    lock = shell.bench.home.environments / "base.lock"
    lock_files.write(lock, Lock("process", "linux/x86_64", python_version="3.13.5", python=(line,)))
    assert rows(shell, "base")["locked.python", line].origin == "environments/base.lock"
    shown = next(row for row in shell("env", "show", "base", "--resolved").splitlines() if "six" in row)
    assert (shown.split()[1:4], "sha256" in shown) == (["six==1.17.0", "(2", "hashes)"], False)
