"""Secrets in the person's keyring: a real one of the library's, and refusals with the reason where none can be used."""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from cli_home import Shell, make_shell
from repositories import repository
from waiting import until

from workbench import keyrings
from workbench.doctor.examination import guarded
from workbench.doctor.state import secrets as checked
from workbench.engines.secrets import in_keyring, values
from workbench.errors import Refused
from workbench.execution.redaction import Redaction
from workbench.services import projects, secrets
from workbench.services.code import patch
from workbench.services.supervision import control
from workbench.vault import Vault, read, service_of

VALUE = "hunter2-hunter2"
FILE = "keyrings.alt.file.PlaintextKeyring"  # keeps values in a file, so nobody has to unlock it
NONE = "keyring.backends.null.Keyring"


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file in which the keyring of this test keeps values."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", FILE)
    return tmp_path / "data/python_keyring/keyring_pass.cfg"


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, kept: Path) -> Iterator[Shell]:
    """A home whose secrets go into the keyring."""
    monkeypatch.setattr(control, "ensure", lambda _bench: None)
    made = make_shell(capsys)
    made.bench.home.settings_file.write_text("secrets: keyring\n")
    yield made
    made.bench.close()


def test_a_value_is_in_the_keyring_and_in_no_file_of_the_home(shell: Shell, kept: Path) -> None:
    """The home has only its name and where it is; who starts something is given it, what is put out is without it, and
    removing it takes it out of the keyring."""
    bench = shell.bench
    secrets.put(bench, "PGPASSWORD", VALUE)
    assert kept.exists()
    bench.store.close()
    holders = [path for path in bench.home.root.rglob("*") if path.is_file() and VALUE.encode() in path.read_bytes()]
    assert holders == []
    path = bench.home.secrets / "PGPASSWORD"
    assert path.stat().st_mode & 0o777 == 0o600
    assert service_of(path) == f"workbench {bench.home.id}"
    assert values({"PGPASSWORD": path}) == {"PGPASSWORD": VALUE}
    assert in_keyring({"PGPASSWORD": path})
    assert Redaction([path]).redact(f"it is {VALUE}!") == "it is [secret]!"
    (listed,) = shell.json("secrets")
    assert (listed["name"], listed["state"], listed["kept"]) == ("PGPASSWORD", "set", "keyring")
    assert "keyring" in shell("secrets")
    secrets.put(bench, "PGPASSWORD", "grüß \"'\n$HOME")
    assert read(path) == "grüß \"'\n$HOME"
    secrets.remove(bench, "PGPASSWORD")
    assert not path.exists()
    assert keyrings.get(f"workbench {bench.home.id}", ["PGPASSWORD"]) == {}
    assert [one.level for one in checked(bench.home.root)] == ["ok"]


def test_files_stay_files_and_what_moves_leaves_nothing_behind(shell: Shell, kept: Path) -> None:
    """Both kinds are read, whatever the setting is now; set again, a value is where the setting says, and no longer elsewhere."""
    bench = shell.bench
    vault = Vault(bench.home.secrets)
    vault.set("A", "in a file")
    secrets.put(bench, "B", "in the keyring")
    paths = {name: vault.path(name) for name in ("A", "B")}
    assert values(paths) == {"A": "in a file", "B": "in the keyring"}
    assert {one.name: one.kept for one in secrets.listing(bench)} == {"A": "file", "B": "keyring"}
    bench.home.settings_file.write_text("secrets: file\n")
    secrets.put(bench, "B", "moved")
    assert paths["B"].read_text() == "moved"
    assert keyrings.get(f"workbench {bench.home.id}", ["B"]) == {}


