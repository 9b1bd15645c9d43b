"""What the container of a session is given: its tool's command, variables and files, its folders, its port or socket.

/run/workbench/{token,env,state/,front/}   what is of this session alone, the front's folder only where one shows something of it
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from workbench.engines import tool
from workbench.engines.base import SessionRequest
from workbench.engines.docker.account import Account
from workbench.engines.docker.belongings import PRIVATE
from workbench.engines.docker.images.contents import Contents
from workbench.engines.docker.plan import Plan
from workbench.engines.folders import FRONT_NAME, drop, socket_folder
from workbench.engines.relay import SOCKET, Relay, chosen
from workbench.errors import Refused
from workbench.model.ide import SignIn, UserRule
from workbench.paths import LOGIN, Home, port_socket, tool_socket

TOKEN, STATE, FRONT, RELAY = PRIVATE / "token", PRIVATE / "state", PRIVATE / "front", PRIVATE / "relay"
RUNTIME = STATE / "runtime"
Shown = tuple[Path, str, bool]  # a path here, its path inside, whether it may be written


@dataclass(frozen=True)
class Outfit:
    """The outfit of `request` for the account `who` in an image with `contents`."""

    request: SessionRequest
    home: Home
    who: Account
    contents: Contents

    @property
    def fronted(self) -> bool:
        """Whether our front stands before the tool: then no port of it is published."""
        return self.request.ide.sign_in is SignIn.FRONT

    @property
    def place(self) -> tool.Place:
        """What the tool's placeholders stand for."""
        request = self.request
        return tool.Place.of(
            request,
            host="127.0.0.1" if self.fronted else "0.0.0.0",  # noqa: S104 - of its container, published on loopback
            port=str(request.ide.port),
            socket=str(FRONT / tool_socket(request.folder).name),
            token_file=str(TOKEN),
            state=str(STATE),
            runtime=str(RUNTIME),
            settings=str(self.who.home / ".local" / "share" / "workbench" / request.ide.name),
            shell=self.contents.shell,
            python="python3",
            user=self.who.name,
            uid=self.who.uid,
            gid=self.who.gid,
        )

    def plan(self, name: str, labels: dict[str, str]) -> Plan:
        """The container to be created. What it is shown is made here."""
        request, space, place = self.request, self.request.workspace, self.place
        tool.check_there(request, self.contents.has(request.ide))
        if request.ide.user is UserRule.NOT_ROOT and self.who.uid == 0:
            raise Refused(
                f"{request.ide.title} does not run as root, whom this account is inside of containers",
                hint="Use another tool of the environment, or an account of your own with an engine that is not rootless.",
            )
        project_home = self.home.state / "homes" / space.project_name
        settings = PurePosixPath(place.settings).relative_to(self.who.home)
        self.who.made(project_home / settings)
        return Plan(
            name=name,
            revision=request.revision,
            contents=self.contents,
            argv=self._argv(place),
            workspace=space,
            private=request.folder,
            home=project_home,
            labels=labels,
            env={**space.env, **tool.variables(request, place)},
            shown=list(self._shown(place)),
            port=None if self.fronted else (request.ide.port, request.port),
            hostname=request.name[:63],
            root=request.ide.user is UserRule.ROOT,
            who=self.who,
        )

    @property
    def _offered(self) -> dict[str, int]:
        """Ports that a relay offers to our front, by the names of sockets: a container's own address is open to every account."""
        request = self.request
        own = self.fronted and not request.ide.listens_on_socket
        others = {port_socket(request.folder, port).name: port for port in request.ports}
        return {SOCKET: request.ide.port, **others} if own else others

    def _relay(self) -> Relay | None:
        """What offers them; None where there are none."""
        return chosen(self.contents.program("python3"), self.contents.program("perl")) if self._offered else None

    def _argv(self, place: tool.Place) -> list[str]:
        argv, relay = tool.command(self.request, place), self._relay()
        if relay is None:
            return argv
        account = self.who.user if self.request.ide.user is UserRule.ROOT else ""
        return relay.wrap(argv, program=RELAY, folder=FRONT, offered=self._offered, account=account)

    def _shown(self, place: tool.Place) -> Iterator[Shown]:
        request = self.request
        state = self.who.made(request.folder / "state")
        drop(state / "runtime")
        self.who.made(state / "runtime")
        yield state, str(STATE), True
        if self.fronted or request.ports:
            front = socket_folder(self.home, request.folder / "front", FRONT_NAME)
            self.who.own(front)
            yield front, str(FRONT), True
            if relay := self._relay():
                yield relay.install(request.folder), str(RELAY), False
        if not self.fronted:
            yield tool.secret_file(request), str(TOKEN), False
        if request.ide.sign_in is SignIn.FORM:
            name = self.who.name if request.ide.user is UserRule.ROOT else request.ide.login
            self._write(request.folder / LOGIN, name, executable=False)
        for folder in request.ide.own:
            yield self.who.made(request.folder / "own" / folder), str(self.who.home / folder), True
        written = request.folder / "files"
        shutil.rmtree(written, ignore_errors=True)
        for number, one in enumerate(tool.own_files(request, place)):
            inside = PurePosixPath(one.path)
            if inside.is_relative_to(STATE):
                self._write(state / inside.relative_to(STATE), one.text, executable=one.executable)
            else:
                path = written / str(number)
                self._write(path, one.text, executable=one.executable)
                yield path, one.path, False

    def _write(self, path: Path, text: str, *, executable: bool) -> None:
        self.who.made(path.parent)
        path.unlink(missing_ok=True)
        path.touch(mode=0o700 if executable else 0o600)
        path.write_text(text, encoding="utf-8")
        self.who.own(path)


def sockets(folder: Path) -> tuple[Path, str]:
    """Where the tool of a session has its sockets."""
    return folder / STATE.name / RUNTIME.name, str(RUNTIME)
