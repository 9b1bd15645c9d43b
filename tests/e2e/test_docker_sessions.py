"""Sessions in containers through the whole: who gets in, what they do, and every way they end."""

from __future__ import annotations

import http.client
import json
import os
import pty
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import aiohttp
import psutil
import pytest
from browsing import Page
from containers import LABEL, containers, ids_inside
from docker import APIClient
from session_world import page, settled, taken
from waiting import until
from world import PROJECT, ended, kill_supervisor, notebook, start

from workbench.front import custody
from workbench.front.job import Place
from workbench.model.forward import Forward
from workbench.model.run import Request
from workbench.model.session import ENDED, Session, SessionState
from workbench.model.terms import Terms
from workbench.services import forwards, projects, runs, sessions
from workbench.services.bench import Bench
from workbench.services.history import attaching, continuing
from workbench.services.supervision import control

pytestmark = [pytest.mark.docker, pytest.mark.timeout(600)]
S = SessionState


def container(lab: Bench, engine: APIClient, session: Session) -> dict[str, Any]:
    """The one container of a session."""
    (found,) = containers(lab, engine, session=str(session.id))
    return found


@pytest.fixture(scope="module")
def up(lab: Bench) -> Iterator[Session]:
    """A session that is ready."""
    yield settled(lab, sessions.start(lab, PROJECT), S.READY)
    for session in sessions.listing(lab):
        sessions.stop(lab, session.id)
    until(lambda: all(one.state in ENDED for one in sessions.listing(lab)), "their ends", seconds=60)


def test_only_who_has_the_secret_gets_in(lab: Bench, engine: APIClient, up: Session) -> None:
    """It answers 200 with its secret at its own host name, and nobody else: no secret, a wrong one, a foreign host."""
    with_secret, without = page(lab, up), Page(up)
    assert with_secret.status() == 200
    assert with_secret.status("/lab") == 200
    assert without.status() == 403
    assert without.status("/lab") == 302
    assert without.status("/api/contents") == 403
    assert Page(up, "0" * 48).status() == 403
    assert with_secret.status(Host="evil.example") == 403
    assert with_secret.status(Host=f"evil.example:{up.port}") == 403
    assert up.url == f"http://{PROJECT}-jupyter.localhost:{up.port}"
    bound = container(lab, engine, up)["NetworkSettings"]["Ports"]
    assert [one for found in bound.values() for one in found or ()] == [
        {"HostIp": "127.0.0.1", "HostPort": str(up.port)}
    ]


async def test_a_cell_writes_as_the_person(lab: Bench, up: Session) -> None:
    """A cell run as JupyterLab runs it, over a websocket, writes beside its notebook files that are the person's."""
    code = "import os, pathlib\npathlib.Path('by-a-cell.txt').write_text('x')\nprint(os.getcwd(), os.getuid())"
    said = await page(lab, up).execute(code, "notebooks/some.ipynb")
    folder = projects.get(lab, PROJECT).path / "notebooks"
    assert said.split() == [str(folder), str(ids_inside()[0])]
    facts = (folder / "by-a-cell.txt").stat()
    assert (facts.st_uid, facts.st_gid) == (os.getuid(), os.getgid())


