"""Secrets left out of text that is kept."""

from __future__ import annotations

import re
from collections.abc import Iterable

from workbench.text import clean

HIDDEN = "[secret]"
ANYWHERE = 8  # characters from which a secret is found also within other words
SHORTEST = 4  # characters from which one is looked for; shorter ones (`1`, `yes`) are in every text


class Veil:
    """Hides `secrets`, line by line and the longest first; one of less than 8 characters where it stands by itself."""

    def __init__(self, secrets: Iterable[str]) -> None:
        lines = {clean(line).strip() for secret in secrets for line in secret.splitlines()}
        found = sorted((line for line in lines if len(line) >= SHORTEST), key=len, reverse=True)
        self._pattern = re.compile("|".join(map(_as_found, found))) if found else None

    def over(self, text: str) -> str:
        """`text`, cleaned of control characters before, without them."""
        return self._pattern.sub(HIDDEN, text) if self._pattern else text


def _as_found(secret: str) -> str:
    said = re.escape(secret)
    return said if len(secret) >= ANYWHERE else rf"(?<![A-Za-z0-9]){said}(?![A-Za-z0-9])"
