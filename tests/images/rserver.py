"""A stand-in for RStudio Server (`rserver`): signs in as that does, and does nothing else.

Written after the source of rstudio/rstudio, with nothing of its code. Which rule is from where:

- `/auth-sign-in`, `/auth-public-key`, `/auth-do-sign-in`, the fields `v`, `persist`, `appUri`, `clientPath`, the text "name
  newline password", the key "exponent:modulus": src/cpp/server/ServerPAMAuth.cpp, unchanged from 2011 to 2026.
- Decryption (by OpenSSL, as there): src/cpp/core/system/Crypto.cpp. A bare value is PKCS #1 v1.5 in all releases; since pull
  request 16636 (November 2025, releases of 2026) `$RSA-OAEP$` marks OAEP with SHA-256, which its page uses where a browser
  has WebCrypto (src/gwt/www/js/encrypt.min.js, signin.js). The page here can do only that.
- The token against forged requests, in a cookie and a field: src/cpp/core/http/CSRFToken.cpp: `csrf-token` to 2021.09,
  since 2022 `rs-csrf-token`, and the old cookie beside it. A wrong one leads to the page with `error=2`.
- Cookies `user-id` and `user-list-id` ("value|expires|HMAC-SHA256 of both", each escaped), `persist-auth`, their path, HttpOnly,
  no SameSite where `www-same-site` does not say so, no `expires` (but of `persist-auth`) where nobody wants to stay signed in; the
  page sends on who is signed in: src/cpp/server/auth/ServerAuthCommon.cpp and src/cpp/server_core/http/SecureCookie.cpp.
- What it says no to, in this order since 2022: wrong (1), no such user or number below `auth-minimum-user-id` (3), signed in
  less than `auth-sign-in-throttle-seconds` (5) ago (2): ServerAuthCommon.cpp and ServerAuthHandler.cpp.
- Forms have to come as just `application/x-www-form-urlencoded`: src/cpp/core/http/Request.cpp. Redirects are whole
  addresses: Response.cpp. The page has a form for people, and one by the name `realform` that is sent:
  src/gwt/www/templates/encrypted-sign-in.htm.

Left out: `www-verify-user-agent`, `www-enable-origin-check`, `auth-encrypt-password=0`, signing out, R.
What people then run is theirs: `/run`, which no RStudio has, runs a line of a shell as them.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import pwd
import secrets
import signal
import stat
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from email.utils import formatdate
from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, quote, unquote

CSRF = {"2021": ("csrf-token",), "2022": ("rs-csrf-token", "csrf-token"), "2026": ("rs-csrf-token", "csrf-token")}
WRONG, SERVER, UNAUTHORIZED = 1, 2, 3
FORM = "application/x-www-form-urlencoded"
OAEP = "$RSA-OAEP$"
PAGE = """<!DOCTYPE html>
<html lang="en"><head><title>RStudio Sign In</title><meta name="public-key-url" content="auth-public-key" />
<script>
async function submitRealForm() {
  const told = await (await fetch(document.querySelector("meta[name=public-key-url]").content)).text()
  const url64 = hex => btoa(String.fromCharCode(...hex.match(/../g).map(two => parseInt(two, 16))))
    .replace(/=/g, "").replace(/[+]/g, "-").replace(/[/]/g, "_")
  const [e, n] = told.split(":").map(url64)
  const how = {name: "RSA-OAEP", hash: "SHA-256"}
  const key = await crypto.subtle.importKey("jwk", {kty: "RSA", alg: "RSA-OAEP-256", n, e}, how, false, ["encrypt"])
  const said = document.login_form.username.value + "\\n" + document.login_form.password.value
  const made = new Uint8Array(await crypto.subtle.encrypt(how, key, new TextEncoder().encode(said)))
  document.realform.v.value = "$RSA-OAEP$" + btoa(String.fromCharCode(...made))
  document.realform.clientPath.value = location.pathname
  document.realform.submit()
}
</script></head><body><p id="errortext">@error@</p>
<form name="login_form" method="POST" action="javascript:void" onsubmit="submitRealForm();return false">
  <input type="text" name="username" /><input type="password" name="password" />
  <input type="hidden" name="@field@" value="@token@" /><button type="submit">Sign In</button>
</form>
<form action="auth-do-sign-in" name="realform" method="POST">
  <input type="hidden" name="persist" value="" /><input type="hidden" name="@field@" value="@token@" />
  <input type="hidden" name="appUri" value="@uri@" /><input type="hidden" name="clientPath" value="" />
  <input type="hidden" name="v" value="" />
