"""Command lines that do what an act does, as they are shown and copied."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from workbench.model.code import FROZEN, LIVE
from workbench.paths import Home
from workbench.services.command_lines import beginning

Steps = str | tuple[str, ...]  # without the program's name; several are done one after another


def words(*parts: object) -> str:
    """One step of its words, each quoted where a shell would cut or change it."""
    return shlex.join(str(part) for part in parts)


def line(home: Home, steps: Steps) -> str:
    """`workbench runs show 9`: as it can be typed into a shell, with `--home` where another home would be found."""
    begin = beginning(home.root)
    return "; ".join(f"{begin} {step}" for step in ((steps,) if isinstance(steps, str) else steps))


def parameters(given: Mapping[str, Any]) -> list[str]:
    """`-p year 2026 -r region 42 -y 'months: [1, 2]'`: each so that the command reads the very value."""
    import json

    parts: list[str] = []
    for name, value in given.items():
        if isinstance(value, list | dict):
            parts += ["-y", json.dumps({name: value}, ensure_ascii=False)]
        else:
            parts += ["-r" if isinstance(value, str) and _ambiguous(value) else "-p", name, shown(value)]
    return parts


def sweeps(values: Mapping[str, str]) -> list[str]:
    """`--sweep region=north,south` for each name that a form has several values of."""
    try:
        found = shlex.split(values.get("sweep", ""))
    except ValueError:
        return []
    return [part for word in found for part in ("--sweep", word)]


def codes(values: Mapping[str, str]) -> list[str]:
    """`--code main` where a form has files of another moment than the present."""
    said = values.get("code", "").strip()
    return ["--code", said, *(["--fetch"] if fetches(values) else [])] if said and said != LIVE else []


def fetches(values: Mapping[str, str]) -> bool:
    """Whether a form has the remote asked for the branch, tag or commit that it names."""
    return bool(values.get("fetch")) and values.get("code", "").strip() not in ("", LIVE, FROZEN)


def shown(value: Any) -> str:
    """A value as it is typed."""
    return value if isinstance(value, str) else repr(value)


def _ambiguous(text: str) -> bool:
    """Whether papermill's -p would read this text as something else."""
    from workbench.notebooks.parameters import guess

    return not isinstance(guess(text), str)
