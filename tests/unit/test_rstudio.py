"""Signing in to RStudio Server: the cipher, releases of different years, and what falls back to the form."""

from __future__ import annotations

import base64
import http.client
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from images.rserver import CSRF, Key, RServer

from workbench import ports
from workbench.front import rstudio
from workbench.front.cipher import encrypted
from workbench.front.rstudio import SignInError, sign_in

HOST, LOGIN, PASSWORD = "churn-rstudio.localhost", "rstudio", "s3cret-token-of-a-session"
FORM, KEY, SIGN_IN = "/auth-sign-in", "/auth-public-key", "/auth-do-sign-in"


@pytest.fixture(scope="module")
def key() -> Key:
    """A key held by OpenSSL, as RStudio's is."""
    return Key()


@pytest.fixture
def studio(key: Key) -> Iterator[Callable[..., RServer]]:
    """Stand-ins for RStudio Server, each at a port of its own."""
    opened: list[ThreadingHTTPServer] = []

    def start(**settings: Any) -> RServer:
        made = RServer(("127.0.0.1", 0), key=key, knows=lambda *said: said == (LOGIN, PASSWORD), **settings)
        opened.append(made)
        threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01}).start()
        return made

    yield start
    for one in opened:
        one.shutdown()
        one.server_close()


def get(port: int, path: str = "/", cookies: tuple[str, ...] = (), host: str = HOST) -> tuple[int, list[str], str]:
    """Status, cookies and where it leads of an answer to a browser that has `cookies`."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    kept = "; ".join(one.partition(";")[0] for one in cookies)
    connection.request("GET", path, headers={"Host": f"{host}:{port}", **({"Cookie": kept} if kept else {})})
    with connection.getresponse() as answer:
        found = answer.status, answer.headers.get_all("Set-Cookie") or [], answer.headers.get("Location") or ""
    connection.close()
    return found


@pytest.mark.parametrize("text", ["rstudio\nsecret", "", "ä\n€", "x" * 245])
def test_openssl_reads_what_was_encrypted(key: Key, text: str) -> None:
    """OpenSSL decrypts it with the padding that RStudio asks of it, and twice the same text is never the same."""
    exponent, _, modulus = key.public.partition(":")
    made = [encrypted(text.encode(), int(exponent, 16), int(modulus, 16)) for _ in range(2)]
    assert [key.text(base64.b64encode(one).decode(), oaep=False) for one in made] == [text, text]
    assert made[0] != made[1]
    assert {len(one) for one in made} == {256}


def test_what_is_no_key_or_too_long_is_refused(key: Key) -> None:
    """A modulus of few bits, an even one, an exponent of 1, and more than the key has room for."""
    exponent, modulus = (int(part, 16) for part in key.public.split(":"))
    for text, e, n in (
        (b"x" * 246, exponent, modulus),
        (b"x", exponent, 3233),
        (b"x", 1, modulus),
        (b"x", 3, modulus - 1),
    ):
        with pytest.raises(ValueError, match="key"):
            encrypted(text, e, n)


@pytest.mark.parametrize("release", CSRF)
def test_each_release_lets_a_browser_in(studio: Callable[..., RServer], release: str) -> None:
    """The cookies open the session, end with the browser, are read by no script, and the password is in none of them."""
    server = studio(release=release, same_site="Lax")
    port = server.server_address[1]
    cookies = sign_in(HOST, port, LOGIN, PASSWORD)
    names = {one.partition("=")[0] for one in cookies}
    assert names == {"user-id", "user-list-id", "persist-auth", *CSRF[release]}
    assert all("HttpOnly" in one and "SameSite=Lax" in one for one in cookies)
    assert [one.partition("=")[0] for one in cookies if "expires" in one] == ["persist-auth"]
    assert PASSWORD not in "".join(cookies)
    assert get(port, cookies=cookies)[0] == 200
    assert get(port)[0] == 302


def test_another_session_does_not_know_the_cookies(studio: Callable[..., RServer]) -> None:
    """What one signs is worth nothing on the next."""
    first, second = studio(), studio()
    cookies = sign_in(HOST, first.server_address[1], LOGIN, PASSWORD)
    assert get(second.server_address[1], cookies=cookies)[0] == 302


def test_who_comes_again_at_once_is_let_in_after_a_while(
    studio: Callable[..., RServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """RStudio turns away who signs in twice within some seconds: it is asked once more after them."""
    monkeypatch.setattr(rstudio, "AGAIN", 0.6)
    port = studio(throttle=0.5).server_address[1]
    for _ in range(2):
        assert get(port, cookies=sign_in(HOST, port, LOGIN, PASSWORD))[0] == 200
    monkeypatch.setattr(rstudio, "AGAIN", 0.0)
    port = studio(throttle=600).server_address[1]
    sign_in(HOST, port, LOGIN, PASSWORD)
    with pytest.raises(SignInError, match="did not take"):
        sign_in(HOST, port, LOGIN, PASSWORD)


@pytest.mark.parametrize(
    ("settings", "login", "password"),
    [({}, LOGIN, "wrong"), ({}, "somebody", PASSWORD), ({"allows": lambda name: False}, LOGIN, PASSWORD)],
)
def test_who_is_not_let_in_is_told(
    studio: Callable[..., RServer], settings: dict[str, object], login: str, password: str
) -> None:
    """A wrong password, an unknown name and an account that may not: no cookie, and the password is not repeated."""
    port = studio(**settings).server_address[1]
    with pytest.raises(SignInError, match="RStudio did not take name and password") as caught:
        sign_in(HOST, port, login, password)
    assert password not in str(caught.value)


Answers = dict[str, tuple[int, dict[str, str], str]]
GOOD_PAGE = '<form onsubmit="submitRealForm()"></form><form name="realform"><input type=hidden name=t value=1></form>'


@contextmanager
def other(answers: Answers) -> Iterator[int]:
    """A server that is something else than RStudio: what it answers to each path; 404 for the rest."""

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, headers, text = answers.get(self.path, (404, {}, ""))
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(text))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(text.encode())

        do_POST = do_GET  # noqa: N815 - http.server's name

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({FORM: (404, {}, "")}, "page is not the one"),
        ({FORM: (200, {}, "<form name=login>name and password</form>")}, "page is not the one"),
        ({FORM: (200, {}, GOOD_PAGE.replace("submitRealForm", "verifyMe"))}, "page is not the one"),
        ({FORM: (200, {}, "<![nonsense[" + GOOD_PAGE)}, "page is not the one"),
        ({KEY: (500, {}, "")}, "public key is not of the kind"),
        ({KEY: (200, {}, "-----BEGIN PUBLIC KEY-----")}, "public key is not of the kind"),
        ({KEY: (200, {}, "3:cafe")}, "public key is not of the kind"),
        ({SIGN_IN: (200, {}, "welcome")}, "did not take name and password"),
        ({SIGN_IN: (302, {"Location": "/auth-sign-in?error=1"}, "")}, "did not take name and password"),
        ({SIGN_IN: (302, {"Location": "/"}, "")}, "gave no cookie"),
        ({SIGN_IN: (302, {"Location": "/", "Set-Cookie": "user-id=; path=/"}, "")}, "gave no cookie"),
        ({SIGN_IN: (302, {"Location": "/", "Set-Cookie": "user-id=a; Domain=localhost"}, "")}, "gave no cookie"),
        ({SIGN_IN: (302, {"Location": "/", "Set-Cookie": "user-id=a;\r\n x: y"}, "")}, "gave no cookie"),
    ],
)
def test_what_is_not_as_expected_is_no_sign_in(key: Key, change: Answers, said: str) -> None:
    """Another page, one without encryption, a key of another kind, another answer, a cookie for more than this host."""
    good = {"Location": "/", "Set-Cookie": "user-id=a; path=/"}
    answers: Answers = {FORM: (200, {}, GOOD_PAGE), KEY: (200, {}, key.public), SIGN_IN: (302, good, "")}
    with other(answers) as port:
        assert sign_in(HOST, port, LOGIN, PASSWORD) == ("user-id=a; path=/",)
    with other({**answers, **change}) as port, pytest.raises(SignInError, match=said):
        sign_in(HOST, port, LOGIN, PASSWORD)


def test_a_session_that_does_not_answer_is_told() -> None:
    """Nobody listens at its port."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        with pytest.raises(SignInError, match="RStudio did not answer"):
            sign_in(HOST, nobody.getsockname()[1], LOGIN, PASSWORD)