async def test_a_kernel_that_is_kept_is_let_in(lab: Bench, up: Session) -> None:
    """What a failed run's cells have made is there in a session's JupyterLab, which is another container; nobody else gets at the
    entrance. When a run goes on, with what was done there, JupyterLab is out."""
    path = notebook(lab, "kept.ipynb", "x = 41", "x / 0", "print(x)")
    run = ended(lab, runs.submit(lab, Request(PROJECT, path, terms=Terms(keep=600.0))))
    assert run.kept_until, run.reason
    attached = attaching.to_jupyter(lab, run, up)
    kernels = page(lab, up).ask("/api/kernels")[1]
    assert attached.kernel in kernels
    assert attached.file in page(lab, up).ask("/api/sessions")[1]
    assert await page(lab, up).says(attached.kernel, "import os\nx += os.getuid() >= 0\nprint(x)") == "42\n"
    entrance = lab.home.session_folder(up.id) / "state" / "runtime" / "kept"
    (file,) = entrance.glob("*.json")
    assert [stat.S_IMODE(one.stat().st_mode) for one in (entrance, file)] == [0o700, 0o600]
    assert {one.stat().st_uid for one in (entrance, file)} == {entrance.parent.stat().st_uid}
    after = ended(lab, continuing.go_on(lab, run.id, {2: "x += 1"}))
    assert after.ended_well, (after.reason, after.failure)
    left = runs.artifacts(lab, after.id).notebook
    assert left
    assert '"43\\n"' in left.read_text()
    assert "after work by hand in it (JupyterLab)" in continuing.went_on(lab, after)
    until(lambda: attached.kernel not in page(lab, up).ask("/api/kernels")[1], "JupyterLab to be out")
    assert list(entrance.iterdir()) == []


def test_the_secret_is_nowhere(lab: Bench, engine: APIClient, up: Session) -> None:
    """No argv, environment, label, inspect answer, log or row holds it; its file is the account's alone."""
    token = page(lab, up).token
    page(lab, up).ask(f"/no-such-page?token={token}")
    seen = container(lab, engine, up)
    assert token not in json.dumps(seen)
    file = lab.home.session_folder(up.id) / "token"
    log = sessions.log_path(lab, up.id)
    until(lambda: "no-such-page" in log.read_text(), "the request in the log")
    assert [stat.S_IMODE(path.stat().st_mode) for path in (file, log, file.parent)] == [0o600, 0o600, 0o700]
    for path in (log, lab.home.supervisor_log, lab.home.database, file.parent / "env"):
        assert token.encode() not in path.read_bytes(), path
    for process in (psutil.Process(seen["State"]["Pid"]), *psutil.Process(seen["State"]["Pid"]).children(True)):
        assert token not in " ".join([*process.cmdline(), *process.environ().values()])


def test_a_shell_in_it(lab: Bench, up: Session) -> None:
    """The command that is given opens a shell in the container, in the project, as the person."""
    source, sink = pty.openpty()
    argv = sessions.shell(lab, up.id)
    process = subprocess.Popen(argv, stdin=sink, stdout=sink, stderr=sink, start_new_session=True)
    os.close(sink)
    os.write(
        source, b"echo in-$(pwd) as-$(id -u) $(test -e /.dockerenv -o -e /run/.containerenv && echo inside); exit\n"
    )
    said = b""
    try:
        while part := os.read(source, 4096):
            said += part
    except OSError:  # a terminal whose other side is closed
        pass
    os.close(source)
    assert process.wait(30) == 0, said
    path = projects.get(lab, PROJECT).path
    assert f"in-{path} as-{ids_inside()[0]} inside" in said.decode().replace("\r\n", "")


def test_it_outlives_the_supervisor(lab: Bench, engine: APIClient, up: Session) -> None:
    """kill -9 of the supervisor: the same container answers meanwhile and afterwards, at the same address."""
    before, address = container(lab, engine, up), sessions.secret_url(lab, up.id)
    kill_supervisor(lab)
    assert page(lab, up).status() == 200
    start(lab)
    until(lambda: "begins" in control.log_tail(lab.home), "the next supervisor")
    assert sessions.secret_url(lab, up.id) == address
    assert container(lab, engine, up)["Id"] == before["Id"]
    assert page(lab, up).status(f"/after-{os.getpid()}") == 404
    log = sessions.log_path(lab, up.id)
    until(lambda: f"after-{os.getpid()}" in log.read_text(), "the log to go on")


