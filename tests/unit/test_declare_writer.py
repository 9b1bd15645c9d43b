"""Declarations written by the program: read back the same, people's comments kept, nobody's change lost."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.declare import DeclarationError, load_schedule, load_settings, writer
from workbench.declare.reader import read
from workbench.declare.scalars import free
from workbench.errors import Conflict, Refused

TEXT = """\
# Who asked for it: finance
---
# my comment
notebook: notebooks/report.ipynb   # the nb
cron: "30 6 * * mon-fri"

# params
parameters: {date: "${due}", x: 3.10, y: 012, z: 22:22, n: no}
retries: 1 # once
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A schedule of a person, with comments."""
    found = tmp_path / "nightly.yaml"
    found.write_text(TEXT)
    return found


def test_a_new_file_names_its_schema_for_editors(tmp_path: Path) -> None:
    """The first line is a path from the file that exists, so that editors find it offline."""
    home = tmp_path / "home"
    (home / ".workbench").mkdir(parents=True)
    file = home / "projects" / "p" / "schedules" / "n.yaml"
    writer.create(file, "schedule", {"notebook": "a.ipynb", "cron": "*/15 * * * *"}, home=home, note="a: b\n\nc")
    lines = file.read_text().splitlines()
    assert lines[0] == "# yaml-language-server: $schema=../../../.workbench/schemas/schedule.schema.json"
    assert (file.parent / lines[0].partition("=")[2]).resolve().is_file()
    assert lines[1:] == ["notebook: a.ipynb", 'cron: "*/15 * * * *"', "# a: b", "#", "# c"]
    assert load_schedule(file).get().cron == "*/15 * * * *"
    assert [entry.name for entry in file.parent.iterdir()] == ["n.yaml"]


def test_nothing_is_written_over(path: Path, tmp_path: Path) -> None:
    """A file that exists stays; one that would not hold is not begun."""
    with pytest.raises(Conflict):
        writer.create(path, "schedule", {"notebook": "a.ipynb", "every": "2h"}, home=tmp_path)
    assert path.read_text() == TEXT
    with pytest.raises(DeclarationError, match="no unit"):
        writer.create(tmp_path / "b.yaml", "settings", {"run_timeout": "5"}, home=tmp_path)
    assert not (tmp_path / "b.yaml").exists()


def test_a_change_keeps_comments_and_all_other_lines(path: Path) -> None:
    """Only the lines of the keys that were named differ."""
    path.chmod(0o640)
    writer.update(path, "schedule", {("retries",): 3, ("timeout",): "45m", ("parameters", "x"): None})
    lines = path.read_text().splitlines()
    assert lines[:5] == [*TEXT.splitlines()[:3], "notebook: notebooks/report.ipynb   # the nb", TEXT.splitlines()[4]]
    assert lines[7:] == [
        'parameters: {date: "${due}", y: 012, z: 22:22, n: no}',
        "retries: 3 # once",
        "timeout: 45m",
    ]
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_the_indent_of_lists_and_line_ends_stay(tmp_path: Path) -> None:
    """A change does not restyle what it does not touch."""
    for text in (
        "ides:\n- jupyter\ntitle: x\n",
        "ides:\n    - jupyter\ntitle: x\n",
        "ides:\r\n  - jupyter\r\ntitle: x\r\n",
    ):
        path = tmp_path / "e.yaml"
        path.write_bytes(text.encode())
        writer.update(path, "environment", {("title",): "z"})
        assert path.read_bytes().decode() == text.replace("x", "z")


def test_a_file_that_changed_meanwhile_is_left_alone(path: Path) -> None:
    """What a person saw is what is changed, or nothing."""
    seen = load_schedule(path).get().digest
    path.write_text(TEXT + "enabled: false\n")
    with pytest.raises(Conflict, match="changed meanwhile"):
        writer.update(path, "schedule", {("retries",): 3}, seen=seen)
    assert path.read_text() == TEXT + "enabled: false\n"
    writer.update(path, "schedule", {("retries",): 3}, seen=load_schedule(path).get().digest)


def test_a_change_that_would_not_hold_is_refused_with_its_place(path: Path) -> None:
    """The problem names the file, which stays as it was; a file with problems is not touched either."""
    with pytest.raises(DeclarationError) as caught:
        writer.update(path, "schedule", {("cron",): "* *"})
    assert caught.value.problems[0].path == path
    assert path.read_text() == TEXT
    path.write_text("a: 1\na: 2\n")
    with pytest.raises(DeclarationError, match="duplicate"):
        writer.update(path, "schedule", {("retries",): 3})


def test_a_link_stays_a_link(path: Path, tmp_path: Path) -> None:
    """The file it leads to is changed."""
    link = tmp_path / "link.yaml"
    link.symlink_to(path)
    writer.update(link, "schedule", {("retries",): 3})
    assert link.is_symlink()
    assert "retries: 3" in path.read_text()


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """Writing says why it cannot be."""
    (tmp_path / "file").touch()
    with pytest.raises((Refused, OSError)):
        writer.create(tmp_path / "file" / "x.yaml", "settings", {"engine": "auto"}, home=tmp_path)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc"]), max_size=12)
    | st.sampled_from(
        ["no", "3.10", "012", "1_0", "0x1f", "22:22", "*/5", "@d", "a: b", "a #b", "1.", "-", "?", "~", "|"]
    )
    | st.sampled_from(
        ["a\nb", " a ", "\n", "a\tb", "- x", "{a", "[", "'", '"', "!x", "%y", "null", "1e5", "2024-01-01"]
    ),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("ab:- #", min_size=1, max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.sampled_from(["a", "b", "no", "3", "x y"]), JSON, min_size=1, max_size=4))
def test_what_is_dumped_reads_back_the_same(data: dict[str, Any]) -> None:
    """Parameters of a schedule survive the file: values and types."""
    document = read(writer.dump({"parameters": data}))
    assert not document.problems
    assert free(document.data["parameters"]) == data


@settings(max_examples=60, deadline=None)
@given(JSON)
def test_a_change_reads_back_and_touches_nothing_else(tmp_path_factory: pytest.TempPathFactory, value: Any) -> None:
    """Whatever is put into parameters, the other lines say what they said."""
    path = tmp_path_factory.mktemp("edit") / "n.yaml"
    path.write_text(TEXT)
    before = load_schedule(path).get()
    writer.update(path, "schedule", {("parameters", "new"): {"value": value}})
    after = load_schedule(path).get()
    assert after.parameters == {**before.parameters, "new": {"value": value}}
    assert (after.cron, after.retries, after.notebook) == (before.cron, before.retries, before.notebook)
    assert "# my comment" in path.read_text()


def test_settings_can_be_begun_and_changed(tmp_path: Path) -> None:
    """The zone that is asked once is written so that it is read."""
    path = tmp_path / "workbench.yaml"
    writer.create(path, "settings", {"timezone": "Europe/Berlin"}, home=tmp_path)
    writer.update(path, "settings", {("registries", "docker.io"): "127.0.0.1:5000"})
    found = load_settings(path).get()
    assert (found.timezone, found.registries) == ("Europe/Berlin", {"docker.io": "127.0.0.1:5000"})
