"""The way from a front to its tool: requests, answers and websockets over the tool's unix socket."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

from aiohttp import (
    ClientError,
    ClientSession,
    ClientTimeout,
    ClientWSTimeout,
    DummyCookieJar,
    WSMsgType,
    web,
)
from aiohttp.client_exceptions import WSServerHandshakeError
from multidict import CIMultiDict
from yarl import URL

from workbench.front.door import Door
from workbench.front.gate import Gate

LONGEST_LINE = 65_536  # bytes of a request's first line and of one header: cookies and addresses of tools are long
AWAY = 1001  # of a websocket whose other end went without a word, RFC 6455, 7.4.1
BUFFER = 262_144  # bytes read ahead
AUTOMATIC = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")  # what a client adds and we do not
CLOSING = 5.0  # seconds for a closing handshake


class NotThere(Exception):  # noqa: N818 - a condition that is answered with a page
    """The tool cannot be reached, or hung up before it said anything."""


class Tool:
    """The tool behind a socket."""

    def __init__(self, socket: str, gate: Gate) -> None:
        self._gate = gate
        self._client = ClientSession(
            connector=Door(socket),
            cookie_jar=DummyCookieJar(),  # cookies are the browser's
            timeout=ClientTimeout(total=None),
            auto_decompress=False,
            max_line_size=LONGEST_LINE,
            max_field_size=LONGEST_LINE,
            read_bufsize=BUFFER,
        )
        self.answered = False  # whether it ever did

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.close()

    async def forward(self, request: web.BaseRequest, target: str) -> web.StreamResponse:
        """Ask the tool what was asked, and give its answer on as it comes. Raises `NotThere`."""
        if request.headers.get("Expect", "").lower() == "100-continue":
            await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            request.writer.output_size = 0
        try:
            asking = self._client.request(
                request.method,
                _url(target),
                headers=self._headers(request),
                data=request.content if request.body_exists else None,
                allow_redirects=False,
                skip_auto_headers=AUTOMATIC,
            )
            answer = await asking
        except (ClientError, OSError) as error:
            raise NotThere from error
        async with answer:
            self.answered = True
            response = _Answer(
                status=answer.status,
                reason=answer.reason,
                headers=CIMultiDict(self._gate.answered(answer.headers.items())),
            )
            response.headers.setdefault("Server", "workbench")
            await response.prepare(request)
            try:
                async for chunk in answer.content.iter_any():
                    await response.write(chunk)
            except (ClientError, OSError):  # cut off in the middle: so must ours be, or it would look whole
                if request.transport:
                    request.transport.abort()
                return response
            await response.write_eof()
            return response

    async def tunnel(self, request: web.BaseRequest, target: str) -> web.StreamResponse:
        """Open the websocket that was asked for and carry messages both ways. Raises `NotThere`."""
        offered = request.headers.get("Sec-WebSocket-Protocol", "")
        protocols = [word.strip() for word in offered.split(",") if word.strip()]
        try:
            inner = await self._client.ws_connect(
                _url(target),
                protocols=protocols,
                headers=self._headers(request),
                timeout=ClientWSTimeout(ws_receive=None, ws_close=CLOSING),
                autoping=False,
                autoclose=False,
                max_msg_size=0,
            )
        except WSServerHandshakeError as error:
            self.answered = True
            return web.Response(status=error.status if error.status >= 400 else 502)
        except (ClientError, OSError) as error:
            raise NotThere from error
        self.answered = True
        chosen: Sequence[str] = [inner.protocol] if inner.protocol else []
        outer = web.WebSocketResponse(
            protocols=chosen, timeout=CLOSING, autoping=False, autoclose=False, max_msg_size=0, compress=False
        )
        try:
            await outer.prepare(request)
            await _Ends(outer, inner).carry()
        finally:
            await inner.close(code=AWAY)
        return outer

    def _headers(self, request: web.BaseRequest) -> CIMultiDict[str]:
        pairs = self._gate.asked(request.headers.items(), request.headers.get("Host", ""), request.remote or "")
        return CIMultiDict(pairs)


class _Answer(web.StreamResponse):
    """An answer with the headers that it was given: browsers look themselves at what a tool gave no type."""

    async def _prepare_headers(self) -> None:
        typed = "Content-Type" in self.headers
        await super()._prepare_headers()
        if not typed:
            self.headers.pop("Content-Type", None)


class _Ends:
    """Two websockets that are one: what one says the other hears, and they are closed in the same words."""

    def __init__(self, outer: Any, inner: Any) -> None:
        self._both = (outer, inner)
        self._closing = False

    async def carry(self) -> None:
        """Carry both ways until both are closed."""
        outer, inner = self._both
        ways = [asyncio.create_task(self._carry(outer, inner)), asyncio.create_task(self._carry(inner, outer))]
        try:
            await asyncio.gather(*ways)
        finally:
            for way in ways:
                way.cancel()

    async def _carry(self, source: Any, target: Any) -> None:
        while not self._closing:
            message = await source.receive()
            try:
                if message.type is WSMsgType.TEXT:
                    await target.send_str(message.data)
                elif message.type is WSMsgType.BINARY:
                    await target.send_bytes(message.data)
                elif message.type is WSMsgType.PING:
                    await target.ping(message.data)
                elif message.type is WSMsgType.PONG:
                    await target.pong(message.data)
                elif message.type is WSMsgType.CLOSE:
                    await self._close(target, source, message.data or 1000, (message.extra or "").encode())
                else:  # it went without a word
                    await self._close(target, source)
            except (ClientError, OSError):  # the target is gone
                await self._close(source, target)

    async def _close(self, first: Any, then: Any, code: int = AWAY, words: bytes = b"") -> None:
        """Close both; who has closed comes second, for its connection goes with that, and this task with it."""
        if not self._closing:
            self._closing = True
            await first.close(code=code, message=words)
            await then.close(code=code, message=words)


def _url(target: str) -> URL:
    """A request target as it is: tools decide themselves what an escaped slash in it means."""
    return URL(f"http://tool{target}", encoded=True)
