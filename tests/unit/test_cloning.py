"""Repositories of others: cloned by git itself, looked through, and never run; declarations written out of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from repositories import repository, served

from workbench.declare import load_environment
from workbench.errors import Conflict, NotFound, Refused
from workbench.services import environments, projects, schedules
from workbench.services.bench import Bench, open_bench
from workbench.services.code import cloning
from workbench.services.declared import imports, standard
from workbench.services.supervision import control

FILES = {
    "binder/requirements.txt": "idna==3.7\n-e ..\n",
    "binder/apt.txt": "figlet\n",
    "binder/postBuild": "#!/bin/sh\ntouch /tmp/a-strangers-post-build-ran\n",
    "setup.py": "open('/tmp/a-strangers-setup-ran', 'w')\n",
    "notebooks/one.ipynb": "{}",
    "requirements.txt": "numpy\n",
    ".gitattributes": "*.txt filter=evil\n",
    "Project.toml": "",
}


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """A home of one's own."""
    opened = open_bench(tmp_path / "home")
    yield opened
    opened.close()


@pytest.fixture
def forge(tmp_path: Path) -> Iterator[str]:
    """The address of a server with the repository `team/their-work.git`."""
    place = repository(tmp_path / "forge" / "team" / "their-work.git", FILES)
    with served(tmp_path / "forge") as address:
        assert (place / ".git" / "info" / "refs").exists()
        yield f"{address}/team/their-work.git/.git"


def run(bench: Bench, *words: str) -> subprocess.CompletedProcess[str]:
    """A command in the home."""
    return subprocess.run(
        [sys.executable, "-m", "workbench", "--home", str(bench.home.root), *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**os.environ, "GIT_ASKPASS": "/bin/false", "WORKBENCH_HOME": ""},
    )


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("https://host.example/team/project.git", "project"),
        ("http://127.0.0.1:8000/x", "x"),
        ("ssh://git@host.example:2222/~me/x.git/", "x"),
        ("git@host.example:team/other.git", "other"),
        ("git://host.example/x", "x"),
        ("https://host.example/x/.git", "x"),
    ],
)
def test_addresses(address: str, name: str) -> None:
    """What git can fetch from elsewhere, and what it is called."""
    assert cloning.check(address) == address
    assert cloning.name_of(address) == name


@pytest.mark.parametrize(
    "address",
    [
        "ext::sh -c 'touch /tmp/x'",
        "file:///etc",
        "-oProxyCommand=x",
        "--upload-pack=touch /tmp/x",
        "https://-oops/x",
        "ssh://-oProxyCommand=x/y",
        "git@host.example:-x",
        "fd::17",
        "https://ann:secret@host.example/x.git",
        "https://host.example/x y",
        "",
    ],
)
def test_addresses_that_are_refused(address: str) -> None:
    """Programs, files, options of git, and passwords that others on the machine would see."""
    with pytest.raises(Refused) as caught:
        cloning.check(address)
    assert "secret" not in str(caught.value)


def test_a_repository_becomes_a_project(bench: Bench, forge: str) -> None:
    """With its history, under its own name; what it brings is said, nothing of it is run."""
    said: list[str] = []
    project = projects.clone(bench, forge, "their-work", progress=said.append)
    assert project.path == bench.home.projects / "their-work"
    assert not project.linked
    assert (project.path / "binder" / "postBuild").exists()
    assert said
    assert projects.git_state(project).commit
    found = standard.found(bench, project)
    assert found.environment == "their-work/binder/requirements.txt"
    assert set(found.given) == {"binder/requirements.txt", "binder/apt.txt", "binder/postBuild"}
    assert found.notebooks == ("notebooks/one.ipynb",)
    assert any("requirements.txt is not read" in line for line in found.lines)
    assert environments.for_project(bench, project).apt == ("figlet",)
    for trace in ("post-build", "setup"):
        assert not Path(f"/tmp/a-strangers-{trace}-ran").exists()
    with pytest.raises(Conflict):
        projects.clone(bench, forge, "their-work")
    assert sorted(path.name for path in bench.home.projects.iterdir()) == ["their-work"]


def test_what_a_repository_would_do_by_itself_waits(bench: Bench, tmp_path: Path) -> None:
    """Its schedules are paused from the first moment, and what it wants of this machine is said."""
    (tmp_path / "warehouse").mkdir()
    files = {
        "project.yaml": f"environment: python\ndata: [{{path: {tmp_path / 'warehouse'}, write: true}}]\n",
        "schedules/often.yaml": "notebook: one.ipynb\ncron: '* * * * *'\n",
        "one.ipynb": "{}",
        "requirements.txt": "idna\n",
    }
    repository(tmp_path / "forge" / "theirs", files)
    with served(tmp_path / "forge") as address:
        project = projects.clone(bench, f"{address}/theirs/.git")
    (view,) = schedules.listing(bench, "theirs")
    assert view.state == "paused"
    assert view.row
    assert view.row.pause_reason == "it came with a cloned repository"
    found = standard.found(bench, project)
    assert found.environment == "python"
    text = "\n".join(found.lines)
    assert f"project.yaml asks for {tmp_path / 'warehouse'}, to write in it" in text
    assert "workbench schedules resume theirs/often" in text
    schedules.resume(bench, view.key)
    assert schedules.listing(bench, "theirs")[0].state == "active"
    control.stop(bench)


