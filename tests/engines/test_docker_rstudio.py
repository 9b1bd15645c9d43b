"""RStudio Server in an image after Rocker's rules: whose it is, who gets in, and what tells its password."""

from __future__ import annotations

import http.client
import json
import os
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event

import pytest
from docker import APIClient
from engines.conftest import Bench, ignore
from images.rstudio import stand_in
from tools import shipped_ide
from waiting import until

from workbench.engines.base import Person, SessionRequest
from workbench.engines.docker.engine import DockerEngine
from workbench.front import rstudio
from workbench.model.environment import EnvironmentSpec
from workbench.model.ide import Ide
from workbench.paths import port_socket

pytestmark = pytest.mark.docker
RSTUDIO = shipped_ide("rstudio")
ROOT, SAME, OTHER = Person(0, 0, "root"), Person(1000, 1000, "ann"), Person(12345, 12346, "ann")


@dataclass
class Opened:
    """A session that is up."""

    api: APIClient
    request: SessionRequest
    handle: str
    cookie: str = ""

    @property
    def secret(self) -> str:
        """Its password."""
        return (self.request.folder / "token").read_text()

    @property
    def login(self) -> str:
        """The name to sign in with."""
        return (self.request.folder / "login").read_text()

    def ask(self, path: str, cookie: str = "", body: str | None = None) -> tuple[int, http.client.HTTPMessage, str]:
        """Status, headers and text of an answer; status 0 for none."""
        connection = http.client.HTTPConnection("127.0.0.1", self.request.port, timeout=20)
        headers = {"Cookie": cookie} if cookie else {}
        try:
            connection.request("GET" if body is None else "POST", path, body=body, headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read().decode()
        except (OSError, http.client.HTTPException):
            return 0, http.client.HTTPMessage(), ""
        finally:
            connection.close()

    def sign_in(self, login: str, password: str) -> str:
        """The cookies of who signs in as its page does; empty where there are none."""
        try:
            given = rstudio.sign_in("localhost", self.request.port, login, password)
        except rstudio.SignInError:
            return ""
        return "; ".join(one.partition(";")[0] for one in given)

    def run(self, command: str) -> str:
        """What a shell of the person says, where their R would begin; signed in once, for RStudio lets nobody in twice at once."""
        self.cookie = self.cookie or self.sign_in(self.login, self.secret)
        status, _, text = self.ask("/run", self.cookie, command)
        assert status == 200
        return text

    def inside(self, command: str) -> str:
        """What root inside the container sees."""
        made = self.api.exec_create(self.handle, ["/bin/sh", "-c", command], user="0:0")
        return str(self.api.exec_start(made["Id"]).decode("utf-8", "replace"))


@pytest.fixture
def studio(docker_bench: Bench, tmp_path: Path) -> Iterator[Bench]:
    """A bench whose environment is the stand-in for a Rocker image."""
    assert isinstance(docker_bench.engine, DockerEngine)
    engine = docker_bench.engine
    with engine._connection.api() as api:
        image = stand_in(api, docker_bench.revision.reference)
    spec = EnvironmentSpec("test-rstudio", image=image, ides=("rstudio",), tools=(RSTUDIO,))
    revision = engine.build(spec, engine.revision_id(spec), log=tmp_path / "log", progress=ignore, cancelled=Event())
    assert revision.ides == ("rstudio",)
    bench = replace(docker_bench, spec=spec, revision=revision)
    yield bench
    bench.tidy()
    engine.remove(revision)


@pytest.fixture
def opened(studio: Bench) -> Iterator[Callable[..., Opened]]:
    """Open a session of a person and wait for its form."""
    assert isinstance(studio.engine, DockerEngine)
    with studio.engine._connection.api() as api:

        def open_one(
            person: Person, ide: Ide = RSTUDIO, project: Path | None = None, ports: tuple[int, ...] = ()
        ) -> Opened:
            space = studio.workspace(person=person)
            if project:
                space = replace(space, project=project, project_name=project.name, cwd=project)
            space = replace(space, cwd=space.project)
            request = replace(studio.request(ide=ide, workspace=space), ports=ports)
            for path in (space.project, request.folder, request.folder / "token"):
                os.chown(path, person.uid, person.gid)
            one = Opened(api, request, studio.create(request))
            studio.engine.start_session(one.handle)

            def form() -> bool:
                facts = studio.engine.inspect_session(one.handle)
                assert facts
                assert facts.alive, api.logs(one.handle).decode()
                return one.ask(ide.ready)[0] == 200

            until(form, "the form", seconds=60)
            return one

        yield open_one


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can start sessions of others")
@pytest.mark.parametrize("person", [ROOT, SAME, OTHER], ids=["root", "1000", "another number"])
def test_rstudio_is_the_persons_and_asks_for_the_password(opened: Callable[..., Opened], person: Person) -> None:
    """Only name and password get in; what is written is the person's; R begins in the project. What listens on a further
    port inside, RStudio itself here, is offered as a socket of the person's, and the image's own first process is the first."""
    one = opened(person, ports=(8787,))
    assert one.inside("tr '\\0' ' ' < /proc/1/cmdline").split()[-1] == "/usr/local/bin/rserver", (
        "which its /init becomes"
    )
    path = port_socket(one.request.folder, 8787)
    assert path.stat().st_uid == person.uid
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(30)
        client.connect(str(path))
        client.sendall(b"GET /auth-sign-in HTTP/1.0\r\n\r\n")
        assert b" 200 " in client.recv(100)
    assert one.login == ("root" if person.uid == 0 else "rstudio")
    assert one.ask("/")[0] == 302
    assert one.sign_in(one.login, "wrong" * 10) == ""
    assert one.sign_in("nobody", one.secret) == ""
    one.cookie = one.sign_in(one.login, one.secret)
    assert one.ask("/", one.cookie)[2].endswith(f"signed in as {one.login}")
    assert one.run("pwd; touch written.txt; id -u; id -g").split() == [
        str(one.request.workspace.project), str(person.uid), str(person.gid)
    ]  # fmt: skip
    facts = (one.request.workspace.project / "written.txt").stat()
    assert (facts.st_uid, facts.st_gid) == (person.uid, person.gid)


def test_the_password_is_told_by_nothing(opened: Callable[..., Opened]) -> None:
    """It stands in no label, argument or variable of the container, of no process in it, and in no log; signing in is
    never switched off, and the server's address is as the image has it."""
    one = opened(Person(os.getuid(), os.getgid(), "tester"))
    one.run("true")
    told = [
        json.dumps(one.api.inspect_container(one.handle)),
        one.api.logs(one.handle).decode(),
        json.dumps(one.api.top(one.handle, "-eo pid,args")),
        one.inside(
            "cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline | tr '\\0' ' '; cat /var/run/s6/container_environment/*"
        ),
        one.inside("cat /etc/R/Renviron.site /etc/environment 2>/dev/null"),
    ]
    assert [text for text in told if one.secret in text] == []
    conf = one.inside("cat /etc/rstudio/rserver.conf")
    assert "auth-none" not in conf
    assert "www-address" not in conf
    assert one.inside("stat -c %a /etc/rstudio/workbench-cookie-key").strip() == "600"


def test_two_of_a_project_side_by_side(opened: Callable[..., Opened]) -> None:
    """Cookies and passwords of one are worth nothing on the other; each has its own state, and the home is shared."""
    person = Person(os.getuid(), os.getgid(), "tester")
    first = opened(person)
    second = opened(person, project=first.request.workspace.project)
    first.cookie = first.sign_in(first.login, first.secret)
    assert first.ask("/", first.cookie)[0] == 200
    assert second.ask("/", first.cookie)[0] == 302
    assert second.sign_in(second.login, first.secret) == ""
    state = "$HOME/.local/share/rstudio/state"
    first.run(f"echo first > {state}; echo shared > $HOME/.Rhistory")
    assert second.run(f"cat {state} 2>/dev/null; cat $HOME/.Rhistory") == "shared\n"
    second.run(f"echo second > {state}")
    assert first.run(f"cat {state}") == "first\n"
