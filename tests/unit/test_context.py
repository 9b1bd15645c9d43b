"""What a build sees of a folder: `.dockerignore` as Docker reads it, never what is not the project's to give."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from workbench import context
from workbench.errors import Refused
from workbench.ignoring import Ignoring


@pytest.mark.parametrize(
    ("rules", "path", "ignored"),
    [
        ("*.tmp", "a.tmp", True),
        ("*.tmp", "b/a.tmp", False),
        ("**/*.tmp", "b/c/a.tmp", True),
        ("**/*.tmp", "a.tmp", True),
        ("b", "b/c/a", True),
        ("/b/", "b/c", True),
        ("b/**", "b/c/a", True),
        ("*\n!keep", "keep/a", False),
        ("*\n!keep", "other", True),
        ("data/*\n!data/k", "data/k", False),
        ("a?c", "abc", True),
        ("a?c", "a/c", False),
        ("[ab].txt", "b.txt", True),
        ("# b\n\n", "b", False),
        ("a.b", "axb", False),
        ("!a\na", "a", True),
    ],
)
def test_ignoring(rules: str, path: str, ignored: bool) -> None:
    """The last rule that fits decides, for a file or for a folder above it."""
    assert Ignoring.of(rules).ignored(path) is ignored


def test_what_is_seen(tmp_path: Path) -> None:
    """Not repositories, runs, venvs, caches, links out of the folder; `.dockerignore` of the place that is asked for."""
    for name in (
        ".git/config",
        "runs/1/x",
        "more/runs/x",
        "v/pyvenv.cfg",
        "a/__pycache__/x",
        "a/b.py",
        "c.tmp",
        "k/d.tmp",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    (tmp_path / "out").symlink_to("/etc/passwd")
    (tmp_path / "in").symlink_to("a/b.py")
    (tmp_path / "lost").symlink_to("nowhere")
    (tmp_path / "binder").mkdir()
    (tmp_path / "binder" / ".dockerignore").write_text("*.tmp\nk\n!k/d.tmp\n")
    everything = ["a/b.py", "binder/.dockerignore", "c.tmp", "in", "k/d.tmp", "more/runs/x"]
    assert sorted(context.visible(tmp_path)) == everything
    seen = sorted(context.visible(tmp_path, context.rules(tmp_path, place="binder")))
    assert seen == [name for name in everything if name != "c.tmp"]
    context.copy(tmp_path, tmp_path.with_name("copied"))
    copied = sorted(
        path.relative_to(tmp_path.with_name("copied")).as_posix()
        for path in tmp_path.with_name("copied").rglob("*")
        if not path.is_dir() or path.is_symlink()
    )
    assert copied == everything


def test_a_digest_is_of_contents(tmp_path: Path) -> None:
    """Times do not count; contents, names and whether a file may be run do."""
    (tmp_path / "a").write_text("1")
    first = context.digest(tmp_path)
    subprocess.run(["touch", "-d", "2001-01-01", tmp_path / "a"], check=True)
    assert context.digest(tmp_path) == first
    (tmp_path / "a").chmod(0o755)
    second = context.digest(tmp_path)
    (tmp_path / "b").write_text("1")
    assert len({first, second, context.digest(tmp_path)}) == 3
    assert context.digest(tmp_path, ["a"]) == second
    assert context.digest(tmp_path, ["."]) == context.digest(tmp_path)


def test_too_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With what to do about it."""
    for name in "abc":
        (tmp_path / name).write_text("x" * 100)
    monkeypatch.setattr(context, "MOST_BYTES", 250)
    with pytest.raises(Refused, match="would be copied") as caught:
        context.copy(tmp_path, tmp_path.with_name("too-much"))
    assert ".dockerignore" in caught.value.hint
    monkeypatch.setattr(context, "MOST_FILES", 2)
    with pytest.raises(Refused, match="more than 2 files"):
        list(context.visible(tmp_path))
