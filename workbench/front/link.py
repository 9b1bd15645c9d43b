"""A one-shot link: a loopback address that leads a browser once to an address with a secret in it.

    services ── target on stdin ──▶ python -m workbench.front.link ──stdout──▶ http://127.0.0.1:<port>/<path>
    browser ── GET /<path> ─────▶ 302 to the target; then, or after 60 s, the program ends

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
from pathlib import Path

LIFE = 60.0  # seconds in which a link can be used
PATIENCE = 5.0  # seconds a connection has to say what it wants
LIMIT = 16_384  # bytes of a request's head


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

    def answer(self, target: str) -> None:
        """Redirect to `target`, or 404 where it is empty; then hang up."""
        status = f"302 Found\r\nLocation: {target}" if target else "404 Not Found"
        head = (
            f"HTTP/1.1 {status}\r\nContent-Length: 0\r\nCache-Control: no-store\r\n"
            "Referrer-Policy: no-referrer\r\nConnection: close\r\n\r\n"
        )
        try:
            self.connection.sendall(head.encode())
            self.connection.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        self.connection.close()


def serve(listener: socket.socket, path: str, target: str, life: float = LIFE) -> bool:
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
                    visitors.pop().answer("")
            elif source.hear():
                visitors.remove(source)
                hit = not used and asks_for(source.head, path, port)
                source.answer(target if hit else "")
                used = used or hit
        for late in [visitor for visitor in visitors if time.monotonic() > visitor.deadline]:
            visitors.remove(late)
            late.answer("")
    for visitor in visitors:
        visitor.answer("")
    return used


def asks_for(head: bytes, path: str, port: int) -> bool:
    """Whether a request is `GET /<path>` to our own address: another Host is somebody else's page."""
    lines = head.decode("latin-1").split("\r\n")
    hosts = [line.partition(":")[2].strip() for line in lines[1:] if line.lower().startswith("host:")]
    method, _, rest = lines[0].partition(" ")
    return (
        method == "GET"
        and secrets.compare_digest(rest.partition(" ")[0].encode("latin-1"), f"/{path}".encode())
        and hosts in ([f"127.0.0.1:{port}"], [f"localhost:{port}"])
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


def main() -> None:
    """Read the target from a file or standard input, print the link, go on in the background."""
    parser = argparse.ArgumentParser(prog="python -m workbench.front.link", description="Open an address once.")
    parser.add_argument("--target-file", type=Path, help="file with the address; standard input where not given")
    parser.add_argument("--seconds", type=float, default=LIFE, help="how long the link can be used")
    arguments = parser.parse_args()
    source = arguments.target_file
    target = (source.read_text(encoding="utf-8") if source else sys.stdin.read()).strip()
    if not target.startswith(("http://", "https://")) or not target.isprintable() or " " in target:
        parser.error("the target is no http address")
    listener = socket.create_server(("127.0.0.1", 0), backlog=16)
    path = secrets.token_urlsafe(24)
    sys.stdout.write(f"http://127.0.0.1:{listener.getsockname()[1]}/{path}\n")
    sys.stdout.flush()
    if os.fork():
        os._exit(0)
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in range(3):
        os.dup2(nothing, descriptor)
    serve(listener, path, target, arguments.seconds)


if __name__ == "__main__":
    main()
