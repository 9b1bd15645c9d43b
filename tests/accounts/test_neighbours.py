"""Two ordinary accounts on one machine: what one of them runs, the other tries to reach, read, end and stand in for."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from accounts.machine import Account, Installed, living
from accounts.owner import Owner
from waiting import until

ENDLESS = "import time\nwhile True:\n    time.sleep(0.1)"


@pytest.fixture
def ann(new_account: Callable[[], Account], installed: Installed, lab_for_all: Path) -> Iterator[Owner]:
    """An account with a run in mid cell and a session that is ready."""
    owner = Owner(new_account(), installed)
    owner.asks("init", "--timezone", "UTC")
    declared = f"engine: process\nuse: {lab_for_all}\n"
    owner.account.run("sh", "-c", f"printf '{declared}' > workbench/environments/lab.yaml")
    owner.asks("projects", "new", "work", "--environment", "lab")
    cell = {"cell_type": "code", "execution_count": None, "id": "a", "metadata": {}, "outputs": [], "source": ENDLESS}
    spec = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    text = json.dumps({"cells": [cell], "metadata": spec, "nbformat": 4, "nbformat_minor": 5})
    written = owner.account.run(
        "sh", "-c", 'cat > workbench/projects/work/notebooks/endless.ipynb <<"END"\n' + text + "\nEND"
    )
    assert written.returncode == 0, written.stderr
    owner.asks("run", "work/notebooks/endless.ipynb", "-d")
    owner.asks("sessions", "start", "work")
    until(lambda: owner.asks("runs", "show", "1")["state"] == "running", "the run", seconds=60, every=0.3)
    until(lambda: owner.asks("sessions", "list")[0]["state"] == "ready", "the session", seconds=60, every=0.3)
    yield owner
    owner.ends("1", "s1")
    until(lambda: not living(owner.account.uid), "all of it to end", seconds=60, every=0.1)


@pytest.mark.timeout(300)
def test_a_neighbour_gets_nowhere(ann: Owner, new_account: Callable[[], Account]) -> None:
    """Sockets, state, secrets, processes and ports of one account are out of another's reach while they are in use."""
    bob = new_account()
    state, sockets = ann.home / ".workbench", Path(f"/tmp/workbench-{ann.account.uid}")
    token = (state / "sessions" / "1" / "token").read_text()
    session = ann.asks("sessions", "list")[0]
    assert token not in json.dumps(session)
    reachable = [str(path) for path in sockets.rglob("*") if path.is_socket()]
    assert len(reachable) >= 6, "the supervisor's and the kernel's"
    targets = {
        "sockets": reachable,
        "files": [
            str(path) for path in (state, sockets, *state.rglob("*"), *sockets.rglob("*")) if not path.is_socket()
        ],
        "processes": [process.pid for process in living(ann.account.uid)],
        "port": session["port"],
    }
    script = ann.installed.source / "tests" / "accounts" / "neighbour.py"
    tried = bob.run(ann.installed.python, script, json.dumps(targets))
    assert json.loads(tried.stdout or "null") == [], tried.stderr

    seen = bob.run("sh", "-c", "cat /proc/[0-9]*/cmdline 2>/dev/null; true")
    assert str(ann.home) in seen.stdout, "the command lines of others can be seen"
    assert token not in seen.stdout
    for words in (("runs",), ("sessions",), ("runs", "cancel", "1")):
        done = bob.run(ann.installed.python, "-m", "workbench", "--home", ann.home, *words)
        assert done.returncode == 1
        assert f"belongs to {ann.account.name}" in done.stderr
    assert ann.asks("runs", "show", "1")["state"] == "running"
    assert ann.asks("sessions", "list")[0]["state"] == "ready"


@pytest.mark.timeout(300)
def test_a_neighbour_in_the_place_of_a_session_is_told_nothing(ann: Owner, new_account: Callable[[], Account]) -> None:
    """While a session is down another account listens on its port: the session comes up on another, and nothing was
    sent to the first; where the session dies and its port is taken, its secret is given to nobody."""
    bob = new_account()
    port = ann.asks("sessions", "list")[0]["port"]
    ann.asks("sessions", "stop", "s1")
    until(lambda: ann.asks("sessions", "list")[0]["state"] == "stopped", "its end", seconds=60, every=0.3)
    with listening(bob, port) as heard:
        ann.asks("sessions", "start", "work")
        session = until(
            lambda: (one := ann.asks("sessions", "list")[0])["state"] == "ready" and one,
            "the session",
            seconds=60,
            every=0.3,
        )
        assert session["port"] != port
        assert heard() == b""
    (server,) = [
        process
        for process in living(ann.account.uid)
        if any(
            one.status == psutil.CONN_LISTEN and one.laddr.port == session["port"] for one in process.net_connections()
        )
    ]
    ann.says("service", "stop")  # nobody looks: the row still says ready
    server.kill()
    server.wait(10)
    with listening(bob, session["port"]) as heard:
        refused = ann.says("sessions", "url", "s1")
        assert refused.returncode == 1
        assert f"is held by {bob.name}" in refused.stderr
        assert heard() == b""


@pytest.mark.timeout(120)
def test_a_neighbour_in_the_place_of_our_sockets_is_named(
    installed: Installed, new_account: Callable[[], Account]
) -> None:
    """The folder of sockets made by another account beforehand is refused, and the account named."""
    ann, bob = Owner(new_account(), installed), new_account()
    squatted = f"/tmp/workbench-{ann.account.uid}"
    bob.run("mkdir", "-m", "777", squatted)
    try:
        done = ann.says("service", "start")
        assert done.returncode == 1
        assert f"{squatted} belongs to {bob.name}" in done.stderr
    finally:
        os.rmdir(squatted)


class listening:  # noqa: N801 - used as the word that it is
    """An account listens on a port of 127.0.0.1; gives what it has heard so far."""

    def __init__(self, account: Account, port: int) -> None:
        program = (
            "import socket, sys\n"
            f"server = socket.create_server(('127.0.0.1', {port}))\n"
            "print('listens', flush=True)\n"
            "while True:\n"
            "    taken = server.accept()[0]\n"
            "    sys.stdout.write(repr(taken.recv(65536)))\n"
            "    sys.stdout.flush()\n"
        )
        self.read, self.write = socket.socketpair()
        self.process = subprocess.Popen(
            ["/usr/bin/python3", "-c", program],
            user=account.uid, group=account.gid, extra_groups=(), stdout=self.write, cwd="/",
        )  # fmt: skip

    def __enter__(self) -> Callable[[], bytes]:
        with self.read.makefile("rb", buffering=0) as lines:
            assert lines.readline() == b"listens\n"
        self.read.setblocking(False)
        return self.heard

    def heard(self) -> bytes:
        """All that it has heard."""
        try:
            return self.read.recv(65536)
        except BlockingIOError:
            return b""

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        self.read.close()
        self.write.close()