def test_a_clone_that_fails_says_why_and_leaves_nothing(bench: Bench, forge: str) -> None:
    """A repository that is not there, one that wants a password, nobody at the address: git's words, at once."""
    for address, words in (
        (forge.replace("their-work", "none"), "not found"),
        (forge.partition("/team")[0] + "/private/x.git", "could not read Username"),
        ("http://127.0.0.1:9/x.git", "unable to access"),
    ):
        began = time.monotonic()
        with pytest.raises(Refused) as caught:
            projects.clone(bench, address, "x")
        assert words in caught.value.message
        assert caught.value.hint
        assert time.monotonic() - began < 30, "it may not wait for a password"
    assert list(bench.home.projects.iterdir()) == []


def test_adding_by_a_command(bench: Bench, forge: str, tmp_path: Path) -> None:
    """A repository or a folder; what was found is listed, with --json too."""
    done = run(bench, "projects", "add", forge, "--name", "theirs")
    assert done.returncode == 0, done.stderr
    assert "binder/apt.txt: Debian packages" in done.stdout
    assert "environments build theirs/binder/requirements.txt" in done.stdout
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "environment.yml").write_text("dependencies: [gdal]\n")
    told = json.loads(run(bench, "projects", "add", str(folder), "--json").stdout)
    assert told["found"]["environment"] == "mine/environment.yml"
    assert told["found"]["given"] == {"environment.yml": "conda packages"}
    refused = run(bench, "projects", "add", "ext::sh -c true")
    assert refused.returncode != 0
    assert "protocol that is not used here" in refused.stderr


def test_an_import_writes_a_declaration(bench: Bench, forge: str) -> None:
    """It says where each part came from and what was left; the files it names lie beside it, and it holds by itself."""
    made = imports.bring(bench, forge, name="theirs")
    text = made.path.read_text()
    assert f"# Imported from {forge} at " in text
    assert "#   binder/apt.txt: Debian packages" in text
    assert "# Not taken over:" in text
    assert "requirements.txt is not read: binder/ has the say alone" in text
    assert made.folder == bench.home.environments / "theirs"
    assert not (made.folder / ".git").exists()
    spec = environments.spec(bench, "theirs")
    assert spec.python
    assert spec.python.packages == ("idna==3.7", "pip")
    assert [one.path for one in spec.python.local] == [made.folder]
    assert spec.apt == ("figlet",)
    assert spec.post_build
    assert spec.post_build.path == made.folder / "binder" / "postBuild"
    assert spec.context
    assert list(bench.home.state.glob("clone-*")) == []
    with pytest.raises(Conflict):
        imports.bring(bench, forge, name="theirs")


@pytest.mark.parametrize(
    ("files", "key"),
    [
        ({"requirements.txt": "idna\n", "runtime.txt": "python-3.12"}, "python"),
        ({"environment.yml": "dependencies: [gdal=3.8, pip: [idna]]\nvariables: {A: 'yes'}\n"}, "conda"),
        ({"Dockerfile": "FROM debian:trixie-slim\nCOPY a /a\n", "a": "1"}, "dockerfile"),
        ({"renv.lock": json.dumps({"R": {"Version": "4.4.2"}, "Packages": {}})}, "r"),
        ({"install.R": "install.packages('digest')\n", "runtime.txt": "r-2026-03-01"}, "r"),
        ({"DESCRIPTION": "Package: x\nImports: digest\n"}, "r"),
        ({".devcontainer.json": '{"image": "x.example/y:1", "containerEnv": {"A": "1"}}'}, "image"),
        ({"uv.lock": "version = 1\n", "pyproject.toml": "[project]\nname='x'\n"}, "python"),
        ({"start": '#!/bin/sh\nexec "$@"\n'}, "start"),
    ],
)
def test_an_import_says_the_same(bench: Bench, tmp_path: Path, files: dict[str, str], key: str) -> None:
    """The declaration makes what the files make: their shapes are one."""
    folder = tmp_path / "theirs"
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    project = projects.add(bench, folder)
    direct = environments.for_project(bench, project)
    made = imports.bring(bench, str(folder), name="copy")
    assert f"\n{key}:" in made.path.read_text()
    spec = environments.spec(bench, "copy")
    assert spec.shape == direct.shape
    assert load_environment(made.path).value


def test_an_import_of_nothing(bench: Bench, tmp_path: Path) -> None:
    """Where there is no folder, no standard file, or a name outside of the rule."""
    with pytest.raises(NotFound):
        imports.bring(bench, str(tmp_path / "none"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(Refused, match="no standard file"):
        imports.bring(bench, str(tmp_path / "empty"))
    with pytest.raises(Refused, match="no name"):
        imports.bring(bench, str(tmp_path / "empty"), name="Not A Name")


def test_importing_by_a_command(bench: Bench, tmp_path: Path) -> None:
    """One file is enough; with --json for scripts."""
    (tmp_path / "environment.yml").write_text("dependencies: [python=3.12, pip: [idna]]\nprefix: x\nother: y\n")
    done = run(bench, "environments", "import", str(tmp_path / "environment.yml"), "--name", "one")
    assert done.returncode == 0, done.stderr
    assert "'other' is not read" in done.stdout
    assert "environments build one" in done.stdout
    told = json.loads(run(bench, "environments", "import", str(tmp_path), "--name", "two", "--json").stdout)
    assert (told["name"], told["folder"]) == ("two", None)
    assert told["given"] == {"environment.yml": "Python packages"}
