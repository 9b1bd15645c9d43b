"""Addresses in declarations that hold what should not stand there."""

from __future__ import annotations

import re

PASSWORD = "the address holds a password in plain text"  # noqa: S105 - a sentence
NETRC = "keep it in ~/.netrc"
_LOGIN = re.compile(r"https?://([^/\s@]*)@")


def holds_password(text: str) -> bool:
    """Whether an address in `text` has a login in it; a variable (`${TOKEN}`) in its place is none."""
    return any("${" not in found[1] for found in _LOGIN.finditer(text))
