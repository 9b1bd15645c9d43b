"""Keepers: whatever a kernel starts is ended, whoever dies first, and how it ended is told truly."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from engines.talking import gone, workspace
from waiting import until

from workbench.engines.process import kept, proc
from workbench.engines.process.engine import ProcessEngine
from workbench.engines.process.host import ProcessHost, records
from workbench.errors import WorkbenchError
from workbench.model.environment import EngineName, KernelSpec, Limits, Revision
from workbench.paths import Home, open_home
from workbench.settings import Settings

PLAIN = Revision("0" * 16, EngineName.PROCESS, sys.executable)
NO_LIMITS = Limits()
# A program that starts a child in a session of its own which ignores every polite signal, and says both numbers.
FAMILY = """
import os, signal, subprocess, sys, time
code = "import signal,time;[signal.signal(n, signal.SIG_IGN) for n in (1, 2, 15)];print(1, flush=True);time.sleep(600)"
child = subprocess.Popen([sys.executable, "-c", code], start_new_session=True, stdout=subprocess.PIPE)
child.stdout.readline()
with open("family.new", "w") as file:
    file.write(f"{os.getpid()} {child.pid}")
os.rename("family.new", "family")
time.sleep(600)
"""


def python(code: str) -> KernelSpec:
    """A 'kernel' that runs some Python."""
    return KernelSpec("x", "x", "python", (sys.executable, "-I", "-S", "-c", code, "{connection_file}"))


def hosted(engine: ProcessEngine, project: Path, code: str, limits: Limits = NO_LIMITS) -> ProcessHost:
    """A launched host of `code`."""
    host = engine.host(PLAIN, workspace(engine.home, project, limits=limits), run="9.1")
    assert isinstance(host, ProcessHost)
    host.launch(python(code), host.folder / "c.json", {})
    return host


def family(project: Path) -> list[int]:
    """The processes of FAMILY."""
    path = project / "family"
    until(path.exists, "the family")
    return [int(word) for word in path.read_text().split()]


@pytest.fixture
def process_engine(engine_home: Home) -> ProcessEngine:
    """The engine; no environment is needed for what is not a notebook kernel."""
    return ProcessEngine(engine_home, Settings())


@pytest.fixture
def engine_home(tmp_path: Path) -> Iterator[Home]:
    """A home of its own."""
    home = open_home(tmp_path / "home")
    yield home
    shutil.rmtree(home.sockets)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder to run in."""
    (tmp_path / "project").mkdir()
    return tmp_path / "project"


def test_nothing_outlives_a_killed_runner(engine_home: Home, project: Path) -> None:
    """SIGKILL of the process that holds a host ends its kernel and a child that escaped its session, within 10 s."""
    runner = f"""
import sys, time
sys.path[:0] = {sys.path!r}
from pathlib import Path
from workbench.paths import Home
from workbench.settings import Settings
from workbench.engines.process.engine import ProcessEngine
from engines.test_process_keeper import FAMILY, hosted
host = hosted(ProcessEngine(Home(Path({str(engine_home.root)!r}), Path({str(engine_home.state)!r})), Settings()),
              Path({str(project)!r}), FAMILY)
print(host.record, flush=True)
time.sleep(600)
"""
    process = subprocess.Popen([sys.executable, "-c", runner], stdout=subprocess.PIPE, text=True)
    with process:
        assert process.stdout
        record = Path(process.stdout.readline().strip())
        pids = family(project)
        assert kept.alive(record)
        process.kill()
    until(lambda: gone(pids), "the kernel and its child to be gone", seconds=10)
    until(lambda: not kept.alive(record), "the keeper to end")
    end = kept.read(record, "exit.json")
    assert end
    assert end["signal"] == signal.SIGTERM


def test_a_killed_keeper_takes_its_kernel_along(process_engine: ProcessEngine, project: Path) -> None:
    """SIGKILL of the keeper kills the kernel; `poll` tells, and `kill` finds what had escaped."""
    host = hosted(process_engine, project, FAMILY)
    pids = family(project)
    identity = kept.read(host.record, "identity.json")
    assert identity
    assert kept.signal_keeper(identity, signal.SIGKILL)
    end = host.wait(5)
    assert end
    assert end.signal == signal.SIGKILL
    host.kill()
    assert gone(pids)
    host.close()
    assert not host.record.exists()