</form></body></html>"""


class Key:
    """A key of RSA, held by OpenSSL."""

    def __init__(self) -> None:
        self._key = _openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048")
        modulus = _openssl("rsa", "-noout", "-modulus", said=self._key).decode().strip()
        self.public = "010001:" + modulus.partition("=")[2]

    def text(self, package: str, oaep: bool) -> str:
        """What was encrypted; empty where it cannot be read."""
        options = ["-pkeyopt", "rsa_padding_mode:pkcs1"]
        if oaep and package.startswith(OAEP):
            package = package.removeprefix(OAEP)
            options = ["-pkeyopt", "rsa_padding_mode:oaep", "-pkeyopt", "rsa_oaep_md:sha256"]
        with tempfile.TemporaryDirectory(prefix="rserver-") as folder:
            key = Path(folder) / "key"
            key.write_bytes(self._key)
            try:
                read = _openssl("pkeyutl", "-decrypt", "-inkey", str(key), *options, said=base64.b64decode(package))
                return read.decode()
            except (ValueError, subprocess.CalledProcessError):
                return ""


class RServer(ThreadingHTTPServer):
    """Answers at `place` as RStudio Server of `release` does. `knows` says whether a password is somebody's, `allows` whether
    they may sign in, and `run` what a shell of them says."""

    daemon_threads = True

    def __init__(
        self,
        place: tuple[str, int],
        *,
        knows: Callable[[str, str], bool],
        allows: Callable[[str], bool] = bool,
        run: Callable[[str, str], str] = lambda name, line: "",
        key: Key | None = None,
        cookie_key: bytes = b"",
        release: str = "2026",
        throttle: float = 5.0,
        same_site: str = "",
    ) -> None:
        super().__init__(place, Handler)
        self.knows, self.allows, self.run = knows, allows, run
        self.cookie_key = cookie_key or secrets.token_hex(32).encode()
        self.release, self.throttle, self.same_site = release, throttle, same_site
        self.key = key or Key()
        self.signed_in: dict[str, float] = {}  # when each signed in last

    def signed(self, value: str, minutes: int = 60) -> str:
        """The value of a cookie that only who has the key can make."""
        expires = formatdate(time.time() + 60 * minutes, usegmt=True)
        return "|".join(quote(part, safe="") for part in (value, expires, self._mark(value + expires)))

    def told(self, cookie: str) -> str:
        """What a cookie says, where it is ours; else empty."""
        parts = [unquote(part) for part in cookie.split("|")]
        if len(parts) != 3 or not hmac.compare_digest(parts[2].encode(), self._mark(parts[0] + parts[1]).encode()):
            return ""
        return parts[0]

    def _mark(self, text: str) -> str:
        return base64.b64encode(hmac.new(self.cookie_key, text.encode(), hashlib.sha256).digest()).decode()

    def verdict(self, name: str, password: str) -> int:
        """0, or the number of what is said to who may not come in."""
        if not password or not self.knows(name, password):
            return WRONG
        if not self.allows(name):
            return UNAUTHORIZED
        now = time.monotonic()
        if now - self.signed_in.get(name, -self.throttle) < self.throttle:
            return SERVER
        self.signed_in[name] = now
        return 0


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    server: RServer

    def log_message(self, *_: object) -> None:
        """Nothing is logged."""

    def do_GET(self) -> None:
        """The page, the key, or what is behind them."""
        path = self.path.partition("?")[0]
        if path == "/auth-public-key":
            self.say(200, self.server.key.public, Content_Type="text/plain")
        elif path == "/auth-sign-in":
            self.go("/") if self.who() else self.page()
        elif name := self.who():
            self.say(200, f"RStudio: signed in as {name}", Content_Type="text/html")
        else:
            self.go(
                "/auth-sign-in?appUri=%2F",
                [self.cookie(name, "", lasts=-172_800) for name in ("user-id", "user-list-id")],
            )

    def do_POST(self) -> None:
        """Signing in, or a line for a shell."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        if self.path == "/auth-do-sign-in":
            self.sign_in({name: values[0] for name, values in parse_qs(body, keep_blank_values=True).items()})
        elif name := self.who():
            self.say(200, self.server.run(name, body))
        else:
            self.say(401)

    def page(self) -> None:
        """The form, with the token that is there or a new one."""
        names = CSRF[self.server.release]
        token = self.token() or str(uuid.uuid4())
        said = parse_qs(self.path.partition("?")[2])
        error = {"1": "Incorrect or invalid username/password", "2": "Temporary server error, please try again"}
        filled = {
            "error": error.get(said.get("error", [""])[0], ""),
            "field": names[0],
            "token": token,
            "uri": quote(said.get("appUri", [""])[0]),
        }
        text = PAGE
        for name, value in filled.items():
            text = text.replace(f"@{name}@", value)
        self.say(200, text, [self.cookie(name, token) for name in names], Content_Type="text/html")

    def sign_in(self, form: dict[str, str]) -> None:
        """In with the cookies, or back to the page."""
        if self.headers.get("Content-Type") != FORM:
            form = {}
        uri, names = form.get("appUri", ""), CSRF[self.server.release]
        given = next((form[name] for name in names if form.get(name)), "")
        if not self.token() or given != self.token():
            self.back("appUri", SERVER)
            return
        name, newline, password = self.server.key.text(form.get("v", ""), self.server.release == "2026").partition("\n")
        if not newline:
            self.back(uri, SERVER)
        elif error := self.server.verdict(name, password):
            self.back(uri, error)
        else:
            cookies = [self.cookie("user-id", self.server.signed(name))]
            cookies += [
                self.cookie("user-list-id", self.server.signed("1")),
                self.cookie("persist-auth", "0", lasts=3600),
            ]
            cookies += [self.cookie(one, given) for one in names]
            self.go(uri if uri.startswith("/") else f"/{uri}", cookies)

    def back(self, uri: str, error: int) -> None:
        """To the page, with what it shall say."""
        self.go(f"/auth-sign-in?appUri={quote(uri, safe='')}&error={error}")

    def token(self) -> str:
        """The token in the cookies."""
        kept = SimpleCookie(self.headers.get("Cookie", ""))
        return next((kept[name].value for name in CSRF[self.server.release] if name in kept), "")

    def who(self) -> str:
        """The name of who is signed in; empty for nobody."""
        cookie = SimpleCookie(self.headers.get("Cookie", "")).get("user-id")
        return self.server.told(cookie.value) if cookie else ""

    def cookie(self, name: str, value: str, *, lasts: float | None = None) -> str:
        """The header of a cookie that lasts so many seconds, or as long as the browser."""
        expires = "" if lasts is None else f"; expires={formatdate(time.time() + lasts, usegmt=True)}"
        same = f"; SameSite={self.server.same_site}" if self.server.same_site else ""
        return f"{name}={value}{expires}; path=/; HttpOnly{same}"

    def go(self, path: str, cookies: list[str] | None = None) -> None:
        """Lead on to another page of ours."""
        self.say(302, "", cookies, Location=f"http://{self.headers.get('Host', '')}{path}")

    def say(self, status: int, text: str = "", cookies: list[str] | None = None, **headers: str) -> None:
        """Answer."""
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(text.encode()))}.items():
            self.send_header(name.replace("_", "-"), value)
        for cookie in cookies or []:
            self.send_header("Set-Cookie", cookie)
        self.end_headers()
        self.wfile.write(text.encode())


