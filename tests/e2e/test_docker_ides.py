"""Apps in containers, brought up by the supervisor: Shiny of R, Shiny of Python."""

from __future__ import annotations

import asyncio
import socket
import urllib.request
from collections.abc import Iterator

import aiohttp
import containers
import pytest
import world
from containers import engine, make_home
from docker import APIClient
from waiting import until

from workbench.model.session import ENDED, Session, SessionState
from workbench.services import projects, sessions
from workbench.services.bench import Bench

__all__ = ["engine"]
pytestmark = [pytest.mark.docker, pytest.mark.timeout(900)]
R_APP = """\
library(shiny)
shinyApp(
  fluidPage(sliderInput("n", "a number", 0, 100, 20), textOutput("said")),
  function(input, output) output$said <- renderText(paste("twice is", 2 * input$n))
)
"""
PYTHON_APP = """\
from shiny.express import input, render, ui

ui.input_slider("n", "a number", 0, 100, 20)


@render.text
def said():
    return f"twice is {2 * input.n()}"
"""


@pytest.fixture
def apps(tmp_path_factory: pytest.TempPathFactory, engine: APIClient) -> Iterator[Bench]:
    """A home with a project of each language, their environments built."""
    bench = make_home(tmp_path_factory.mktemp("apps") / "home")
    for name, environment, file, text in (
        ("rivers", "shiny", "app.R", R_APP),
        ("lakes", "shiny-python", "app.py", PYTHON_APP),
    ):
        projects.create(bench, name, environment=environment)
        (projects.get(bench, name).path / file).write_text(text)
        containers.built(bench, environment)
    yield bench
    for session in sessions.listing(bench):
        if session.state not in ENDED:
            sessions.stop(bench, session.id)
    until(lambda: all(one.state in ENDED for one in sessions.listing(bench)), "the end of all", seconds=90)
    world.end(bench)
    containers.gone(bench, engine)
    bench.close()


def ready(bench: Bench, number: int) -> Session:
    """The session once it is ready."""

    def look() -> Session | None:
        now = sessions.get(bench, number)
        assert now.state not in ENDED, f"{now.name}: {now.reason}"
        return now if now.state is SessionState.READY else None

    return until(look, f"session {number} to be ready", seconds=200)


def page(bench: Bench, number: int) -> str:
    """What a browser gets at the address with the secret."""
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
    with opener.open(sessions.secret_url(bench, number, plain=True), timeout=60) as answer:
        return str(answer.read().decode())


async def first_words(bench: Bench, session: Session, path: str) -> str:
    """What a websocket of the session says first, opened with its secret."""
    token = (bench.home.session_folder(session.id) / "token").read_text()
    headers = {"Authorization": f"token {token}", "Host": f"{session.host_name}:{session.port}"}
    address = f"http://127.0.0.1:{session.port}{path}"
    async with aiohttp.ClientSession(headers=headers) as client, client.ws_connect(address) as opened:
        return str((await opened.receive(timeout=60)).data)


def closed(address: str, port: int) -> bool:
    """Whether nobody listens there."""
    with socket.socket() as probe:
        probe.settimeout(5)
        return probe.connect_ex((address, port)) != 0


def test_apps_of_r_and_python(apps: Bench, engine: APIClient) -> None:
    """Each answers with its secret over HTTP and its websocket; the app in the project is the one that is run. No port
    is published, and none is open at the containers' own addresses: only the front reaches the tool."""
    alone = ready(apps, sessions.start(apps, "rivers"))
    python = ready(apps, sessions.start(apps, "lakes"))
    assert (alone.ide, alone.file, python.ide, python.file) == ("shiny", "app.R", "shiny-python", "app.py")
    for session in (alone, python):
        assert "a number" in page(apps, session.id), session.name
        assert asyncio.run(first_words(apps, session, "/websocket/")), session.name
    made = containers.containers(apps, engine, role="session")
    assert len(made) == 2
    for one in made:
        assert not one["HostConfig"]["PortBindings"]
        address = one["NetworkSettings"]["IPAddress"]
        assert all(closed(address, port) for port in (3838, 8000, 8888))