def link(port: int, password: str = PASSWORD) -> tuple[str, str, list[bytes]]:
    """What the program of links says to a session at `port`: the link, why it could not sign in, and its command line."""
    given = f"http://{HOST}:{port}/?x=1\n{LOGIN}\n{password}"
    command = [sys.executable, "-m", "workbench.front.link", "--form", "rstudio"]
    answer = subprocess.run(command, input=given, capture_output=True, text=True, timeout=60, check=True)
    assert answer.stderr == ""
    address, _, why = answer.stdout.strip().partition("\n")
    return address, why, [_command_line(folder) for folder in Path("/proc").iterdir() if folder.name.isdigit()]


def test_a_link_signs_in_once_at_the_sessions_own_name(studio: Callable[..., RServer]) -> None:
    """The link has the session's host name, for which its cookies are; it works once, under that name alone, and nothing
    on the way holds the password. The same port of ::1, which browsers try first, is held meanwhile."""
    port = studio().server_address[1]
    address, why, running = link(port)
    assert why == ""
    assert not any(PASSWORD.encode() in words for words in running)
    where = urlsplit(address)
    assert where.hostname == HOST
    assert where.port
    assert PASSWORD not in address
    for host in ("127.0.0.1", "localhost", "evil.example"):
        assert get(where.port, where.path, host=host) == (404, [], "")
    if there := ports.guard(0):
        there.close()
        with pytest.raises(OSError, match="in use"):
            ports.guard(where.port)
    status, cookies, target = get(where.port, where.path)
    assert (status, target) == (302, f"http://{HOST}:{port}/?x=1")
    assert PASSWORD not in "".join(cookies)
    assert get(port, cookies=tuple(cookies))[0] == 200


def test_a_link_that_cannot_sign_in_leads_to_the_form(studio: Callable[..., RServer]) -> None:
    """It says why on its second line, gives no cookie, and leads on as ever."""
    port = studio().server_address[1]
    address, why, _ = link(port, "wrong")
    assert why == "RStudio did not take name and password"
    where = urlsplit(address)
    assert where.hostname == "127.0.0.1"
    assert where.port
    assert get(where.port, where.path, host="127.0.0.1") == (302, [], f"http://{HOST}:{port}/?x=1")


def _command_line(folder: Path) -> bytes:
    try:
        return (folder / "cmdline").read_bytes()
    except OSError:
        return b""