def test_started_anew_it_is_at_the_same_address(lab: Bench, engine: APIClient, up: Session) -> None:
    """Restarted, and stopped and started, it has the same address, a new secret and one container; stopped it has none."""
    old, before = page(lab, up), container(lab, engine, up)["Id"]
    assert sessions.restart(lab, up.id)
    until(lambda: sessions.get(lab, up.id).handle not in ("", before), "another container", seconds=60)
    again = settled(lab, up.id, S.READY)
    assert again.url == up.url
    assert page(lab, again).status() == 200
    assert old.status() == 403
    sessions.stop(lab, up.id)
    settled(lab, up.id, S.STOPPED)
    assert containers(lab, engine, role="session") == []
    assert old.status() == 0
    assert not (lab.home.session_folder(up.id) / "token").exists()
    assert "Jupyter Server" in sessions.log_path(lab, up.id).read_text()
    assert sessions.start(lab, PROJECT) == up.id
    assert settled(lab, up.id, S.READY).url == up.url


# What a person might start in a terminal: a page, and a websocket that minds its Origin.
APP = """
import asyncio, sys, tornado.web, tornado.websocket
class Page(tornado.web.RequestHandler):
    def get(self):
        self.write("here is " + self.request.host + ", cookies: " + self.request.headers.get("Cookie", "none"))
class Chat(tornado.websocket.WebSocketHandler):
    def on_message(self, message):
        self.write_message("heard " + message)
async def main():
    tornado.web.Application([("/", Page), ("/chat", Chat)]).listen(int(sys.argv[1]), "127.0.0.1")
    await asyncio.Event().wait()
asyncio.run(main())
"""


def asked(shown: Forward, path: str = "/", **headers: str) -> tuple[int, str, str]:
    """Status, text and the cookie that is given, of a port's address; status 0 where nobody listens."""
    connection = http.client.HTTPConnection("127.0.0.1", shown.port, timeout=30)
    try:
        connection.request("GET", path, headers={"Host": f"{shown.host_name}:{shown.port}", **headers})
        with connection.getresponse() as answer:
            cookie = (answer.getheader("Set-Cookie") or "").partition(";")[0]
            return answer.status, answer.read().decode(), cookie
    except OSError:
        return 0, "", ""
    finally:
        connection.close()


def printed(lab: Bench, *words: str) -> str:
    """What a command prints."""
    line = [sys.executable, "-m", "workbench", "--home", str(lab.home.root), *words]
    return subprocess.run(line, capture_output=True, text=True, check=True).stdout.strip()


async def chatted(shown: Forward, cookie: str) -> str:
    """What the websocket behind a port's address says back, asked as the page at that address would."""
    address = f"{shown.host_name}:{shown.port}"
    headers = {"Host": address, "Origin": f"http://{address}", "Cookie": cookie}
    async with (
        aiohttp.ClientSession() as client,
        client.ws_connect(f"http://127.0.0.1:{shown.port}/chat", headers=headers) as chat,
    ):
        await chat.send_str("hello")
        return await chat.receive_str(timeout=30)


@pytest.fixture
def with_ports(lab: Bench) -> Iterator[Session]:
    """A session of the project while that declares two ports, and the port that the tool has for itself."""
    declaration = projects.get(lab, PROJECT).path / "project.yaml"
    before = declaration.read_text()
    declaration.write_text(f"{before}ports: [8000, 8888, {{port: 8001, title: API}}]\n")
    (declaration.parent / "app.py").write_text(APP)
    number = sessions.start(lab, PROJECT, name="ports")
    yield settled(lab, number, S.READY)
    declaration.write_text(before)
    sessions.stop(lab, number)
    settled(lab, number, S.STOPPED)


def said_by(place: str, port: int) -> bytes:
    """What a port answers; nothing where nobody does. Where an engine's network is its own, something else may."""
    try:
        with socket.create_connection((place, port), timeout=5) as tried:
            tried.sendall(b"GET / HTTP/1.0\r\n\r\n")
            return tried.recv(10_000)
    except OSError:
        return b""


