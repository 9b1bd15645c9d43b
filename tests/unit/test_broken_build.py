"""What is told of a build that failed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from workbench.cli.facts.broken_build import LINES, last_lines
from workbench.model.build import Build, BuildState

AT = datetime(2026, 3, 2, tzinfo=UTC)
BUILD = Build(
    id=1, environment="geo", fingerprint="f", engine="process", revision="", state=BuildState.FAILED, created=AT,
    started=AT, ended=AT, reason="find Python: `apt` needs Docker", hint="Install Docker, or take it out.", by="ann",
    account="ann", origin="cli",
)  # fmt: skip

LOG = """\
#3 [internal] load build context
#4 [stage-0 2/2] RUN pip install six==99
#5 sha256:c07701d818045a9b6de798a5d3907c4a9e03d65e62496806625a914aaa4aeb19
#5 0.303 Using Python 3.13.5 environment at: /opt/venv
#5 0.571 error: No solution found \x1b[31mwhen resolving dependencies
#5 ERROR: executor failed running [/bin/sh -c false]: exit code: 1
------
 > [2/2] RUN false:
------
executor failed running [/bin/sh -c false]: exit code: 1
"""


def test_the_last_lines_are_those_of_the_step(tmp_path: Path) -> None:
    """What the builder says round them is left out, as are control sequences; a log that is not there has none."""
    log = tmp_path / "1.log"
    log.write_text(LOG)
    assert last_lines(log, BUILD) == [
        "Using Python 3.13.5 environment at: /opt/venv",
        "error: No solution found when resolving dependencies",
    ]
    log.write_text("a line\n" * 10000)
    assert last_lines(log, BUILD) == ["a line"] * LINES
    assert last_lines(tmp_path / "none.log", BUILD) == []


def test_what_is_told_anyway_is_no_last_line(tmp_path: Path) -> None:
    """A build that was refused before its first step has no last lines: its log holds only the reason and the hint."""
    log = tmp_path / "1.log"
    log.write_text("refused: geo: `apt` needs Docker\nInstall Docker, or take it out.\n")
    assert last_lines(log, BUILD) == []
    other = replace(BUILD, reason="install packages: it ended with 1", hint="")
    assert last_lines(log, other) == ["refused: geo: `apt` needs Docker", "Install Docker, or take it out."]
