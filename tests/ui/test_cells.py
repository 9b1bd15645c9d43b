"""What lists say of each thing, without a program: columns, cells, marks, pages, logs."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from ui.seeding import HOSTILE, NOW, Seed, story

from workbench.model.build import BuildState
from workbench.model.run import RunState
from workbench.model.session import Desired, Session, SessionState
from workbench.model.usage import Usage
from workbench.services.overview import overview
from workbench.ui import tone
from workbench.ui.editor import command
from workbench.ui.nouns.environments import Environments
from workbench.ui.nouns.projects import Projects
from workbench.ui.nouns.runs import Runs, bar
from workbench.ui.nouns.schedules import Schedules
from workbench.ui.nouns.sessions import Sessions, use
from workbench.ui.page import Page, wrapped
from workbench.ui.sources import EventSource, FileSource
from workbench.ui.widgets.columns import GAP, fit, pad, wants
from workbench.ui.widgets.header import engine_cells
from workbench.ui.widgets.logview import _pieces

NOUNS = (Projects, Environments, Sessions, Runs, Schedules)


def test_every_state_has_a_mark() -> None:
    """No state of a run, session or build lacks glyph, word and tone."""
    marks = [tone.of_run(state) for state in RunState]
    marks += [tone.of_session(state) for state in SessionState]
    marks += [tone.of_build(state) for state in BuildState]
    marks += [
        tone.of_environment(word) for word in ("not built", "queued", "building", "ready", "failed", "stale", "invalid")
    ]
    assert all(mark.word and cell_len(mark.glyph) == 1 for mark in marks)


def test_a_value_of_a_million_characters_is_shown_in_part() -> None:
    """To wrap all of it the screen would stand still for a minute; how much there is is said."""
    value, lines = "x" * 1_000_000, "\n".join("y" * 20_000)
    page = Page().facts(("key", value)).text(f"{value}\nlast").table([["name", value]]).text(lines).content(80).plain
    assert len(page) < 30_000
    assert page.replace("\n", "").replace(" ", "").count("…(1000000characters)") == 2
    assert "last" in page
    assert "… and 15000 lines more" in page


@pytest.mark.parametrize("noun", NOUNS)
def test_a_noun_has_a_cell_for_each_column(noun: type, tmp_path: Path) -> None:
    """Cells and columns go together, and loading says something else than emptiness."""
    seed = story(Seed(tmp_path / "home"))
    made = noun()
    items = made.load(seed.bench)
    assert items
    for item in items:
        assert len(made.cells(item, NOW)) == len(made.columns)
        assert made.key(item)
        assert made.words(item)
        assert made.mark(item)
    assert made.loading != made.empty
    seed.bench.close()


@pytest.mark.parametrize("noun", NOUNS)
@given(room=st.integers(0, 250))
def test_columns_never_need_more_room_than_there_is(noun: type, room: int) -> None:
    """Columns are dropped before they are cut, and what is left over is given to the growing ones."""
    columns = noun.columns
    widths = fit(columns, room)
    kept = [width for width in widths if width]
    least = [column.width for column in columns if not column.drop]
    needed = sum(least) + GAP * (len(least) - 1)
    assert sum(kept) + GAP * (len(kept) - 1) <= max(room, needed)
    if room >= needed:
        assert all(width >= column.width for width, column in zip(widths, columns, strict=True) if width)


@given(text=st.text(), width=st.integers(0, 40))
def test_padding_gives_exactly_the_width(text: str, width: int) -> None:
    """Whatever the text holds, wide and combining characters too, a cell has its width."""
    assert cell_len(pad(text, width)) == width


@given(text=st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=200), width=st.integers(2, 30))
def test_wrapping_loses_nothing(text: str, width: int) -> None:
    """The pieces of a wrapped line are the line, each no wider than asked."""
    pieces = _pieces(text, width)
    assert "".join(text[start:end] for start, end in pieces) == text
    assert all(cell_len(text[start:end]) <= width for start, end in pieces)


def test_a_page_shows_foreign_text_as_it_is() -> None:
    """Markup stays literal and control characters go, wherever the text is put."""
    page = Page().facts(("key", HOSTILE)).heading(HOSTILE).text(HOSTILE).table([[HOSTILE, HOSTILE]]).content().plain
    assert page.count("[/x]") == 5
    assert not any(character in page for character in "\x1b\x07\u202e")


def test_a_table_is_aligned() -> None:
    """Cells begin below each other whatever is cleaned out of them; spaces that one begins with stay."""
    hostile = "a\x1b[31m  b\u202e"
    page = Page().table([["  x", "first"], [hostile, "second"], ["", "third"]], first=6).content().plain
    assert page.split("\n") == ["  x     first", "a b     second", "        third"]
    narrow = Page().table([["key", "one two three four"]]).content(15).plain
    assert narrow.split("\n") == ["key  one two", "     three four"]


def test_the_engine_is_named_as_far_as_there_is_room(tmp_path: Path) -> None:
    """The header has the engine's whole version where it fits, else its name and number."""
    seed = Seed(tmp_path / "home")
    seed.engine(version="Docker Engine 20.10.24+dfsg1, rootless")
    found = overview(seed.bench)
    assert [cell.text for cell in engine_cells(found)] == ["● Docker Engine 20.10.24+dfsg1, rootless"]
    assert [cell.text for cell in engine_cells(found, short=True)] == ["● docker 20.10.24"]
    seed.bench.close()