def test_a_kernel_that_ends_takes_its_children_along(process_engine: ProcessEngine, project: Path) -> None:
    """After an ordinary end nothing it started goes on, and its exit code is told."""
    host = hosted(process_engine, project, FAMILY.replace("time.sleep(600)\n", "sys.exit(3)\n"))
    end = host.wait(10)
    assert end
    assert (end.code, end.signal, end.oom) == (3, None, False)
    assert end.words == "exit code 3"
    pids = family(project)
    until(lambda: gone(pids), "the child to be gone", seconds=5)
    host.close()


def test_what_another_keeps_is_left_alone(process_engine: ProcessEngine, project: Path) -> None:
    """A process with a mark of its own, as a supervisor has that was started from a session, is not ended."""
    code = f"""
import os, subprocess, time
own = dict(os.environ, {proc.MARK}="supervisor")
other = subprocess.Popen(["sleep", "600"], env=own, start_new_session=True)
plain = subprocess.Popen(["sleep", "600"], start_new_session=True)
open("family.new", "w").write(f"{{other.pid}} {{plain.pid}}")
os.rename("family.new", "family")
time.sleep(600)
"""
    host = hosted(process_engine, project, code)
    other, plain = family(project)
    host.kill()
    host.close()
    assert gone([plain])
    assert not gone([other])
    os.kill(other, signal.SIGKILL)


@pytest.mark.alone
def test_death_is_noticed_at_once_and_signals_arrive(process_engine: ProcessEngine, project: Path) -> None:
    """`poll` is cheap while it lives and tells a death within 50 ms; a signal ends what does not catch it."""
    host = hosted(process_engine, project, "import time; time.sleep(600)")
    begun = time.perf_counter()
    for _ in range(100):
        assert host.poll() is None
    assert (time.perf_counter() - begun) / 100 < 0.005
    host.send_signal(signal.SIGUSR1)
    begun = time.perf_counter()
    end = host.wait(5)
    took = time.perf_counter() - begun
    assert end
    assert end.words == "killed by SIGUSR1"
    assert took < 0.25  # 50 ms, and what a busy machine adds
    host.send_signal(signal.SIGTERM)
    host.kill()
    host.close()


def test_a_program_that_cannot_start_is_said(process_engine: ProcessEngine, project: Path) -> None:
    """The reason of the system reaches the caller, and nothing is left."""
    host = process_engine.host(PLAIN, workspace(process_engine.home, project), run="9.1")
    kernel = replace(python(""), argv=("/no/such/python",))
    with pytest.raises(WorkbenchError, match="No such file"):
        host.launch(kernel, host.folder / "c.json", {})
    host.kill()
    host.close()
    assert not host.folder.exists()
    host = process_engine.host(PLAIN, workspace(process_engine.home, project, cwd=project / "nowhere"), run="9.1")
    with pytest.raises(WorkbenchError, match="could not be started"):
        host.launch(python(""), host.folder / "c.json", {})
    host.close()
    assert list(records(process_engine.home).iterdir()) == []