def _openssl(*arguments: str, said: bytes = b"") -> bytes:
    return subprocess.run(["openssl", *arguments], input=said, capture_output=True, check=True).stdout


def main() -> None:
    """As the image's own start program has set it up: accounts of /etc/shadow, settings of /etc/rstudio."""
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    conf, session = _settings("rserver.conf"), _settings("rsession.conf")
    key_file = Path(conf.get("secure-cookie-key-file", "/var/lib/rstudio-server/secure-cookie-key"))
    if not key_file.exists():
        key_file.parent.mkdir(parents=True, exist_ok=True)
        key_file.touch(0o600)
        key_file.write_text(secrets.token_hex(32))
    if stat.S_IMODE(key_file.stat().st_mode) != 0o600:
        sys.exit("the key can be read by others")

    def knows(name: str, password: str) -> bool:
        for line in Path("/etc/shadow").read_text().splitlines():
            user, stored = line.split(":")[:2]
            if user == name and stored.startswith("$"):
                program = ["perl", "-e", "print crypt(<STDIN>, $ARGV[0])", stored]
                told = subprocess.run(program, input=password, capture_output=True, text=True)
                return hmac.compare_digest(told.stdout, stored)
        return False

    def run(name: str, line: str) -> str:
        user = pwd.getpwnam(name)
        done = subprocess.run(
            ["bash", "-c", line], capture_output=True, text=True, user=user.pw_uid, group=user.pw_gid, extra_groups=[],
            cwd=session.get("session-default-working-dir", user.pw_dir),
            env={"HOME": user.pw_dir, "USER": name, "PATH": os.environ["PATH"]},
        )  # fmt: skip
        return done.stdout + done.stderr

    RServer(
        (conf.get("www-address", "0.0.0.0"), 8787),
        knows=knows,
        allows=lambda name: pwd.getpwnam(name).pw_uid >= int(conf.get("auth-minimum-user-id", 1000)),
        run=run,
        cookie_key=key_file.read_bytes(),
        throttle=float(conf.get("auth-sign-in-throttle-seconds", 5)),
        same_site=conf.get("www-same-site", "").capitalize(),
    ).serve_forever()


def _settings(name: str) -> dict[str, str]:
    path = Path("/etc/rstudio") / name
    lines = path.read_text().splitlines() if path.exists() else []
    return {key: value for key, equals, value in (line.partition("=") for line in lines) if equals}


if __name__ == "__main__":
    main()