async def test_what_else_listens_in_it(lab: Bench, engine: APIClient, up: Session, with_ports: Session) -> None:
    """Each declared port has a name, a port and a cookie of its own and asks for the session's secret; no port of its
    container is published for it. Where nobody listens a page says so, until somebody does, websockets too. It comes back
    where its front died, works without a supervisor, is at the same address after a restart, and goes with the session."""
    session = with_ports
    first, second = session.forwards
    assert [(one.inside, one.title, one.host_name) for one in (first, second)] == [
        (8000, "", "ports-8000.localhost"), (8001, "API", "ports-8001.localhost")
    ]  # fmt: skip
    assert asked(first)[0] == asked(first, Host="evil.example")[0] == 403
    address = forwards.secret_url(lab, session.id, 8000)
    assert address.startswith(f"{first.url}/?token=")
    assert printed(lab, "open", "ports", "--port", "8000", "--print") == address
    shown = " ".join(printed(lab, "sessions", "show", "ports").split())
    assert f"port 8000 {first.url} port 8001 API {second.url}" in shown
    cookie = asked(first, address.removeprefix(first.url))[2]
    status, text, _ = asked(first, Cookie=cookie)
    assert (status, "Nothing that speaks HTTP listens on port 8000 inside" in text) == (502, True)

    def listen(number: int) -> None:
        argv = ["python3", str(projects.get(lab, PROJECT).path / "app.py"), str(number)]
        made = engine.exec_create(container(lab, engine, sessions.get(lab, session.id))["Id"], argv)
        engine.exec_start(made["Id"], detach=True)

    def there(shown: Forward, cookie: str) -> bool:
        status, text, _ = asked(shown, Cookie=cookie)
        return (status, text) == (200, f"here is {shown.host_name}:{shown.port}, cookies: none")

    listen(8000)
    until(lambda: there(first, cookie), "what was started", seconds=30)
    assert await chatted(first, cookie) == "heard hello"
    for other in (asked(second, Cookie=cookie), asked(first), asked(first, Cookie=cookie, Host=up.host_name)):
        assert other[0] == 403
    api = asked(second, forwards.secret_url(lab, session.id, 8001).removeprefix(second.url))[2]
    assert asked(second, Cookie=api)[0] == 502
    assert [
        asked(second, Cookie=api, Authorization=f"token {page(lab, up).token}")[0],
        asked(first, Cookie=api)[0],
    ] == [502, 403]
    seen = container(lab, engine, session)
    assert [one["HostPort"] for found in seen["NetworkSettings"]["Ports"].values() for one in found or ()] == [
        str(session.port)
    ]
    bridge = [one["IPAddress"] for one in seen["NetworkSettings"]["Networks"].values() if one["IPAddress"]]
    for place in bridge:
        assert b"here is" not in said_by(place, 8000)

    place = Place(lab.home.session_folder(session.id))
    psutil.Process(int(place.lock.read_text())).kill()
    until(lambda: there(first, cookie), "another front", seconds=30)
    kill_supervisor(lab)
    assert there(first, cookie)
    assert await chatted(first, cookie) == "heard hello"
    start(lab)
    assert sessions.restart(lab, session.id)
    until(lambda: sessions.get(lab, session.id).state is not S.READY, "its restart")
    again = settled(lab, session.id, S.READY)
    assert again.forwards == session.forwards
    until(lambda: asked(first, Cookie=cookie)[0] == 502, "nobody to listen", seconds=30)
    listen(8000)
    until(lambda: there(first, cookie), "what was started again", seconds=30)
    sessions.stop(lab, session.id)
    settled(lab, session.id, S.STOPPED)
    assert [asked(one)[0] for one in (first, second)] == [0, 0]
    assert not custody.alive(place)


