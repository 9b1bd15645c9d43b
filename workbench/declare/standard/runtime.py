"""`runtime.txt`: which language in which version, and for R the day whose packages it gets."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

_LINE = re.compile(r"(python|r)(?:-(\d+(?:\.\d+){0,2}))?(?:-(\d{4}-\d{2}-\d{2}))?", re.ASCII | re.IGNORECASE)
FORMS = "as python-3.13, r-4.5, r-2026-03-01 or r-4.5-2026-03-01"


@dataclass(frozen=True)
class Runtime:
    """`language` is python or r; no `version`: whatever is usual; `day` as 2026-03-01."""

    language: str
    version: str | None = None
    day: str | None = None


def parse(text: str) -> Runtime | str:
    """What the file says, or what is wrong with it."""
    said = text.strip()
    found = _LINE.fullmatch(said)
    if not found or not (found[2] or found[3]):
        return f"{said[:60]!r} is no runtime"
    language, version, day = found[1].lower(), found[2], found[3]
    if day:
        if language == "python":
            return "a day can be given for R only"
        try:
            date.fromisoformat(day)
        except ValueError:
            return f"{day} is no day"
    return Runtime(language, version, day)
