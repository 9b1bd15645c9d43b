"""JupyterHub with DockerSpawner as a peer: installed on the spot under a cache folder, started, asked for servers.

Python packages come from PyPI into a venv, `configurable-http-proxy` from npm. `HubMissing` says why there is none.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

PACKAGES = ("jupyterhub>=6,<7", "dockerspawner>=14,<15")
PROXY = "configurable-http-proxy@5"
USER = "bench"

CONFIG = """
c = get_config()
c.JupyterHub.bind_url = "http://127.0.0.1:{public}"
c.JupyterHub.hub_bind_url = "http://0.0.0.0:{hub}"
c.JupyterHub.hub_connect_url = "http://{bridge}:{hub}"
c.JupyterHub.db_url = "sqlite:///{folder}/hub.sqlite"
c.JupyterHub.cookie_secret_file = "{folder}/cookie_secret"
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{proxy}"
c.ConfigurableHTTPProxy.pid_file = "{folder}/proxy.pid"
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True
c.JupyterHub.spawner_class = "dockerspawner.DockerSpawner"
c.DockerSpawner.image = "{image}"
c.DockerSpawner.remove = True
c.DockerSpawner.cmd = ["jupyterhub-singleuser"]
c.DockerSpawner.args = ["--allow-root"]
c.JupyterHub.services = [{{"name": "bench", "api_token": "{token}"}}]
c.JupyterHub.load_roles = [{{"name": "bench", "services": ["bench"], "scopes": ["admin:users", "admin:servers"]}}]
"""


class HubMissing(Exception):  # noqa: N818 - a line of the output
    """The peer cannot be had on this machine."""


class Hub:
    """A hub that runs; `spawn` gives the seconds from asking for a server until it is ready."""

    def __init__(self, public: int, token: str) -> None:
        self._base = f"http://127.0.0.1:{public}/hub/api"
        self._token = token

    def spawn(self) -> float:
        """Ask for the server and follow its progress until the hub says that it is ready."""
        began = time.perf_counter()
        self._ask("POST", f"/users/{USER}/server")
        with self._open("GET", f"/users/{USER}/server/progress") as stream:
            for line in stream:
                if line.startswith(b"data:"):
                    event = json.loads(line[5:])
                    if event.get("failed"):
                        raise SystemExit(f"the hub could not start a server: {event.get('message')}")
                    if event.get("ready"):
                        return time.perf_counter() - began
        raise SystemExit("the hub said no more before its server was ready")

    def stop(self) -> None:
        """Have the server removed."""
        self._ask("DELETE", f"/users/{USER}/server")
        while json.loads(self._ask("GET", f"/users/{USER}"))["servers"]:
            time.sleep(0.1)

    def versions(self) -> str:
        """What answers."""
        return f"JupyterHub {json.loads(self._ask('GET', '/'))['version']}"

    def make_user(self) -> None:
        """The account that the servers are of."""
        self._ask("POST", f"/users/{USER}")

    def _ask(self, method: str, path: str) -> bytes:
        with self._open(method, path) as answer:
            said: bytes = answer.read()
        return said

    def _open(self, method: str, path: str) -> http.client.HTTPResponse:
        request = urllib.request.Request(
            self._base + path, method=method, headers={"Authorization": f"token {self._token}"}
        )
        answer: http.client.HTTPResponse = urllib.request.urlopen(request, timeout=120)
        return answer


def installed(cache: Path) -> tuple[Path, Path]:
    """The folder of the venv's programs and that of the proxy's. Raises `HubMissing`."""
    venv, proxy = cache / "hub", cache / "proxy"
    npm = shutil.which("npm")
    if npm is None:
        raise HubMissing("npm is not here, and the hub needs configurable-http-proxy")
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    steps = []
    if not (venv / "bin" / "jupyterhub").exists():
        steps += [
            [sys.executable, "-m", "venv", "--clear", venv],
            [venv / "bin" / "pip", "install", "--quiet", "--compile", *PACKAGES],
        ]
    if not (proxy / "node_modules/.bin/configurable-http-proxy").exists():
        proxy.mkdir(parents=True, exist_ok=True)
        steps.append([npm, "install", "--silent", "--no-fund", "--no-audit", "--prefix", proxy, PROXY])
    for step in steps:
        done = subprocess.run(list(map(str, step)), env=env, capture_output=True, text=True, check=False)
        if done.returncode:
            last = (done.stderr or done.stdout).strip().splitlines()[-1:] or ["no word"]
            raise HubMissing(f"`{' '.join(map(str, step[:4]))} …` failed: {last[0]}")
    return venv / "bin", proxy / "node_modules/.bin"


@contextlib.contextmanager
def running(cache: Path, folder: Path, image: str, endpoint: str, bridge: str) -> Iterator[Hub]:
    """A hub over `image` on the engine at `endpoint`, whose containers reach this machine at `bridge`."""
    programs, proxy = installed(cache)
    folder.mkdir()
    public, hub, api = (_free_port() for _ in range(3))
    token = secrets.token_hex(16)
    config = folder / "config.py"
    config.write_text(
        CONFIG.format(public=public, hub=hub, proxy=api, bridge=bridge, folder=folder, image=image, token=token)
    )
    config.chmod(0o600)
    env = {**os.environ, "PATH": f"{programs}:{proxy}:{os.environ['PATH']}", "DOCKER_HOST": endpoint}
    env.pop("PYTHONDONTWRITEBYTECODE", None)
    log = folder / "hub.log"
    with log.open("wb") as sink:
        process = subprocess.Popen(
            [programs / "jupyterhub", "-f", config], cwd=folder, env=env, stdout=sink, stderr=sink,
            start_new_session=True,
        )  # fmt: skip
    try:
        found = Hub(public, token)
        _await(found, process, log)
        found.make_user()
        yield found
        with contextlib.suppress(OSError):
            found.stop()
    finally:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(30)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def _await(found: Hub, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            found.versions()
        except (OSError, urllib.error.URLError):
            if process.poll() is not None or time.monotonic() > deadline:
                tail = log.read_text(errors="replace")[-800:]
                raise HubMissing(f"the hub does not come up:\n{tail}") from None
            time.sleep(0.2)
        else:
            return


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
    return port
