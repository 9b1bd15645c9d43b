"""A session of JupyterLab, from asking until it answers: ours against bare Docker and against JupyterHub, interleaved.

    .venv/bin/python benchmarks/session_start.py [ROUNDS]

All run the same image, that of the shipped environment `python` (for the hub with the package `jupyterhub` added), all
of it compiled to bytecode. `warm` is the next session of a project with `warm: true`. `bare` is `docker run` with the very command that our session's container has, until HTTP
200; `session` is from the queued row in the store to the row being ready, by when it answers only to those who have
its secret; `hub` is from the request for a server until JupyterHub says that it is ready. Each round has one of each,
in another order. Medians; trust the ratios and the paired differences over the seconds.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from images import mirror
from peers import hub

if TYPE_CHECKING:
    from docker import APIClient

    from workbench.services.bench import Bench

DIFFERENCE, RATIO, WARM = 150, 0.6, 0.3  # what is promised: milliseconds over bare, times the hub, times bare
ASKED = ("queued", "wanted up")  # events of a request
LOOK = 0.005  # seconds between questions
STATE = "/run/workbench/state"  # where the tool finds the files it is started with
REST = 1.0  # seconds between the end of one and the start of the next


def cache_folder() -> Path:
    """Where the peer is kept between runs."""
    root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = Path(os.environ.get("WORKBENCH_BENCH_CACHE") or root / "workbench-benchmarks")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def status(port: int, path: str, token: str) -> int:
    """What answers there; 0 where nothing does."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path, headers={"Authorization": f"token {token}", "Host": f"localhost:{port}"})
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()


class Ours:
    """Sessions of one project."""

    def __init__(self, bench: Bench, project: str) -> None:
        self.bench = bench
        self.project = project

    def start(self) -> tuple[float, int]:
        """Seconds from the queued row to the ready one, and the session."""
        from workbench.model.session import ENDED, SessionState
        from workbench.services import sessions
        from workbench.store import events

        number = sessions.start(self.bench, self.project)
        while (session := sessions.get(self.bench, number)).state is not SessionState.READY:
            if session.state in ENDED and session.desired == "down":
                raise SystemExit(f"session {session.name} {session.state}: {session.reason}")
            time.sleep(LOOK)
        ready = datetime.now(UTC)
        with self.bench.store.read() as connection:
            told = events.of(connection, "session", number)
        asked = [event for event in told if event.by == self.bench.actor.by and event.what in ASKED]
        return (ready - max(event.at for event in asked)).total_seconds(), number

    def end(self, number: int) -> None:
        """Stop and remove it."""
        from workbench.model.session import ENDED
        from workbench.services import sessions

        sessions.stop(self.bench, number)
        while sessions.get(self.bench, number).state not in ENDED:
            time.sleep(LOOK)
        sessions.remove(self.bench, number)

    def warmed(self) -> None:
        """Wait until the next session is up before it is asked for."""
        from workbench.model.session import SessionState
        from workbench.services.overview import overview
        from workbench.store import sessions

        while True:
            spares = overview(self.bench).spares
            with self.bench.store.read() as connection:
                rows = [sessions.get(connection, spare.id) for spare in spares]
            if any(row and row.project == self.project and row.state is SessionState.SPARE for row in rows):
                return
            time.sleep(0.1)


class Bare:
    """`docker run` of an image with a command that listens on 8888 and reads its token from a file."""

    def __init__(
        self, docker: list[str], image: str, argv: list[str], *, label: str, folder: Path, shown: Path
    ) -> None:
        self.docker = docker
        self.label = label
        self.image = image
        self.argv = argv
        self.token = folder / "token"
        self.token.write_text("0" * 48)
        self.state = folder / "state"
        self.shown = shown

    def start(self) -> tuple[float, str]:
        """Seconds until it answers 200, and the container."""
        port = free_port()
        shown = [f"{self.token}:/run/workbench/token:ro", f"{self.state}:{STATE}", f"{self.shown}:{self.shown}"]
        command = [
            *self.docker, "run", "-d", "--label", self.label, "-p", f"127.0.0.1:{port}:8888", "-w", str(self.shown),
            *(word for bind in shown for word in ("-v", bind)), "-e", "JUPYTER_TOKEN_FILE=/run/workbench/token",
            self.image, *self.argv,
        ]  # fmt: skip
        began = time.perf_counter()
        name = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
        while status(port, "/api/status", self.token.read_text()) != 200:
            if time.perf_counter() - began > 120:
                raise SystemExit(f"{name} does not answer; its words: docker logs {name}")
            time.sleep(LOOK)
        return time.perf_counter() - began, name

    def end(self, name: str) -> None:
        """Remove it."""
        subprocess.run([*self.docker, "rm", "-fv", name], capture_output=True, check=True)


def free_port() -> int:
    """A port of loopback that nobody has."""
    from workbench.supervisor.sessions.probe import free_port as found

    return found()


def build(bench: Bench, name: str) -> str:
    """Have the environment; its image."""
    from workbench.model.build import BuildState
    from workbench.services import environments

    number = environments.build(bench, name)
    while number is not None and environments.get_build(bench, number).ended is None:
        time.sleep(0.1)
    if number is not None and (found := environments.get_build(bench, number)).state is not BuildState.READY:
        raise SystemExit(f"environment {name}: {found.reason}")
    revision = environments.view(bench, name).revision
    assert revision
    return revision.reference