def test_every_end_has_its_name(lab: Bench, engine: APIClient, up: Session) -> None:
    """Removed behind our back: vanished. Stopped: stopped, outside. Killed, or its server: failed, killed. Within 30 s."""
    ends = {"removed": S.VANISHED, "stopped": S.STOPPED, "killed": S.FAILED, "struck": S.FAILED}
    numbers = {how: sessions.start(lab, PROJECT, name=f"{how}-one") for how in ends}
    found = {how: settled(lab, number, S.READY, seconds=90) for how, number in numbers.items()}
    ids = {how: container(lab, engine, session)["Id"] for how, session in found.items()}
    engine.remove_container(ids["removed"], force=True)
    engine.stop(ids["stopped"], timeout=60)  # on a busy machine its own end takes long
    engine.kill(ids["killed"])
    (server,) = psutil.Process(container(lab, engine, found["struck"])["State"]["Pid"]).children()
    server.kill()
    ended = {how: settled(lab, numbers[how], state, seconds=30) for how, state in ends.items()}
    assert "removed outside of workbench" in ended["removed"].reason
    assert "stopped outside of workbench" in ended["stopped"].reason
    assert "killed" in ended["killed"].reason
    assert "killed" in ended["struck"].reason
    assert {session.desired for session in ended.values()} == {"down"}
    until(lambda: len(containers(lab, engine, role="session")) == 1, "what is left of them to be removed")
    variables = [lab.home.session_folder(number) / "env" for number in numbers.values()]
    until(lambda: not any(path.exists() for path in variables), "their variables to be removed, for they hold secrets")
    assert sessions.get(lab, up.id).state is S.READY
    assert page(lab, up).status() == 200


def test_a_port_that_is_taken(lab: Bench, up: Session) -> None:
    """Where another program has its port, it comes up at another one, which is its own from then on."""
    number = sessions.start(lab, PROJECT, name="moved")
    first = settled(lab, number, S.READY).port
    sessions.stop(lab, number)
    settled(lab, number, S.STOPPED)
    with taken(first):
        sessions.start(lab, PROJECT, name="moved")
        second = settled(lab, number, S.READY)
    assert second.port not in (first, up.port)
    assert page(lab, second).status() == 200
    sessions.stop(lab, number)
    settled(lab, number, S.STOPPED)


def test_its_end_while_it_starts(lab: Bench, engine: APIClient) -> None:
    """Stopped before it is ready, it ends as stopped and leaves no container."""
    number = sessions.start(lab, PROJECT, name="brief")
    until(lambda: sessions.get(lab, number).state is S.STARTING, "its start")
    sessions.stop(lab, number)
    settled(lab, number, S.STOPPED)
    assert containers(lab, engine, session=str(number)) == []


def test_what_is_no_ones_is_removed(lab: Bench, engine: APIClient, up: Session) -> None:
    """A session's container that no row knows is removed at the next start; another home's is left alone."""
    image = container(lab, engine, up)["Image"]

    def stray(home: str) -> str:
        labels = {f"{LABEL}home": home, f"{LABEL}role": "session", f"{LABEL}session": "4711", f"{LABEL}generation": "1"}
        made: str = engine.create_container(image, entrypoint=["sleep"], command=["600"], labels=labels)["Id"]
        engine.start(made)
        return made

    ours, foreign = stray(lab.home.id), stray("f" * 12)
    try:
        kill_supervisor(lab)
        start(lab)
        until(lambda: not containers(lab, engine, session="4711"), "ours to be removed", seconds=60)
        assert engine.inspect_container(foreign)["State"]["Running"]
        assert page(lab, sessions.get(lab, up.id)).status() == 200
    finally:
        engine.remove_container(foreign, force=True)
        if containers(lab, engine, session="4711"):
            engine.remove_container(ours, force=True)


def test_the_home_of_a_project_is_kept(lab: Bench, up: Session) -> None:
    """What a tool keeps in its home folder belongs to the person and outlives the session's container."""
    homes = lab.home.state / "homes" / PROJECT
    assert homes.is_dir()
    wrong = [path for path in homes.rglob("*") if path.lstat().st_uid != os.getuid()]
    assert wrong == []
