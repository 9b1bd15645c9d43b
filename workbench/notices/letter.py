"""What a letter says: all that is to be told to one target at one time."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from workbench.model.notice import Notice, Occasion
from workbench.text import plural

# Seconds without news after which a letter goes: what fails together is told together.
SETTLE = float(os.environ.get("WORKBENCH_NOTICE_SETTLE", "15"))
WORDS = {
    Occasion.FAILURE: "failed",
    Occasion.LATE: "late",
    Occasion.RECOVERY: "recovered",
    Occasion.SUCCESS: "succeeded",
    Occasion.CHANGED: "with changed output",
    Occasion.TEST: "a test",
}


@dataclass(frozen=True)
class Letter:
    """Title and text, for mail and for services; `files` are sent along by mail."""

    title: str
    text: str
    files: tuple[tuple[str, bytes], ...] = ()

    @property
    def bare(self) -> Letter:
        """It without what is sent along, which it says."""
        return replace(
            self, files=(), text=f"{self.text}\nThe report is larger than mail takes: workbench runs report RUN\n"
        )


def letter(notices: Sequence[Notice], home: Path, host: str, files: tuple[tuple[str, bytes], ...] = ()) -> Letter:
    """One letter about all of them; a recovery replaces the success that it is."""
    recovered = {one.subject for one in notices if one.occasion is Occasion.RECOVERY}
    told = [one for one in notices if one.occasion is not Occasion.SUCCESS or one.subject not in recovered]
    if len(told) == 1:
        title = told[0].text
    else:
        counts = {word: sum(one.occasion is kind for one in told) for kind, word in WORDS.items()}
        title = ", ".join(f"{count} {word}" for word, count in counts.items() if count)
    lines = [f"- {one.text}" if len(told) > 1 else one.text for one in told]
    runs = [one.run for one in told if one.run is not None]
    if runs:
        lines += ["", "Look at it:" if len(runs) == 1 else f"Look at the {plural(len(runs), 'run')}:"]
        lines += [f"  workbench --home {home} runs show {run}" for run in runs[:20]]
    lines += ["", f"workbench on {host}, home {home}"]
    return Letter(f"[workbench] {title}"[:200], "\n".join(lines) + "\n", files)
