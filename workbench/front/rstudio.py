"""Signing in to RStudio Server as its own page does, to give a browser the cookies that it answers with.

    GET  /auth-sign-in      the page: a token against forged requests, in a cookie and in the form
    GET  /auth-public-key   the server's key, "exponent:modulus" in hexadecimal
    POST /auth-do-sign-in   the form, name and password encrypted with that key: a redirect, and the cookies

After src/cpp/server/ServerPAMAuth.cpp and auth/ServerAuthCommon.cpp of rstudio/rstudio, 2021 to 2026. What differed in those
years is taken from the page itself: the token's cookie is `csrf-token` to 2021.09, then `rs-csrf-token`, and its field in the
form as well. PKCS #1 v1.5 is what all of them decrypt; newer ones also take OAEP, marked as such.
"""

from __future__ import annotations

import base64
import http.client
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from html.parser import HTMLParser
from urllib.parse import parse_qs, urlencode

from workbench.errors import WorkbenchError
from workbench.front.cipher import encrypted

PAGE, KEY, SIGN_IN = "/auth-sign-in", "/auth-public-key", "/auth-do-sign-in"
WHO = "user-id"  # the cookie of who is signed in
FORM, ENCRYPTS = "realform", "submitRealForm"  # the form that is sent, and the script that encrypts for it
# `kErrorServer`, which it also says to who signs in twice within `auth-sign-in-throttle-seconds`, by default 5.
THROTTLED = "2"
AGAIN = 5.5  # seconds to wait then
PATIENCE = 5.0  # seconds for one answer; PAM may take two of them
LONGEST = 1_000_000  # bytes of an answer


class SignInError(WorkbenchError):
    """It was not what was expected, or the server said no: its own form has to ask."""


class _Throttled(SignInError):  # noqa: N818 - not for others
    """Somebody signed in a moment ago."""


@dataclass(frozen=True)
class _Answer:
    """What came back: cookies by name, each with the header that sets it."""

    status: int
    location: str
    cookies: Mapping[str, str]
    text: str


class _Page(HTMLParser):
    """The fields that the page's own form sends along, and whether its script encrypts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.fields: dict[str, str] = {}
        self.encrypts = False
        self._inside = ""
        with suppress(AssertionError):  # what html.parser says to some that is no HTML
            self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Forms, and the hidden fields of the one that is sent."""
        said = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._inside = said.get("name", "")
            self.encrypts = self.encrypts or ENCRYPTS in said.get("onsubmit", "")
        elif tag == "input" and self._inside == FORM and said.get("type") == "hidden" and said.get("name"):
            self.fields[said["name"]] = said.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        """The end of a form."""
        if tag == "form":
            self._inside = ""


def sign_in(host: str, port: int, login: str, password: str) -> tuple[str, ...]:
    """The `Set-Cookie` headers for a browser that is signed in at `http://<host>:<port>/`. Raises `SignInError`."""
    try:
        return _sign_in(host, port, login, password)
    except _Throttled:
        time.sleep(AGAIN)
        return _sign_in(host, port, login, password)


def _sign_in(host: str, port: int, login: str, password: str) -> tuple[str, ...]:
    shown = _ask(host, port, PAGE)
    page = _Page(shown.text)
    if shown.status != 200 or not page.fields or not page.encrypts:
        raise SignInError("RStudio's sign-in page is not the one that workbench knows")
    key = _ask(host, port, KEY)
    sent = {
        **page.fields,
        "persist": "0",
        "appUri": "",
        "clientPath": PAGE,
        "v": _package(key.text if key.status == 200 else "", f"{login}\n{password}"),
    }
    answer = _ask(host, port, SIGN_IN, cookies=shown.cookies, form=sent)
    led, _, query = answer.location.partition("?")
    if answer.status != 302 or led.endswith(PAGE):
        said = parse_qs(query).get("error", [""])[0]
        raise (_Throttled if said == THROTTLED else SignInError)("RStudio did not take name and password")
    if not _value(answer.cookies.get(WHO, "")):
        raise SignInError("RStudio gave no cookie to be known by")
    return tuple({**shown.cookies, **answer.cookies}.values())


def _package(key: str, text: str) -> str:
    """`text` encrypted with the key, as the form has it."""
    exponent, _, modulus = key.strip().partition(":")
    try:
        return base64.b64encode(encrypted(text.encode(), int(exponent, 16), int(modulus, 16))).decode()
    except ValueError as error:
        raise SignInError("RStudio's public key is not of the kind that workbench knows") from error


def _ask(
    host: str, port: int, path: str, *, cookies: Mapping[str, str] | None = None, form: Mapping[str, str] | None = None
) -> _Answer:
    """One request under the session's own name, as a page of it would make it."""
    here = f"http://{host}:{port}"
    headers = {"Host": f"{host}:{port}", "Accept": "text/html, text/plain", "User-Agent": "workbench"}
    if cookies:
        headers["Cookie"] = "; ".join(f"{name}={_value(header)}" for name, header in cookies.items())
    if form is not None:
        # The type has to be just this; with `www-enable-origin-check` the origin has to be there.
        headers |= {"Content-Type": "application/x-www-form-urlencoded", "Origin": here, "Referer": here + PAGE}
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        connection.request("GET" if form is None else "POST", path, urlencode(form) if form else None, headers)
        answer = connection.getresponse()
        text = answer.read(LONGEST).decode("utf-8", "replace")
        given = answer.headers.get_all("Set-Cookie") or []
        location = answer.headers.get("Location") or ""
    except (OSError, http.client.HTTPException) as error:
        raise SignInError("RStudio did not answer") from error
    finally:
        connection.close()
    return _Answer(answer.status, location, {_name(one): one for one in given if _plain(one)}, text)


def _plain(header: str) -> bool:
    """Whether a cookie is for this host name alone, and its header one line."""
    attributes = [part.strip().lower() for part in header.split(";")[1:]]
    return header.isascii() and header.isprintable() and not any(one.startswith("domain") for one in attributes)


def _name(header: str) -> str:
    return header.partition("=")[0].strip()


def _value(header: str) -> str:
    return header.partition("=")[2].partition(";")[0].strip()
