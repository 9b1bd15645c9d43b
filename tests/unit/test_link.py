"""One-shot links: they lead in once, only our own account, and leave nothing behind."""

from __future__ import annotations

import http.client
import os
import secrets
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from waiting import until

from workbench.front.link import Way, serve, trusted

TARGET = "http://churn.localhost:8888/lab?token=verysecret"


@pytest.fixture
def door() -> Iterator[tuple[int, str, threading.Thread, list[bool]]]:
    """A link that is served: its port, its path, the thread that serves it, and whether it was used."""
    listener = socket.create_server(("127.0.0.1", 0))
    port, path, used = listener.getsockname()[1], secrets.token_urlsafe(24), []
    thread = threading.Thread(target=lambda: used.append(serve(listener, path, Way(TARGET), life=20)))
    thread.start()
    yield port, path, thread, used
    thread.join(30)
    listener.close()


Door = tuple[int, str, threading.Thread, list[bool]]


def get(port: int, path: str, *, method: str = "GET", host: str = "") -> tuple[int, str]:
    """Status and Location of an answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request(method, path, headers={"Host": host} if host else {})
    with connection.getresponse() as response:
        answer = response.status, response.getheader("Location") or ""
        assert response.getheader("Cache-Control") == "no-store"
        assert response.getheader("Referrer-Policy") == "no-referrer"
    connection.close()
    return answer


def test_a_link_leads_in_once(door: Door) -> None:
    """The first request of its path is led to the target, and then nobody listens any more."""
    port, path, thread, used = door
    assert get(port, f"/{path}") == (302, TARGET)
    thread.join(10)
    assert used == [True]


def test_nothing_else_uses_a_link_up(door: Door) -> None:
    """Another path, another method, another Host and noise get nothing; the link still works afterwards."""
    port, path, _, _ = door
    for bad in ("/", f"/{path}x", f"/{path[:-1]}", f"/{path}?x=1", "/favicon.ico"):
        assert get(port, bad) == (404, "")
    assert get(port, f"/{path}", method="HEAD") == (404, "")
    assert get(port, f"/{path}", method="POST") == (404, "")
    assert get(port, f"/{path}", host="evil.example") == (404, "")
    for noise in (b"\r\n\r\n", b"\xff\xfe\x00" * 10 + b"\r\n\r\n", b"GET /" + b"a" * 40_000):
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.sendall(noise)
    with socket.create_connection(("127.0.0.1", port)), socket.create_connection(("127.0.0.1", port)):
        begun = time.monotonic()  # two that say nothing hold up nobody
        assert get(port, f"/{path}", host=f"localhost:{port}") == (302, TARGET)
        assert time.monotonic() - begun < 2


def test_a_link_grows_old() -> None:
    """Unused, it ends after its life."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        assert serve(listener, "path", Way(TARGET), life=0.05) is False


def test_connections_of_other_accounts_are_told_apart() -> None:
    """The account behind a loopback connection is looked up; a connection that is not there is not trusted."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)) as own:
            assert trusted(own.getsockname()[1], port)
        assert not trusted(1, port)
        if os.getuid() == 0:
            code = f"import socket; s = socket.create_connection(('127.0.0.1', {port})); print(s.getsockname()[1], flush=True); input()"
            with subprocess.Popen(
                ["/usr/bin/python3", "-c", code],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, user=65534, cwd="/",
            ) as stranger:  # fmt: skip
                assert stranger.stdout
                assert not trusted(int(stranger.stdout.readline()), port)
                stranger.communicate("\n")


def command(*arguments: str) -> list[str]:
    """The program as services start it."""
    return [sys.executable, "-m", "workbench.front.link", *arguments]


def test_the_program_prints_its_link_and_goes_on(tmp_path: Path) -> None:
    """It returns at once with the link alone on standard output; the target is in no argv; used, it is gone."""
    answer = subprocess.run(command(), input=TARGET, capture_output=True, text=True, timeout=15, check=True)
    assert answer.stderr == ""
    link = answer.stdout.strip()
    assert link.startswith("http://127.0.0.1:")
    assert "secret" not in link
    running = [
        words
        for folder in Path("/proc").iterdir()
        if folder.name.isdigit() and b"workbench.front.link" in (words := _command_line(folder))
    ]
    assert running
    assert not any(b"verysecret" in words for words in running)
    port, _, path = link.removeprefix("http://127.0.0.1:").partition("/")
    assert get(int(port), f"/{path}") == (302, TARGET)
    until(lambda: closed(int(port)), "the program to end", seconds=5)


def test_a_target_from_a_file(tmp_path: Path) -> None:
    """The target may be in a file, a last newline does not matter; nobody comes, and it ends by itself."""
    (tmp_path / "target").write_text(f"{TARGET}\n")
    arguments = command("--target-file", str(tmp_path / "target"), "--seconds", "0.2")
    answer = subprocess.run(arguments, capture_output=True, text=True, timeout=15, check=True)
    port, _, path = answer.stdout.strip().removeprefix("http://127.0.0.1:").partition("/")
    assert path
    until(lambda: closed(int(port)), "the program to end", seconds=5)


@pytest.mark.parametrize("target", ["", "file:///etc/passwd", "javascript:alert(1)", f"{TARGET}\r\nSet-Cookie: x=1"])
def test_only_addresses_are_linked_to(target: str) -> None:
    """Anything that is no http address, or would add a line to the answer, is refused without being repeated."""
    answer = subprocess.run(command(), input=target, capture_output=True, text=True, timeout=15)
    assert answer.returncode == 2
    assert answer.stdout == ""
    assert "verysecret" not in answer.stderr


def closed(port: int) -> bool:
    """Whether nothing listens at `port`."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def _command_line(folder: Path) -> bytes:
    try:
        return (folder / "cmdline").read_bytes()
    except OSError:
        return b""
