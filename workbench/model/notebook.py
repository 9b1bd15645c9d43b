"""Files that run as notebooks, by the end of their name."""

from __future__ import annotations

from pathlib import PurePosixPath

NOTEBOOK = ".ipynb"
LANGUAGES = {".py": "python", ".r": "R", ".rmd": "R"}  # of scripts, by their end in small letters
SCRIPTS = (".py", ".r")  # plain ones too: all of it is one cell then
TEXTS = (*SCRIPTS, ".rmd", ".md")
WORDS = ".ipynb, .py, .R, .Rmd or .md"


def can_run(name: str) -> bool:
    """Whether a file of that name may be run at all."""
    return PurePosixPath(name).suffix == NOTEBOOK or is_text(name)


def is_text(name: str) -> bool:
    """Whether it is a script or another text that runs as a notebook."""
    return PurePosixPath(name).suffix.lower() in TEXTS
