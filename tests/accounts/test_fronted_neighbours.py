"""A session of a tool without a login, and another account of the machine that tries every way to it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import toy_ide
from accounts.machine import Account, Installed, docker_group, living
from accounts.owner import Owner
from docker import APIClient
from images import mirror
from waiting import until

PORT, OTHER = 8000, 8765  # on which the toy listens in its container; which is shown besides

ENGINES = ["process", pytest.param("docker", marks=pytest.mark.docker)]


@pytest.fixture(params=ENGINES)
def ann(
    request: pytest.FixtureRequest, new_account: Callable[[], Account], installed: Installed, lab_for_all: Path
) -> Iterator[Owner]:
    """An account with such a session that is ready, on either engine."""
    docker = request.param == "docker"
    owner = Owner(new_account(), installed, docker_group() if docker else ())
    if docker:
        owner.writes("workbench.yaml", json.dumps({"registries": mirror.registries()}) if mirror.registries() else "")
    owner.asks("init", "--timezone", "UTC")
    declared = "extends: python" if docker else f"use: {lab_for_all}"
    owner.writes(
        "environments/lab.yaml", f"engine: {request.param}\n{declared}\nides: [jupyter, toy]\nports: [{OTHER}]\n"
    )
    owner.asks("projects", "new", "work", "--environment", "lab")
    owner.writes("projects/work/toy.py", toy_ide.PROGRAM)
    owner.writes("ides/toy.yaml", toy_ide.declaration("{host}:{port}" if docker else "{socket}"))
    owner.asks("sessions", "start", "work", "--ide", "toy")
    yield owner
    owner.ends("s1")
    until(lambda: not living(owner.account.uid), "all of it to end", seconds=60, every=0.1)


@pytest.mark.timeout(600)
def test_a_neighbour_does_not_get_to_the_tool(
    ann: Owner, new_account: Callable[[], Account], request: pytest.FixtureRequest
) -> None:
    """Not by its unix socket, its files or processes, the front without the secret, ::1, or its container's own address."""
    bob = new_account()
    state = ann.home / ".workbench"
    token = (state / "sessions" / "1" / "token").read_text()
    session = ann.asks("sessions", "list")[0]
    assert session["state"] == "ready"
    everything = [state, *state.rglob("*")]
    sockets = [str(path) for path in everything if path.is_socket()]
    assert [path for path in sockets if path.endswith("/front/tool.sock")]
    assert (state / "sessions" / "1" / "sign-in" / "key").exists()
    shown = [int(one["url"].rpartition(":")[2]) for one in session["ports"] if one["url"]]
    assert len(shown) == len([path for path in sockets if path.endswith(f"/front/{OTHER}.sock")]) == bool(ann.groups)
    targets = {
        "sockets": sockets,
        "files": [str(path) for path in everything if not path.is_socket()],
        "processes": [process.pid for process in living(ann.account.uid)],
        "port": session["port"],
        "others": shown,
        "addresses": [f"127.0.0.1:{PORT}", *(f"{address}:{PORT}" for address in bridged(session["id"]))],
    }
    if ann.groups:
        assert len(targets["addresses"]) > 1, "its container's own"
    script = ann.installed.source / "tests" / "accounts" / "neighbour.py"
    tried = bob.run(ann.installed.python, script, json.dumps(targets))
    assert json.loads(tried.stdout or "null") == [], tried.stderr
    seen = bob.run("sh", "-c", "cat /proc/[0-9]*/cmdline 2>/dev/null; true")
    assert str(ann.home) in seen.stdout, "the command lines of others can be seen"
    assert token not in seen.stdout
    own = json.loads(
        ann.account.run(ann.installed.python, script, json.dumps({**targets, "files": [], "processes": []})).stdout
    )
    assert [one for one in own if one.endswith("tool.sock")], "who owns it does get to it"


def bridged(session: str) -> list[str]:
    """Addresses of a session's container."""
    client = APIClient(base_url="unix:///var/run/docker.sock")
    try:
        found = client.containers(filters={"label": [f"io.workbench.session={session.removeprefix('s')}"]})
        networks = [one["NetworkSettings"]["Networks"].values() for one in found if "toy" in str(one["Names"])]
        return [net["IPAddress"] for nets in networks for net in nets if net["IPAddress"]]
    finally:
        client.close()
