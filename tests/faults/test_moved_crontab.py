"""Six lines of a crontab that ran papermill, moved over to schedules: what becomes of them when the machine fails.

CRON_TZ=Europe/Berlin
30 6 * * 1-5   cd /srv/reports && papermill sales.ipynb out/sales.ipynb -p region north
30 6 * * 1-5   cd /srv/reports && papermill sales.ipynb out/sales-south.ipynb -p region south
0 2 * * *      cd /srv/reports && papermill stock.ipynb out/stock.ipynb
15 */6 * * *   cd /srv/reports && papermill prices.ipynb out/prices.ipynb -p days 7
0 5 1 * *      cd /srv/reports && papermill month.ipynb out/month.ipynb
CRON_TZ=America/New_York
0 18 * * sun   cd /srv/reports && papermill week.ipynb out/week.ipynb
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from mailbox import Mailbox, mailbox
from pathlib import Path
from typing import Any

import psutil
import pytest
import world
from containers import built, engine, gone, make_home
from docker import APIClient
from images.own_engine import Daemon, daemon
from waiting import until

from workbench.model import timetable
from workbench.model.environment import EngineName
from workbench.model.run import Run, RunState
from workbench.model.schedule import DueState, DueTime
from workbench.services import notices, projects, runs, schedules
from workbench.services.bench import Bench, open_bench
from workbench.services.overview import overview
from workbench.services.supervision import control
from workbench.store import schedules as schedule_rows

__all__ = ["daemon", "engine"]
R = RunState
LINES: dict[str, dict[str, Any]] = {
    "sales": {"cron": "30 6 * * 1-5", "notebook": "sales", "parameters": {"region": "north"}},
    "sales-south": {"cron": "30 6 * * 1-5", "notebook": "sales", "parameters": {"region": "south"}},
    "stock": {"cron": "0 2 * * *", "notebook": "stock"},
    "prices": {"cron": "15 */6 * * *", "notebook": "prices", "parameters": {"days": 7}},
    "month": {"cron": "0 5 1 * *", "notebook": "month"},
    "week": {"cron": "0 18 * * sun", "notebook": "week", "timezone": "America/New_York"},
}
PLACES = 2
SETTLE = 3.0  # seconds for which letters wait for more


class Moved:
    """The home that they were moved to, and the mailbox of who is told."""

    def __init__(self, bench: Bench, box: Mailbox, folder: Path, seen: str = "") -> None:
        """What the cells write and wait for is in `folder`, which they know as `seen`."""
        self.bench, self.box = bench, box
        seen = seen or str(folder)
        self.ran, self.gate = folder / "ran", folder / "gates"
        self.ran.touch()
        self.gate.mkdir()
        mail = f"{{server: 127.0.0.1, port: {box.port}, security: none, from: workbench@acme.example}}"
        tell = "{failure: [ann@acme.example], late: [ann@acme.example]}"
        with bench.home.settings_file.open("a") as file:
            file.write(f"mail: {mail}\nnotify: {tell}\n")
        cell = (
            "import os, pathlib, time\n"
            f"with open({seen!r} + '/ran', 'a') as f:\n    f.write(os.environ['WORKBENCH_RUN'] + '\\n')\n"
            f"gate = pathlib.Path({seen!r}) / 'gates' / 'open'\n"
            "while not gate.exists():\n    time.sleep(0.05)\n"
            "print('x' * 100)"
        )
        for name in {line["notebook"] for line in LINES.values()}:
            world.notebook(bench, f"{name}.ipynb", cell, parameters="region = ''\ndays = 0")
        for name, line in LINES.items():
            spec = {"timezone": "Europe/Berlin", **line, "notebook": f"notebooks/{line['notebook']}.ipynb"}
            schedules.add(bench, world.PROJECT, name, **spec)
        until(lambda: all(schedules.get(bench, self.key(name)).row for name in LINES), "the schedules")
        control.stop(bench)

    def key(self, name: str) -> str:
        """Of a schedule."""
        return f"{world.PROJECT}/{name}"

    def open(self) -> None:
        """Let what runs come to its end."""
        (self.gate / "open").touch()

    def shut(self) -> None:
        """Have what begins from now on wait."""
        (self.gate / "open").unlink(missing_ok=True)

    def ledger(self, name: str) -> list[DueTime]:
        """Newest first."""
        return schedules.ledger(self.bench, self.key(name))

    def times_ran(self, run: int) -> int:
        """How often its cell began."""
        return self.ran.read_text().split().count(str(run))

    def told(self, letters: int) -> list[str]:
        """Subjects of the mails that came, once there are so many and all that was to be told has gone."""

        def gone() -> bool:
            return len(self.box.mails) >= letters and {one.state for one in notices.recent(self.bench)} == {"sent"}

        until(gone, f"{letters} letters", seconds=60)
        return [str(mail["Subject"]) for mail in self.box.mails]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small disk for the home where one may be mounted, else a folder."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=60m", "tmpfs", place], capture_output=True)
    yield place
    if mounted.returncode == 0:
        subprocess.run(["umount", "--lazy", place], check=True)


@pytest.fixture
def moved(disk: Path, tmp_path: Path, kernel_python: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Moved]:
    """All six, their supervisor stopped."""
    monkeypatch.setenv("WORKBENCH_NOTICE_SETTLE", str(SETTLE))
    bench = open_bench(disk / "home")
    bench.home.settings_file.write_text(f"concurrency: {PLACES}\n")
    (bench.home.environments / "bare.yaml").write_text(f"engine: process\nuse: {kernel_python}\nides: []\n")
    projects.create(bench, world.PROJECT, environment="bare")
    with mailbox() as box:
        made = Moved(bench, box, tmp_path)
        yield made
        made.open()
        world.end(bench)
        world.until_nothing_is_left(bench)
    bench.close()


def test_the_plug_is_pulled(moved: Moved) -> None:
    """Nobody looked since the last time but one of each: one run each, all killed with the machine. Afterwards the two that
    ran are interrupted and ran once, those that waited run, and one letter tells of it all."""
    bench = moved.bench
    dues = {name: _last_two(moved, name) for name in LINES}
    world.start(bench)
    until(lambda: len(moved.ran.read_text().split()) == PLACES, "two of them to run", seconds=60)
    first = {name: moved.ledger(name) for name in LINES}
    for name, lines in first.items():
        assert [line.due for line in lines] == dues[name][::-1], name
        assert [line.state for line in lines] == [DueState.FIRED, DueState.MISSED], name

    assert moved.told(1) == [f"[workbench] {len(LINES)} late"]
    _kill_all(bench)
    for folder in bench.home.state.glob("runs/*/*/boot"):
        folder.write_text("another-start-of-the-machine")
    moved.open()
    world.start(bench)
    ends = {name: world.ended(bench, first[name][0].run or 0) for name in LINES}
    interrupted = [run for run in ends.values() if run.state is R.INTERRUPTED]
    assert len(interrupted) == PLACES
    assert all("restarted" in run.reason for run in interrupted)
    assert sum(run.state is R.SUCCEEDED for run in ends.values()) == len(LINES) - PLACES
    for name, run in ends.items():
        assert moved.ledger(name) == first[name]
        assert moved.times_ran(run.id) == 1
        assert len(world.ends_of(bench, run.id)) == 1
    assert len(runs.page(bench)) == len(LINES)
    assert moved.told(2) == [f"[workbench] {len(LINES)} late", f"[workbench] {PLACES} failed"]


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to mount a small disk")
def test_the_disk_is_full(moved: Moved, disk: Path) -> None:
    """Full while two run and one is due: their ends are told truly, the due time comes once there is room, and one letter
    tells of it."""
    bench = moved.bench
    world.start(bench)
    soon = (datetime.now(UTC) + timedelta(seconds=3)).replace(microsecond=0)
    _once(moved, "sales", soon)
    _once(moved, "stock", soon)
    until(lambda: len(moved.ran.read_text().split()) == 2, "two of them to run", seconds=60)
    later = (datetime.now(UTC) + timedelta(seconds=3)).replace(microsecond=0)
    _once(moved, "week", later)
    text = f"{later:%Y-%m-%d %H:%M:%S}"
    until(lambda: text in (row.timing if (row := schedules.get(bench, moved.key("week")).row) else ""), "the edit")
    _fill(disk)
    moved.open()
    # What is given up to make room is taken too, until its time has passed.
    until(lambda: _fill(disk) or datetime.now(UTC) > later + timedelta(seconds=1), "its time to pass", every=0.005)
    (disk / "fill").unlink()
    until(lambda: moved.ledger("week"), "its line", seconds=60)
    ends: dict[str, Run] = {}
    for name, due in (("sales", soon), ("stock", soon), ("week", later)):
        (line,) = moved.ledger(name)
        assert (line.due, line.state) == (due, DueState.FIRED)
        assert line.run
        run = ends[name] = world.ended(bench, line.run)
        assert moved.times_ran(run.id) == 1
        assert world.ends_of(bench, run.id) == [run.state]
        published = Path(run.output).is_relative_to(projects.get(bench, world.PROJECT).path)
        assert published == (run.state is R.SUCCEEDED)
        assert run.state is R.SUCCEEDED or "No space left on device" in run.reason
    sad = [run for run in ends.values() if run.state is not R.SUCCEEDED]
    assert sad
    assert len(moved.told(1)) == 1, moved.box.mails
    assert bench.store.integrity() == []


@pytest.fixture
def contained(daemon: Daemon, engine: APIClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Moved]:
    """All six in containers of an engine of their own, their supervisor stopped."""
    monkeypatch.setenv("WORKBENCH_NOTICE_SETTLE", str(SETTLE))
    daemon.carry(engine, tmp_path / "source")
    monkeypatch.setenv("DOCKER_HOST", f"unix://{daemon.socket}")
    bench = make_home(tmp_path / "home")
    built(bench, "python")
    with mailbox() as box:
        made = Moved(bench, box, projects.get(bench, world.PROJECT).path, "..")
        yield made
        made.open()
        world.end(bench)
        client = daemon.client()
        gone(bench, client)
        client.close()
    bench.close()


@pytest.mark.soak
@pytest.mark.docker
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_docker_is_stopped(contained: Moved, daemon: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    """Docker stopped, then killed, while two run and two become due; and stopped for long while three do. What ran with it
    is told as crashed, once and together; what is due waits, says so and since when, and runs once when it is back; that it
    is away for long is one letter, however many wait."""
    bench, told = contained.bench, 0
    world.start(bench)
    for how in (signal.SIGTERM, signal.SIGKILL):
        contained.shut()
        begun = len(contained.ran.read_text().split())
        ran = _due_soon(contained, "sales", "stock")
        until(lambda begun=begun: len(contained.ran.read_text().split()) == begun + 2, "two of them to run", seconds=60)
        daemon.end(how)
        waited = _due_soon(contained, "prices", "week")
        _waiting(contained, waited)
        daemon.start()
        until(lambda: not overview(bench).engines[EngineName.DOCKER].problem, "it to be seen", seconds=60)
        contained.open()
        ends = [_ran_once(contained, name, due) for name, due in ran.items()]
        failed = [run for run in ends if run.state is not R.SUCCEEDED]
        assert how is signal.SIGKILL or len(failed) == 2  # a killed dockerd may find its containers alive
        assert all(run.state is R.CRASHED and "the engine was away" in run.reason for run in failed)
        assert all(_ran_once(contained, name, due).state is R.SUCCEEDED for name, due in waited.items())
        told += bool(failed)
        assert len(contained.told(told)) == told
    control.stop(bench)
    monkeypatch.setenv("WORKBENCH_NOTICE_LATE", "5")
    world.start(bench)
    daemon.end()
    waited = _due_soon(contained, "sales", "stock", "month")
    _waiting(contained, waited)
    subjects = contained.told(told + 1)
    assert subjects[told].startswith("[workbench] docker is down since ")
    daemon.start()
    assert all(_ran_once(contained, name, due).state is R.SUCCEEDED for name, due in waited.items())
    assert contained.told(told + 1) == subjects
    assert len(runs.page(bench)) == 11
    assert bench.store.integrity() == []


def _due_soon(moved: Moved, *names: str) -> dict[str, datetime]:
    """Have these be due in a moment: when."""
    due = (datetime.now(UTC) + timedelta(seconds=3)).replace(microsecond=0)
    for name in names:
        _once(moved, name, due)
    until(lambda: all(moved.ledger(name)[:1] and moved.ledger(name)[0].due == due for name in names), "it", seconds=60)
    return dict.fromkeys(names, due)


def _waiting(moved: Moved, names: Iterable[str]) -> None:
    """Each waits for its engine, and the ledger and `status` say since when."""
    for name in names:
        until(lambda name=name: "docker is down since" in moved.ledger(name)[0].why, f"{name} to say why", seconds=60)
        said = _command(moved, "schedules", "ledger", moved.key(name))
        line = next(line for line in said.splitlines() if "docker is down since" in line)
        assert "fired" in line
        assert f"run {moved.ledger(name)[0].run} waiting" in line
    said = json.loads(_command(moved, "status", "--json"))
    assert said["engines"]["docker"]["since"]
    assert [need["text"] for need in said["needs"] if "runs wait: docker is down since" in need["text"]]


def _command(moved: Moved, *words: str) -> str:
    argv = [sys.executable, "-m", "workbench", "--home", str(moved.bench.home.root), *words]
    return subprocess.run(argv, capture_output=True, text=True).stdout


def _ran_once(moved: Moved, name: str, due: datetime) -> Run:
    """How its run of that time ended: its one line in the ledger is true."""
    (line,) = [line for line in moved.ledger(name) if line.due == due]
    assert line.state is DueState.FIRED
    assert line.run
    run = world.ended(moved.bench, line.run, seconds=120)
    assert moved.times_ran(run.id) == 1
    assert world.ends_of(moved.bench, run.id) == [run.state]
    return run


def _last_two(moved: Moved, name: str) -> list[datetime]:
    """Have nobody have looked at it since before its last two due times: those, oldest first."""
    view = schedules.get(moved.bench, moved.key(name))
    assert view.spec
    assert view.row
    now = datetime.now(UTC)
    found = timetable.of(view.spec).due_between(now - timedelta(days=70), now, 1000)[-2:]
    with moved.bench.store.write() as connection:
        schedule_rows.evaluated(connection, view.key, view.row.evaluated_until, found[0] - timedelta(seconds=1))
    return found


def _once(moved: Moved, name: str, due: datetime) -> None:
    """Give it another time by its file."""
    path = schedules.get(moved.bench, moved.key(name)).path
    lines = [line for line in path.read_text().splitlines() if not line.startswith(("cron:", "once:", "timezone:"))]
    path.write_text("\n".join([*lines, f"once: {due:%Y-%m-%d %H:%M:%S}", "timezone: UTC"]) + "\n")
    control.wake(moved.bench)


def _kill_all(bench: Bench) -> None:
    """All at once, the supervisor first, so that nobody tells anything of the others' ends."""
    world.supervisor(bench).kill()
    for _ in range(3):  # what was being forked meanwhile, too
        for process in world.processes(bench):
            with contextlib.suppress(psutil.Error):
                process.kill()
    until(lambda: not world.processes(bench), "all of it to be dead")


def _fill(disk: Path) -> None:
    with (disk / "fill").open("ab") as file:
        for block in (1 << 20, 1 << 12):
            with contextlib.suppress(OSError):
                while True:
                    os.posix_fallocate(file.fileno(), file.seek(0, os.SEEK_END), block)
