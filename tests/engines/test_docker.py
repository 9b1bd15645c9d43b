"""What only the docker engine promises, against a real engine."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from engines.conftest import DOCKER_SETTINGS, Bench, ignore
from engines.talking import Talk
from engines.test_contract import get
from tools import JUPYTER
from waiting import until

from workbench.engines.base import LABEL, Person
from workbench.engines.docker import account
from workbench.engines.docker.connection import NoSuchThing
from workbench.engines.docker.engine import DockerEngine
from workbench.engines.docker.images import contents
from workbench.errors import BuildFailed, NotFound, Refused
from workbench.model.environment import EnvironmentSpec, Limits, PythonPart, Revision, RPart
from workbench.model.project import Mount

pytestmark = pytest.mark.docker
ANN = Person(12345, 12346, "ann")


@pytest.fixture
def built(docker_bench: Bench, tmp_path: Path) -> Iterator[Callable[[EnvironmentSpec], Revision]]:
    """Build an environment for one test; its image is removed after it."""
    made: list[Revision] = []

    def build(spec: EnvironmentSpec) -> Revision:
        engine = docker_bench.engine
        log = tmp_path / "build.log"
        made.append(engine.build(spec, engine.revision_id(spec), log=log, progress=ignore, cancelled=Event()))
        return made[-1]

    yield build
    for revision in made:
        docker_bench.engine.remove(revision)


def api(bench: Bench) -> Any:
    """The low-level client, to look at what was made."""
    assert isinstance(bench.engine, DockerEngine)
    return bench.engine._connection.api()


def for_ann(bench: Bench, **changes: object) -> Any:
    """A workspace whose files belong to an ordinary account, as its project does."""
    space = bench.workspace(person=ANN, **changes)
    for folder in (space.project, space.cwd):
        os.chown(folder, ANN.uid, ANN.gid)
    return space


# -- images ------------------------------------------------------------------------------------------------------------


def test_nothing_of_the_build_is_left_in_the_image(docker_bench: Bench) -> None:
    """No certificate of this machine, no index, no uv, no package list: neither as a file nor in the history."""
    with api(docker_bench) as engine:
        history = json.dumps(engine.history(docker_bench.revision.reference))
        variables = engine.inspect_image(docker_bench.revision.reference)["Config"]["Env"]
    assert "BEGIN CERTIFICATE" not in history
    assert "index-url" not in history
    assert {line.split("=", 1)[0] for line in variables} == {"LANG", "PATH"}
    places = "/build /run/secrets /root/.cache /etc/uv /var/lib/apt/lists /var/cache/apt/archives"
    assert run_in(docker_bench, ["sh", "-c", f"find {places} -type f -size +0 2>/dev/null; command -v uv; true"]) == ""
    folder = docker_bench.home.environment_folder(docker_bench.spec.slug)
    assert not list(folder.glob("*/uv*")) + list(folder.glob("*/ca-bundle")) + list(folder.glob("build-*"))


def test_packages_have_bytecode(docker_bench: Bench) -> None:
    """Starting a kernel compiles nothing: the image has bytecode for all of its packages."""
    code = (
        "import pathlib, jupyterlab; site = pathlib.Path(jupyterlab.__file__).parents[1]; "
        "print(sum(1 for _ in site.rglob('*.py')), sum(1 for _ in site.rglob('*.pyc')))"
    )
    sources, compiled = map(int, run_in(docker_bench, ["python", "-c", code]).split())
    assert compiled > 0.95 * sources


def test_another_home_finds_the_image(docker_bench: Bench, tmp_path: Path) -> None:
    """A colleague's build on the same engine is found, also where their environment has another name."""
    from workbench.paths import open_home

    colleague = DockerEngine(open_home(tmp_path / "colleague"), DOCKER_SETTINGS)
    spec = replace(docker_bench.spec, name="same-under-another-name")
    revision = colleague.revision_id(spec)
    assert revision == docker_bench.revision.id
    assert colleague.find(spec, revision) == docker_bench.revision


def test_a_ready_image_is_taken_and_added_to(docker_bench: Bench, built: Callable[[EnvironmentSpec], Revision]) -> None:
    """`image:` alone is taken as it is; packages are put into its own Python."""
    plain = built(
        EnvironmentSpec("test-ready", image=docker_bench.revision.reference, env={"FOR": "ready"}, tools=(JUPYTER,))
    )
    assert plain.kernels == docker_bench.revision.kernels
    assert plain.ides == ("jupyter",)
    spec = EnvironmentSpec(
        "test-added", image=docker_bench.revision.reference, python=PythonPart(packages=("iniconfig",))
    )
    assert any(name.startswith("iniconfig==") for name in built(spec).packages)


