"""A real SMTP server on loopback that keeps what it is sent, and can be told to refuse."""

from __future__ import annotations

import email
import email.policy
import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage


class Mailbox(socketserver.ThreadingTCPServer):
    """The server; `mails` are those taken, `answer` what the end of a mail is answered with, `bye` what QUIT is. Without
    an `answer` it takes the mail and breaks off; it breaks off `midway`, before a mail, or after `most` bytes of it;
    `silent` it says nothing at all."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.answer, self.bye = "250 taken", "221 bye"
        self.midway = self.silent = False
        self.most = 0
        self.seen = 0
        super().__init__(("127.0.0.1", 0), _Talk)

    @property
    def port(self) -> int:
        """On 127.0.0.1."""
        return int(self.server_address[1])


class _Talk(socketserver.StreamRequestHandler):
    server: Mailbox

    def handle(self) -> None:
        if self.server.silent:
            self.rfile.read()
            return
        self._say("220 mailbox")
        while line := self.rfile.readline():
            word = line.split()[0].upper() if line.split() else b""
            if word == b"DATA":
                if self.server.midway:
                    return
                self._say("354 go on")
                if not self._take():
                    return
            elif word == b"QUIT":
                self._say(self.server.bye)
                return
            else:
                self._say("250 mailbox")

    def _take(self) -> bool:
        """Whether the line is still there."""
        if self.server.most:
            self.rfile.read(self.server.most)
            return False
        lines: list[bytes] = []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line[1:] if line.startswith(b"..") else line)
        self.server.seen += 1
        if not self.server.answer or self.server.answer.startswith("250"):
            mail = email.message_from_bytes(b"".join(lines), policy=email.policy.default)
            assert isinstance(mail, EmailMessage)
            self.server.mails.append(mail)
        if self.server.answer:
            self._say(self.server.answer)
        return bool(self.server.answer)

    def _say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())


@contextmanager
def mailbox() -> Iterator[Mailbox]:
    """A server that runs."""
    with Mailbox() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def unused_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])
