"""The life of a Jupyter session: stopped when idle, never while it is used; memory that runs out inside it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest
import world
from browsing import Page
from session_world import settled
from waiting import until
from world import bench, kernel_python, lab_python

from workbench.engines.process import cgroup
from workbench.errors import Conflict
from workbench.model.session import ENDED, Session, SessionState
from workbench.services import projects, sessions, usage
from workbench.services.bench import Bench

__all__ = ["bench", "kernel_python", "lab_python"]
S = SessionState
IDLE = 4  # seconds


@pytest.fixture
def lab(bench: Bench, lab_python: Path) -> Iterator[Bench]:
    """A home whose environment holds JupyterLab and whose project stops idle sessions soon."""
    (bench.home.environments / "bare.yaml").write_text(f"engine: process\nuse: {lab_python}\nides: [jupyter]\n")
    project = projects.get(bench, world.PROJECT).path / "project.yaml"
    with project.open("a") as file:
        file.write(f"idle_stop: {IDLE}s\n")
    yield bench
    for session in sessions.listing(bench):
        if session.state not in ENDED:
            sessions.stop(bench, session.id)
            settled(bench, session.id, S.STOPPED)


def busy(bench: Bench, number: int, words: str) -> Session:
    """The session once it says that it is in use, in these words; it is up until then."""

    def look() -> Session | None:
        now = sessions.get(bench, number)
        assert now.state is S.READY, f"{now.state} {now.reason} while {words}"
        return now if words in now.busy else None

    return until(look, f"busy: {words}", seconds=40)


async def test_what_is_used_is_never_stopped(lab: Bench) -> None:
    """A busy kernel, a program in a terminal, an open browser, threads that compute: it stays up and says why. Idle, it
    says when it stops, unless that is called off; stopped, it says that it was idle."""
    number = sessions.start(lab, world.PROJECT)
    session = settled(lab, number, S.READY)
    go = projects.get(lab, world.PROJECT).path / "go"
    page = Page(session, (lab.home.session_folder(number) / "token").read_text())
    async with aiohttp.ClientSession() as client:
        await page.leave_running(f"import os, time\nwhile not os.path.exists({str(go)!r}): time.sleep(0.05)")
        busy(lab, number, "a kernel is busy")
        terminal = json.loads(page.ask("/api/terminals", "POST", {})[1])["name"]
        async with page.socket(client, f"/terminals/websocket/{terminal}") as typed:
            await typed.send_json(["stdin", "sleep 600\r"])
            async for said in typed:
                if "sleep 600" in said.data:
                    break
        go.touch()
        busy(lab, number, "sleep runs in a terminal")
        assert page.ask(f"/api/terminals/{terminal}", "DELETE")[0] == 204
        async with page.socket(client, "/api/events/subscribe"):
            busy(lab, number, "a browser is open")
        thread = "threading.Thread(target=lambda: [None for _ in iter(int, 1)], daemon=True).start()"
        computing = await page.leave_running(f"import threading; {thread}")
        busy(lab, number, "it computes")
        assert page.ask(f"/api/kernels/{computing}", "DELETE")[0] == 204
    counting = until(lambda: (now := sessions.get(lab, number)).stops_at and now, "a countdown", seconds=40)
    assert (counting.busy, counting.idle_stop) == ("", IDLE)
    assert sessions.keep(lab, number)
    assert sessions.get(lab, number).stops_at is None
    assert not sessions.keep(lab, number)
    sessions.keep(lab, number, kept=False)
    stopped = settled(lab, number, S.STOPPED)
    assert (stopped.reason, stopped.desired) == (f"idle for {IDLE}s", "down")


def cgroups_are_ours() -> bool:
    """Whether this account may make a memory cgroup."""
    group = cgroup.make(f"workbench-test-{os.getpid()}", memory=64_000_000, pids=None)
    if group:
        group.remove()
    return group is not None


@pytest.mark.soak
@pytest.mark.skipif(not cgroups_are_ours(), reason="this account may not make memory cgroups")
async def test_memory_that_runs_out_inside(lab: Bench) -> None:
    """A kernel that is killed at the limit is told, with limit and time; the session goes on. Ended otherwise later, that
    is no reason of its end."""
    with (lab.home.environments / "bare.yaml").open("a") as file:
        file.write("limits: {memory: 400M}\n")
    number = sessions.start(lab, world.PROJECT, idle_stop=0)  # which wins over the project
    session = settled(lab, number, S.READY)
    assert session.idle_stop is None
    with pytest.raises(Conflict, match="does not stop when idle"):
        sessions.keep(lab, number)
    page = Page(session, (lab.home.session_folder(number) / "token").read_text())
    await page.leave_running("held = []\nwhile True: held.append(bytearray(20_000_000))")
    told = until(lambda: (now := sessions.get(lab, number)).reason and now, "a word of it", seconds=40)
    assert told.state is S.READY
    assert told.reason.startswith("out of memory inside: a process was killed at the limit of 400 MB, at ")
    assert "workbench edit bare" in told.hint
    assert told.oom_kills == 1
    assert page.status() == 200
    (taken,) = usage.measured(lab, [told])
    assert taken.usage
    assert taken.usage.memory_limit == 400 * 1024**2
    assert 0 < (taken.usage.memory or 0) < taken.usage.memory_limit
    world.server(session.port).kill()
    ended = settled(lab, number, S.FAILED)
    assert ended.reason.startswith("killed"), ended.reason
