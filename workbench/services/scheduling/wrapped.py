"""Programs that only run another: `nice`, `timeout 2h`, `flock FILE`, `conda run`, and what they mean for a schedule."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from typing import Any

from workbench.errors import Refused
from workbench.text import one_line

# Programs that only run another: how many words of their own they have, options apart.
_AROUND = {
    "nice": 0, "ionice": 0, "nohup": 0, "time": 0, "chronic": 0, "exec": 0, "env": 0, "sudo": 0, "setsid": 0,
    "timeout": 1, "flock": 1,
}  # fmt: skip
_VALUED = {"-n", "-c", "-u", "-s", "-k", "-w", "--signal", "--kill-after", "--wait", "-p", "--name", "--prefix"}
OWN = ("conda", "mamba", "micromamba", "poetry", "uv", "pipenv", "pdm")


def bare(words: Sequence[str], keys: dict[tuple[str, ...], Any]) -> list[str]:
    """The command without what only runs it; what that means for a schedule goes into `keys`."""
    rest = list(words)
    while rest:
        while rest and re.match(r"[A-Za-z_]\w*=", rest[0]):
            del rest[0]
        program = os.path.basename(rest[0]) if rest else ""
        if program in OWN and rest[1:2] == ["run"]:
            del rest[:2]
            own = 0
        elif program in _AROUND:
            del rest[0]
            own = _AROUND[program]
        else:
            return rest
        options: list[str] = []
        while rest and (rest[0].startswith("-") or own):
            word = rest.pop(0)
            if word.startswith("-"):
                options.append(word)
                if word in _VALUED and not (program == "flock" and word == "-n") and rest:
                    del rest[0]
                continue
            own -= 1
            if program == "timeout":
                keys["timeout", "run"] = _span(word)
        if program == "flock" and not {"-n", "--nonblock", "-w"} & set(options):
            keys["overlap",] = "queue"
    return rest


def set_for(words: Sequence[str], rest: Sequence[str]) -> list[str]:
    """Variables that a command is given, as in `PGHOST=db papermill …`."""
    given = (re.match(r"([A-Za-z_]\w*)=", word) for word in words[: len(words) - len(rest)])
    return [one[1] for one in given if one]


def _span(word: str) -> str:
    """A length of `timeout`: a number is of seconds."""
    if not re.fullmatch(r"\d+[smhd]?", word):
        raise Refused(f"timeout {one_line(word, 20)} is no length of time")
    return f"{word}s" if word.isdigit() else word
