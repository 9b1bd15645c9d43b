"""The supervisor from outside: who holds a home, what is believed of its card, and the systemd unit's text."""

from __future__ import annotations

import fcntl
import json
import os
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from workbench.cli.program import run
from workbench.errors import Refused, WorkbenchError
from workbench.services.bench import Bench, open_bench
from workbench.services.supervision import control, ending, pulse, unit


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """A home without a supervisor."""
    made = open_bench(tmp_path / "home with spaces %n")
    yield made
    made.close()


def test_only_the_lock_says_that_it_runs(bench: Bench) -> None:
    """A card alone is nothing; the lock alone is enough; asking takes nothing away."""
    control.present(bench.home, "detached")
    assert not control.status(bench).alive
    assert not control.stop(bench)
    descriptor = os.open(bench.home.supervisor_lock, os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    assert control.status(bench).alive
    assert control.status(bench).pid == os.getpid()
    os.close(descriptor)
    assert not control.status(bench).alive


def test_a_zombie_is_no_supervisor() -> None:
    """A process that was killed and waits to be collected counts as gone: its card is not believed."""
    pid = os.fork()
    if not pid:
        os._exit(0)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert control.start_time(pid) == 0
    os.waitpid(pid, 0)


NEVER_ANSWERS = """
import signal, sqlite3, sys
from pathlib import Path
from workbench import locks
from workbench.paths import open_home
from workbench.services.supervision import control

home = open_home(Path(sys.argv[1]))
signal.signal(signal.SIGTERM, signal.SIG_IGN)
descriptor = locks.take(home.supervisor_lock)
store = sqlite3.connect(home.database, isolation_level=None)
store.execute("BEGIN EXCLUSIVE")
control.present(home, "detached", wake=home.state / "nobody")
print("here", flush=True)
signal.pause()
"""


def test_one_that_hangs_is_killed_when_it_is_stopped(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It neither looks nor heeds SIGTERM, with the store locked: `status` says so without waiting for it, and `stop` kills it
    after the time that another would need; one that looks is never killed."""
    bench.store.close()
    monkeypatch.setattr(pulse, "ANSWER", 0.1)
    monkeypatch.setattr(ending, "STOP_WAIT", 0.2)
    argv = [sys.executable, "-P", "-c", NEVER_ANSWERS, str(bench.home.root)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, env={**os.environ, **control.environment()}) as process:
        assert process.stdout
        assert process.stdout.readline() == b"here\n"
        with pytest.raises(WorkbenchError, match="did not end"):
            control.stop(bench)
        assert process.poll() is None
        for path in (bench.home.supervisor_lock, control.card_path(bench.home)):
            os.utime(path, (1_790_000_000, 1_790_000_000))
        assert run(["--home", str(bench.home.root), "status", "--json"]) == 1
        (need,) = json.loads(capsys.readouterr().out)["needs"]
        assert need["command"].startswith("workbench"), "no signal makes it go on"
        assert need["command"].endswith("service restart")
        assert need["text"].endswith("it has locked the store, so nothing else is known")
        assert control.stop(bench)
        assert process.wait(10) == -9
    assert not control.held(bench.home)


def test_what_cannot_be_started_says_why(bench: Bench) -> None:
    """A log that cannot be opened is told as the reason, and no mistake of the program."""
    bench.home.supervisor_log.mkdir()
    with pytest.raises(WorkbenchError, match=r"cannot be started: Is a directory: .*supervisor\.log"):
        control.ensure(bench)


def test_a_start_that_failed_tells_of_this_one_only(bench: Bench) -> None:
    """What an earlier supervisor said of its end is not given as the reason of another's."""
    bench.home.supervisor_log.write_text("an old story\n")
    bench.close()
    (bench.home.state / "state.db").write_bytes(b"no database" * 100)
    with pytest.raises(WorkbenchError, match="damaged") as caught:
        control.ensure(bench)
    assert "an old story" not in caught.value.message


def test_the_card_is_private_and_whole(bench: Bench) -> None:
    """Written by rename, for the account alone."""
    control.present(bench.home, "foreground", wake=Path("/run/x/wake"))
    path = control.card_path(bench.home)
    assert path.stat().st_mode & 0o777 == 0o600
    assert control.card(bench.home)["wake"] == "/run/x/wake"
    path.write_text("{")
    assert control.card(bench.home) == {}
    control.wake(bench)  # nobody listens, and nothing happens


@contextmanager
def holding(bench: Bench) -> Iterator[None]:
    """Be the one that holds the home's lock."""
    descriptor = os.open(bench.home.supervisor_lock, os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        yield
    finally:
        os.close(descriptor)


@pytest.fixture
def spawned(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was started, without starting it."""
    found: list[str] = []
    monkeypatch.setattr(control, "_spawn", lambda home: found.append(home.id))
    monkeypatch.setattr(control, "_await_start", lambda home, child: None)
    return found


def test_one_that_leaves_is_not_counted_on(bench: Bench, spawned: list[str]) -> None:
    """What is asked for while a supervisor ends is not left to it: another is started as soon as it is gone."""
    with holding(bench):
        control.present(bench.home, "detached", wake=Path("/run/x/wake"))
        control.ensure(bench)
        before = control.card(bench.home)
        control.withdraw(bench.home)
        assert control.card(bench.home) == {**before, "wake": ""}
        asking = threading.Thread(target=control.ensure, args=[bench])
        asking.start()
        asking.join(0.2)
        assert asking.is_alive()
        assert spawned == []
    asking.join(10)
    assert spawned == [bench.home.id]


def test_one_that_starts_is_waited_for(bench: Bench, spawned: list[str]) -> None:
    """A supervisor that has its lock and does not listen yet may fail to: it is waited for until it does."""
    with holding(bench):
        control.present(bench.home, "detached")
        asking = threading.Thread(target=control.ensure, args=[bench])
        asking.start()
        asking.join(0.2)
        assert asking.is_alive()
        control.present(bench.home, "detached", wake=Path("/run/x/wake"))
        asking.join(10)
        assert not asking.is_alive()
    assert spawned == []


def test_one_that_never_listens_is_told(bench: Bench, spawned: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """What hangs while it starts is told with the end of its log, and no second one is started beside it."""
    monkeypatch.setattr(control, "START_WAIT", 0.1)
    bench.home.supervisor_log.write_text("thinking\n")
    with holding(bench):
        control.present(bench.home, "detached")
        with pytest.raises(WorkbenchError, match="thinking"):
            control.ensure(bench)
    assert spawned == []


def test_only_one_that_was_killed_is_revived(bench: Bench, spawned: list[str]) -> None:
    """A supervisor that was stopped has said that it listens no more; one that was killed has left its socket."""
    left = bench.home.wake_socket
    left.touch()
    control.present(bench.home, "detached", wake=left)
    assert control.revive(bench)
    assert spawned == [bench.home.id]
    control.withdraw(bench.home)
    assert not control.revive(bench)
    left.unlink()


@pytest.mark.parametrize(
    ("theirs", "ours", "older"),
    [("0.1.0", "0.2.0", True), ("0.2.0", "0.2.0", False), ("0.10.0", "0.9.0", False), ("", "0.1.0", False), ("x", "1.0.0", False)],
)  # fmt: skip
def test_only_an_older_one_is_renewed(theirs: str, ours: str, older: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client never takes a newer supervisor back."""
    monkeypatch.setattr(control, "__version__", ours)
    assert control._older(theirs) is older


def test_the_unit_survives_strange_paths(bench: Bench) -> None:
    """Spaces, quotes, per cent and dollar signs reach the program as they are, by systemd.syntax(7)."""
    text = unit.text(bench.home, ["/opt/my python", "-m", 'a"b', "$HOME", "50%"], {"PYTHONPATH": "/a b"})
    line = next(line for line in text.splitlines() if line.startswith("ExecStart="))
    assert line == 'ExecStart="/opt/my python" "-m" "a\\"b" "$$HOME" "50%%"'
    assert 'Environment="PYTHONPATH=/a b"' in text
    assert "KillMode=process" in text
    assert "Delegate=yes" in text
    assert f"RestartPreventExitStatus={control.ALREADY}" in text
    assert "%n" not in text.replace("%%n", "")


def test_the_unit_is_given_what_reaches_registries(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Proxies, certificates, indexes and the engine's address of the shell it is installed from, in a file for this
    account alone; nothing else of that shell, and nothing of an earlier installation."""
    for name in unit.CARRIED:
        monkeypatch.delenv(name, raising=False)
    assert unit._carry(bench.home) == []
    assert not unit.variables_file(bench.home).exists()
    monkeypatch.setenv("HTTPS_PROXY", 'http://ann:a"b\\c@proxy:3128')
    monkeypatch.setenv("MY_TOKEN", "x")
    monkeypatch.setenv("PIP_INDEX_URL", "two\nlines")
    assert unit._carry(bench.home) == ["HTTPS_PROXY"]
    file = unit.variables_file(bench.home)
    assert file.read_text() == 'HTTPS_PROXY="http://ann:a\\"b\\\\c@proxy:3128"\n'
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    escaped = str(file).replace("%", "%%")
    assert f"EnvironmentFile=-{escaped}\n" in unit.text(bench.home, ["x"], {})


def test_without_systemd_it_is_refused_with_another_way(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no systemd the line for cron is told, and nothing is written."""
    monkeypatch.setattr(unit, "available", lambda: "this machine is not run by systemd")
    with pytest.raises(Refused) as caught:
        control.install(bench)
    assert "@reboot workbench --home" in caught.value.hint
    assert not unit.path(bench.home).exists()
