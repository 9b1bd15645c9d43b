"""Venvs that begin as the revision before."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from threading import Event

import pytest
from engines.conftest import ignore

from workbench.engines.process import bytecode
from workbench.engines.process.engine import ProcessEngine
from workbench.errors import BuildFailed
from workbench.model.environment import EnvironmentSpec, PythonPart, Revision
from workbench.model.lock import Change
from workbench.paths import Home, open_home
from workbench.settings import Settings


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home whose environments are used by all tests here."""
    return open_home(tmp_path_factory.mktemp("growth"))


def build(home: Home, *lines: str, before: Sequence[Revision] = (), name: str = "grown") -> tuple[Revision, str]:
    """Build an environment with `lines`; the revision, and what the log has."""
    engine = ProcessEngine(home, Settings())
    spec = EnvironmentSpec(name, python=PythonPart(packages=lines), ides=())
    number = engine.revision_id(spec)
    log = home.build_log(0).with_name(f"{number}.log")
    revision = engine.build(spec, number, log=log, progress=ignore, cancelled=Event(), before=before)
    return revision, log.read_text()


def test_what_is_only_more_begins_as_the_one_before(home: Home) -> None:
    """A package that is added gives what a whole build of those versions gives, compiled, in a venv of its own."""
    first, _ = build(home, "six")
    listing = sorted(Path(first.reference).rglob("*"))
    second, log = build(home, "six", "pluggy", before=[first])
    assert f"begun with {first.reference}" in log
    assert set(first.packages) < set(second.packages)
    whole, log = build(home, *second.packages, name="whole")
    assert "begun with" not in log
    assert whole.packages == second.packages
    place = Path(second.reference)
    assert sorted(Path(first.reference).rglob("*")) == listing
    assert not [path for path in (place / "bin").iterdir() if first.reference in path.read_text(errors="replace")]
    said = subprocess.run(
        [place / "bin" / "ipython", "-c", "import sys; print(sys.prefix)"], capture_output=True, text=True
    )
    assert said.stdout.strip() == second.reference
    packages = bytecode.packages(place)
    assert packages
    assert bytecode.missing(packages) == []
    assert [kernel.argv[0] for kernel in second.kernels] == [f"{place}/bin/python"]


def test_what_has_to_move_is_resolved_whole(home: Home) -> None:
    """A wish that does not go with a version of before moves that one; a package that is gone is gone."""
    first, _ = build(home, "six", "pluggy<1.6")
    moved, log = build(home, "six", "pluggy<1.6", "six<1.16", before=[first])
    assert "begun with" not in log
    assert set(moved.packages) - set(first.packages) == {"six==1.15.0"}
    fewer, log = build(home, "pluggy", before=[first])
    assert "begun with" not in log
    assert {line for line in first.packages if not line.startswith("six==")} >= set(fewer.packages)


def test_the_one_before_may_be_going_away(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it is removed meanwhile, the venv is made whole."""
    first, _ = build(home, "six")

    def gone(*_: object) -> None:
        raise FileNotFoundError(2, "gone", "x")

    monkeypatch.setattr("workbench.engines.process.offshoot.grow", gone)
    second, log = build(home, "six", "toolz", before=[first])
    assert "cannot be begun with" in log
    assert any(line.startswith("toolz==") for line in second.packages)
    assert any(line.startswith("six==") for line in second.packages)


def test_a_lock_repeats(home: Home, tmp_path: Path) -> None:
    """Another home builds the same by a lock, whose hashes are checked; what is newer is told; it is exported."""
    told = {"log": tmp_path / "log", "cancelled": Event()}
    engine = ProcessEngine(home, Settings())
    first, _ = build(home, "six<1.17", name="locked")
    spec = EnvironmentSpec("locked", python=PythonPart(packages=("six",)), ides=())
    lock = engine.lock(spec, first, **told)  # type: ignore[arg-type]
    elsewhere = ProcessEngine(open_home(tmp_path / "elsewhere"), Settings())
    locked = replace(spec, locked=lock)
    number = elsewhere.revision_id(locked)
    again = elsewhere.build(locked, number, log=tmp_path / "again", progress=ignore, cancelled=Event())
    assert again.packages == first.packages
    assert elsewhere.outdated(locked, again, **told) == [Change("python", "six", "1.16.0", "1.17.0")]  # type: ignore[arg-type]
    elsewhere.export(locked, again, tmp_path / "out", **told)  # type: ignore[arg-type]
    text = (tmp_path / "out" / "requirements.txt").read_text()
    assert "six==1.16.0 --hash=sha256:" in text
    wrong = replace(lock, python=tuple(re.sub(r"(?<=sha256:)\w+", "0" * 64, line) for line in lock.python))
    spec = replace(spec, locked=wrong)
    with pytest.raises(BuildFailed) as caught:
        elsewhere.build(spec, elsewhere.revision_id(spec), log=tmp_path / "wrong", progress=ignore, cancelled=Event())
    assert "hash" in " ".join(caught.value.tail).lower()
