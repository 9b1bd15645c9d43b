"""Registries for tests: Debian's `docker-registry` on a loopback port of its own, and a front that fails on purpose."""

from __future__ import annotations

import http.client
import io
import json
import os
import shutil
import socket
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread

import pytest
from docker import APIClient
from waiting import until

USER, PASSWORD = "ann", "a password of tests"
_HTPASSWD = f"{USER}:$2y$05$abcdefghijklmnopqrstuuU7IZPJ2ZGDBazVvhUStvgi257KE3hdm\n"


@dataclass
class Registry:
    """A registry that can be stopped and started again, with what was pushed to it."""

    folder: Path
    port: int
    locked: bool
    process: subprocess.Popen[bytes] | None = None

    @property
    def host(self) -> str:
        """As it stands in names of images."""
        return f"127.0.0.1:{self.port}"

    @property
    def login(self) -> dict[str, str]:
        """What it lets in."""
        return {"username": USER, "password": PASSWORD} if self.locked else {}

    def start(self) -> None:
        """Serve, and wait for the first answer."""
        config = self.folder / "config.json"
        said = {
            "version": 0.1,
            "log": {"level": "error", "accesslog": {"disabled": True}},
            "storage": {"filesystem": {"rootdirectory": str(self.folder / "data")}, "delete": {"enabled": True}},
            "http": {"addr": self.host},
        }
        if self.locked:
            (self.folder / "htpasswd").write_text(_HTPASSWD)
            said["auth"] = {"htpasswd": {"realm": "tests", "path": str(self.folder / "htpasswd")}}
        config.write_text(json.dumps(said))
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(["docker-registry", "serve", str(config)], stdout=log, stderr=log)
        until(self._answers, "the registry", seconds=20)

    def stop(self) -> None:
        """End it; what it holds stays."""
        if self.process:
            self.process.terminate()
            self.process.wait(10)
            self.process = None

    def push(self, engine: APIClient, image: str, name: str) -> str:
        """Put an image of the engine here as `name`; its full name. The engine keeps neither."""
        full = f"{self.host}/{name}"
        engine.tag(image, full)
        said = [*engine.push(full, stream=True, decode=True, auth_config=self.login or None)]
        assert not any("error" in line for line in said), said
        engine.remove_image(full)
        engine.remove_image(image)
        return full

    def _answers(self) -> bool:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
            connection.request("GET", "/v2/")
            return connection.getresponse().status in (200, 401)
        except OSError:
            return False
        finally:
            connection.close()


@contextmanager
def registry(folder: Path, *, locked: bool = False) -> Iterator[Registry]:
    """An empty registry, ended afterwards; `locked` wants a login."""
    if shutil.which("docker-registry") is None:
        pytest.skip("no docker-registry here")
    folder.mkdir(parents=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    made = Registry(folder, port, locked)
    made.start()
    try:
        yield made
    finally:
        made.stop()


def small(engine: APIClient, name: str, *, noise: int = 1_500_000) -> str:
    """An image of the engine with nothing but this machine's shell in it, and random bytes that nothing makes smaller."""
    shell = Path(shutil.which("sh") or "/bin/sh").resolve()
    linked = subprocess.run(["ldd", shell], capture_output=True, text=True, check=True).stdout
    libraries = [word for word in linked.split() if word.startswith("/")]
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w", dereference=True) as tar:
        tar.add(shell, "bin/sh")
        for library in libraries:
            tar.add(library, library.lstrip("/"))
        entry = tarfile.TarInfo("noise")
        entry.size = noise
        tar.addfile(entry, io.BytesIO(os.urandom(noise)))
    engine.import_image_from_data(archive.getvalue(), *name.rsplit(":", 1))
    return name


@dataclass
class Front:
    """Passes requests on to `target`, except as it is told to fail."""

    target: int
    status: int = 0  # answered to requests for manifests
    cut_after: int = 0  # bytes of a large blob, after which the connection breaks
    cuts_left: int = 1_000_000  # how often that happens
    then: int = 0  # status of blobs once one was cut
    hold: Event = field(default_factory=Event)  # set: a large blob stops half way until this is cleared
    cuts: int = 0
    server: ThreadingHTTPServer | None = None

    @property
    def host(self) -> str:
        """As it stands in names of images."""
        assert self.server
        return f"127.0.0.1:{self.server.server_address[1]}"


@contextmanager
def front(target: int) -> Iterator[Front]:
    """A front of the registry at `target`, which passes everything on until it is told otherwise."""
    told = Front(target)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            _pass(self, told)

        do_HEAD = do_GET  # noqa: N815 - http.server's name

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    told.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    told.server.daemon_threads = True
    thread = Thread(target=told.server.serve_forever, daemon=True)
    thread.start()
    try:
        yield told
    finally:
        told.hold.clear()
        told.server.shutdown()
        told.server.server_close()
        thread.join(5)


def _pass(handler: BaseHTTPRequestHandler, told: Front) -> None:
    blob = "/blobs/" in handler.path
    if told.status and "/manifests/" in handler.path:
        _refuse(handler, told.status)
        return
    if blob and told.cuts and told.then:
        _refuse(handler, told.then)
        return
    upstream = http.client.HTTPConnection("127.0.0.1", told.target, timeout=30)
    try:
        headers = {key: value for key, value in handler.headers.items() if key.lower() not in ("host", "connection")}
        upstream.request(handler.command, handler.path, headers=headers)
        answer = upstream.getresponse()
        body = answer.read() if handler.command == "GET" else b""
        handler.send_response(answer.status)
        for key, value in answer.getheaders():
            if key.lower() not in ("transfer-encoding", "connection"):
                handler.send_header(key, value.replace(f"127.0.0.1:{told.target}", told.host))
        handler.end_headers()
        large = blob and len(body) > 500_000
        if large and told.cut_after and told.cuts < told.cuts_left:
            told.cuts += 1
            handler.wfile.write(body[: told.cut_after])
            handler.wfile.flush()
            handler.connection.shutdown(socket.SHUT_RDWR)
            handler.close_connection = True
            return
        if large and told.hold.is_set():
            handler.wfile.write(body[: len(body) // 2])
            handler.wfile.flush()
            until(lambda: not told.hold.is_set(), "the front to go on", seconds=120)
            handler.close_connection = True
            return
        handler.wfile.write(body)
    except OSError:
        handler.close_connection = True
    finally:
        upstream.close()


def _refuse(handler: BaseHTTPRequestHandler, status: int) -> None:
    codes = {401: "UNAUTHORIZED", 404: "MANIFEST_UNKNOWN", 429: "TOOMANYREQUESTS"}
    words = {401: "authentication required", 404: "manifest unknown", 429: "You have reached your pull rate limit"}
    error = {"code": codes.get(status, "UNKNOWN"), "message": words.get(status, "the disk of the registry is full")}
    body = json.dumps({"errors": [error]}).encode()
    handler.send_response(status)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    if handler.command == "GET":
        handler.wfile.write(body)
