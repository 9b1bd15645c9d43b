"""Zygotes: a kernel that was forked is kept, limited, ended and found like one that was started; what is lost is warmth."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest
from attempts import Desk, finished, notebook, plain, runner
from engines.talking import Talk, gone
from waiting import until

from workbench.engines.process import kept, proc, zygotes
from workbench.engines.process.host import ProcessHost, records, sweep
from workbench.engines.process.zygote import UNTRIED
from workbench.engines.process.zygotes import Zygote
from workbench.engines.warm import fits
from workbench.errors import WorkbenchError
from workbench.model.environment import Limits
from workbench.model.run import RunState
from workbench.paths import open_home

# A child in a session of its own that ignores every polite signal, and says both numbers.
FAMILY = """
import os, subprocess, sys
code = "import signal,time;[signal.signal(n, signal.SIG_IGN) for n in (1, 2, 15)];print(1, flush=True);time.sleep(600)"
child = subprocess.Popen([sys.executable, "-c", code], start_new_session=True, stdout=subprocess.PIPE)
child.stdout.readline()
fork = os.fork()
if fork == 0:
    os.setsid(); os.execlp("sleep", "sleep", "600") if False else __import__("time").sleep(600)
print(os.getpid(), child.pid, fork)
"""


_made: list[Zygote] = []


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A home with a project whose environment has a kernel and nothing else."""
    folder = tmp_path_factory.mktemp("zygotes")
    (folder / "project").mkdir()
    made = Desk(open_home(folder / "home"), plain(tmp_path_factory), folder / "project")
    yield made
    shutil.rmtree(made.home.sockets)


@pytest.fixture(scope="module")
def kept_open() -> Iterator[contextlib.ExitStack]:
    """What is ended after the last test."""
    with contextlib.ExitStack() as stack:
        yield stack


@pytest.fixture
def zygote(desk: Desk, kept_open: contextlib.ExitStack) -> Zygote:
    """One that all tests fork from that do not end it, made with the variables of a test."""
    if not desk.warm:
        _made.append(kept_open.enter_context(desk.zygote()))
    assert _made[0].alive
    return _made[0]


def host(desk: Desk, limits: Limits | None = None, **more: object) -> ProcessHost:
    """A host whose kernel comes from the zygote."""
    space = replace(desk.space, limits=limits or Limits(), **more)  # type: ignore[arg-type]
    return ProcessHost(desk.home, desk.revision, space, run="9.1")


@contextlib.contextmanager
def talk(made: ProcessHost, env: dict[str, str] | None = None) -> Iterator[Talk]:
    """A kernel of that host, which has to be a warm one."""
    with Talk(made, made.revision, env) as talking:
        assert made.warm
        yield talking


def test_it_is_alone_with_itself(desk: Desk, zygote: Zygote) -> None:
    """One thread, and a few descriptors: nothing that a fork would lose or share. It listens in a folder of this account."""
    process = psutil.Process(zygote.process.pid)
    assert process.num_threads() == 1
    assert process.num_fds() < 12
    facts = zygote.path.parent.stat()
    assert (facts.st_uid, facts.st_mode & 0o777) == (os.getuid(), 0o700)
    assert not zygote.stale
    assert 10e6 < zygote.memory < 200e6
    assert process.cmdline()[-1] != UNTRIED
    assert desk.home.id in " ".join(process.cmdline())


def test_it_is_kept_like_one_that_was_started(desk: Desk, zygote: Zygote) -> None:
    """Session, parent, group, lock, mark and the file of its last words are as ever; no lock or socket is inherited."""
    made = host(desk)
    with talk(made) as kernel:
        identity = kept.read(made.record, "identity.json")
        assert identity
        assert kept.alive(made.record)
        assert int(identity["child"]) == made.process == int(kernel.run("import os; print(os.getpid())"))
        child = psutil.Process(made.process)
        assert child.ppid() == identity["pid"] != zygote.process.pid
        assert os.getsid(child.pid) == os.getpgid(child.pid) == child.pid
        assert f"{proc.MARK}={made.mark}" in Path(f"/proc/{child.pid}/environ").read_text().split("\0")
        assert {child.pid, identity["pid"]} <= set(proc.marked(made.mark))
        held = kernel.run(
            "for n in os.listdir('/proc/self/fd'):\n  try: print(os.readlink(f'/proc/self/fd/{n}'))\n  except OSError: pass"
        )
        assert str(desk.home.state) not in held
        assert str(zygote.path) not in held
        assert "workbench" not in kernel.run("import sys; print([n for n in sys.modules if 'workbench' in n])")
        kernel.run("os.write(2, b'last words\\n')")
        kernel.client.shutdown()
        end = made.wait(10)
        assert end
        assert (end.code, end.signal, end.oom) == (0, None, False)
        until(lambda: made.output.exists() and "last words" in made.output.read_text(), "its last words")
    assert not made.record.exists()


