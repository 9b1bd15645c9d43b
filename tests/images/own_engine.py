"""An engine of a test's own, which may be restarted and run out of disk: nothing of the machine's engine is touched."""

from __future__ import annotations

import contextlib
import http.client
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from containers import built, make_home
from docker import APIClient
from waiting import until
from world import end


def answers(path: Path) -> bool:
    """Whether an engine answers at a socket."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as client:
        client.settimeout(5)
        client.connect(str(path))
        client.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
        answer = http.client.HTTPResponse(client)
        answer.begin()
        return answer.status == 200
    return False


class Daemon:
    """dockerd on a bridge of its own: told to have none it would remove docker0. It touches no firewall."""

    def __init__(self, folder: Path, program: str, options: Sequence[str]) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.socket = folder / "s"
        self.bridge = f"wbt{os.getpid()}"
        self.argv = [program, "--data-root", self.data, "--exec-root", folder / "exec", "--pidfile", folder / "pid"]
        self.argv += ["--host", f"unix://{self.socket}", "--bridge", self.bridge, "--iptables=false", *options]

    def connect(self) -> None:
        """Make its bridge, in a network that no other test's engine has."""
        high, low = divmod(os.getpid(), 250)
        address = f"10.{200 + high % 50}.{low + 1}.1/24"
        subprocess.run(["ip", "link", "add", self.bridge, "type", "bridge"], check=True)
        subprocess.run(["ip", "address", "add", address, "dev", self.bridge], check=True)
        subprocess.run(["ip", "link", "set", self.bridge, "up"], check=True)

    def start(self) -> None:
        """Start it, and wait until it answers."""
        log = self.folder / "log"
        with log.open("ab") as file:
            self.process = subprocess.Popen(self.argv, stdout=file, stderr=file)

        def up() -> bool:
            assert self.process.poll() is None, log.read_text()[-2000:]
            return answers(self.socket)

        until(up, "the engine", seconds=60, every=0.1)

    def carry(self, engine: APIClient, folder: Path) -> None:
        """Have the image of the shipped environment `python`, as it is built on the machine's engine."""
        source = make_home(folder)
        image = engine.get_image(built(source, "python").reference)
        end(source)
        source.close()
        client = self.client()
        client.load_image(image)
        client.close()

    def client(self) -> APIClient:
        """A client, which whoever asked for it closes."""
        return APIClient(base_url=f"unix://{self.socket}")

    def end(self, number: signal.Signals = signal.SIGTERM) -> None:
        """End it by a signal, with the containerd that it started."""
        below = psutil.Process(self.process.pid).children() if self.process.poll() is None else []
        self.process.send_signal(number)
        self.process.wait(60)
        for process in below:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(number)
                process.wait(30)

    def clear(self) -> None:
        """Leave no mount, no bridge and no folder behind."""
        mounts = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
        for place in sorted((one for one in mounts if one.startswith(f"{self.folder}/")), reverse=True):
            subprocess.run(["umount", "-l", place], check=False)
        subprocess.run(["ip", "link", "delete", self.bridge], check=False, capture_output=True)
        shutil.rmtree(self.folder, ignore_errors=True)


@contextmanager
def own_engine(*options: str, disk: str = "") -> Iterator[Daemon]:
    """Such an engine, ended afterwards; its disk is as large as `disk` says where that is given."""
    program = shutil.which("dockerd", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if os.geteuid() != 0 or program is None or shutil.which("ip") is None:
        pytest.skip("needs root, dockerd and ip, to start an engine of its own")
    # Not in the test's own folder: with its long name, sockets of containerd would have addresses that are too long.
    made = Daemon(Path(tempfile.mkdtemp(prefix="wb-engine-")), program, options)
    made.data.mkdir()
    if (
        disk
        and subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={disk}", "none", made.data], check=False).returncode
    ):
        made.clear()
        pytest.skip("no file system can be mounted here")
    try:
        made.connect()
        made.start()
        yield made
    finally:
        if hasattr(made, "process"):
            made.end()
        made.clear()


@pytest.fixture
def daemon() -> Iterator[Daemon]:
    """An engine that may be restarted; its ports are on loopback."""
    with own_engine("--ip-masq=false", "--storage-driver", "overlay2") as made:
        yield made
