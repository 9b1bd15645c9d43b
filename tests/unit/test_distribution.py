"""Another distribution with a package named `workbench` is noticed and named."""

from __future__ import annotations

from pathlib import Path

from workbench import distribution


def install(site: Path, name: str, files: str, *, top_level: str | None = None) -> None:
    """Lay down what an installer leaves of a distribution."""
    folder = site / f"{name.replace('-', '_')}-1.2.dist-info"
    folder.mkdir(parents=True)
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.2\n")
    (folder / "RECORD").write_text(files)
    if top_level is not None:
        (folder / "top_level.txt").write_text(top_level)


def test_the_other_owner_is_named_with_what_to_do(tmp_path: Path) -> None:
    """A distribution that owns files of `workbench/` is found by its RECORD, and the sentence names it."""
    install(tmp_path, "dsw-lite", "workbench/__init__.py,,\n")
    install(tmp_path, "ansys-workbench", "LICENSE,,\nworkbench/__init__.py,,\n")
    assert [owner.name for owner in distribution.others([str(tmp_path)])] == ["ansys-workbench"]
    problem = distribution.problem([str(tmp_path)])
    assert "ansys-workbench 1.2" in problem
    assert str(tmp_path) in problem
    assert "uv tool install dsw-lite" in problem


def test_the_other_owner_is_found_by_its_top_level(tmp_path: Path) -> None:
    """A distribution installed without RECORD is found by what setuptools says of it."""
    install(tmp_path, "bench", "", top_level="benchlib\nworkbench\n")
    assert [owner.name for owner in distribution.others([str(tmp_path)])] == ["bench"]


def test_likeness_is_no_conflict(tmp_path: Path) -> None:
    """Names that only begin or end alike are nobody's conflict, and neither is our own distribution."""
    install(tmp_path, "dsw_lite", "workbench/__init__.py,,\n", top_level="workbench")
    install(tmp_path, "workbench-tools", "workbench_tools/__init__.py,,\nx/workbench/a.py,,\n")
    assert distribution.problem([str(tmp_path)]) == ""


def test_this_python_is_fine() -> None:
    """The Python that runs the tests has no other owner."""
    assert distribution.problem() == ""
