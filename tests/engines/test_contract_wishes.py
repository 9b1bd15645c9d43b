"""What an environment asks for beside its packages, on both engines: secrets and bounds; the network, where there are containers."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from containers import endpoint
from docker import APIClient
from engines.conftest import Bench
from waiting import until

from workbench.engines.process import gpus
from workbench.errors import Refused, WorkbenchError
from workbench.model.environment import Limits
from workbench.vault import Vault

PASSWORD = "pelican on tuesday\n'battery' $HOME \"staple\" ü"
LOOK = """\
import json, os, pathlib
folder = pathlib.Path(os.environ["WORKBENCH_SECRETS"])
files = {path.name: [path.read_text(), path.stat().st_mode & 0o777, path.stat().st_uid] for path in folder.iterdir()}
try:
    (folder / "other").write_text("x")
    written = True
except OSError:
    written = False
facts = {"files": files, "me": os.getuid(), "folder": folder.stat().st_mode & 0o777, "written": written,
         "variables": {name: os.environ.get(name) for name in ("PGPASSWORD", "OTHER")}}
pathlib.Path("facts.json").write_text(json.dumps(facts))
"""


def given(bench: Bench) -> dict[str, Path]:
    """One secret of the home for a workspace; another is in the home, and not for it."""
    vault = Vault(bench.home.secrets)
    vault.set("PGPASSWORD", PASSWORD)
    vault.set("OTHER", "not for this one")
    return {"PGPASSWORD": vault.path("PGPASSWORD")}


def holders(folder: Path) -> set[str]:
    """Names of files below `folder` that hold a line of the password, also as JSON or a shell spells it."""
    return {
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and not path.is_symlink() and b"pelican on tuesday" in path.read_bytes()
    }


def test_a_kernel_is_given_its_secrets(bench: Bench) -> None:
    """As variables and as private files, with every character; those of others are not there, and nothing is left."""
    space = bench.workspace(secrets=given(bench))
    host = bench.host(space)
    host.launch(bench.script(LOOK), host.folder / "kernel.json", {})
    end = host.wait(60)
    assert end is not None
    assert end.code == 0
    facts = json.loads((space.cwd / "facts.json").read_text())
    assert facts["variables"] == {"PGPASSWORD": PASSWORD, "OTHER": None}
    assert facts["files"] == {"PGPASSWORD": [PASSWORD, 0o600, facts["me"]]}
    assert facts["folder"] == 0o700
    host.close()
    assert holders(bench.home.state) == {"secrets/PGPASSWORD"}


def test_a_secret_that_was_removed_stops_a_start(bench: Bench) -> None:
    """With what to do; nothing is started without it."""
    host = bench.host(bench.workspace(secrets={"GONE": bench.home.secrets / "GONE"}))
    with pytest.raises(Refused, match="secret GONE is not set") as caught:
        host.launch(bench.script(LOOK), host.folder / "kernel.json", {})
    assert "workbench secrets set GONE" in caught.value.hint


def test_a_session_is_given_its_secrets(bench: Bench) -> None:
    """What is written down to start it has none; when it is removed only the home's own file is left."""
    request = bench.request()
    request = replace(request, workspace=replace(request.workspace, secrets=given(bench)))
    handle = bench.create(request)
    bench.engine.start_session(handle)
    until(lambda: (facts := bench.engine.inspect_session(handle)) and facts.alive, "the session")
    inside = f"sessions/{request.id}"
    # A container reads its variables from a file of the private folder; a process has them from its keeper.
    private = {f"{inside}/secrets/PGPASSWORD", f"{inside}/env"}
    assert {"secrets/PGPASSWORD", f"{inside}/secrets/PGPASSWORD"} <= holders(bench.home.state)
    assert holders(bench.home.state) <= {"secrets/PGPASSWORD", *private}
    for name in private:
        path = bench.home.state / name
        assert not path.exists() or path.stat().st_mode & 0o777 == 0o600
    bench.engine.stop_session(handle, grace=5)
    bench.engine.remove_session(handle)
    assert holders(bench.home.state) == {"secrets/PGPASSWORD"}


