"""Which editor opens a file at a line: the person's, else one that this machine has."""

from __future__ import annotations

import os
import shlex
import shutil
from collections.abc import Mapping
from pathlib import Path

from workbench.errors import Refused

USUAL = ("sensible-editor", "nano", "vim", "vi")
# Editors that take the place as file:line after an option, and wait only when told to.
BY_COLON = {"code": ("--wait", "--goto"), "codium": ("--wait", "--goto"), "subl": ("--wait",), "hx": ()}


def command(path: Path, line: int, environ: Mapping[str, str] = os.environ) -> list[str]:
    """The command that opens `path` at `line`. Raises `Refused` where there is no editor."""
    wanted = shlex.split(environ.get("VISUAL") or environ.get("EDITOR") or "")
    argv = wanted or [name for name in USUAL if shutil.which(name)][:1]
    if not argv:
        raise Refused("no editor was found", hint=f"Set EDITOR, or edit {path} yourself.")
    options = BY_COLON.get(Path(argv[0]).name)
    if options is not None:
        return [*argv, *(option for option in options if option not in argv), f"{path}:{max(line, 1)}"]
    return [*argv, f"+{max(line, 1)}", str(path)]
