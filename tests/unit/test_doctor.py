"""The doctor works with everything else down, and finds what is wrong."""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from cli_home import Shell, make_shell

from workbench.doctor import engines, installation, state
from workbench.doctor.examination import examine, guarded
from workbench.doctor.finding import Finding, Level
from workbench.errors import Refused
from workbench.services import projects, schedules
from workbench.services.scheduling.zones import checked_zone, machine_zone
from workbench.services.supervision import control


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str]) -> Iterator[Shell]:
    made = make_shell(capsys)
    yield made
    made.bench.close()


def levels(findings: list[tuple[str, Finding]], about: str) -> set[Level]:
    """The levels of findings about something."""
    return {finding.level for _, finding in findings if finding.about == about}


def test_it_changes_nothing_where_there_is_no_home(tmp_path: Path) -> None:
    """Examining a folder that is no home makes none."""
    root = tmp_path / "none"
    found = examine(root)
    assert levels(found, "home") == {Level.NOTICE}
    assert not root.exists()


def test_a_damaged_store_is_a_problem_and_not_the_end(shell: Shell) -> None:
    """With the store unreadable every other check still answers, and the exit code is 1."""
    shell.add_run()
    shell.bench.close()
    shell.bench.home.database.write_bytes(b"SQLite format 3\0" + os.urandom(4000))
    found = shell.json("doctor")
    assert shell.code == 1
    store = [one for one in found if one["about"] == "store"]
    assert [one["level"] for one in store] == ["problem"]
    assert {"Installation", "Home", "Engines", "Machine"} <= {one["area"] for one in found}


def test_a_state_folder_open_to_others_is_a_problem(shell: Shell) -> None:
    """0700 is required of the state folder."""
    shell.bench.home.state.chmod(0o755)
    found = list(state.folder(shell.bench.home.root))
    assert [finding.level for finding in found] == [Level.PROBLEM]
    assert "chmod 700" in found[0].remedy


def test_a_good_store_is_said_to_be_whole(shell: Shell) -> None:
    """The check of the store reads it and names schema and journal."""
    shell.add_run()
    (finding,) = state.store(shell.bench.home.root)
    assert finding.level is Level.OK
    assert "whole, schema" in finding.text


def test_without_schedules_none_will_not_run(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether schedules will run is only doubtful where one waits; the journal is named in one place."""
    monkeypatch.setattr(control, "ensure", lambda _bench: None)
    found = {one["about"]: one for one in shell.json("doctor")}
    assert (found["schedules"]["level"], found["schedules"]["text"]) == ("ok", "None waits for a time.")
    assert "journal" not in found["store"]["text"]
    assert "journal" in found["sqlite"]["text"]
    projects.create(shell.bench, "churn")
    schedules.add(shell.bench, "churn", "nightly", notebook="notebooks/start.ipynb", cron="@daily")
    found = {one["about"]: one for one in shell.json("doctor")}
    assert (found["schedules"]["level"], found["schedules"]["text"]) == ("notice", "It will not run yet.")
    assert "1 schedule waiting for its time" in shell("status")


def test_a_check_that_fails_is_a_finding() -> None:
    """What a check could not do is told as a problem of what it is about."""

    def broken(_root: Path) -> Iterator[Finding]:
        raise PermissionError(13, "Permission denied")
        yield

    (finding,) = guarded("disk", broken, Path("/"))
    assert (finding.about, finding.level) == ("disk", Level.PROBLEM)
    assert "Permission denied" in finding.text


def test_an_engine_is_asked_with_a_plain_socket(tmp_path: Path) -> None:
    """A socket that speaks the Docker API gives its version; one that does not says why."""
    path = str(tmp_path / "s")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()

        def answer() -> None:
            for body in (b'{"Version": "29.0", "ApiVersion": "1.52"}', b"hello"):
                connection, _ = listener.accept()
                with connection:
                    connection.recv(4096)
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))

        thread = threading.Thread(target=answer)
        thread.start()
        assert engines.ask(path) == ("29.0, API 1.52", "")
        assert engines.ask(path)[0] == ""
        thread.join()
    assert engines.ask(path) == ("", "connection refused")
    assert engines.ask(str(tmp_path / "nothing")) == ("", "no such file or directory")


def test_requirements_are_judged() -> None:
    """A package that is missing or too old is noticed."""
    assert installation._fits("click<9,>=8.1")
    assert not installation._fits("click>=99")
    assert not installation._fits("click<2")
    assert not installation._fits("no-such-distribution-at-all>=1")


def test_zones(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine's zone is suggested by its name, and a city is enough to find a zone."""
    monkeypatch.setenv("TZ", ":Asia/Kolkata")
    assert machine_zone() == "Asia/Kolkata"
    monkeypatch.setenv("TZ", "no/such")
    assert checked_zone(machine_zone())
    with pytest.raises(Refused) as caught:
        checked_zone("new york")
    assert caught.value.hint == "Did you mean America/New_York?"
    with pytest.raises(Refused):
        checked_zone("/etc/passwd")


def test_quiet_shows_only_what_is_not_well(shell: Shell) -> None:
    """`doctor -q` is for scripts and mails: nothing of what is ok."""
    assert "✓" not in shell("doctor", "-q")
    levels_shown = {one["level"] for one in json.loads(shell("doctor", "--json"))}
    assert "ok" in levels_shown
