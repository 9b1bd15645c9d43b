"""Ready images as they are: those after docker-stacks' and rocker's rules, and such as cannot be run here at all."""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from threading import Event

import pytest
from engines.conftest import Bench, ignore
from engines.test_contract import get
from images import stand_ins
from tools import JUPYTER
from waiting import until

from workbench.declare.project import load_project
from workbench.engines.base import Person
from workbench.engines.docker.engine import DockerEngine
from workbench.engines.docker.images.contents import S6, STACKS
from workbench.errors import Refused
from workbench.model.environment import EnvironmentSpec
from workbench.model.project import Project

pytestmark = pytest.mark.docker
ROOT = Person(0, 0, "root")
JOVYAN = Person(1000, 1000, "ann")  # the number that the images' own accounts have
OTHER = Person(12345, 12346, "ann")


@pytest.fixture(scope="module", params=[STACKS, S6])
def rules(request: pytest.FixtureRequest) -> str:
    """Whose rules the image follows."""
    return str(request.param)


@pytest.fixture
def ready(rules: str, docker_bench: Bench, tmp_path: Path) -> Iterator[Bench]:
    """A bench with an environment that is a ready image after those rules."""
    assert isinstance(docker_bench.engine, DockerEngine)
    make = stand_ins.docker_stacks if rules == STACKS else stand_ins.rocker
    with docker_bench.engine._connection.api() as api:
        image = make(api, docker_bench.revision.reference)
    spec = EnvironmentSpec(f"test-{rules}", image=image, tools=(JUPYTER,))
    engine = docker_bench.engine
    log = tmp_path / "build.log"
    revision = engine.build(spec, engine.revision_id(spec), log=log, progress=ignore, cancelled=Event())
    bench = replace(docker_bench, spec=spec, revision=revision)
    yield bench
    bench.tidy()
    engine.remove(revision)


def test_what_it_offers_is_known(ready: Bench, rules: str) -> None:
    """Kernel, IDE, account and whose rules it follows are found out, and asked of it once."""
    assert isinstance(ready.engine, DockerEngine)
    digest = str(ready.revision.digest)
    seen = ready.engine._library.of(digest)
    assert [kernel.name for kernel in seen.kernels] == ["python3"]
    assert seen.has(JUPYTER)
    assert seen.rules == rules
    if rules == STACKS:
        assert seen.kernels[0].argv[0] == "/opt/conda/bin/python"
        assert (seen.user, seen.home, seen.entrypoint) == ("1000", "/home/jovyan", ("start.sh",))
    assert seen.program("perl", "python3")
    (ready.home.state / "images" / f"{digest.replace(':', '-')}.json").stat()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to have a project of another account")
@pytest.mark.parametrize("person", [ROOT, JOVYAN, OTHER], ids=["root", "same-number", "another-number"])
def test_a_kernel_runs_and_writes_as_the_person(ready: Bench, rules: str, person: Person) -> None:
    """What a cell writes is the person's, whatever number the image's own account has; its start scripts have run."""
    space = ready.workspace(person=person)
    for folder in (space.project, space.cwd):
        os.chown(folder, person.uid, person.gid)
    host = ready.host(space)
    os.chown(host.folder, person.uid, person.gid)
    code = (
        "import getpass, json, os, pathlib\n"
        "(pathlib.Path.home() / 'settings').write_text('x')\n"
        "facts = [getpass.getuser(), os.getuid(), os.environ.get('ACTIVATED'), 100 in os.getgroups()]\n"
        "pathlib.Path('facts.json').write_text(json.dumps(facts))\n"
    )
    host.launch(ready.script(code), host.folder / "kernel.json", {"CHOWN_HOME": "yes"})
    end = host.wait(30)
    assert end is not None
    assert end.code == 0, host.output.read_text()  # type: ignore[attr-defined]
    written = space.cwd / "facts.json"
    stacks = rules == STACKS
    told = json.loads(written.read_text())
    assert told[:3] == [person.name, person.uid, "by-the-hook" if stacks else None]
    assert told[3] is (stacks and person.uid != 0)
    assert (written.stat().st_uid, written.stat().st_gid) == (person.uid, person.gid)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to have a project of another account")
def test_a_session_runs_as_the_person(ready: Bench) -> None:
    """JupyterLab of the image answers with the session's secret, and settings are kept in the project's own home."""
    space = ready.workspace(person=JOVYAN)
    for folder in (space.project, space.cwd):
        os.chown(folder, JOVYAN.uid, JOVYAN.gid)
    request = ready.request(workspace=space)
    os.chown(request.folder / "token", JOVYAN.uid, JOVYAN.gid)
    handle = ready.create(request)
    ready.engine.start_session(handle)
    token = (request.folder / "token").read_text()
    until(lambda: get(request.port, "/api/status", token=token) == 200, "JupyterLab", seconds=60, every=0.1)
    kept = ready.home.state / "homes" / space.project_name / ".local"
    until(kept.exists, "files in the home")
    assert kept.stat().st_uid == JOVYAN.uid


