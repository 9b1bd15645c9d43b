"""Which editor a person means."""

from __future__ import annotations

import os
import shlex
import shutil
from collections.abc import Mapping

FALLBACKS = ("sensible-editor", "editor", "nano", "vim", "vi")


def find_editor(environ: Mapping[str, str] = os.environ) -> list[str]:
    """The command of VISUAL, else EDITOR, else of an editor that is installed; empty where there is none."""
    for name in ("VISUAL", "EDITOR"):
        if argv := shlex.split(environ.get(name, "")):
            return argv
    return next(([name] for name in FALLBACKS if shutil.which(name)), [])
