"""Real mail servers with certificates of a CA of their own, a sign-in and a mind of their own; and a server for services."""

from __future__ import annotations

import asyncio
import email
import email.policy
import http.server
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import trustme
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

USER, PASSWORD = "ann", "Pässwort: 7"


class Post:
    """Takes mail: `mails`. Recipients are answered with `answers`, one after another, and then taken."""

    def __init__(self, *answers: str) -> None:
        self.mails: list[EmailMessage] = []
        self.answers = list(answers)
        self.asked = 0
        self.signed_in = False  # the one whose mail came last
        self.largest = 33_554_432  # bytes of a mail
        self.port = 0

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's
        self, server: Any, session: Any, envelope: Any, address: str, options: Any
    ) -> str:
        """A recipient is named."""
        self.asked += 1
        if self.answers:
            return self.answers.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        """A mail comes."""
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        self.signed_in = bool(session.authenticated)
        return "250 taken"


@contextmanager
def post_office(
    authority: trustme.CA | None, post: Post, *, security: str = "starttls", sign_in: bool = True
) -> Iterator[Post]:
    """A server on loopback, its certificate for 127.0.0.1 signed by `authority`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if authority:
        authority.issue_cert("127.0.0.1").configure_cert(context)

    def checked(server: Any, session: Any, envelope: Any, mechanism: str, given: Any) -> AuthResult:
        assert isinstance(given, LoginPassword)
        right = (given.login.decode(), given.password.decode()) == (USER, PASSWORD)
        return AuthResult(success=right, handled=False)

    def talk() -> SMTP:
        upgrade = {"tls_context": context, "require_starttls": True} if security == "starttls" else {}
        return SMTP(
            post, hostname="mail.acme.example", authenticator=checked if sign_in else None, auth_required=sign_in and security == "starttls",
            auth_require_tls=security == "starttls", auth_exclude_mechanism=["LOGIN"] if sign_in else ["LOGIN", "PLAIN"], loop=loop,
            data_size_limit=post.largest, **upgrade,
        )  # fmt: skip

    loop = asyncio.new_event_loop()
    opened = loop.run_until_complete(
        loop.create_server(talk, "127.0.0.1", 0, ssl=context if security == "tls" else None)
    )
    post.port = opened.sockets[0].getsockname()[1]
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield post
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.run_until_complete(_close(opened))
        loop.close()


async def _close(server: asyncio.Server) -> None:
    server.close()
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


class Service(http.server.ThreadingHTTPServer):
    """Takes letters by HTTP: `taken`. `answer`: a status, or 0 to break off instead of one."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Request)
        self.taken: list[bytes] = []
        self.answer = 200
        self.hold: threading.Event | None = None  # to be silent until

    @property
    def place(self) -> str:
        """Where it listens."""
        return f"127.0.0.1:{self.server_address[1]}"


class _Request(http.server.BaseHTTPRequestHandler):
    server: Service

    def do_POST(self) -> None:
        self.server.taken.append(self.rfile.read(int(self.headers["Content-Length"])))
        if self.server.hold:
            self.server.hold.wait(30)
            return
        if self.server.answer:
            self.send_response(self.server.answer)
            self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def service() -> Iterator[Service]:
    """One that runs."""
    with Service() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def authority_file(authority: trustme.CA, folder: Path) -> Path:
    """The certificate of a CA as a file."""
    path = folder / "acme-ca.pem"
    authority.cert_pem.write_to_path(path)
    return path
