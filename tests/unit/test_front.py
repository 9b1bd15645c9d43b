"""The sign-in front, as a process of its own before a tool that says what it was asked: who is let in, what is passed on."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import os
import re
import secrets
import socket
import stat
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, ClientTimeout, DummyCookieJar, WSMsgType, WSServerHandshakeError, web

from workbench.errors import WorkbenchError
from workbench.front import custody
from workbench.front.__main__ import Quiet
from workbench.front.job import SOCKET, Entrance, Job, Place, read
from workbench.front.secret import Secret
from workbench.paths import private_folder
from workbench.supervisor.sessions.probe import free_port

NAME = "work-shiny"
BIG = 20_000_000  # bytes


def job_of(*inside: int, tool: bool = True) -> Job:
    """A front before a tool, and before other ports of its session."""
    entrances = [Entrance("Shiny", f"{NAME}.localhost", free_port(), "workbench-home-1")] if tool else []
    entrances += [
        Entrance("", f"{NAME}-{one}.localhost", free_port(), f"workbench-home-1-{one}", one) for one in inside
    ]
    return Job(NAME, tuple(entrances))


class Toy:
    """A tool that says what it was asked."""

    def __init__(self) -> None:
        self.seen = asyncio.Event()
        self.words = b""
        self.closed: asyncio.Queue[int | None] = asyncio.Queue()

    async def echo(self, request: web.Request) -> web.StreamResponse:
        """What came in: first line, headers, and how much."""
        count = 0
        async for chunk in request.content.iter_any():
            count += len(chunk)
        said = {
            "method": request.method,
            "target": request.raw_path,
            "headers": [[name, value] for name, value in request.headers.items()],
            "bytes": count,
        }
        return web.json_response(said, headers={"X-Tool": "yes", "Set-Cookie": "tool=1; Path=/"})

    async def trickle(self, request: web.Request) -> web.StreamResponse:
        """Two parts, the second when the first was seen."""
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await response.write(b"data: one\n\n")
        await self.seen.wait()
        await response.write(b"data: two\n\n")
        return response

    async def half(self, request: web.Request) -> web.StreamResponse:
        """Promises more than it says."""
        response = web.StreamResponse(headers={"Content-Length": "1000"})
        await response.prepare(request)
        await response.write(b"x" * 10)
        assert request.transport
        request.transport.close()
        return response

    async def bare(self, request: web.Request) -> web.StreamResponse:
        """Just what it was told to say."""
        assert request.transport
        request.transport.write(self.words)
        request.transport.close()
        return web.Response()

    async def moved(self, request: web.Request) -> web.StreamResponse:
        """Elsewhere."""
        return web.Response(status=302, headers={"Location": "/there"})

    async def chat(self, request: web.Request) -> web.StreamResponse:
        """A websocket that says everything back, its protocol first; it closes with 4001 when told to."""
        socket = web.WebSocketResponse(protocols=["one", "two"], autoping=False, max_msg_size=0)
        await socket.prepare(request)
        await socket.send_str(f"{socket.ws_protocol} {request.headers['Host']} {request.headers.get('Origin')}")
        async for message in socket:
            if message.type is WSMsgType.BINARY:
                await socket.send_bytes(message.data)
            elif message.type is WSMsgType.PING:
                await socket.pong(message.data)
            elif message.data == "close":
                await socket.close(code=4001, message=b"as told")
            else:
                await socket.send_str(message.data)
        self.closed.put_nowait(socket.close_code)
        return socket

    def routes(self, files: Path) -> list[web.AbstractRouteDef]:
        """What it answers."""
        named = {
            "/trickle": self.trickle,
            "/half": self.half,
            "/bare": self.bare,
            "/moved": self.moved,
            "/chat": self.chat,
        }
        return [
            *(web.get(path, handler) for path, handler in named.items()),
            web.static("/files", files),
            web.route("*", "/{tail:.*}", self.echo),
        ]


@dataclass
class Door:
    """A front and what one has to know to try it."""

    place: Place
    job: Job
    token: str
    tool: Toy
    number: int = 0

    @property
    def address(self) -> str:
        """Its own address."""
        return f"{self.entrance.host_name}:{self.entrance.port}"

    @property
    def entrance(self) -> Entrance:
        """The one that is tried."""
        return self.job.entrances[self.number]

    @asynccontextmanager
    async def asking(self, *, signed_in: bool = True, **headers: str) -> AsyncIterator[ClientSession]:
        """A client that sends these headers; it minds no cookies."""
        known = {"Host": self.address, **({"Authorization": f"token {self.token}"} if signed_in else {}), **headers}
        async with ClientSession(
            f"http://127.0.0.1:{self.entrance.port}",
            headers=known,
            cookie_jar=DummyCookieJar(),
            timeout=ClientTimeout(total=30),
        ) as client:
            yield client


@asynccontextmanager
async def tool_at(folder: Path, name: str = "tool") -> AsyncIterator[Toy]:
    """The tool, on its socket in a session's folder."""
    toy, app = Toy(), web.Application(client_max_size=0)
    app.add_routes(toy.routes(folder / "files"))
    runner = web.AppRunner(app, auto_decompress=False, shutdown_timeout=1.0)
    await runner.setup()
    await web.UnixSite(runner, str(private_folder(folder / "front") / f"{name}.sock")).start()
    yield toy
    await runner.cleanup()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A session's folder with a secret in it."""
    made = private_folder(tmp_path / "s")
    private_folder(made / "front")
    (made / "files").mkdir()
    (made / "files" / "big.bin").write_bytes(bytes(range(256)) * (BIG // 256))
    path = made / "token"
    path.touch(mode=0o600)
    path.write_text(secrets.token_hex(24))
    return made


@pytest.fixture
async def door(folder: Path) -> AsyncIterator[Door]:
    """A front before the tool, both up."""
    assert len(str(folder / SOCKET)) < 108, "a toy's own limit"
    place = Place(folder)
    job = job_of()
    async with tool_at(folder) as tool:
        custody.start(place, job)
        yield Door(place, job, place.token.read_text(), tool)
        custody.stop(place)
        assert not custody.alive(place)


async def test_only_who_knows_the_secret_is_let_in(door: Door) -> None:
    """Without it: the form, whatever is asked; a wrong one: refused; once with it: a cookie of this session alone, and on to the same
    address without it. None of the ways of knowing it is passed on to the tool."""
    async with door.asking(signed_in=False) as stranger:
        for path in ("/", "/files/big.bin", "/?token=", "/.workbench/sign-in", "/x?token=" + "0" * 48):
            async with stranger.get(path) as answer:
                text = await answer.text()
                assert (answer.status, answer.headers.get("X-Tool")) == (403, None), path
                assert "Sign in" in text
                assert answer.headers["Cache-Control"] == "no-store"
                assert answer.headers["X-Frame-Options"] == "DENY"
        for wrong in ("Authorization", "Cookie"):
            async with stranger.post("/", headers={wrong: "workbench-home-1=1; token " + "0" * 48}) as answer:
                assert answer.status == 403
        with pytest.raises(WSServerHandshakeError, match="403"):
            await stranger.ws_connect("/chat", headers={"Origin": f"http://{door.address}"})

        url = f"/a%2Fb?x=1&token={door.token}&y=%C3%A9"
        async with stranger.get(url, allow_redirects=False) as answer:
            assert (answer.status, answer.headers["Location"]) == (303, "/a%2Fb?x=1&y=%C3%A9")
            cookie = answer.headers["Set-Cookie"]
        assert re.fullmatch(r"workbench-home-1=[0-9a-f]{64}; HttpOnly; Path=/; SameSite=Strict", cookie)
        assert door.token not in cookie
        pair = cookie.partition(";")[0]
        async with stranger.get("/a%2Fb?x=1", headers={"Cookie": f"a=b; {pair}; workbench-other-2=z; c=d"}) as answer:
            said = await answer.json()
    assert said["target"] == "/a%2Fb?x=1"
    headers = {name.lower(): value for name, value in said["headers"]}
    assert headers["cookie"] == "a=b; c=d"
    assert headers["host"] == headers["x-forwarded-host"] == door.address
    assert "authorization" not in headers
    async with door.asking(Cookie=pair) as client, client.get("/") as answer:
        headers = {name.lower() for name, _ in (await answer.json())["headers"]}
    assert not headers & {"cookie", "authorization"}
    async with (
        door.asking(signed_in=False, Cookie=pair, Authorization="Basic eDp5") as client,
        client.get("/") as answer,
    ):
        assert ["Authorization", "Basic eDp5"] in (await answer.json())["headers"], "the tool's own"


async def test_the_form_signs_in(door: Door) -> None:
    """The key or the whole address may be pasted; a wrong one is told so; a form leads nowhere else, and none of another site counts."""
    async with door.asking(signed_in=False) as client:
        for key in (door.token, f" http://{door.address}/?token={door.token} "):
            form = {"key": key, "onward": "/app/?a=b"}
            async with client.post("/.workbench/sign-in", data=form, allow_redirects=False) as answer:
                assert (answer.status, answer.headers["Location"]) == (303, "/app/?a=b")
        for onward in ("//evil.example", "https://evil.example/", "/\\evil.example", "/\r\nX: y"):
            form = {"key": door.token, "onward": onward}
            async with client.post("/.workbench/sign-in", data=form, allow_redirects=False) as answer:
                assert answer.headers["Location"] == "/", onward
        async with client.post("/.workbench/sign-in", data={"key": "nonsense"}) as answer:
            assert answer.status == 403
            assert "not the key" in await answer.text()
        elsewhere = {"Origin": "http://evil.example"}
        async with client.post("/.workbench/sign-in", data=form, headers=elsewhere, allow_redirects=False) as answer:
            assert (answer.status, answer.headers.get("Set-Cookie")) == (403, None)
        async with client.post("/.workbench/sign-in", data=b"a=b&" * 100) as answer:
            assert answer.status == 400
        async with client.get(f"/?{'a&' * 2000}token={door.token}", allow_redirects=False) as answer:
            assert answer.status == 303
        async with client.post("/.workbench/sign-in", data=b"key=" + b"x" * 100_000) as answer:
            assert answer.status == 413


async def test_many_wrong_keys_are_turned_away(door: Door) -> None:
    """Wrong keys are answered one after the other, and too many at once not at all; the right one is not held up."""
    async with door.asking(signed_in=False) as client:

        async def guess(number: int) -> int:
            async with client.get(f"/?token={number:048x}") as answer:
                return answer.status

        guesses = [asyncio.create_task(guess(number)) for number in range(14)]
        while sum(task.done() for task in guesses) < 4:
            await asyncio.wait([task for task in guesses if not task.done()], return_when="FIRST_COMPLETED")
        async with client.get(f"/?token={door.token}", allow_redirects=False) as answer:
            assert answer.status == 303
        assert not all(task.done() for task in guesses)
        assert {await task for task in guesses} == {403, 429}


async def test_other_names_and_other_pages_are_refused(door: Door) -> None:
    """A foreign Host gets 403 with the secret too; what changes something and websockets are for this session's own pages."""
    port = door.entrance.port
    for host, status in {
        "evil.example": 403,
        f"evil.example:{port}": 403,
        f"other.localhost:{port}": 403,
        f"{NAME}.localhost.evil.example": 403,
        "": 403,
        f"{NAME}.localhost": 200,
        f"{NAME.upper()}.localhost:9999": 200,
        f"localhost:{port}": 200,
        f"127.0.0.1:{port}": 200,
    }.items():
        async with door.asking(Host=host) as client, client.get("/") as answer:
            assert answer.status == status, host
    own = f"http://{door.address}"
    for headers, status in (
        ({}, 200),
        ({"Origin": own}, 200),
        ({"Origin": own, "Sec-Fetch-Site": "same-origin"}, 200),
        ({"Origin": "null", "Sec-Fetch-Site": "same-origin"}, 200),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": f"http://other.localhost:{port}"}, 403),
        ({"Origin": own, "Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
    ):
        async with door.asking(**headers) as client, client.post("/", data=b"x") as answer:
            assert answer.status == status, headers
    async with door.asking(Origin="http://evil.example") as client:
        with pytest.raises(WSServerHandshakeError, match="403"):
            await client.ws_connect("/chat")


async def test_requests_go_through_as_they_are(door: Door) -> None:
    """Methods, odd addresses, large uploads of known and of unknown length, ranges, HEAD, redirects and streams."""
    async with door.asking() as client:
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"):
            async with client.request(method, "/x%20y//z/..%2F?a=%2B&b") as answer:
                said = await answer.json()
                assert (said["method"], said["target"]) == (method, "/x%20y//z/..%2F?a=%2B&b")
                assert answer.headers["X-Tool"] == "yes"
                assert answer.headers.getall("Set-Cookie") == ["tool=1; Path=/"]
        async with client.put("/up", data=io.BytesIO(bytes(BIG))) as answer:
            said = await answer.json()
            assert said["bytes"] == BIG
            assert ["Content-Length", str(BIG)] in said["headers"]

        async def parts() -> AsyncIterator[bytes]:
            for _ in range(50):
                yield bytes(100_000)

        async with client.put("/up", data=parts(), headers={"Expect": "100-continue"}) as answer:
            assert (await answer.json())["bytes"] == 5_000_000
        squeezed = {"Content-Encoding": "gzip", "Content-Type": "x/y"}
        async with client.put("/up", data=b"not really squeezed", headers=squeezed) as answer:
            assert (await answer.json())["bytes"] == 19, "as it came"
        async with client.get("/files/big.bin") as answer:
            assert len(await answer.read()) == BIG
        async with client.get("/files/big.bin", headers={"Range": "bytes=256-511"}) as answer:
            assert (answer.status, await answer.read()) == (206, bytes(range(256)))
        async with client.head("/files/big.bin") as answer:
            assert (answer.status, answer.headers["Content-Length"]) == (200, str(BIG))
        async with client.get("/files/big.bin", headers={"If-None-Match": answer.headers["Etag"]}) as answer:
            assert answer.status == 304
        async with client.get("/moved", allow_redirects=False) as answer:
            assert (answer.status, answer.headers["Location"]) == (302, "/there")
        async with client.get("/trickle") as answer:
            assert await answer.content.readuntil(b"\n\n") == b"data: one\n\n"
            door.tool.seen.set()
            assert await answer.content.read() == b"data: two\n\n"
        with pytest.raises(Exception, match=r"payload|disconnected|closed"):
            async with client.get("/half") as answer:
                await answer.read()


@pytest.mark.parametrize(
    "said", ["Content-Length: 2\r\n\r\n<p", "Transfer-Encoding: chunked\r\n\r\n2\r\n<p\r\n0\r\n\r\n"]
)
async def test_an_answer_without_a_type_stays_so(door: Door, said: str) -> None:
    """A browser looks at it itself, as it does without a front, in place of saving it as a file."""
    door.tool.words = f"HTTP/1.1 200 OK\r\nConnection: close\r\n{said}".encode()
    async with door.asking() as client, client.get("/bare") as answer:
        assert "Content-Type" not in answer.headers
        assert await answer.text() == "<p"


async def test_websockets_go_through_as_they_are(door: Door) -> None:
    """Protocol, text, bytes of any size, pings and close codes, both ways; the tool sees this session's name as its own."""
    own = f"http://{door.address}"
    async with door.asking(Origin=own) as client:
        options: dict[str, Any] = {"protocols": ["zero", "two"], "max_msg_size": 0, "autoping": False}
        async with client.ws_connect("/chat", **options) as socket:
            assert socket.protocol == "two"
            assert await socket.receive_str() == f"two {door.address} {own}"
            await socket.send_str("häß")
            assert await socket.receive_str() == "häß"
            blob = os.urandom(6_000_000)
            await socket.send_bytes(blob)
            assert await socket.receive_bytes() == blob
            await socket.ping(b"there?")
            pong = await socket.receive()
            assert (pong.type, bytes(pong.data)) == (WSMsgType.PONG, b"there?")
            await socket.send_str("close")
            closed = await socket.receive()
            assert (closed.type, closed.data, closed.extra) == (WSMsgType.CLOSE, 4001, "as told")
        async with client.ws_connect("/chat") as socket:
            assert socket.protocol is None
            await socket.receive_str()
            await socket.close(code=4002)
        assert [await door.tool.closed.get(), await door.tool.closed.get()] == [4001, 4002]
        with pytest.raises(WSServerHandshakeError, match=r"502"):
            await client.ws_connect("/moved")


async def test_a_tool_that_is_not_there_is_told(folder: Path) -> None:
    """Before it answers for the first time a page waits for it; afterwards it says that the tool is gone; both end by themselves."""
    place = Place(folder)
    job = job_of()
    custody.start(place, job)
    door = Door(place, job, place.token.read_text(), Toy())
    async with door.asking() as client:

        async def look() -> tuple[int, str]:
            async with client.get("/") as answer:
                return answer.status, await answer.text()

        status, text = await look()
        assert (status, "is starting" in text, 'http-equiv="refresh"' in text) == (503, True, True)
        async with tool_at(folder):
            assert (await look())[0] == 200
        status, text = await look()
        assert (status, "does not answer any more" in text) == (503, True)
        with pytest.raises(WSServerHandshakeError, match="503"):
            await client.ws_connect("/chat")
        async with tool_at(folder):
            assert (await look())[0] == 200
    custody.stop(place)


async def test_who_is_signed_in_stays_so(door: Door) -> None:
    """A front that died and is started again takes the cookie it gave before, also after the session got a new secret; the old
    secret lets nobody in. Another session's front does not take it."""
    welcome = f"/?token={door.token}"
    async with door.asking(signed_in=False) as client, client.get(welcome, allow_redirects=False) as answer:
        cookie = answer.headers["Set-Cookie"].partition(";")[0]
    custody.stop(door.place)
    door.place.token.write_text(secrets.token_hex(24))
    custody.start(door.place, door.job)
    async with door.asking(signed_in=False, Cookie=cookie) as client, client.get("/") as answer:
        assert answer.status == 200
    async with door.asking() as client, client.get("/") as answer:
        assert answer.status == 403
    assert stat.S_IMODE(door.place.key.stat().st_mode) == 0o600
    custody.stop(door.place)
    door.place.key.unlink()
    custody.start(door.place, door.job)
    async with door.asking(signed_in=False, Cookie=cookie) as client, client.get("/") as answer:
        assert answer.status == 403


async def test_each_port_has_an_entrance_of_its_own(folder: Path) -> None:
    """One front shows several ports, each at its own name and with its own cookie: that of one lets in at no other, the
    secret at all of them. Where nobody listens yet a page says so, with 502, and it works as soon as somebody does."""
    place, job = Place(folder), job_of(8000, 8001)
    token = place.token.read_text()
    custody.start(place, job)
    assert read(place) == job
    tool, first, second = (Door(place, job, token, Toy(), number) for number in range(3))

    async def cookie(door: Door) -> str:
        welcome = f"/?token={token}"
        async with door.asking(signed_in=False) as client, client.get(welcome, allow_redirects=False) as answer:
            assert answer.status == 303
            return str(answer.headers["Set-Cookie"].partition(";")[0])

    async with tool_at(folder), tool_at(folder, "8000"):
        pairs = {door.number: await cookie(door) for door in (tool, first, second)}
        assert len({pair.partition("=")[0] for pair in pairs.values()}) == 3
        for door in (tool, first, second):
            for number, pair in pairs.items():
                wanted = 403 if number != door.number else 502 if door is second else 200
                async with door.asking(signed_in=False, Cookie=pair) as client, client.get("/") as answer:
                    assert answer.status == wanted, (door.number, number)
            other = tool.address if door is not tool else first.address
            async with door.asking(Host=other) as client, client.get("/") as answer:
                assert answer.status == 403, "another name's port"
            async with door.asking(signed_in=False) as client, client.get("/") as answer:
                assert answer.status == 403
                option = f" --port {door.entrance.inside}" if door.entrance.inside else ""
                text = await answer.text()
                assert f"workbench sessions url {NAME}{option}</code>" in text
                key, opens = ("P", f"workbench open {NAME}{option}") if option else ("o", "workbench open")
                assert f"<code>{key}</code> in the program, or <code>{opens}</code>," in text
        async with first.asking(Origin=f"http://{first.address}") as client, client.ws_connect("/chat") as chat:
            assert first.address in await chat.receive_str()
        async with first.asking(Origin=f"http://{tool.address}") as client:
            with pytest.raises(WSServerHandshakeError, match="403"):
                await client.ws_connect("/chat")
        async with second.asking() as client:
            async with client.get("/") as answer:
                text = await answer.text()
                assert (answer.status, "Nothing that speaks HTTP listens on port 8001 inside" in text) == (502, True)
            with pytest.raises(WSServerHandshakeError, match="502"):
                await client.ws_connect("/chat")
            async with tool_at(folder, "8001"), client.get("/") as answer:
                assert answer.status == 200
    custody.stop(place)
    assert not custody.alive(place)


def test_what_an_earlier_version_has_left_is_read(folder: Path) -> None:
    """The job of a front that was started by an earlier version is one with a tool alone; a port that is taken is named."""
    place, job = Place(folder), job_of()
    private_folder(place.own)
    place.job.write_text(
        json.dumps({"session": NAME, **{k: v for k, v in asdict(job.entrances[0]).items() if k != "inside"}})
    )
    assert read(place) == job
    job = job_of(8000, tool=False)
    port = job.entrances[0].port
    with socket.create_server(("127.0.0.1", port)), pytest.raises(custody.Taken, match=str(port)):
        custody.start(place, job)
    assert not custody.alive(place)


async def test_a_link_in_the_place_of_the_socket_leads_nowhere(door: Door, tmp_path: Path) -> None:
    """What runs in a container can put a link to a socket of this machine, Docker's say, into the folder: it is not followed."""
    path = door.place.folder / SOCKET
    other = private_folder(tmp_path / "other")
    (other / "files").mkdir()
    async with door.asking() as client, tool_at(other) as victim:
        path.unlink()
        path.symlink_to(other / SOCKET)
        async with client.get("/") as answer:
            assert (answer.status, answer.headers.get("X-Tool")) == (503, None)
        with pytest.raises(WSServerHandshakeError, match="503"):
            await client.ws_connect("/chat")
        path.unlink()
        path.touch()
        async with client.get("/") as answer:
            assert answer.status == 503
        path.unlink()
        (other / SOCKET).rename(path)
        async with client.get("/") as answer:
            assert answer.headers["X-Tool"] == "yes"
        assert victim.closed.empty()
        path.rename(other / SOCKET)


async def test_the_folder_may_lie_deep(tmp_path: Path, folder: Path) -> None:
    """A session's folder may have a longer path than a socket's address can, its `front` being a link to a shorter one then."""
    deep = private_folder(tmp_path / ("d" * 120))
    (deep / "front").symlink_to(folder / "front")
    place = Place(deep)
    place.token.touch(mode=0o600)
    place.token.write_text(secrets.token_hex(24))
    job = job_of()
    async with tool_at(folder) as tool:
        custody.start(place, job)
        async with Door(place, job, place.token.read_text(), tool).asking() as client, client.get("/") as answer:
            assert answer.status == 200
    custody.stop(place)


def test_no_line_of_the_log_tells_a_secret(folder: Path) -> None:
    """Whatever a library says, token and cookie are left out of the log, tracebacks included."""
    place = Place(folder)
    private_folder(place.own)
    secret, token = Secret(place, "workbench-home-1"), place.token.read_text()
    try:
        raise ValueError(f"?token={token} {secret.cookie_value}")
    except ValueError:
        record = logging.LogRecord("aiohttp", logging.ERROR, "", 0, "at %s", (token,), sys.exc_info())
    line = Quiet(secret).format(record)
    assert "ValueError: ?token=… …" in line
    assert token not in line


def test_what_a_front_refuses_to_start_with(folder: Path) -> None:
    """No secret, a short one, one with blanks, one that others may read: it does not listen, and says which."""
    place = Place(folder)
    job = job_of()
    good = place.token.read_text()
    for text, mode, word in (
        (good[:31], 0o600, "fewer than 32"),
        ("", 0o600, "fewer than 32"),
        (good + "\n", 0o600, "other characters"),
        (good, 0o644, "read by others"),
    ):
        place.token.write_text(text)
        place.token.chmod(mode)
        with pytest.raises(WorkbenchError, match=word):
            custody.start(place, job)
        assert not custody.alive(place)
    place.token.unlink()
    with pytest.raises(WorkbenchError, match="cannot be read"):
        custody.start(place, job)


async def test_there_is_one_front_and_it_tells_no_secret(door: Door) -> None:
    """Started twice it is still one; a taken port is told as such; neither its command line, environment nor log has the secret."""
    import psutil

    custody.start(door.place, door.job)
    process = psutil.Process(int(door.place.lock.read_text()))
    async with door.asking(signed_in=False) as client:
        for token in (door.token, "0" * 48):
            async with client.get(f"/?token={token}", allow_redirects=False):
                pass
        cookie = "workbench-home-1=1"
        async with client.get("/", headers={"Cookie": cookie}):
            pass
    assert door.token not in " ".join(process.cmdline())
    assert door.token not in str(process.environ())
    log = door.place.log.read_text()
    assert "somebody signed in" in log
    assert "wrong key" in log
    assert door.token not in log
    assert stat.S_IMODE(door.place.log.stat().st_mode) == 0o600
    other = Place(private_folder(door.place.folder.parent / "other"))
    other.token.touch(mode=0o600)
    other.token.write_text(door.token)
    with pytest.raises(custody.Taken):
        custody.start(other, door.job)
    assert not custody.alive(other)
    door.place.job.unlink()
    assert process.wait(20) is None or not process.is_running()
