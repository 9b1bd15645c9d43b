"""Ready means ready: a page and a websocket, for who has the secret, and for nobody else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from aiohttp import web
from tools import JUPYTER

from workbench.supervisor.sessions import probe
from workbench.supervisor.sessions.probe import Answer

HOST, TOKEN = "lab.localhost", "t" * 48


@dataclass
class Tool:
    """A tool that can be told to lack a part of what a session has to have."""

    port: int = 0
    websocket: str = "guarded"  # guarded, open, none, any host
    page: str = "guarded"
    asked: int = 0

    def _let_in(self, request: web.Request, guard: str) -> bool:
        known = request.headers.get("Authorization") == f"token {TOKEN}"
        here = request.headers["Host"] == f"{HOST}:{self.port}"
        return (known or guard == "open") and (here or guard == "any host")

    async def show(self, request: web.Request) -> web.StreamResponse:
        """Its page."""
        self.asked += 1
        return web.Response(status=200 if self._let_in(request, self.page) else 403)

    async def subscribe(self, request: web.Request) -> web.StreamResponse:
        """Its websocket."""
        if self.websocket == "none" or not self._let_in(request, self.websocket):
            return web.Response(status=502 if self.websocket == "none" else 403)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for _ in socket:
            pass
        return socket


@pytest.fixture
async def tool() -> AsyncIterator[Tool]:
    """The tool on a port of loopback."""
    made = Tool()
    app = web.Application()
    app.router.add_get(JUPYTER.ready, made.show)
    app.router.add_get(JUPYTER.websocket, made.subscribe)
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    made.port = runner.addresses[0][1]
    yield made
    await runner.cleanup()


@pytest.mark.parametrize(
    ("page", "websocket", "answer"),
    [
        ("guarded", "guarded", Answer.READY),
        ("guarded", "none", Answer.NO_WEBSOCKET),
        ("guarded", "open", Answer.OPEN),
        ("guarded", "any host", Answer.ANY_HOST),
        ("open", "guarded", Answer.OPEN),
        ("any host", "guarded", Answer.ANY_HOST),
    ],
)
async def test_ready_is_page_and_websocket_behind_the_secret(
    tool: Tool, page: str, websocket: str, answer: Answer
) -> None:
    """Without its websocket it is not ready yet; what lets anybody in, by either way, is told as that."""
    tool.page, tool.websocket = page, websocket
    assert await asyncio.to_thread(probe.ask, JUPYTER, tool.port, HOST, TOKEN) is answer
    assert (
        await asyncio.to_thread(probe.ask, JUPYTER, tool.port, HOST, "wrong" * 10) is Answer.NOT_YET or page == "open"
    )


def test_nobody_there_is_not_yet() -> None:
    """A port on which nobody listens gives no answer, and no error."""
    assert probe.ask(JUPYTER, probe.free_port(), HOST, TOKEN) is Answer.NOT_YET
    assert Answer.NOT_YET in probe.WAITING
    assert Answer.NO_WEBSOCKET in probe.WAITING
