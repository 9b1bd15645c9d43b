"""Redaction: known secrets left out of text that is kept."""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterable
from functools import cached_property
from urllib.parse import quote

from workbench.text import clean

HIDDEN = "[secret]"
ANYWHERE = 8  # characters from which a secret is found also within other words
SHORTEST = 4  # characters from which one is looked for; shorter ones (`1`, `yes`) are in every text
LONGEST = 1000  # characters of one that may come in pieces
_COLOUR = re.compile(r"\x1b\[[0-9;:]*m")


class Redactor:
    """Hides `secrets`, line by line and the longest first; one of less than 8 characters where it stands by itself.

    Also as HTML, JSON, Python, addresses, base64 and hexadecimal digits write them, and with colours in them."""

    def __init__(self, secrets: Iterable[str]) -> None:
        lines = {clean(line).strip() for secret in secrets for line in secret.splitlines()}
        written = {one for line in lines if len(line) >= SHORTEST for one in _written(line)}
        self._forms = sorted(written, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(_as_found, self._forms))) if self._forms else None
        self._first = frozenset(form[0] for form in self._forms)

    def redact(self, text: str) -> str:
        """`text`, cleaned of control characters before or with colours in it, without them."""
        if self._pattern is None:
            return text
        hidden = self._pattern.sub(HIDDEN, text)
        if "\x1b" in hidden and self._pattern.search(_COLOUR.sub("", hidden)):
            hidden = self._coloured.sub(HIDDEN, hidden)
        return hidden

    def begun(self, text: str) -> int:
        """How many characters at the end of `text` may be the beginning of a secret whose rest is still to come."""
        tail = text[-LONGEST:]
        for place, char in enumerate(tail):
            if char in self._first and any(form.startswith(tail[place:]) for form in self._forms):
                return len(tail) - place
        return 0

    @cached_property
    def _coloured(self) -> re.Pattern[str]:
        """As the pattern, with colours between any two characters."""
        return re.compile("|".join(_as_found(form, _COLOUR.pattern) for form in self._forms))


def _written(secret: str) -> Iterable[str]:
    yield secret
    yield html.escape(secret)
    yield html.escape(secret, quote=False)
    yield json.dumps(secret)[1:-1]
    yield json.dumps(secret, ensure_ascii=False)[1:-1]
    yield repr(secret)[1:-1]
    yield quote(secret, safe="")
    yield quote(secret)
    data = secret.encode()
    if len(data) >= ANYWHERE:
        yield data.hex()
        yield data.hex().upper()
        yield from _in_base64(data)


def _in_base64(data: bytes) -> Iterable[str]:
    """Wherever it stands in what is encoded, as `user:secret` does: the digits that it alone decides."""
    for before in range(3):
        digits = base64.b64encode(bytes(before) + data)
        for one in (digits, digits.replace(b"+", b"-").replace(b"/", b"_")):
            yield one[(before * 8 + 5) // 6 : (before + len(data)) * 8 // 6].decode()


def _as_found(secret: str, between: str = "") -> str:
    said = f"(?:{between})*".join(map(re.escape, secret)) if between else re.escape(secret)
    return said if len(secret) >= ANYWHERE else rf"(?<![A-Za-z0-9]){said}(?![A-Za-z0-9])"