def test_what_is_given_to_one_run_is_in_no_other(desk: Desk, zygote: Zygote) -> None:
    """Variables and secrets of a run are its own; the zygote has none, and what an import reads is not given to it."""
    secret = desk.home.state / "sesame"
    secret.write_text("opensesame")
    with talk(host(desk, secrets={"PGPASSWORD": secret}), {"REGION": "north"}) as kernel:
        assert kernel.run("import os; print(os.environ['PGPASSWORD'], os.environ['REGION'])").split() == [
            "opensesame",
            "north",
        ]
        assert (
            kernel.run(
                "import subprocess as s; print(s.run(['env'], capture_output=True, text=True).stdout.count('opensesame'))"
            ).strip()
            == "1"
        )
    assert "opensesame" not in Path(f"/proc/{zygote.process.pid}/environ").read_text()
    with talk(host(desk)) as kernel:
        assert kernel.run("import os; print(os.environ.get('PGPASSWORD'), os.environ.get('REGION'))").split() == [
            "None",
            "None",
        ]
    for name in (
        "OMP_NUM_THREADS",
        "PYTHONHASHSEED",
        "LD_PRELOAD",
        "MPLBACKEND",
        "OPENBLAS_NUM_THREADS",
        "PATH",
        "LANG",
    ):
        assert not fits({name: "1"}), name
    assert fits({"PGPASSWORD": "x", "REGION": "north", "WORKBENCH_DUE": "x"})
    cold = host(desk)
    with Talk(cold, cold.revision, {"PYTHONHASHSEED": "7"}) as kernel:
        assert not cold.warm
        assert kernel.run("import os; print(os.environ['PYTHONHASHSEED'])").strip() == "7"


def test_everything_it_starts_ends_with_it(desk: Desk, zygote: Zygote) -> None:
    """A kill ends a child that escaped its session and a fork of the kernel; the zygote goes on."""
    made = host(desk)
    with talk(made) as kernel:
        pids = [int(word) for word in kernel.run(FAMILY).split()[-3:]]
        assert set(pids) <= set(proc.marked(made.mark))
        made.kill()
        assert gone(pids)
        assert made.poll()
    assert zygote.alive


def test_what_outlives_its_keeper_is_swept(desk: Desk, zygote: Zygote) -> None:
    """SIGKILL of the keeper takes the kernel along; a sweep by mark ends what had escaped, also what was only forked."""
    made = host(desk)
    with talk(made) as kernel:
        pids = [int(word) for word in kernel.run(FAMILY).split()[-3:]]
        identity = kept.read(made.record, "identity.json")
        assert identity
        assert kept.signal_keeper(identity, signal.SIGKILL)
        end = made.wait(10)
        assert end
        assert end.signal == signal.SIGKILL
        until(lambda: gone(pids[:1]), "the kernel to go with its keeper")
        os.utime(made.record, (1, 1))
        assert sweep(desk.home, frozenset()) == 1
        assert gone(pids)
    assert not list(records(desk.home).iterdir())


def test_it_ends_with_its_runner(desk: Desk, zygote: Zygote) -> None:
    """kill -9 of the runner ends the kernel that was forked for it, and all that this one has started."""
    attempt = desk.write(notebook(FAMILY, "import time; time.sleep(600)"))
    process = runner(attempt.folder)
    attempt.until_cell(2)
    pids = [int(word) for word in attempt.said().split()[-3:]]
    process.kill()
    process.wait()
    assert attempt.events("kernel")[0]["warm"]
    until(lambda: gone(pids), "the kernel and what it started to be gone")


def test_memory_is_limited_on_evidence(desk: Desk, zygote: Zygote) -> None:
    """A forked kernel that takes more than its limit is out of memory, and said to be."""
    made = host(desk, Limits(memory=200_000_000))
    with talk(made) as kernel:
        kernel.client.execute("held = bytearray(600_000_000)")
        end = made.wait(30)
        assert end
        assert end.oom is True
        assert end.detail


def test_a_runs_kernel_outlives_the_zygote(desk: Desk) -> None:
    """kill -9 of the zygote: its kernels go on, the next kernel is started as ever, and the next zygote takes its place."""
    desk = replace(desk, home=open_home(desk.home.root.parent / "lost"))
    with desk.zygote() as first:
        attempt = desk.write(
            notebook("import time, pathlib\nwhile not pathlib.Path('go').exists(): time.sleep(0.02)", "print(6 * 7)")
        )
        process = runner(attempt.folder)
        attempt.until_cell(1)
        first.process.kill()
        first.process.wait()
        assert not first.alive
        made = host(desk)
        with Talk(made, made.revision) as kernel:
            assert not made.warm
            assert kernel.run("print(1)").strip() == "1"
        (desk.project / "go").touch()
        assert finished(attempt, process).state is RunState.SUCCEEDED
        assert "42" in attempt.said()
        with desk.zygote():
            with talk(host(desk)) as kernel:
                assert kernel.run("print(2)").strip() == "2"
            assert not zygotes.first(desk.revision, replace(desk.space, warm=False))


