"""The rule for names of environments, projects and schedules: safe in paths, host names, tags and labels."""

from __future__ import annotations

import re

SLUG_RULE = (
    "a name has 1 to 63 lower-case letters, digits and hyphens, and begins with a letter or digit, as sales-2025"
)
_SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,62}", re.ASCII)


def is_slug(name: str) -> bool:
    """Whether `name` is `^[a-z0-9][a-z0-9-]{0,62}$`."""
    return _SLUG.fullmatch(name) is not None
