"""The two secrets of a front: the session's token, which lets in, and the key of the cookie that stays in."""

from __future__ import annotations

import hmac
import os
import secrets
import stat
from pathlib import Path

from workbench.errors import Refused
from workbench.front.job import Place

SHORTEST = 32  # characters of a token


class Secret:
    """What lets people in; checked when it is read."""

    def __init__(self, place: Place, cookie: str) -> None:
        self._token = token(place.token)
        self.cookie_name = cookie
        self.cookie_value = hmac.digest(_key(place.key), cookie.encode(), "sha256").hex()

    def opens(self, text: str) -> bool:
        """Whether `text` is the token."""
        return hmac.compare_digest(text.encode("utf-8", "replace"), self._token.encode())

    def hidden(self, text: str) -> str:
        """`text` without what lets people in, should a library ever say it."""
        return text.replace(self._token, "…").replace(self.cookie_value, "…")

    def is_cookie(self, name: str, value: str) -> bool:
        """Whether a cookie is the one that was given to who is signed in."""
        return name == self.cookie_name and hmac.compare_digest(
            value.encode("utf-8", "replace"), self.cookie_value.encode()
        )


def token(path: Path) -> str:
    """The token of a file. Raises `Refused` where it would let in more people than it should."""
    try:
        facts = path.stat()
        text = path.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise Refused("the secret of the session cannot be read") from error
    if stat.S_IMODE(facts.st_mode) & 0o077 or facts.st_uid != os.getuid():
        raise Refused("the secret of the session can be read by others", hint="It must be 0600 and of this account.")
    if len(text) < SHORTEST or not text.isalnum():
        raise Refused(f"the secret of the session has fewer than {SHORTEST} letters and digits, or other characters")
    return text


def _key(path: Path) -> bytes:
    """The key that is kept, made where there is none that is ours alone."""
    try:
        facts, known = path.stat(), path.read_bytes()
        if len(known) == 32 and not stat.S_IMODE(facts.st_mode) & 0o077 and facts.st_uid == os.getuid():
            return known
    except OSError:
        pass
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with open(descriptor, "wb") as file:
        made = secrets.token_bytes(32)
        file.write(made)
    return made