def test_what_does_not_answer_is_not_waited_for(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A zygote that hangs costs a moment: the kernel is started as ever, once."""
    monkeypatch.setattr(zygotes, "ANSWER", 0.2)
    desk = replace(desk, home=open_home(desk.home.root.parent / "hangs"))
    with desk.zygote() as hanging:
        hanging.process.send_signal(signal.SIGSTOP)
        made = host(desk)
        with Talk(made, made.revision) as kernel:
            assert not made.warm
            hanging.process.send_signal(signal.SIGCONT)
            assert kernel.run("print(3)").strip() == "3"
            until(
                lambda: len(psutil.Process(hanging.process.pid).children()) <= 1, "what was asked for too late to end"
            )


def test_what_changed_on_disk_makes_it_stale(desk: Desk, tmp_path: Path) -> None:
    """A module of one's own that is loaded ahead, a package that is installed: the zygote is out of date then."""
    module = tmp_path / "acme_own.py"
    module.write_text("value = 1\n")
    space = replace(desk.space, warm=True, preload=("acme_own",), env={"PYTHONPATH": str(tmp_path)})
    wanted = zygotes.first(desk.revision, space)
    assert wanted
    made = Zygote(desk.home, wanted)
    try:
        assert (made.loaded, made.problems) == (("acme_own",), ())
        module.write_text("value = 22\n")
        assert made.stale
    finally:
        made.close()


def test_a_trial_that_leaves_something_is_given_up(desk: Desk, tmp_path: Path) -> None:
    """Where the kernel that lives before any fork does not go as it should, there is a zygote without that, warm as ever."""
    (tmp_path / "acme_stays.py").write_text(
        "import os\nfrom zmq import Context\nterm = Context.term\nContext.term = lambda self: (os.dup(0), term(self))\n"
    )
    changes: dict[str, Any] = {"warm": True, "preload": ("acme_stays",), "env": {"PYTHONPATH": str(tmp_path)}}
    wanted = zygotes.first(desk.revision, replace(desk.space, **changes))
    assert wanted
    sockets = zygotes.place(desk.home, wanted.key).parent
    with subprocess.Popen(["true"]) as dead:
        (sockets / f"t{dead.pid}").mkdir(mode=0o700)  # of a trial whose zygote was killed
    made = Zygote(desk.home, wanted)
    try:
        assert psutil.Process(made.process.pid).cmdline()[-1] == UNTRIED
        assert [one.name for one in sockets.glob("t*")] == []
        with talk(host(desk, **changes)) as kernel:
            assert kernel.run("print(40 + 2)") == "42"
    finally:
        made.close()


def test_a_shell_that_is_not_wanted_is_made_anew(desk: Desk, tmp_path: Path) -> None:
    """Where a kernel wants another shell than the one that was made before the fork, it gets the one that it wants, whole."""
    (tmp_path / "acme_kernel.py").write_text(
        "import ipykernel.ipkernel, types\nipykernel.ipkernel.IPythonKernel.user_module = types.ModuleType('acme_main')\n"
    )
    changes: dict[str, Any] = {"warm": True, "preload": ("acme_kernel",), "env": {"PYTHONPATH": str(tmp_path)}}
    wanted = zygotes.first(desk.revision, replace(desk.space, **changes))
    assert wanted
    made = Zygote(desk.home, wanted)
    try:
        with talk(host(desk, **changes)) as kernel:
            assert kernel.run("print(get_ipython().user_module.__name__, 1 + 1)") == "acme_main 2"
            assert kernel.run("%store") == "Stored variables and their in-db values:"
    finally:
        made.close()


def test_what_cannot_be_loaded_is_said(desk: Desk, tmp_path: Path) -> None:
    """A missing module leaves kernels warm without it; one that starts a thread leaves them cold. Both in words."""
    (tmp_path / "acme_busy.py").write_text(
        "import threading, time\nthreading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n"
    )
    space = replace(desk.space, warm=True, env={"PYTHONPATH": str(tmp_path)})
    missing = zygotes.first(desk.revision, replace(space, preload=("acme_missing",)))
    busy = zygotes.first(desk.revision, replace(space, preload=("acme_busy",)))
    assert missing
    assert busy
    made = Zygote(desk.home, missing)
    made.close()
    assert "No module named 'acme_missing'" in made.problems[0]
    with pytest.raises(WorkbenchError, match="has started a thread"):
        Zygote(desk.home, busy)
    assert not zygotes.place(desk.home, busy.key).exists()
