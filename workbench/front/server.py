"""The server of a front: lets in who has the secret, and gives all else to the tool."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
from contextlib import AsyncExitStack
from dataclasses import dataclass
from urllib.parse import parse_qs

from aiohttp import web

from workbench.front import pages
from workbench.front.gate import SAFE, Gate, local_path, token_in, without_token
from workbench.front.job import Entrance, Place
from workbench.front.secret import Secret
from workbench.front.tool import BUFFER, LONGEST_LINE, NotThere, Tool

log = logging.getLogger("workbench.front")
LOOK = 2.0  # seconds between looks whether the job is still there
DELAY = 0.25  # seconds that each wrong key takes, one after the other
WAITING = 8  # wrong keys that may wait so; more are turned away
LONGEST_FORM = 16_384  # bytes
FIELDS = 10  # of a form
IDLE = 75.0  # seconds that a connection without a request is kept
ENDING = 2.0  # seconds for what is under way when it is told to end


@dataclass(frozen=True)
class Way:
    """An entrance with what lets in there, and what listens for it."""

    entrance: Entrance
    secret: Secret
    listener: socket.socket


class Delay:
    """What a wrong key costs: some time each, one after the other, at all entrances of a session together."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()
        self._waiting = 0

    async def wait(self) -> bool:
        """Wait for one; False, at once, where too many do."""
        if self._waiting >= WAITING:
            return False
        self._waiting += 1
        try:
            async with self._turn:
                await asyncio.sleep(DELAY)
        finally:
            self._waiting -= 1
        return True


class Front:
    """Answers requests at one entrance of a session."""

    def __init__(self, session: str, entrance: Entrance, secret: Secret, tool: Tool, gate: Gate, delay: Delay) -> None:
        self.session, self.entrance = session, entrance
        self.secret, self.tool, self.gate, self.delay = secret, tool, gate, delay

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """The answer to one request."""
        target = request.raw_path
        hosts = request.headers.getall("Host", [])
        if len(hosts) != 1 or not self.gate.knows_host(hosts[0]):
            return _own(pages.refused(403, "This is not an address of this session."))
        if not target.startswith("/"):
            return _own(pages.refused(400, "Only paths of this session are answered."))
        socket_wanted = request.headers.get("Upgrade", "").lower() == "websocket"
        if (socket_wanted or request.method not in SAFE) and not self.gate.same_origin(request.headers):
            return _own(pages.refused(403, "This was asked for by a page of somebody else."))
        if target.partition("?")[0] == pages.SIGN_IN:
            return await self._sign_in(request)
        given = token_in(target) if request.method in {"GET", "HEAD"} else None
        if given is not None and self.secret.opens(given):
            return self._welcome(without_token(target))
        if not self.gate.signed_in(request.headers.items()):
            if given is not None:
                return await self._turned_away(without_token(target))
            return _own(self._form(target if request.method == "GET" else "/"))
        try:
            return await (self.tool.tunnel if socket_wanted else self.tool.forward)(request, target)
        except NotThere:
            tell = pages.gone if self.tool.answered else pages.starting
            if self.entrance.inside:
                return _own(pages.nobody(self.session, self.entrance.inside, self.entrance.title))
            return _own(tell(self.session, self.entrance.title))

    async def _sign_in(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.method != "POST":
            return _own(self._form("/"))
        body = b""
        async for chunk in request.content.iter_any():
            body += chunk
            if len(body) > LONGEST_FORM:
                return _own(pages.refused(413, "That is too long for a key."))
        try:
            form = parse_qs(body.decode("utf-8", "replace"), max_num_fields=FIELDS)
        except ValueError:
            return _own(pages.refused(400, "That is no key."))
        onward = local_path(form.get("onward", ["/"])[0])
        # The whole address may be pasted as well.
        key = form.get("key", [""])[0].strip()
        key = token_in(key) or key
        return self._welcome(onward) if self.secret.opens(key) else await self._turned_away(onward)

    def _welcome(self, onward: str) -> web.StreamResponse:
        """Give the cookie, and lead on to an address without the secret."""
        log.info("somebody signed in")
        response = web.Response(status=303, headers={**pages.HEADERS, "Location": local_path(onward)})
        response.set_cookie(
            self.secret.cookie_name, self.secret.cookie_value, path="/", httponly=True, samesite="Strict"
        )
        return response

    async def _turned_away(self, onward: str) -> web.StreamResponse:
        """A wrong key: told after a while, and one at a time, so that nobody tries many."""
        if not await self.delay.wait():
            return _own(pages.refused(429, "Too many wrong keys. Wait a moment."))
        log.warning("a wrong key was given")
        return _own(self._form(onward, wrong=True))

    def _form(self, onward: str, *, wrong: bool = False) -> pages.Page:
        return pages.sign_in(self.session, self.entrance.title, self.entrance.inside, local_path(onward), wrong=wrong)


async def serve(place: Place, session: str, ways: list[Way]) -> None:
    """Answer until told to end, or until the job is gone. The working folder is the session's."""
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    delay = Delay()
    runners = []
    async with AsyncExitStack() as stack:
        for way in ways:
            gate = Gate(way.entrance.host_name, way.secret)
            tool = await stack.enter_async_context(Tool(way.entrance.socket, gate))
            front = Front(session, way.entrance, way.secret, tool, gate, delay)
            server = web.Server(
                front.answer,
                handler_cancellation=True,
                access_log=None,
                auto_decompress=False,
                max_line_size=LONGEST_LINE,
                max_field_size=LONGEST_LINE,
                read_bufsize=BUFFER,
                lingering_time=1.0,
                keepalive_timeout=IDLE,
            )
            runner = web.ServerRunner(server, shutdown_timeout=ENDING)
            await runner.setup()
            runners.append(runner)
            await web.SockSite(runner, way.listener, backlog=512).start()
        while not ended.is_set() and place.job.exists():
            try:
                async with asyncio.timeout(LOOK):
                    await ended.wait()
            except TimeoutError:
                continue
        await asyncio.gather(*(runner.cleanup() for runner in runners))


def _own(page: pages.Page) -> web.Response:
    again = {"Retry-After": str(page.again)} if page.again else {}
    return web.Response(status=page.status, body=page.body.encode(), headers={**pages.HEADERS, **again})
