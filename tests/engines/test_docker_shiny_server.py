"""Shiny Server in a container: all apps of a project behind one socket, run as the person, who may not be root."""

from __future__ import annotations

import http.client
import os
import socket
from dataclasses import replace
from pathlib import Path
from threading import Event

import pytest
from engines.conftest import Bench, ignore
from tools import shipped_ide
from waiting import until

from workbench.declare import Shelf, load_environment
from workbench.engines.base import Person
from workbench.errors import Refused
from workbench.paths import shipped, tool_socket

pytestmark = [pytest.mark.docker, pytest.mark.timeout(900)]
SERVER = shipped_ide("shiny-server")
APP = 'library(shiny)\nfile.create("by-{name}.txt")\nshinyApp(fluidPage("this is {name}"), function(input, output) {{}})\n'


@pytest.fixture
def shiny(docker_bench: Bench, tmp_path: Path) -> Bench:
    """A bench with the shipped environment for Shiny of R, built where the engine does not have it yet."""
    path = shipped("environments") / "shiny.yaml"
    spec = load_environment(path, shelf=Shelf((path.parent,))).get()
    engine = docker_bench.engine
    revision = engine.build(spec, engine.revision_id(spec), log=tmp_path / "log", progress=ignore, cancelled=Event())
    assert set(revision.ides) == {"shiny", "shiny-server", "jupyter"}
    return replace(docker_bench, spec=spec, revision=revision)


def ask(door: Path, path: str, **headers: str) -> tuple[int, str]:
    """Status and text of an answer at a unix socket; status 0 for none."""
    connection = http.client.HTTPConnection("tool.localhost", timeout=60)
    try:
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.settimeout(60)
        connection.sock.connect(str(door))
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer.status, "" if answer.status == 101 else answer.read().decode()
    except (OSError, http.client.HTTPException):
        return 0, ""
    finally:
        connection.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can start sessions of others")
def test_every_app_of_a_project_has_an_address(shiny: Bench) -> None:
    """Two apps in folders of a project answer, over a websocket too; what they write is the person's."""
    person = Person(12345, 12346, "ann")
    space = shiny.workspace(person=person)
    for name in ("rivers", "lakes"):
        folder = space.project / "apps" / name
        folder.mkdir(parents=True)
        (folder / "app.R").write_text(APP.format(name=name))
    request = shiny.request(ide=SERVER, workspace=replace(space, cwd=space.project))
    for place in (request.folder, *[Path(root) for root, _, _ in os.walk(space.project)]):
        os.chown(place, person.uid, person.gid)
    shiny.folder.chmod(0o755)
    handle = shiny.create(request)
    try:
        shiny.engine.start_session(handle)
        door = tool_socket(request.folder)
        until(lambda: ask(door, SERVER.ready)[0] == 200, "Shiny Server", seconds=90)
        for name in ("rivers", "lakes"):
            status, text = ask(door, f"/apps/{name}/")
            assert (status, f"this is {name}" in text) == (200, True), text
            upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
            key = {"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}
            status, _ = ask(
                door, f"/apps/{name}/__sockjs__/n=aaaaaaaaaaaaaaaaaa/000/aaaaaaaa/websocket", **upgrade, **key
            )
            assert status == 101
            written = space.project / "apps" / name / f"by-{name}.txt"
            until(written.exists, "what the app writes", seconds=60)
            assert (written.stat().st_uid, written.stat().st_gid) == (person.uid, person.gid)
    finally:
        shiny.tidy()


def test_it_is_refused_to_root(shiny: Bench) -> None:
    """It would answer and run nothing: that is said before it starts."""
    space = shiny.workspace(person=Person(0, 0, "root"))
    with pytest.raises(Refused, match="does not run as root"):
        shiny.create(shiny.request(ide=SERVER, workspace=space))