def test_an_image_that_does_not_exist_is_named(built: Callable[[EnvironmentSpec], Revision]) -> None:
    """A wrong name is the person's to correct, and said as such."""
    with pytest.raises(BuildFailed) as caught:
        built(EnvironmentSpec("test-missing", image="debian:no-such-tag"))
    assert "debian:no-such-tag" in caught.value.message
    assert "name and tag right" in caught.value.hint


def test_a_revision_can_be_removed(docker_bench: Bench, built: Callable[[EnvironmentSpec], Revision]) -> None:
    """Removed is not found any more; removing what is gone is nothing; using it says to build it again."""
    spec = EnvironmentSpec("test-removed", image=docker_bench.revision.reference, env={"FOR": "removed"})
    revision = built(spec)
    docker_bench.engine.remove(revision)
    assert docker_bench.engine.find(spec, revision.id) is None
    docker_bench.engine.remove(revision)
    gone = replace(docker_bench.revision, digest="sha256:" + "0" * 64)
    host = replace(docker_bench, revision=gone).host()
    with pytest.raises(NotFound) as caught:
        host.launch(docker_bench.script(""), host.folder / "kernel.json", {})
    assert "build the environment again" in caught.value.hint


def test_r_from_debian_runs(docker_bench: Bench, built: Callable[[EnvironmentSpec], Revision]) -> None:
    """R, its kernel and an R package come from Debian, and the kernel answers."""
    revision = built(EnvironmentSpec("test-r", r=RPart(packages=("R6",)), ides=()))
    assert [(kernel.name, kernel.language) for kernel in revision.kernels] == [("ir", "R")]
    assert revision.r_version
    assert revision.r_version.startswith("4.")
    assert any(name.startswith("R:R6==") for name in revision.packages)
    with Talk(replace(docker_bench, revision=revision).host(), revision) as talk:
        assert talk.run("library(R6); cat(6 * 7)") == "42"


# -- accounts and limits -----------------------------------------------------------------------------------------------


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to have a project of another account")
def test_an_ordinary_account_is_itself_inside(docker_bench: Bench) -> None:
    """It has its name and a home it may write to, what it writes is its own, and it is not root."""
    space = for_ann(docker_bench)
    host = docker_bench.host(space)
    os.chown(host.folder, ANN.uid, ANN.gid)
    code = (
        "import getpass, grp, json, os, pathlib, pwd\n"
        "home = pathlib.Path.home(); (home / '.cache').mkdir(); (home / 'x').write_text('x')\n"
        "me = pwd.getpwuid(os.getuid())\n"
        "facts = [getpass.getuser(), me.pw_name, me.pw_dir, str(home), os.getuid(), os.getgid(), grp.getgrgid(os.getgid()).gr_name]\n"
        "pathlib.Path('facts.json').write_text(json.dumps(facts))\n"
    )
    host.launch(docker_bench.script(code), host.folder / "kernel.json", {})
    end = host.wait(30)
    assert end is not None
    assert end.code == 0
    written = space.cwd / "facts.json"
    assert json.loads(written.read_text()) == ["ann", "ann", "/home/ann", "/home/ann", ANN.uid, ANN.gid, "ann"]
    assert (written.stat().st_uid, written.stat().st_gid) == (ANN.uid, ANN.gid)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to have a project of another account")