def test_a_bar_is_as_long_as_asked() -> None:
    """Progress fills a bar of fixed width and never more."""
    assert bar(0, 0, 10) == "─" * 10
    assert bar(5, 10, 10) == "━" * 5 + "─" * 5
    assert bar(99, 10, 10) == "━" * 10


def test_a_growing_file_is_read_in_lines(tmp_path: Path) -> None:
    """New lines come once, a line in the making is partial, a character cut in two is not garbled."""
    path = tmp_path / "log.txt"
    source = FileSource("a", path)
    assert source.read() is None
    path.write_bytes(b"first\nsec")
    chunk = source.read()
    assert chunk
    assert (chunk.lines, chunk.partial, chunk.reset) == (("first",), "sec", True)
    assert source.read() is None
    with path.open("ab") as file:
        file.write(b"ond\n" + "ü".encode()[:1])
    chunk = source.read()
    assert chunk
    assert (chunk.lines, chunk.partial, chunk.reset) == (("second",), "", False)
    with path.open("ab") as file:
        file.write("ü".encode()[1:] + b"\n")
    assert (chunk := source.read())
    assert chunk.lines == ("ü",)


def test_a_replaced_or_shortened_file_begins_anew(tmp_path: Path) -> None:
    """A log that was written anew is shown from its beginning."""
    path = tmp_path / "log.txt"
    path.write_text("one\ntwo\n")
    source = FileSource("a", path)
    source.read()
    path.write_text("new\n")
    assert (chunk := source.read())
    assert chunk.reset
    assert chunk.lines == ("new",)


def test_the_output_of_a_run_comes_from_its_events(tmp_path: Path) -> None:
    """Cells, their output and how they ended, in order, cleaned."""
    seed = Seed(tmp_path / "home")
    run = seed.run(RunState.RUNNING)
    seed.events(
        run,
        {"kind": "cell", "cell": 3, "n": 2, "of": 5},
        {"kind": "output", "cell": 3, "stream": "stdout", "text": "10%\r20%\x1b[31m\nhalf"},
    )
    source = EventSource("a", seed.bench, run)
    assert (chunk := source.read())
    assert chunk.lines[0].startswith("── cell 3 (2 of 5)")
    assert chunk.lines[1] == "20%"
    assert chunk.partial == "half"
    seed.events(run, {"kind": "done", "cell": 3, "n": 2, "of": 5, "seconds": 0.5, "status": "ok"})
    assert (chunk := source.read())
    assert chunk.lines == ("half", "   ok in 0.5s")
    assert source.read() is None
    seed.bench.close()