def test_without_a_keyring_nothing_is_kept_and_the_reason_is_told(
    shell: Shell, kept: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """None that keeps anything, the library missing, one that raises: refused, never a file instead; what is in it already
    is not started with, and `doctor` says so."""
    bench = shell.bench
    secrets.put(bench, "OLD", VALUE)
    path = bench.home.secrets / "OLD"
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", NONE)
    with pytest.raises(Refused, match="there is none here") as caught:
        secrets.put(bench, "NEW", VALUE)
    assert "secrets: file" in caught.value.hint
    assert os.listdir(bench.home.secrets) == ["OLD"]
    for act in (lambda: values({"OLD": path}), lambda: secrets.remove(bench, "OLD")):
        with pytest.raises(Refused, match="the keyring cannot be used"):
            act()
    assert path.exists()
    (finding,) = guarded("secrets", checked, bench.home.root)
    assert "the keyring cannot be used" in finding.text
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "no.such.Backend")
    with pytest.raises(Refused, match="No module named 'no'"):
        values({"OLD": path})
    monkeypatch.setattr(keyrings, "PATIENCE", 30.0)
    broken = tmp_path / "site"
    (broken / "keyring").mkdir(parents=True)
    (broken / "keyring/__init__.py").write_text("raise ImportError\n")
    monkeypatch.setenv("PYTHONPATH", str(broken))
    with pytest.raises(Refused, match="keyring is not installed") as caught:
        secrets.put(bench, "NEW", VALUE)
    assert "dsw-lite[keyring]" in caught.value.hint


def test_one_that_nobody_unlocks_is_not_waited_for(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What asks it ends with it, and no value was among its arguments or variables."""
    site = tmp_path / "site"
    site.mkdir()
    (site / "waits_for_somebody.py").write_text(
        "import keyring.backend, time\n"
        "class Keyring(keyring.backend.KeyringBackend):\n"
        "    priority = 1\n"
        "    def set_password(self, service, name, value): time.sleep(600)\n"
        "    get_password = delete_password = set_password\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(site))
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "waits_for_somebody.Keyring")
    monkeypatch.setattr(keyrings, "PATIENCE", 4.0)
    told: list[str] = []

    def put() -> None:
        try:
            secrets.put(shell.bench, "NEW", VALUE)
        except Refused as error:
            told.append(error.message)

    asking = threading.Thread(target=put)
    asking.start()

    def found() -> psutil.Process | None:
        for one in psutil.Process().children():
            with suppress(psutil.Error):  # some that other tests left have ended
                if "workbench.keyrings" in one.cmdline():
                    return one
        return None

    child = until(found, "it")
    seen = json.dumps([child.cmdline(), child.environ()])
    asking.join(60)
    assert VALUE not in seen
    assert "did not answer within 4 s" in told[0]
    assert not child.is_running()
    assert not (shell.bench.home.secrets / "NEW").exists()


def test_who_has_others_that_wait_gives_up_soon(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """At a due time a keyring that does not answer is asked for a moment, and then not again for a minute."""
    (tmp_path / "waits_too.py").write_text(
        "import keyring.backend, time\n"
        "class Keyring(keyring.backend.KeyringBackend):\n"
        "    priority = 1\n"
        "    def get_password(self, service, name): time.sleep(600)\n"
        "    set_password = delete_password = get_password\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "waits_too.Keyring")
    monkeypatch.setattr(keyrings, "_silent", -keyrings.SILENT)
    with pytest.raises(Refused, match="did not answer within 1 s"):
        keyrings.get("home", ["A"], brief=True)
    monkeypatch.setattr(keyrings, "_ask", None)  # nobody is asked
    with pytest.raises(Refused, match="did not answer a moment ago"):
        keyrings.get("home", ["A"], brief=True)


def test_no_patch_is_kept_whose_secrets_cannot_be_left_out(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, kept: Path
) -> None:
    """A value in a keyring that cannot be read may be in the changes of a project: then nothing of them is written down."""
    bench = shell.bench
    folder = repository(bench.home.projects / "churn", {"a.py": "x = 1\n"})
    (folder / "a.py").write_text(f"TOKEN = '{VALUE}'\n")
    secrets.put(bench, "TOKEN", VALUE)
    found = patch.of(bench, projects.get(bench, "churn"))
    assert "[secret]" in found.text
    assert not found.whole
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", NONE)
    found = patch.of(bench, projects.get(bench, "churn"))
    assert (found.text, found.whole) == ("", False)


def test_the_library_is_loaded_by_nothing_else(shell: Shell) -> None:
    """It is not imported where it is not asked for."""
    secrets.put(shell.bench, "A", VALUE)
    assert "keyring" not in sys.modules
