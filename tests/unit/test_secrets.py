"""Secrets of a home: set and told of, and never shown; what names one that is not set is told before it is started."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator

import pytest
from cli_home import Shell, make_shell

from workbench.errors import Refused
from workbench.model.environment import Limits
from workbench.model.run import Request
from workbench.model.sizes import Machine, bounded
from workbench.services import environments, projects, secrets, sessions
from workbench.services.asking import checking
from workbench.services.supervision import control
from workbench.vault import LARGEST, Vault

VALUE = "hunter2-hunter2"


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Shell]:
    """A home with project `churn` in environment `sales`, which names two secrets."""
    monkeypatch.setattr(control, "ensure", lambda _bench: None)
    made = make_shell(capsys)
    (made.bench.home.environments / "sales.yaml").write_text("title: Sales\nsecrets: [PGPASSWORD, API_KEY]\n")
    projects.create(made.bench, "churn", environment="sales")
    yield made
    made.bench.close()


def pipe(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    """Have `content` piped into the next command."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))


def test_a_secret_is_a_private_file(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """0600 in a folder 0700, whole, without the end of line that `echo` adds; set again it is another."""
    pipe(monkeypatch, b"one\ntwo \n")
    assert "PGPASSWORD is set." in shell("secrets", "set", "PGPASSWORD")
    path = shell.bench.home.secrets / "PGPASSWORD"
    assert path.read_text() == "one\ntwo "
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    pipe(monkeypatch, b"other\r\n")
    shell("secrets", "set", "PGPASSWORD")
    assert path.read_text() == "other"
    assert os.listdir(path.parent) == ["PGPASSWORD"]


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("A-B", b"x", "cannot be the name of a secret"),
        ("../x", b"x", "cannot be the name of a secret"),
        ("WORKBENCH_HOME", b"x", "the program's own"),
        ("A", b"", "is empty"),
        ("A", b"\n", "is empty"),
        ("A", b"a\0b", "has a NUL in it"),
        ("A", b"x" * (LARGEST + 1), "is too long"),
        ("A", b"\xff", "is not UTF-8 text"),
    ],
)
def test_what_cannot_be_a_secret_is_refused(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, name: str, content: bytes, told: str
) -> None:
    """With what is wrong with it, and nothing is written."""
    pipe(monkeypatch, content)
    shell("secrets", "set", name)
    assert (shell.code, told in shell.err) == (1, True), shell.err
    assert not Vault(shell.bench.home.secrets).names()


def test_a_value_on_the_command_line_is_refused(shell: Shell) -> None:
    """Others could read it there; it is not repeated either."""
    shell("secrets", "set", "PGPASSWORD", VALUE)
    assert shell.code == 2
    assert "not given on the command line" in shell.err
    assert VALUE not in shell.err + shell.out


def test_the_list_tells_no_value(shell: Shell) -> None:
    """Names, when they were set, and what names them; those that are wanted are there before they are set."""
    secrets.put(shell.bench, "PGPASSWORD", VALUE)
    secrets.put(shell.bench, "SPARE", VALUE)
    found = {row["name"]: row for row in shell.json("secrets")}
    assert VALUE not in shell.out
    assert {name: row["state"] for name, row in found.items()} == {
        "API_KEY": "missing", "PGPASSWORD": "set", "SPARE": "set",
    }  # fmt: skip
    assert found["PGPASSWORD"]["environments"] == ["sales"]
    assert found["SPARE"]["environments"] == []
    assert "ago" in shell("secrets", "list")


def test_a_secret_is_removed(shell: Shell) -> None:
    """What names it is told; one that is not there is not found."""
    secrets.put(shell.bench, "PGPASSWORD", VALUE)
    assert "Without it nothing of sales starts." in shell("secrets", "remove", "PGPASSWORD", "-y")
    assert not (shell.bench.home.secrets / "PGPASSWORD").exists()
    shell("secrets", "remove", "PGPASSWORD", "-y")
    assert "no secret named 'PGPASSWORD'" in shell.err


def test_a_missing_secret_is_told_before_night(shell: Shell) -> None:
    """`check` has a notice at the declaration, and a problem at a schedule that would fail for it, until it is set."""
    plan = shell.bench.home.projects / "churn" / "schedules" / "nightly.yaml"
    plan.write_text("notebook: notebooks/start.ipynb\ncron: 30 6 * * *\ntimezone: UTC\nenvironment: sales\n")
    out = shell("check")
    assert shell.code == 1
    assert "environments/sales.yaml:2:10: secrets API_KEY, PGPASSWORD of environment sales are not set" in out
    assert "nightly.yaml:4:14: secrets API_KEY, PGPASSWORD of environment sales are not set" in out
    secrets.put(shell.bench, "PGPASSWORD", VALUE)
    assert "secret API_KEY of environment sales is not set" in shell("check")
    secrets.put(shell.bench, "API_KEY", VALUE)
    assert "secret" not in shell("check")
    assert shell.code == 0


def test_a_secret_is_no_parameter(shell: Shell) -> None:
    """Its value would stay in the store, the record and the notebook: refused, with how the notebook finds it."""
    for name in ("API_KEY", "PGPASSWORD"):
        secrets.put(shell.bench, name, VALUE)
    for value in (f"me:{VALUE}@db", [{"a": VALUE}]):
        asked = Request("churn", "notebooks/start.ipynb", {"note": value}, allow_unknown_parameters=True)
        with pytest.raises(Refused, match=r"parameter note holds the value of the secret [AP]") as caught:
            checking.check(shell.bench, asked)
        assert VALUE not in f"{caught.value.message} {caught.value.hint}"
    asked = Request("churn", "notebooks/start.ipynb", {"note": "hunter2"}, allow_unknown_parameters=True)
    assert checking.check(shell.bench, asked).request.parameters == {"note": "hunter2"}


def test_nothing_is_asked_for_that_could_not_start(shell: Shell) -> None:
    """A run and a session are refused with the command that sets what is missing."""
    with pytest.raises(Refused, match="API_KEY, PGPASSWORD of environment sales are not set") as caught:
        checking.check(shell.bench, Request("churn", "notebooks/start.ipynb"))
    assert "workbench secrets set API_KEY" in caught.value.hint
    with pytest.raises(Refused, match="are not set"):
        sessions.start(shell.bench, "churn")
    view = environments.view(shell.bench, "sales")
    assert view.missing_secrets == ("API_KEY", "PGPASSWORD")
    assert shell.json("environments", "show", "sales")["missing_secrets"] == ["API_KEY", "PGPASSWORD"]


def test_nothing_takes_all_of_a_machine_unasked() -> None:
    """A reserve of memory is left, and of four cores or more one; what is declared stays as it is."""
    giga = 1024**3
    whole = bounded(Limits(), Machine(8, 16 * giga))
    assert (whole.cpus, whole.memory, whole.assumed) == (7, 14 * giga, ("memory", "cpus"))
    assert bounded(Limits(), Machine(2, 2 * giga)).memory == 2 * giga - giga // 4
    assert bounded(Limits(), Machine(2, 2 * giga)).cpus is None
    assert bounded(Limits(), Machine(128, 512 * giga)).memory == 504 * giga
    said = Limits(cpus=8, memory=16 * giga)
    assert bounded(said, Machine(8, 16 * giga)) == said
    assert bounded(Limits(), Machine(2, 0)) == Limits()