@pytest.mark.parametrize(
    ("editor", "argv"),
    [
        ("nano -l", ["nano", "-l", "+7", "/x/a.yaml"]),
        ("code", ["code", "--wait", "--goto", "/x/a.yaml:7"]),
        ("/usr/bin/hx", ["/usr/bin/hx", "/x/a.yaml:7"]),
    ],
)
def test_each_editor_is_told_the_line_in_its_own_way(editor: str, argv: list[str]) -> None:
    """e opens a file at the line of its problem, in terminal editors and in windows."""
    assert command(Path("/x/a.yaml"), 7, {"EDITOR": editor}) == argv


@pytest.mark.parametrize("columns", [30, 33, 80])
def test_what_is_too_long_hangs_below_its_beginning(columns: int) -> None:
    """Facts and indented text go on in their own column, cut between words; nothing is wider than the pane or lost."""
    value, source = "one reason after another " * 5, "    total = orders.merge(customers, on='customer')"
    page = Page().facts(("why", value), ("path", "/a" * 40)).text(source, indent=2).content(columns).plain
    lines = page.split("\n")
    assert max(map(cell_len, lines)) <= columns
    begun = next(number for number, line in enumerate(lines) if "total" in line)
    assert all(line.startswith(("why", "path", " " * 13)) for line in lines[:begun])
    assert all(line.startswith(" " * 6) for line in lines[begun:])
    assert "".join(page.split()) == "".join(f"why{value}path{'/a' * 40}{source}".split())


def test_wide_characters_are_counted_by_their_cells() -> None:
    """A line of wide characters is cut where its cells end, not its characters."""
    assert wrapped("\u6f22\u5b57" * 4, 6) == ["\u6f22\u5b57\u6f22", "\u5b57\u6f22\u5b57", "\u6f22\u5b57"]
    assert wrapped("ab cd", 5) == ["ab cd"]
    assert wrapped("ab cd", 2) == ["ab", "cd"]
    assert wrapped("", 3) == [""]


def test_a_session_says_what_it_takes_and_when_it_stops() -> None:
    """What was measured; once its idle stop is near, when that is. Nothing where nothing is known."""
    session = Session(
        id=1, name="lab", project="lab", ide="jupyter", environment="e", engine="docker", revision="r",
        desired=Desired.UP, generation=1, state=SessionState.READY, reason="", hint="", port=1, handle="h", file="",
        created=NOW, started=NOW, ended=None, by="ann", account="ann", origin="ui", idle_stop=7200.0,
    )  # fmt: skip
    taken = Usage(NOW, cpu=0.314, memory=340 * 1024**2)
    assert use(session, NOW).text == ""
    assert use(replace(session, usage=taken), NOW).text == "31% 340 MB"
    far, near = (replace(session, usage=taken, stops_at=NOW + timedelta(minutes=minutes)) for minutes in (60, 9))
    assert use(far, NOW).text == "31% 340 MB"
    assert use(near, NOW).text == "stops in 9m"


def test_columns_get_what_their_contents_need() -> None:
    """Short contents leave their room to others, so that a narrow list keeps its important columns; a column in which
    nothing stands is left out, and no column gets narrower while its rows change."""
    columns = Environments.columns
    rows = [["✓ ready", "python", "process", "3h", "shipped"], ["○ not built", "geo-and-maps", "", "", "home"]]
    asked = wants(columns, rows)
    assert asked == [11, 12, 7, 5, 7]
    assert fit(columns, 50, asked) == [11, 12, 7, 5, 7]
    assert fit(columns, 45, asked) == [11, 16, 7, 5, 0]
    assert wants(columns, rows[:1], asked) == asked
    assert wants(columns, [["✓ ready", "python", "", "", "home"]])[2:4] == [0, 0]
