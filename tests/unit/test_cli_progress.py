"""The progress line of a terminal: it is there while something goes on, and nothing of it stays."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import TextIO

import pytest

from workbench.cli.terminal import progress
from workbench.cli.terminal.progress import ERASE, ProgressLine


class Terminal:
    """A pseudo-terminal, to be put in the place of stdout and stderr within the test: pytest puts its own there before."""

    def __init__(self) -> None:
        self.ours, theirs = os.openpty()
        os.set_blocking(self.ours, False)
        self.file: TextIO = os.fdopen(theirs, "w", encoding="utf-8")

    def shown(self) -> str:
        """What was written to it, line ends as the program wrote them."""
        self.file.flush()
        read = b""
        with suppress(BlockingIOError):
            while True:
                read += os.read(self.ours, 65536)
        return read.decode().replace("\r\n", "\n")

    def close(self) -> None:
        """Give it back."""
        self.file.close()
        os.close(self.ours)


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Terminal]:
    made = Terminal()
    monkeypatch.setattr(progress, "PATIENCE", 0.0)
    monkeypatch.setenv("COLUMNS", "20")
    yield made
    made.close()


def line_on(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> ProgressLine:
    """A line on that terminal."""
    monkeypatch.setattr(sys, "stderr", terminal.file)
    monkeypatch.setattr(sys, "stdout", terminal.file)
    return ProgressLine()


def test_text_passes_above_the_line(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    """Text takes the line away first, and while a line of text has no end nothing is written into it."""
    line = line_on(terminal, monkeypatch)
    line.show("● 1 running")
    line.stream("half a ")
    line.show("● 1 still running")
    line.stream("line\n")
    line.show("● 1 running")
    line.end()
    assert terminal.shown() == f"{ERASE}● 1 running{ERASE}half a line\n{ERASE}● 1 running{ERASE}"


def test_the_line_fits_and_is_written_once(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    """It never wraps, whatever is in it, and the same line is not written twice."""
    line = line_on(terminal, monkeypatch)
    for _ in range(3):
        line.show("日本語 " * 10 + "\n\x1b[31m")
    shown = terminal.shown()
    assert shown.count(ERASE) == 1
    assert shown.endswith("…")
    assert "\n" not in shown


def test_an_unfinished_line_is_ended(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    """What follows begins on a line of its own."""
    line = line_on(terminal, monkeypatch)
    line.stream("no end")
    line.end()
    line.end()
    assert terminal.shown() == "no end\n"


def test_control_sequences_do_not_pass(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    """Text of a notebook cannot write to the clipboard, move the cursor or clear the screen."""
    line_on(terminal, monkeypatch).stream("a\x1b]52;c;AAAA\x07b\x1b[2Jc\x9bd\n")
    assert terminal.shown() == "abc\n"


def test_nothing_is_shown_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """In a pipe or a file there is no progress."""
    line = ProgressLine()
    line.show("● 1 running")
    line.stream("text\n")
    line.end()
    assert capsys.readouterr() == ("text\n", "")
