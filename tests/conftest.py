"""What all tests share: a home of their own, what the machine lacks said aloud, nothing left running.

A test that needs a Docker Engine or Chromium is marked `docker` or `chromium`. Where the machine has
none it is skipped and the reason printed; with CI=true that is a failure, because there the set-up has to provide
them.
"""

from __future__ import annotations

import functools
import http.client
import os
import shutil
import signal
import socket
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
import shared
from waiting import until

LEAVING = 30.0  # seconds that what a test stopped may take to be gone
COMPUTING = {"ui", "unit"}  # folders whose tests hardly wait
CI = os.environ.get("CI", "").lower() in {"1", "true"}
# Settings of the person who runs the tests must not decide what they see.
FOREIGN = (
    "WORKBENCH_HOME",
    "WORKBENCH_ENGINE",
    "PYTHONDONTWRITEBYTECODE",
    "JUPYTER_TOKEN",
    "JUPYTER_PATH",
    "VISUAL",
    "EDITOR",
)


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=5)
        self.path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(5)
        self.sock.connect(self.path)


@functools.cache
def docker_problem() -> str:
    """Why no Docker Engine can be used here; empty where one answers."""
    endpoint = os.environ.get("WORKBENCH_TEST_DOCKER") or os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock"
    if not endpoint.startswith("unix://"):
        return ""  # the tests themselves will tell
    connection = _UnixConnection(endpoint.removeprefix("unix://"))
    try:
        connection.request("GET", "/_ping")
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return f"no Docker Engine at {endpoint}: {error}"
    finally:
        connection.close()
    return "" if status == 200 else f"the Docker Engine at {endpoint} answers {status}"


@functools.cache
def chromium_problem() -> str:
    """Why no Chromium can be used here; empty where there is one."""
    found = any(shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome"))
    return "" if found else "no Chromium on PATH"


NEEDS: dict[str, Callable[[], str]] = {"docker": docker_problem, "chromium": chromium_problem}


def pytest_configure() -> None:
    """What started us in the background may have had us ignore these; what the tests start must not inherit that."""
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler if number is signal.SIGINT else signal.SIG_DFL)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files whose tests mostly wait and files whose tests compute take turns: workers beside each other have some of both."""
    paths = dict.fromkeys(item.path for item in items)
    place: dict[Path, float] = {}
    for computing in (True, False):
        files = [path for path in paths if (path.parent.name in COMPUTING) is computing]
        place |= {path: number / len(files) for number, path in enumerate(files)}
    items.sort(key=lambda item: place[item.path])


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what this machine cannot run; in CI fail instead."""
    for marker, problem in NEEDS.items():
        reason = problem() if item.get_closest_marker(marker) else ""
        if reason and CI:
            pytest.fail(f"{reason}; with CI=true a test that needs it may not be skipped", pytrace=False)
        if reason:
            pytest.skip(reason)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A test that needs Docker or Chromium and skips itself is a failure in CI too."""
    report = yield
    if CI and report.skipped and not hasattr(report, "wasxfail"):
        needed = [marker for marker in NEEDS if item.get_closest_marker(marker)]
        if needed:
            report.outcome = "failed"
            report.longrepr = f"skipped for want of {' and '.join(needed)}, which CI has to provide: {report.longrepr}"
    return report


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish() -> None:
    """All tests are done: what their workers shared goes."""
    shared.forget()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what was not tested here, and why."""
    reasons: dict[str, int] = {}
    for report in terminalreporter.stats.get("skipped", []):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        reasons[reason.removeprefix("Skipped: ")] = reasons.get(reason.removeprefix("Skipped: "), 0) + 1
    if reasons:
        terminalreporter.section("not tested on this machine")
        for reason, count in sorted(reasons.items()):
            terminalreporter.write_line(f"{count:4} {'test' if count == 1 else 'tests'}: {reason}")


@pytest.fixture(autouse=True)
def _own_surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or writes the home, the settings or the git identity of the person who runs it."""
    for name in FOREIGN:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("WORKBENCH_RUN_PLACES", str(tmp_path / "places"))  # runs of other tests take none of its own
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "Tester")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "tester@example.org")


@pytest.fixture(scope="session", autouse=True)
def _own_state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Homes of tests are not written down beside the person's own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        patch.setenv("WORKBENCH_RUN_PLACES", str(tmp_path_factory.getbasetemp() / "places"))
        yield


@pytest.fixture(scope="session", autouse=True)
def _nothing_left(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No process of ours outlives the tests: those in their temporary folders are named and ended."""
    base = str(tmp_path_factory.getbasetemp())
    yield
    ourselves = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}

    def ours() -> list[psutil.Process]:
        found = []
        for process in psutil.process_iter():
            try:
                inside = base in " ".join(process.cmdline()) or process.environ().get("WORKBENCH_HOME", "").startswith(
                    base
                )
            except psutil.Error:
                continue
            if inside and process.pid not in ourselves:
                found.append(process)
        return found

    # A kernel may take seconds to obey its shutdown, and its runner waits for it.
    with suppress(AssertionError):
        until(lambda: not ours(), "nothing of ours to run", seconds=LEAVING, every=0.2)
    left = []
    for process in ours():
        with suppress(psutil.Error):
            left.append(f"{process.pid} {' '.join(process.cmdline())[:200]}")
            process.kill()
    if left:
        pytest.fail("processes were left running:\n  " + "\n  ".join(left), pytrace=False)
