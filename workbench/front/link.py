"""A one-shot link: a loopback address that leads a browser once to an address with a secret in it.

    services ── target on stdin ──▶ python -m workbench.front.link ──stdout──▶ http://127.0.0.1:<port>/<path>
    browser ── GET /<path> ─────▶ 302 to the target; then, or after 60 s, the program ends

Of a tool with a form of its own (`--form`) name and password come on standard input too. The link signs in there by itself,
and the browser is given the cookies with the redirect: browsers keep cookies by host name and not by port, so that link is
at the session's own name. Where it could not sign in, the second line on standard output says why, and the form will ask.

The secret is in no argv, file name or log; the link stands in the browser's argv, where other accounts may read it,
so only connections of this account, or of root, are answered.
"""

from __future__ import annotations

import argparse
import os
import secrets
import select
import socket
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from workbench import ports

LIFE = 60.0  # seconds in which a link can be used
PATIENCE = 5.0  # seconds a connection has to say what it wants
LIMIT = 16_384  # bytes of a request's head
TRIES = 20  # ports that are tried until one is nobody's on ::1 either


@dataclass(frozen=True)
class Way:
    """Where a link leads, what cookies it gives on the way (`Set-Cookie`), and under which host names it is asked for."""

    target: str
    cookies: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ("127.0.0.1", "localhost")


class Visitor:
    """A connection of a browser: what it has said, and until when it may speak."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.deadline = time.monotonic() + PATIENCE
        self.head = b""
        connection.setblocking(False)

    def fileno(self) -> int:
        """For select."""
        return self.connection.fileno()

    def hear(self) -> bool:
        """Take in what it says; whether it has said all, or more than it may."""
        try:
            data = self.connection.recv(LIMIT)
        except BlockingIOError:
            return False
        except OSError:
            data = b""
        self.head += data
        return not data or b"\r\n\r\n" in self.head or len(self.head) > LIMIT

    def answer(self, way: Way | None = None) -> None:
        """Lead on, or 404 where there is no way; then hang up."""
        status = f"302 Found\r\nLocation: {way.target}" if way else "404 Not Found"
        cookies = "".join(f"Set-Cookie: {one}\r\n" for one in way.cookies) if way else ""
        head = (
            f"HTTP/1.1 {status}\r\n{cookies}Content-Length: 0\r\nCache-Control: no-store\r\n"
            "Referrer-Policy: no-referrer\r\nConnection: close\r\n\r\n"
        )
        try:
            self.connection.sendall(head.encode())
            self.connection.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        self.connection.close()


def serve(listener: socket.socket, path: str, way: Way, life: float = LIFE) -> bool:
    """Answer until `path` was asked for once or `life` seconds went by; whether it was.

    Connections are read side by side: one that says nothing holds up nobody.
    """
    port = listener.getsockname()[1]
    end = time.monotonic() + life
    visitors: list[Visitor] = []
    used = False
    while not used and time.monotonic() < end:
        sources: list[socket.socket | Visitor] = [listener, *visitors]
        ready, _, _ = select.select(sources, [], [], min(1.0, max(0.0, end - time.monotonic())))
        for source in ready:
            if isinstance(source, socket.socket):
                connection, peer = source.accept()
                visitors.append(Visitor(connection))
                if not trusted(peer[1], port):
                    visitors.pop().answer()
            elif source.hear():
                visitors.remove(source)
                hit = not used and asks_for(source.head, path, [f"{host}:{port}" for host in way.hosts])
                source.answer(way if hit else None)
                used = used or hit
        for late in [visitor for visitor in visitors if time.monotonic() > visitor.deadline]:
            visitors.remove(late)
            late.answer()
    for visitor in visitors:
        visitor.answer()
    return used


def asks_for(head: bytes, path: str, own: list[str]) -> bool:
    """Whether a request is `GET /<path>` to one of our `own` addresses: another Host is somebody else's page."""
    lines = head.decode("latin-1").split("\r\n")
    said = [line.partition(":")[2].strip() for line in lines[1:] if line.lower().startswith("host:")]
    method, _, rest = lines[0].partition(" ")
    return (
        method == "GET"
        and secrets.compare_digest(rest.partition(" ")[0].encode("latin-1"), f"/{path}".encode())
        and len(said) == 1
        and said[0] in own
    )


def trusted(peer: int, port: int) -> bool:
    """Whether the connection from loopback port `peer` is this account's or root's (the relay of WSL is), proc(5)."""
    try:
        with open("/proc/net/tcp") as file:
            lines = file.read().splitlines()[1:]
    except OSError:
        return True
    for line in lines:
        fields = line.split()
        ports = tuple(int(fields[n].rpartition(":")[2], 16) for n in (1, 2))
        if ports == (peer, port):
            return int(fields[7]) in {0, os.getuid()}
    return False


def signed_in(target: str, login: str, password: str) -> tuple[Way, str]:
    """The way into a tool of RStudio's kind, and why it is only the way to its form; that is empty where it is not."""
    from workbench.front import rstudio

    where = urlsplit(target)
    host = where.hostname or ""
    try:
        return Way(target, rstudio.sign_in(host, where.port or 80, login, password), (host,)), ""
    except rstudio.SignInError as error:
        return Way(target), error.message


def listen(way: Way) -> tuple[socket.socket, socket.socket | None]:
    """A port for the link, and the same of ::1, held where the link gives cookies: browsers try ::1 before 127.0.0.1 for names
    below `localhost`, and another account could listen there. Raises `OSError` where none is free."""
    for _ in range(TRIES):
        listener = socket.create_server(("127.0.0.1", 0), backlog=16)
        if not way.cookies:
            return listener, None
        try:
            return listener, ports.guard(listener.getsockname()[1])
        except OSError:
            listener.close()
    raise OSError("no port is free on 127.0.0.1 and ::1")


def main() -> None:
    """Read the target from a file or standard input, print the link, go on in the background."""
    parser = argparse.ArgumentParser(prog="python -m workbench.front.link", description="Open an address once.")
    parser.add_argument("--target-file", type=Path, help="file with the address; standard input where not given")
    parser.add_argument("--seconds", type=float, default=LIFE, help="how long the link can be used")
    parser.add_argument(
        "--form",
        choices=["rstudio"],
        help="sign in to a form of this kind: name and password are the lines that follow",
    )
    arguments = parser.parse_args()
    source = arguments.target_file
    said = (source.read_text(encoding="utf-8") if source else sys.stdin.read()).strip()
    target, _, credentials = said.partition("\n") if arguments.form else (said, "", "")
    if not target.startswith(("http://", "https://")) or not target.isprintable() or " " in target:
        parser.error("the target is no http address")
    way, why = Way(target), ""
    if arguments.form:
        login, _, password = credentials.partition("\n")
        way, why = signed_in(target, login, password)
    listener, guard = listen(way)
    path = secrets.token_urlsafe(24)
    sys.stdout.write(f"http://{way.hosts[0]}:{listener.getsockname()[1]}/{path}\n{why}".rstrip("\n") + "\n")
    sys.stdout.flush()
    if os.fork():
        os._exit(0)
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in range(3):
        os.dup2(nothing, descriptor)
    serve(listener, path, way, arguments.seconds)
    if guard:
        guard.close()


if __name__ == "__main__":
    main()
