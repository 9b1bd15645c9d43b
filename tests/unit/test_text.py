"""Text from elsewhere is harmless on a terminal; values read well."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.text import age, clean, duration, memory, on_the_clock, one_line, size

UNSAFE = (
    {chr(n) for n in range(32) if chr(n) not in "\t\n"}
    | {chr(n) for n in range(0x7F, 0xA0)}
    | set("\u202a\u202e\u2066\u2069\u200f")
)


@given(st.text())
def test_nothing_a_terminal_obeys_survives_cleaning(text: str) -> None:
    """No control character but tab and newline is left, whatever comes in."""
    assert not UNSAFE & set(clean(text))


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]52;c;aGVsbG8=\x07copied", "copied"),
        ("\x1b]0;title\x1b\\rest", "rest"),
        ("\x1b[6nask", "ask"),
        ("\x9b6nask", "ask"),
        ("10%\r50%\r100%\n", "100%\n"),
        ("one\r\ntwo\r\n", "one\ntwo\n"),
        ("tab\tkept", "tab\tkept"),
        ("ab\u202ecd", "abcd"),
        ("[/x] [b", "[/x] [b"),
    ],
)
def test_sequences_go_whole_and_words_stay(raw: str, shown: str) -> None:
    """A sequence leaves no residue, a progress bar its last state, brackets are no markup."""
    assert clean(raw) == shown


def test_one_line_is_one_line_of_the_width() -> None:
    """Lists get one line, cut with an ellipsis."""
    assert one_line("a\n b\tc") == "a b c"
    assert one_line("abcdef", 4) == "abc…"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.42, "0.4s"),
        (12, "12s"),
        (185, "3m05s"),
        (1500, "25m"),
        (7500, "2h05m"),
        (98_000, "1d03h"),
        (400_000, "4d15h"),
        (900_000, "10d"),
    ],
)
def test_spans_are_short_and_exact_enough(seconds: float, words: str) -> None:
    """At most two units, and only one where the second says little: as of hours, so of days."""
    assert duration(seconds) == words
    assert duration(timedelta(seconds=seconds)) == words


def test_ages_look_both_ways() -> None:
    """A coming moment says so, a missing one is a dash."""
    now = datetime(2026, 1, 1, tzinfo=UTC)
    assert age(now - timedelta(minutes=30), now) == "30m"
    assert age(now + timedelta(hours=3), now) == "in 3h00m"
    assert age(None, now) == "-"


def test_memory_is_said_as_it_is_declared() -> None:
    """Binary units, so that a limit of `300M` reads as 300 MB."""
    assert [memory(n) for n in (None, 0, 300 * 1024**2, 1536 * 1024**2, 4 * 1024**3, 541_000_000)] == [
        "-",
        "0 B",
        "300 MB",
        "1.5 GB",
        "4 GB",
        "516 MB",
    ]


def test_sizes_are_decimal() -> None:
    """Bytes as disks are sold."""
    assert [size(n) for n in (None, 512, 1400, 2_000_000, 3_100_000_000)] == [
        "-",
        "512 B",
        "1.4 kB",
        "2.0 MB",
        "3.1 GB",
    ]


def test_times_of_a_log_are_those_of_the_persons_clock() -> None:
    """Those at the head of a line, on either side of a change of clocks; what is no time there stays as it is."""
    zone = ZoneInfo("Europe/Berlin")
    log = "[2026-10-24 23:30:00Z] cell 1\nsaid [2026-10-24 23:30:00Z]\n[2026-10-25 01:30:00Z] cell 2\n[2026-13-99 25:00:00Z] x"
    assert on_the_clock(log, zone).splitlines() == [
        "[2026-10-25 01:30:00 CEST] cell 1",
        "said [2026-10-24 23:30:00Z]",
        "[2026-10-25 02:30:00 CET] cell 2",
        "[2026-13-99 25:00:00Z] x",
    ]
    assert on_the_clock("[2026-10-24 23:30:00Z] a", zone, "%H:%M:%S") == "[01:30:00] a"
