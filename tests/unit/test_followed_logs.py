"""A session's log that is full goes on in a new file: what writes it, and those who follow it."""

from __future__ import annotations

from pathlib import Path

import pytest

from workbench.cli.terminal.following import _growing
from workbench.engines.docker import log
from workbench.ui.sources import FileSource


def test_a_full_log_goes_on_in_a_new_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The newest lines are kept within the limit, private as before; no follower stops or misses a line at the change."""
    monkeypatch.setattr(log, "LIMIT", 1000)
    path = tmp_path / "session.log"
    source, shown, told = FileSource("s", path), "", ""
    copy = log.Copy(path)
    with _growing(lambda: path) as grown:
        assert grown() == ""
        for number in range(1000):
            copy.write(f"line {number}\n")
            if number % 50 == 0:
                told += grown()
                chunk = source.read()
                assert chunk
                shown = (shown if not chunk.reset else "") + "".join(f"{line}\n" for line in chunk.lines)
        told += grown()
    copy.close()
    assert told == "".join(f"line {number}\n" for number in range(1000))
    assert shown.endswith("line 950\n")
    assert path.stat().st_size <= 1000
    assert 900 < (tmp_path / "session.log.1").stat().st_size <= 1000
    assert {file.stat().st_mode & 0o777 for file in tmp_path.iterdir()} == {0o600}
    assert sorted(file.name for file in tmp_path.iterdir()) == ["session.log", "session.log.1"]
    again = log.Copy(path)
    again.write("x" * 999 + "\n")
    again.close()
    assert path.read_text() == "x" * 999 + "\n"