def test_a_session_of_an_ordinary_account_works(docker_bench: Bench) -> None:
    """JupyterLab reads its secret and writes its settings as the account whose project it is."""
    space = for_ann(docker_bench)
    request = docker_bench.request(workspace=space)
    os.chown(request.folder / "token", ANN.uid, ANN.gid)
    handle = docker_bench.create(request)
    docker_bench.engine.start_session(handle)
    token = (request.folder / "token").read_text()
    until(lambda: get(request.port, "/api/status", token=token) == 200, "JupyterLab", seconds=60, every=0.1)
    with api(docker_bench) as engine:
        seen = engine.inspect_container(handle)
    assert seen["Config"]["User"] == f"{ANN.uid}:{ANN.gid}"


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to have a folder of another group")
def test_folders_of_a_team_are_written_through_its_group(
    docker_bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Further groups of the person hold inside as well; data that is not `write` is not written to by anybody."""
    monkeypatch.setattr(account, "_groups_of", lambda _: ("23456",))
    shared, source = tmp_path / "shared", tmp_path / "source"
    for folder in (shared, source):
        folder.mkdir()
        os.chown(folder, 0, 23456)
        folder.chmod(0o2770)
    space = for_ann(docker_bench, data=(Mount(shared, "shared", write=True), Mount(source, "source")))
    host = docker_bench.host(space)
    os.chown(host.folder, ANN.uid, ANN.gid)
    code = (
        "import sys\n"
        "open('../data/shared/made', 'w').write('x')\n"
        "try:\n    open('../data/source/made', 'w')\n"
        "except OSError:\n    sys.exit(5)\n"
    )
    host.launch(docker_bench.script(code), host.folder / "kernel.json", {})
    end = host.wait(30)
    assert end is not None
    assert end.code == 5
    assert ((shared / "made").stat().st_uid, (shared / "made").stat().st_gid) == (ANN.uid, 23456)
    assert list(source.iterdir()) == []


def test_the_time_is_the_machines(docker_bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A notebook's local time does not depend on the engine."""
    monkeypatch.setenv("TZ", "Asia/Kolkata")
    host = docker_bench.host()
    code = "import sys, time; sys.exit(30 if time.strftime('%z') == '+0530' else 1)"
    host.launch(docker_bench.script(code), host.folder / "kernel.json", {})
    end = host.wait(30)
    assert end is not None
    assert end.code == 30


def test_memory_that_is_used_up_is_told(docker_bench: Bench) -> None:
    """A kernel that takes more than its limit ended out of memory, with the limit named."""
    space = docker_bench.workspace(limits=Limits(memory=64 * 1024**2))
    host = docker_bench.host(space)
    host.launch(docker_bench.script("x = bytearray(300_000_000)"), host.folder / "kernel.json", {})
    end = host.wait(30)
    assert end is not None
    assert end.oom is True
    assert end.words == "out of memory (limit 64 MB)"


def test_limits_are_seen_by_libraries(docker_bench: Bench) -> None:
    """Numeric libraries start as many threads as there are cores to have, and the processes are bounded."""
    host = docker_bench.host(docker_bench.workspace(limits=Limits(cpus=1.0)))
    host.launch(
        docker_bench.script("import os, sys; sys.exit(int(os.environ['OMP_NUM_THREADS']))"),
        host.folder / "kernel.json",
        {},
    )
    end = host.wait(30)
    assert end is not None
    assert end.code == 1
    with api(docker_bench) as engine:
        limits = engine.inspect_container(host._handle)["HostConfig"]  # type: ignore[attr-defined]
    assert limits["NanoCpus"] == 1_000_000_000
    assert limits["PidsLimit"] == 4096
    assert limits["ShmSize"] == 10**9


# -- what others may see -----------------------------------------------------------------------------------------------


def test_inspect_tells_no_secret(docker_bench: Bench) -> None:
    """Token, secrets and the environment's variables are in no label, argument or variable of the container."""
    request = docker_bench.request(workspace=docker_bench.workspace(env={"PGPASSWORD": "hunter2-hunter2"}))
    token = (request.folder / "token").read_text()
    handle = docker_bench.create(request)
    docker_bench.engine.start_session(handle)
    with api(docker_bench) as engine:
        seen = engine.inspect_container(handle)
    text = json.dumps(seen)
    assert token not in text
    assert "hunter2" not in text
    host = seen["HostConfig"]
    assert host["PortBindings"] == {"8888/tcp": [{"HostIp": "127.0.0.1", "HostPort": str(request.port)}]}
    assert host["Init"] is True
    assert host["AutoRemove"] is False
    assert host["Privileged"] is False
    assert host["RestartPolicy"]["Name"] == "no"
    assert (host["LogConfig"]["Config"] or {}).get("max-size", "10m") == "10m"  # Podman keeps that to itself
    mounts = {mount["Destination"]: mount["RW"] for mount in seen["Mounts"]}
    assert mounts["/run/workbench/token"] is False
    assert "/var/run/docker.sock" not in mounts
    labels = {key.removeprefix("io.workbench."): value for key, value in seen["Config"]["Labels"].items()}
    assert labels["home"] == docker_bench.home.id
    assert labels["session"] == str(request.id)
    assert labels["spec"] == docker_bench.revision.id
    assert labels["owner"] == str(os.getuid())


@pytest.mark.parametrize("token", ["", "short", "0" * 40 + "\n"])
def test_a_session_without_a_good_secret_is_not_made(docker_bench: Bench, token: str) -> None:
    """An empty secret would let everybody in; a blank at its end would let nobody in."""
    request = docker_bench.request()
    (request.folder / "token").write_text(token)
    with pytest.raises(Exception, match="secret"):
        docker_bench.create(request)


# -- sessions ----------------------------------------------------------------------------------------------------------


def test_a_broken_start_does_not_hold_the_name(docker_bench: Bench) -> None:
    """A container that was made and never started makes room for the next try."""
    request = docker_bench.request()
    first = docker_bench.create(request)
    second = docker_bench.create(request)
    assert first != second
    assert docker_bench.engine.inspect_session(first) is None
    facts = docker_bench.engine.inspect_session(second)
    assert facts is not None
    assert facts.reason == "not started"


def test_a_container_removed_by_others_has_vanished(docker_bench: Bench) -> None:
    """Gone is not `exited 0`: a session is None, a kernel has an end without a code."""
    request = docker_bench.request()
    handle = docker_bench.create(request)
    docker_bench.engine.start_session(handle)
    host = docker_bench.host()
    host.launch(docker_bench.script("import signal; signal.pause()"), host.folder / "kernel.json", {})
    with api(docker_bench) as engine:
        engine.remove_container(handle, force=True)
        engine.remove_container(host._handle, force=True)  # type: ignore[attr-defined]
    assert docker_bench.engine.inspect_session(handle) is None
    docker_bench.engine.stop_session(handle, grace=1)
    end = host.wait(10)
    assert end is not None
    assert end.code in {None, 137} or end.signal == 9


def test_a_log_is_taken_up_where_it_was_left(docker_bench: Bench) -> None:
    """Copying may stop and begin again, as when the supervisor restarts: no line is lost or written twice."""
    request = docker_bench.request()
    handle = docker_bench.create(request)
    docker_bench.engine.start_session(handle)
    log = request.folder / "session.log"
    stop = Event()
    first = threading.Thread(target=docker_bench.engine.copy_log, args=(handle, stop))
    first.start()
    until(lambda: log.exists() and "Serving notebooks" in log.read_text(), "the log's first lines")
    stop.set()
    until(lambda: not first.is_alive(), "the first copy", seconds=5)
    second = threading.Thread(target=docker_bench.engine.copy_log, args=(handle, Event()))
    second.start()
    docker_bench.engine.stop_session(handle, grace=10)
    until(lambda: not second.is_alive(), "the second copy")
    with api(docker_bench) as engine:
        said = engine.logs(handle).decode()
    bare = re.sub(r"\x1b\[[0-9;]*m", "", said)
    assert [line.rstrip() for line in log.read_text().splitlines()] == [line.rstrip() for line in bare.splitlines()]


def test_a_shell_is_in_the_project_with_its_variables(docker_bench: Bench) -> None:
    """A terminal gets a shell in the project's folder, as the person, with what the environment declares."""
    request = docker_bench.request(workspace=docker_bench.workspace(env={"PGHOST": "db.example"}))
    handle = docker_bench.create(request)
    docker_bench.engine.start_session(handle)
    lead, follow = pty.openpty()
    shell = subprocess.Popen(
        docker_bench.engine.shell(handle), stdin=follow, stdout=follow, stderr=follow, start_new_session=True
    )
    os.close(follow)
    os.write(lead, b'echo "got:$PGHOST:$PWD:$(id -u):$(command -v python)"; exit\n')
    said = ""
    try:
        while chunk := os.read(lead, 4096):
            said += chunk.decode()
    except OSError:
        pass  # EIO: the shell ended
    finally:
        os.close(lead)
    assert shell.wait(10) == 0
    assert f"got:db.example:{request.workspace.cwd}:{os.getuid()}:/opt/venv/bin/python" in said


def test_kernels_of_a_home_do_not_disturb_its_sessions(docker_bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sweeping kernels leaves sessions alone."""
    request = docker_bench.request()
    handle = docker_bench.create(request)
    docker_bench.engine.start_session(handle)
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 60)
    docker_bench.engine.sweep_kernels(docker_bench.home.id, frozenset())
    facts = docker_bench.engine.inspect_session(handle)
    assert facts is not None
    assert facts.alive


def test_a_question_that_nobody_waits_for_is_removed(docker_bench: Bench) -> None:
    """Who asked an image what is in it and was killed leaves a container: it is this home's, and swept once it is old."""
    engine, home = docker_bench.engine, docker_bench.home.id
    assert isinstance(engine, DockerEngine)
    with api(docker_bench) as client:
        handle = contents.create(client, str(docker_bench.revision.digest), home)
        engine.sweep_kernels(home, frozenset())
        assert client.inspect_container(handle)["Config"]["Labels"][f"{LABEL}home"] == home
        contents.sweep(engine._connection, home, time.time() + contents.LONGEST + 5)
        with pytest.raises(NoSuchThing):
            client.inspect_container(handle)


def test_a_project_in_a_system_folder_is_refused(docker_bench: Bench) -> None:
    """Showing /etc of this machine in a container would break it, and more."""
    host = docker_bench.host(docker_bench.workspace(project=Path("/etc"), cwd=Path("/etc")))
    with pytest.raises(Refused, match="hide"):
        host.launch(docker_bench.script(""), host.folder / "kernel.json", {})


def run_in(bench: Bench, argv: list[str]) -> str:
    """What a command prints in a container of the bench's image, as root."""
    with api(bench) as engine:
        handle = engine.create_container(bench.revision.digest, entrypoint=argv[:1], command=argv[1:])["Id"]
        try:
            engine.start(handle)
            engine.wait(handle)
            return str(engine.logs(handle).decode())
        finally:
            engine.remove_container(handle, force=True)
