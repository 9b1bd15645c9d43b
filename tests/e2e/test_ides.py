"""Every IDE that works as a local process is really started, by the supervisor: several at once, none of them open to others."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import psutil
import pytest
import world
from shared import python
from tools import shipped_ide
from waiting import until
from world import bench, kernel_python

from workbench.model.session import ENDED, Session, SessionState
from workbench.services import projects, sessions
from workbench.services.bench import Bench

__all__ = ["bench", "kernel_python"]
IDES = ("jupyter", "voila", "shiny-python", "marimo", "streamlit")
SHINY = """\
from shiny import App, render, ui

def server(input, output, session):
    @render.text
    def said():
        return f"twice is {2 * input.n()}"

app = App(ui.page_fluid(ui.input_slider("n", "a number", 0, 100, 20), ui.output_text("said")), server)
"""
STREAMLIT = "import streamlit\n\nstreamlit.slider('a number', 0, 100, 20)\n"
MARIMO = "import marimo\n\napp = marimo.App()\n\n\n@app.cell\ndef _():\n    6 * 7\n    return\n"
SEED = {
    "app.py": SHINY,
    "streamlit_app.py": STREAMLIT,
    "plain.py": MARIMO,
    "answer.ipynb": json.dumps(
        {
            "cells": [
                {
                    "cell_type": "code",
                    "id": "a",
                    "metadata": {},
                    "execution_count": None,
                    "outputs": [],
                    "source": "print('the answer is', 6 * 7)",
                }
            ],
            "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
            "nbformat": 4,
            "nbformat_minor": 5,
        }
    ),
}


@pytest.fixture(scope="module")
def tools_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python with what the IDEs say they need."""
    needs = [need for name in IDES for need in shipped_ide(name).needs.python]
    return python(tmp_path_factory, "tools-python", "ipykernel", *needs)


@pytest.fixture
def lab(bench: Bench, tools_python: Path) -> Iterator[Bench]:
    """A home whose environment holds all of them, and a project with an app for each."""
    declared = f"engine: process\nuse: {tools_python}\nides: [{', '.join(IDES)}]\n"
    (bench.home.environments / "bare.yaml").write_text(declared)
    for name, text in SEED.items():
        (projects.get(bench, world.PROJECT).path / name).write_text(text)
    yield bench
    up = [session for session in sessions.listing(bench) if session.state not in ENDED]
    for session in up:
        sessions.stop(bench, session.id)
    until(lambda: all(one.state in ENDED for one in sessions.listing(bench)), "the end of all", seconds=90)


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


async def talk(bench: Bench, session: Session, path: str) -> str:
    """The first text that a websocket of the session says, opened with its secret."""
    token = (bench.home.session_folder(session.id) / "token").read_text()
    headers = {"Authorization": f"token {token}", "Host": f"{session.host_name}:{session.port}"}
    async with aiohttp.ClientSession(headers=headers) as client:
        address = f"http://127.0.0.1:{session.port}{path}"
        async with client.ws_connect(address, max_msg_size=0) as socket:
            return str((await socket.receive(timeout=60)).data)


def listeners(bench: Bench) -> set[tuple[str, int]]:
    """Command lines of the home's processes, and the ports on which they listen."""
    ours = world.processes(bench)
    family = {one.pid: one for process in ours for one in (process, *process.children(recursive=True))}
    found = [c for c in psutil.net_connections("tcp") if c.pid in family and c.status == psutil.CONN_LISTEN]
    return {(" ".join(family[c.pid].cmdline()), c.laddr.port) for c in found}


@pytest.mark.timeout(500)
def test_every_ide_that_a_venv_can_have(lab: Bench) -> None:
    """All at once, and two of one kind: each answers with its secret over HTTP and a websocket, the app or notebook that
    was named or found is what it shows, and nothing of them listens on any port but the ones that ask for the secret."""
    wanted = {name: sessions.start(lab, world.PROJECT, name) for name in IDES}
    wanted["second"] = sessions.start(lab, world.PROJECT, "voila", name="second", file="answer.ipynb")
    up = {name: ready(lab, number) for name, number in wanted.items()}
    assert len({session.port for session in up.values()}) == len(up)
    assert (up["streamlit"].file, up["shiny-python"].file) == ("streamlit_app.py", "app.py")

    assert "a number" in page(lab, wanted["shiny-python"])
    assert "streamlit" in page(lab, wanted["streamlit"]).lower()
    assert "the answer is 42" in page(lab, wanted["second"])
    assert "voila-tree-main" in page(lab, wanted["voila"])
    assert "marimo" in page(lab, wanted["marimo"])
    said = asyncio.run(talk(lab, up["shiny-python"], "/websocket/"))
    assert "sessionId" in said
    said = asyncio.run(talk(lab, up["marimo"], "/ws?session_id=s_000000&file=plain.py"))
    assert "kernel-ready" in said

    token = (lab.home.session_folder(wanted["jupyter"]) / "token").read_text()
    kernel = urllib.request.Request(f"http://127.0.0.1:{up['jupyter'].port}/api/kernels", b'{"name": "python3"}')
    kernel.add_header("Authorization", f"token {token}")
    with urllib.request.urlopen(kernel, timeout=60) as answer:
        assert answer.status == 201

    ports = {session.port for session in up.values()}
    listening = sorted(port for _, port in listeners(lab))
    assert set(listening) >= ports
    # ipykernel has a door for the output of its children, through which nothing comes out; its own are sockets.
    others = [line for line, port in listeners(lab) if port not in ports]
    assert len(others) == len(set(others))
    assert all("ipykernel_launcher" in line for line in others), others

    # Another app of the same kind, by the same name: it is begun anew for that one.
    (projects.get(lab, world.PROJECT).path / "other.py").write_text(STREAMLIT.replace("a number", "another"))
    assert sessions.start(lab, world.PROJECT, "streamlit", file="other.py") == wanted["streamlit"]
    until(lambda: sessions.get(lab, wanted["streamlit"]).state is not SessionState.READY, "its restart")
    assert ready(lab, wanted["streamlit"]).port == up["streamlit"].port
    assert any("other.py" in " ".join(process.cmdline()) for process in world.processes(lab, "streamlit"))


def test_an_old_streamlit_ends(tools_python: Path, tmp_path: Path) -> None:
    """It is served by something else, on a port that all accounts could reach: it ends, with what to do."""
    (file,) = shipped_ide("streamlit").files
    (tmp_path / "serve.py").write_text(file.text)
    (tmp_path / "streamlit-1.56.0.dist-info").mkdir()
    (tmp_path / "streamlit-1.56.0.dist-info" / "METADATA").write_text("Name: streamlit\nVersion: 1.56.0\n")
    argv = [tools_python, tmp_path / "serve.py", tmp_path / "door", "streamlit", "run", "app.py"]
    environ = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, cwd=tmp_path, env=environ)
    assert done.returncode == 1
    assert "Streamlit 1.57 or later is needed" in done.stderr
