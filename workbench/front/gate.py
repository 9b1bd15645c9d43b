"""Who may pass a front, and what of a request and an answer is passed on: decisions about headers, no I/O."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from urllib.parse import unquote_plus

from workbench.front.secret import Secret

OURS = "workbench-"  # all cookies of fronts begin so; no tool sees one, whosever it is
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
# Between two neighbours only, RFC 9110, 7.6.1; and what the front itself answers for.
HOP = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
_OWN = frozenset(
    {"expect", "forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-forwarded-port"}
)
_SOCKET = frozenset(
    {"sec-websocket-accept", "sec-websocket-extensions", "sec-websocket-key", "sec-websocket-protocol", "sec-websocket-version"}
)  # fmt: skip
Pairs = Iterable[tuple[str, str]]


class Gate:
    """The rules of one session."""

    def __init__(self, host_name: str, secret: Secret) -> None:
        self._names = frozenset({host_name, "localhost", "127.0.0.1"})
        self._secret = secret

    def knows_host(self, host: str) -> bool:
        """Whether a Host header names this session: another name that was pointed here is somebody else's page.

        Any port will do: a tunnel may have another at its other end.
        """
        name, _, port = host.lower().partition(":")
        return name in self._names and (not port or (port.isascii() and port.isdigit()))

    def same_origin(self, headers: Mapping[str, str]) -> bool:
        """Whether a request that changes something, or a websocket, comes from a page of this session itself.

        A browser says so in Sec-Fetch-Site, or in Origin; a program that is no browser says neither, and has to know
        the secret all the same.
        """
        site, origin = headers.get("Sec-Fetch-Site", ""), headers.get("Origin", "")
        if site and site not in {"same-origin", "none"}:
            return False
        if origin == "null":  # the page has a strict referrer policy
            return site == "same-origin"
        return not origin or origin.lower() == f"http://{headers.get('Host', '')}".lower()

    def signed_in(self, headers: Pairs) -> bool:
        """Whether a request carries the cookie, or the token as an Authorization."""
        for name, value in headers:
            if name.lower() == "cookie" and any(self._secret.is_cookie(*one) for one in cookies(value)):
                return True
            if name.lower() == "authorization" and self._is_token(value):
                return True
        return False

    def asked(self, headers: Pairs, host: str, peer: str) -> list[tuple[str, str]]:
        """The headers of a request as its tool gets them: without our secrets, with who asked."""
        kept = []
        pairs = list(headers)
        dropped = HOP | _OWN | _SOCKET | named_by_connection(pairs)
        for name, value in pairs:
            low = name.lower()
            if low in dropped or (low == "authorization" and self._is_token(value)):
                continue
            if low != "cookie":
                kept.append((name, value))
            elif theirs := [f"{key}={text}" for key, text in cookies(value) if not key.startswith(OURS)]:
                kept.append((name, "; ".join(theirs)))
        forwarded = [("X-Forwarded-For", peer), ("X-Forwarded-Host", host), ("X-Forwarded-Proto", "http")]
        return kept + forwarded

    def answered(self, headers: Pairs) -> list[tuple[str, str]]:
        """The headers of a tool's answer as a browser gets them; no other site may frame or embed them."""
        pairs = list(headers)
        dropped = HOP | _SOCKET | named_by_connection(pairs)
        kept = [
            (name, value)
            for name, value in pairs
            if name.lower() not in dropped and not (name.lower() == "set-cookie" and value.lstrip().startswith(OURS))
        ]
        names = {name.lower() for name, _ in kept}
        policy = " ".join(value for name, value in kept if name.lower() == "content-security-policy")
        if "x-frame-options" not in names and "frame-ancestors" not in policy:
            kept.append(("X-Frame-Options", "SAMEORIGIN"))
        if "cross-origin-resource-policy" not in names:
            kept.append(("Cross-Origin-Resource-Policy", "same-origin"))
        return kept

    def _is_token(self, authorization: str) -> bool:
        scheme, _, value = authorization.strip().partition(" ")
        return scheme.lower() in {"token", "bearer"} and self._secret.opens(value.strip())


def cookies(header: str) -> list[tuple[str, str]]:
    """Names and values of a Cookie header, as they are."""
    parts = (part.strip().partition("=") for part in header.split(";"))
    return [(name, value) for name, separator, value in parts if name and separator]


def named_by_connection(headers: Pairs) -> set[str]:
    """Headers that a Connection header says are for the neighbour alone."""
    values = [value for name, value in headers if name.lower() == "connection"]
    return {word.strip().lower() for value in values for word in value.split(",")}


def token_in(target: str) -> str | None:
    """The first `token` of a request target's query; None where there is none."""
    for part in target.partition("?")[2].split("&"):
        name, _, value = part.partition("=")
        if unquote_plus(name) == "token":
            return unquote_plus(value)
    return None


def without_token(target: str) -> str:
    """A request target without any `token` in its query, all else as it was."""
    path, _, query = target.partition("?")
    kept = [part for part in query.split("&") if part and unquote_plus(part.partition("=")[0]) != "token"]
    return path + ("?" + "&".join(kept) if kept else "")


def local_path(target: str) -> str:
    """`target` where it is a path of this session, else its start: nobody is led elsewhere by signing in."""
    wrong = not target.startswith("/") or target.startswith(("//", "/\\")) or not target.isprintable()
    return "/" if wrong or not target.isascii() else target