def test_a_bound_that_nobody_asked_for_refuses_nothing(bench: Bench) -> None:
    """A kernel starts with it, whether this machine can hold it or not."""
    space = bench.workspace(limits=Limits(memory=2 * 1024**3, assumed=("memory",)))
    host = bench.host(space)
    host.launch(bench.script("open('here', 'w').close()"), host.folder / "kernel.json", {})
    end = host.wait(60)
    assert end is not None
    assert (end.code, (space.cwd / "here").exists()) == (0, True)


def test_graphics_processors_are_looked_for_before_a_start(
    process_bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More than there are is refused with the number; a kernel sees as many as were asked for."""
    monkeypatch.setattr(gpus, "DEVICES", tmp_path)
    code = "import os; open('seen', 'w').write(os.environ.get('CUDA_VISIBLE_DEVICES', 'unset'))"
    with pytest.raises(Refused, match="than this machine has: none"):
        process_bench.host(process_bench.workspace(limits=Limits(gpus="all"))).launch(
            process_bench.script(code), tmp_path / "kernel.json", {}
        )
    for name in ("nvidia0", "nvidia1", "nvidiactl"):
        (tmp_path / name).touch()
    with pytest.raises(Refused, match="than this machine has: 2"):
        gpus.variables(Limits(gpus=3))
    for asked, seen in ((1, "0"), (2, "0,1"), (0, ""), ("all", "unset"), (None, "unset")):
        space = process_bench.workspace(limits=Limits(gpus=asked))
        host = process_bench.host(space)
        host.launch(process_bench.script(code), host.folder / "kernel.json", {})
        assert host.wait(30)
        assert (space.cwd / "seen").read_text() == seen


@pytest.mark.docker
def test_graphics_processors_that_an_engine_lacks_are_told(docker_bench: Bench) -> None:
    """In its own words, and with what is missing."""
    host = docker_bench.host(docker_bench.workspace(limits=Limits(gpus=1)))
    if shutil.which("nvidia-container-runtime-hook"):
        pytest.skip("this machine's engine gives graphics processors")
    with pytest.raises(WorkbenchError) as caught:
        host.launch(docker_bench.script("pass"), host.folder / "kernel.json", {})
    assert "gpu" in caught.value.message.lower()
    assert "NVIDIA container toolkit" in caught.value.hint


@pytest.mark.docker
def test_an_engine_that_is_asked_tells_no_secret(docker_bench: Bench) -> None:
    """Neither its list of containers nor inspect has the value; the files are read-only inside, and of the person."""
    space = docker_bench.workspace(secrets=given(docker_bench))
    host = docker_bench.host(space, run="77.1")
    code = f"{LOOK}\nimport signal; signal.pause()"
    host.launch(docker_bench.script(code), host.folder / "kernel.json", {})
    until((space.cwd / "facts.json").exists, "the kernel")
    with APIClient(base_url=endpoint()) as api:
        label = {"label": [f"io.workbench.home={docker_bench.home.id}", "io.workbench.run=77.1"]}
        [listed] = api.containers(filters=label)
        seen = json.dumps([listed, api.inspect_container(listed["Id"])])
        logs = api.logs(listed["Id"])
    assert "/run/workbench/secrets" in seen
    assert "pelican on tuesday" not in seen
    assert b"pelican on tuesday" not in logs
    until(lambda: (space.cwd / "facts.json").read_text().endswith("}"), "what it saw")
    assert json.loads((space.cwd / "facts.json").read_text())["written"] is False


@pytest.mark.docker
def test_without_a_network_there_is_none(docker_bench: Bench) -> None:
    """A kernel has its own loopback only and still talks over its sockets; a session, which could not be reached, is refused."""
    space = docker_bench.workspace(network=False)
    host = docker_bench.host(space)
    code = "import os; open('links', 'w').write(' '.join(sorted(os.listdir('/sys/class/net'))))"
    host.launch(docker_bench.script(code), host.folder / "kernel.json", {})
    end = host.wait(60)
    assert end is not None
    assert "eth0" not in (space.cwd / "links").read_text()
    request = docker_bench.request()
    with pytest.raises(Refused, match="could not be reached"):
        docker_bench.create(replace(request, workspace=replace(request.workspace, network=False)))