def test_what_a_kernel_gets(process_engine: ProcessEngine, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Variables of our own Python stay here; the parent's number is its keeper's; descriptors do not leak."""
    monkeypatch.setenv("PYTHONHOME", "/nowhere")
    monkeypatch.setenv("VIRTUAL_ENV", "/nowhere")
    monkeypatch.setenv("LANG_OF_PERSON", "de")
    code = (
        "import json, os; said = [dict(os.environ), os.getppid(), os.getsid(0) == os.getpid(),"
        " sorted(os.listdir('/proc/self/fd'))];"
        "open('said.new', 'w').write(json.dumps(said)); os.rename('said.new', 'said')"
    )
    host = hosted(process_engine, project, code, Limits(cpus=1))
    end = host.wait(10)
    assert end
    assert end.code == 0
    env, parent, leads, descriptors = json.loads((project / "said").read_text())
    assert env["JPY_PARENT_PID"] == str(parent)
    assert leads
    assert descriptors == ["0", "1", "2", "3"]  # 3 is the listing itself
    assert env["LANG_OF_PERSON"] == "de"
    assert "PYTHONHOME" not in env
    assert env.get("VIRTUAL_ENV") == str(Path(sys.executable).parent.parent)
    assert env["PATH"].split(":")[0] == str(Path(sys.executable).parent)
    assert env["OMP_NUM_THREADS"] == "1"
    host.close()


EATER = "import time; data = b'x' * 300_000_000; time.sleep(600)"


def test_memory_is_limited(process_engine: ProcessEngine, project: Path) -> None:
    """More memory than allowed ends the kernel, and the end says so, by a cgroup or by watching."""
    host = hosted(process_engine, project, EATER, Limits(memory=100 * 1024**2))
    end = host.wait(20)
    assert end
    assert end.oom is True
    assert end.signal == signal.SIGKILL
    assert "of 100 MB" in end.words
    host.close()


def test_memory_is_watched_where_there_is_no_cgroup(
    process_engine: ProcessEngine, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a cgroup the memory of all that a kernel started is counted, and the end names the amount."""
    command = kept._command

    def without_cgroup(label: str, control: int) -> list[str]:
        argv = command(label, control)
        at = argv.index("-c") + 1
        argv[at] = argv[at].replace(
            "from workbench.engines.process.keeper import main",
            "from workbench.engines.process import cgroup; cgroup.make = lambda *a, **k: None;"
            " from workbench.engines.process.keeper import main",
        )
        return argv

    monkeypatch.setattr(kept, "_command", without_cgroup)
    child = f"import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', {EATER!r}]); time.sleep(600)"
    host = hosted(process_engine, project, child, Limits(memory=150 * 1024**2))
    identity = kept.read(host.record, "identity.json")
    assert identity
    assert identity["memory"] == "watched"
    end = host.wait(20)
    assert end
    assert end.oom is True
    assert "of 150 MB" in end.words
    host.close()


def test_nothing_is_left_of_many(process_engine: ProcessEngine, project: Path) -> None:
    """Ten kernels at once, ended: no descriptor, folder or zombie of them is left."""
    before = len(os.listdir("/proc/self/fd"))
    children = set(psutil.Process().children())  # other tests may have some
    hosts = [hosted(process_engine, project, "import time; time.sleep(600)") for _ in range(10)]
    assert len({host.folder for host in hosts}) == 10
    for host in hosts:
        host.kill()
        host.close()
    assert len(os.listdir("/proc/self/fd")) == before
    assert list(records(process_engine.home).iterdir()) == []
    assert set(psutil.Process().children()) <= children


def test_an_old_identity_signals_nobody(tmp_path: Path) -> None:
    """After a restart of the machine, or when a number is used again, a record does not lead to a stranger."""
    stranger = subprocess.Popen(["sleep", "600"])
    try:
        started = proc.start_time(stranger.pid)
        assert started
        record = {"pid": stranger.pid, "started": started, "boot": proc.boot_id(), "mark": "none"}
        assert not kept.signal_keeper({**record, "boot": "another"}, signal.SIGKILL)
        assert not kept.signal_keeper({**record, "started": started - 1}, signal.SIGKILL)
        (tmp_path / "lock").touch()
        (tmp_path / "identity.json").write_text(json.dumps(record))
        kept.stop(tmp_path, grace=0)  # nobody holds the lock
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_keeper_that_cannot_write_keeps_nothing(process_engine: ProcessEngine, project: Path) -> None:
    """Where its record cannot be written, as on a full disk, the start fails with the reason and nothing runs on."""
    host = process_engine.host(PLAIN, workspace(process_engine.home, project), run="9.1")
    assert isinstance(host, ProcessHost)
    (host.record / "identity.json.new").mkdir()
    with pytest.raises(WorkbenchError, match="Is a directory"):
        host.launch(python(FAMILY), host.folder / "c.json", {})
    assert proc.marked(host.mark) == []
    host.close()