def test_declarations_are_not_written_from_inside(docker_bench: Bench) -> None:
    """Code in a project cannot declare more for itself: neither by writing, nor by putting another file in the place."""
    space = docker_bench.workspace()
    (space.project / "schedules").mkdir()
    (space.project / "schedules" / "nightly.yaml").write_text("notebook: a.ipynb\n")
    (space.project / "project.yaml").write_text("description: as it was\n")
    (space.project / "conf").mkdir()
    (space.project / "conf" / "environment.yaml").write_text("python: {}\n")
    (space.project / "conf" / "more.txt").write_text("six\n")
    (space.project / "binder").mkdir()
    places = ("project.yaml", "schedules", "ides", "conf/environment.yaml", "conf/more.txt", "binder")
    space = replace(space, declared=tuple(space.project / place for place in places))
    code = (
        "import os, sys\n"
        "here, done = os.path.dirname(os.getcwd()), 0\n"
        "def attempt(act, *places):\n"
        "    global done\n"
        "    try: act(*places)\n"
        "    except OSError: return\n"
        "    done += 1\n"
        "attempt(open, here + '/project.yaml', 'a')\n"
        "attempt(open, here + '/schedules/more.yaml', 'w')\n"
        "attempt(os.unlink, here + '/project.yaml')\n"
        "attempt(os.rename, here + '/schedules', here + '/moved')\n"
        "attempt(os.rename, here + '/conf', here + '/moved')\n"
        "attempt(open, here + '/conf/environment.yaml', 'w')\n"
        "attempt(open, here + '/conf/more.txt', 'a')\n"
        "attempt(open, here + '/binder/requirements.txt', 'w')\n"
        "attempt(os.rmdir, here + '/binder')\n"
        "attempt(os.rmdir, here + '/ides')\n"
        "attempt(open, here + '/ides/mine.yaml', 'w')\n"
        "open(here + '/conf/other', 'w').close()\n"
        "open(here + '/mine', 'w').close()\n"
        "attempt(os.replace, here + '/mine', here + '/project.yaml')\n"
        "assert open(here + '/project.yaml').read() == 'description: as it was\\n'\n"
        "sys.exit(40 + done)\n"
    )
    host = docker_bench.host(space)
    host.launch(docker_bench.script(code), host.folder / "kernel.json", {})
    end = host.wait(30)
    assert end is not None
    assert end.code == 40
    assert (space.project / "project.yaml").read_text() == "description: as it was\n"


def test_declarations_that_are_not_there_are_not_made_inside(docker_bench: Bench) -> None:
    """A project that declares nothing cannot be made to: its places are made before, and are well and the person's."""
    space = docker_bench.workspace()
    places = ("project.yaml", "schedules", "ides")
    space = replace(space, declared=tuple(space.project / place for place in places))
    code = (
        "import os, sys\n"
        "here, done = os.path.dirname(os.getcwd()), 0\n"
        "for name in ('project.yaml', 'schedules/nightly.yaml', 'ides/mine.yaml'):\n"
        "    try: open(here + '/' + name, 'w').close()\n"
        "    except OSError: continue\n"
        "    done += 1\n"
        "sys.exit(40 + done)\n"
    )
    host = docker_bench.host(space)
    host.launch(docker_bench.script(code), host.folder / "kernel.json", {})
    end = host.wait(30)
    assert end is not None
    assert end.code == 40
    read = load_project(space.project, name="nothing")
    assert not read.problems
    assert read.value == Project(name="nothing", path=space.project)
    assert {(space.project / place).stat().st_uid for place in places} == {space.person.uid}


def test_a_declaration_that_is_a_link_is_refused(docker_bench: Bench) -> None:
    """Nothing can be put over a link, so it would be replaced inside."""
    space = docker_bench.workspace()
    (space.project / "kept.yaml").write_text("description: as it was\n")
    (space.project / "project.yaml").symlink_to("kept.yaml")
    (space.project / "conf").symlink_to("kept")
    for name, link in (("project.yaml", "project.yaml"), ("conf/requirements.txt", "conf")):
        host = docker_bench.host(replace(space, declared=(space.project / name,)))
        with pytest.raises(Refused) as caught:
            host.launch(docker_bench.script("pass"), host.folder / "kernel.json", {})
        assert f"{link} is a link" in caught.value.message


def test_an_image_for_another_processor_is_named_before_it_starts(docker_bench: Bench, tmp_path: Path) -> None:
    """`exec format error` is said in words when the environment is built, not when somebody waits for a session."""
    assert isinstance(docker_bench.engine, DockerEngine)
    engine = docker_bench.engine
    name = "workbench-tests/foreign-stand-in:1"
    with engine._connection.api() as api:
        api.load_image(foreign(name))
    try:
        spec = EnvironmentSpec("test-foreign", image=name)
        with pytest.raises(Refused) as caught:
            engine.build(spec, engine.revision_id(spec), log=tmp_path / "log", progress=ignore, cancelled=Event())
        assert "made for s390x processors" in caught.value.message
        assert "exec format error" in caught.value.message
    finally:
        with engine._connection.api() as api:
            for left in api.images(name="workbench/test-foreign", quiet=True):
                api.remove_image(left, force=True)
            api.remove_image(name, force=True)


def foreign(name: str) -> bytes:
    """An image as `docker save` writes it, whose shell is a program of another processor (ELF header alone)."""
    shell = b"\x7fELF\x02\x02\x01" + b"\0" * 9 + b"\0\x02\0\x16\0\0\0\x01" + b"\0" * 40
    layer = packed({"bin/sh": shell})
    digest = hashlib.sha256(layer).hexdigest()
    config = json.dumps(
        {
            "architecture": "s390x",
            "os": "linux",
            "config": {"Cmd": ["/bin/sh"]},
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
            "history": [{"created": "2026-01-01T00:00:00Z", "created_by": "by hand"}],
        }
    ).encode()
    manifest = json.dumps([{"Config": "config.json", "RepoTags": [name], "Layers": ["layer.tar"]}]).encode()
    return packed({"manifest.json": manifest, "config.json": config, "layer.tar": layer})


def packed(files: dict[str, bytes]) -> bytes:
    """Files as a tar archive."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for path, content in files.items():
            entry = tarfile.TarInfo(path)
            entry.size, entry.mode = len(content), 0o755
            tar.addfile(entry, io.BytesIO(content))
    return archive.getvalue()
