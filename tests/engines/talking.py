"""Talking to what an engine started: a kernel over its sockets, a session over HTTP."""

from __future__ import annotations

import http.client
import os
import secrets
from pathlib import Path
from types import TracebackType
from typing import Self

from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.connect import write_connection_file
from tools import JUPYTER
from waiting import until

from workbench.engines.base import Engine, KernelHost, Person, SessionRequest, Workspace
from workbench.engines.process import proc
from workbench.model.environment import Revision
from workbench.paths import Home
from workbench.supervisor.sessions.probe import free_port


def workspace(home: Home, project: Path, **more: object) -> Workspace:
    """A project's folder as an engine is told of it."""
    project.mkdir(parents=True, exist_ok=True)
    person = Person(os.getuid(), os.getgid(), "tester")
    facts = {"home": home.id, "project_name": project.name, "project": project, "cwd": project, "person": person}
    return Workspace(**{**facts, **more})  # type: ignore[arg-type]


class Talk:
    """A launched kernel of `host` and a client of it."""

    def __init__(self, host: KernelHost, revision: Revision, env: dict[str, str] | None = None) -> None:
        self.host = host
        ipc = host.transport == "ipc"
        prefix = host.folder / "k"
        ports = dict(
            zip(("shell_port", "iopub_port", "stdin_port", "hb_port", "control_port"), range(1, 6), strict=True)
        )
        _, info = write_connection_file(
            str(host.folder / "client.json"),
            ip=str(prefix) if ipc else "127.0.0.1",
            transport=host.transport,
            key=secrets.token_hex(16).encode(),
            **(ports if ipc else {}),
        )
        kernel_file = host.folder / "kernel.json"
        write_connection_file(
            str(kernel_file),
            ip=host.inside(prefix) if ipc else "127.0.0.1",
            transport=host.transport,
            key=info["key"].encode() if isinstance(info["key"], str) else info["key"],
            **{name: info[name] for name in ports},
        )
        host.launch(revision.kernels[0], kernel_file, env or {})
        self.started = ""
        self.client = BlockingKernelClient()
        self.client.load_connection_info(info)
        self.client.hb_channel.time_to_dead = 10.0  # R answers late where the machine has much to do
        self.client.start_channels()

    def __enter__(self) -> Self:
        if self.host.transport == "ipc":  # the client must not wait out zmq's pause before it connects again
            name = f"{self.host.folder / 'k'}-5"
            until(lambda: os.path.exists(name) or self.host.poll(), "the kernel's sockets")
        self.client.wait_for_ready(timeout=60)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.client.stop_channels()
        self.client.context.destroy(linger=0)
        self.host.kill()
        self.host.close()

    def run(self, code: str) -> str:
        """What a cell prints. Fails where the cell fails."""
        said: list[str] = []

        def hear(message: dict[str, dict[str, str]]) -> None:
            said.append(message["content"].get("text", ""))

        reply = self.client.execute_interactive(code, timeout=60, output_hook=hear, allow_stdin=False)
        assert reply["content"]["status"] == "ok", reply["content"]
        return "".join(said).strip()

    def start(self, code: str) -> None:
        """Run a cell without waiting for it. Where it fails, what is asked after it is not thrown away."""
        self.started = self.client.execute(code, stop_on_error=False)

    def status(self) -> str:
        """How the cell that was started ended: `ok` or `error`. A kernel that began slowly answers more than that."""
        while True:
            message = self.client.get_shell_msg(timeout=30)
            if message["parent_header"].get("msg_id") == self.started:
                return str(message["content"]["status"])


def session_request(
    home: Home, revision: Revision, space: Workspace, number: int, *, port: int = 0, generation: int = 1
) -> SessionRequest:
    """A session of JupyterLab with a new secret."""
    folder = home.session_folder(number)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    token = folder / "token"
    if not token.exists():
        token.touch(mode=0o600)
        token.write_text(secrets.token_hex(24))
    name = f"s{number}"
    return SessionRequest(
        number, name, generation, JUPYTER, revision, space, folder, f"{name}.localhost", port or free_port()
    )


def ask(
    request: SessionRequest, path: str, *, token: bool = False, host: str = "", method: str = "GET", body: str = ""
) -> int:
    """The status of an answer of a session; 0 where nobody answers."""
    connection = http.client.HTTPConnection("127.0.0.1", request.port, timeout=10)
    headers = {"Host": host or f"{request.host_name}:{request.port}"}
    if token:
        headers["Authorization"] = f"token {(request.folder / 'token').read_text()}"
    try:
        connection.request(method, path, body=body or None, headers=headers)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()


def ready(engine: Engine, request: SessionRequest, handle: str) -> None:
    """Wait until a session answers with its secret."""

    def answers() -> bool:
        facts = engine.inspect_session(handle)
        assert facts
        assert facts.alive, facts.reason
        return ask(request, JUPYTER.ready, token=True) == 200

    until(answers, "the session to answer", seconds=90)


def gone(pids: list[int]) -> bool:
    """Whether none of them lives."""
    return all(proc.start_time(pid) is None or _zombie(pid) for pid in pids)


def _zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True