def report(took: dict[str, list[float]], rounds: int) -> None:
    """Print medians, paired differences and ratios, and what was promised."""
    print(f"JupyterLab until it answers, {rounds} rounds, medians")
    bare = took["bare"]
    for name, seconds in took.items():
        if seconds:
            pairs = [one - other for one, other in zip(seconds, bare, strict=True)]
            ratios = median(one / other for one, other in zip(seconds, bare, strict=True))
            print(
                f"  {name:<9} {median(seconds):6.2f} s   {ratios:5.2f} × bare"
                f"   paired difference {1000 * median(pairs):+6.0f} ms   worst {max(seconds):.2f} s"
            )
    held = [
        ("session - bare", 1000 * median(s - b for s, b in zip(took["session"], bare, strict=True)), DIFFERENCE, "ms")
    ]
    if took["hub"]:
        held.append(
            ("session / hub", median(s / h for s, h in zip(took["session"], took["hub"], strict=True)), 0.6, "")
        )
    held.append(("warm / bare", median(w / b for w, b in zip(took["warm"], bare, strict=True)), WARM, ""))
    for name, found, bound, unit in held:
        print(
            f"  {name:<15} {found:6.2f} {unit:<2}  promised ≤ {bound:g} {unit}  {'held' if found <= bound else 'NOT HELD'}"
        )


def main(rounds: int) -> None:
    """Measure and print."""
    from docker import APIClient

    from workbench.services import projects
    from workbench.services.bench import open_bench
    from workbench.services.supervision import control

    os.environ["WORKBENCH_ENGINE"] = "docker"
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    endpoint = os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock"
    program = shutil.which("docker")
    try:
        engine = APIClient(base_url=endpoint)
        engine.ping()
    except Exception as error:  # noqa: BLE001 - whatever it is, there is nothing to measure
        print(f"skipped: no Docker Engine answers at {endpoint}: {error}")
        return
    if program is None:
        print("skipped: no `docker` command")
        return
    folder = Path(tempfile.mkdtemp(prefix="workbench-bench-"))
    mirror.use(folder / "home")
    bench = open_bench(folder / "home")
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        stack.callback(bench.close)
        label = [f"io.workbench.home={bench.home.id}"]
        stack.callback(sweep, engine, label[0])
        stack.callback(control.stop, bench)
        project = projects.create(bench, "bench", environment="python")
        image = build(bench, "python")
        ours = Ours(bench, "bench")
        _, first = ours.start()  # the first session of a home also starts what it needs
        (entry,) = engine.containers(filters={"label": [*label, f"io.workbench.session={first}"]})
        seen = engine.inspect_container(entry["Id"])
        argv = seen["Config"]["Cmd"]
        (state,) = [one["Source"] for one in seen["Mounts"] if one["Destination"] == STATE]
        shutil.copytree(state, folder / "state", ignore=shutil.ignore_patterns("runtime"))
        ours.end(first)
        bare = Bare([program, "-H", endpoint], image, argv, label=label[0], folder=folder, shown=project.path)
        (projects.create(bench, "warm", environment="python").path / "project.yaml").write_text(
            "environment: python\nwarm: true\n"
        )
        warm = Ours(bench, "warm")
        runs: dict[str, Callable[[], float]] = {
            "bare": lambda: timed(bare.start, bare.end),
            "session": lambda: timed(ours.start, ours.end),
            "warm": lambda: timed(warm.start, warm.end, after=warm.warmed),
        }
        try:
            (bench.home.environments / "hub.yaml").write_text("extends: python\npython: {packages: [jupyterhub]}\n")
            bridge = engine.inspect_network("bridge")["IPAM"]["Config"][0].get("Gateway", "172.17.0.1")
            peer = stack.enter_context(
                hub.running(cache_folder(), folder / "hub", build(bench, "hub"), endpoint, bridge)
            )
            print(f"peer: {peer.versions()} with DockerSpawner")
            runs["hub"] = lambda: timed(lambda: (peer.spawn(), ""), lambda _: peer.stop())
        except hub.HubMissing as reason:
            print(f"skipped: JupyterHub: {reason}")
        took: dict[str, list[float]] = {"bare": [], "session": [], "warm": [], "hub": []}
        warm.warmed()
        names = list(runs)
        for number in range(-1, rounds):
            for name in names[number % len(names) :] + names[: number % len(names)]:
                seconds = runs[name]()
                if number >= 0:  # one round to warm up
                    took[name].append(seconds)
    report(took, rounds)


def sweep(engine: APIClient, label: str) -> None:
    """Remove containers that a broken round has left."""
    for entry in engine.containers(all=True, filters={"label": label}):
        engine.remove_container(entry["Id"], force=True, v=True)
    engine.close()


def timed(
    start: Callable[[], tuple[float, object]],
    end: Callable[[object], None],
    after: Callable[[], None] = lambda: None,
) -> float:
    """Start one, end it, let the machine come to rest."""
    seconds, made = start()
    end(made)
    after()
    time.sleep(REST)
    return seconds


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10)
