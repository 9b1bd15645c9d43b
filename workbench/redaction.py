"""Redaction: known secrets left out of text that is kept."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable
from urllib.parse import quote

from workbench.text import clean

HIDDEN = "[secret]"
ANYWHERE = 8  # characters from which a secret is found also within other words
SHORTEST = 4  # characters from which one is looked for; shorter ones (`1`, `yes`) are in every text


class Redactor:
    """Hides `secrets`, line by line and the longest first; one of less than 8 characters where it stands by itself.

    Also as HTML, JSON, Python and addresses write them."""

    def __init__(self, secrets: Iterable[str]) -> None:
        lines = {clean(line).strip() for secret in secrets for line in secret.splitlines()}
        written = {one for line in lines if len(line) >= SHORTEST for one in _written(line)}
        found = sorted(written, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(_as_found, found))) if found else None

    def redact(self, text: str) -> str:
        """`text`, cleaned of control characters before, without them."""
        return self._pattern.sub(HIDDEN, text) if self._pattern else text


def _written(secret: str) -> Iterable[str]:
    yield secret
    yield html.escape(secret)
    yield html.escape(secret, quote=False)
    yield json.dumps(secret)[1:-1]
    yield json.dumps(secret, ensure_ascii=False)[1:-1]
    yield repr(secret)[1:-1]
    yield quote(secret, safe="")
    yield quote(secret)


def _as_found(secret: str) -> str:
    said = re.escape(secret)
    return said if len(secret) >= ANYWHERE else rf"(?<![A-Za-z0-9]){said}(?![A-Za-z0-9])"
