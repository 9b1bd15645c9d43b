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


LABEL_RULE = "Small letters, digits and hyphens, at most 63, neither first nor last a hyphen."


def is_label(text: str) -> bool:
    """Whether `text` can be the first part of a host name (RFC 1123): a session is opened at `<name>.localhost`."""
    plain = text.replace("-", "a")
    return (
        plain.isascii() and plain.isalnum() and text == text.lower() and len(text) <= 63 and text[0] != "-" != text[-1]
    )
