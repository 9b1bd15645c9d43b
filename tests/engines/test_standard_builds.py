"""Images of standard files: each case is a folder as a stranger would publish it, with a `verify` that runs inside."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from threading import Event

import pytest
import uv
from engines.conftest import Bench, ignore
from waiting import until

from workbench.declare import Shelf
from workbench.declare.standard import leading, load_standard
from workbench.engines.base import Person, Workspace
from workbench.engines.docker import command
from workbench.errors import BuildFailed
from workbench.model.environment import EnvironmentSpec, KernelSpec, Revision
from workbench.paths import shipped

pytestmark = [pytest.mark.docker, pytest.mark.timeout(900)]
ANN = Person(12345, 12346, "ann")


class Case:
    """A project out of `files`, built, and its `verify` run as a kernel of an ordinary account would be."""

    def __init__(self, bench: Bench, folder: Path, name: str) -> None:
        self.bench = bench
        self.folder = folder / name
        self.name = name
        self.made: list[Revision] = []

    def lay(self, files: Mapping[str, str]) -> Case:
        """Write its files, scripts as ones that can be run."""
        for name, text in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            if text.startswith("#!"):
                path.chmod(0o755)
        return self

    def spec(self) -> EnvironmentSpec:
        """What it declares."""
        found = leading(self.folder)
        assert found
        shelf = Shelf((shipped("environments"),))
        return load_standard(self.folder / found, project=self.name, folder=self.folder, shelf=shelf).get()

    def build(self, *, whole: bool = False, **changes: object) -> Revision:
        """Its image; without JupyterLab, which is tried elsewhere, unless it is wanted `whole`."""
        spec = replace(self.spec(), **({} if whole else {"ides": (), "tools": ()}), **changes)  # type: ignore[arg-type]
        engine = self.bench.engine
        engine.check(spec)
        log = self.folder.with_suffix(".log")
        self.made.append(engine.build(spec, engine.revision_id(spec), log=log, progress=ignore, cancelled=Event()))
        return self.made[-1]

    def verify(self, revision: Revision) -> str:
        """Run `verify` in the project's folder; what it prints. Fails where it does."""
        for path in [self.folder, *self.folder.rglob("*")]:
            os.chown(path, ANN.uid, ANN.gid, follow_symlinks=False)
        space = Workspace(
            home=self.bench.home.id, project_name=self.name, project=self.folder, cwd=self.folder, person=ANN
        )
        host = self.bench.engine.host(revision, space, run="1.1")
        try:
            host.launch(KernelSpec("verify", "Verify", "sh", ("./verify",)), host.folder / "none.json", {})
            until(host.poll, "verify", seconds=120)
            end = host.poll()
            printed = host.output.read_text() if host.output.exists() else ""  # type: ignore[attr-defined]
            assert end
            assert end.code == 0, f"{end.words}\n{printed}"
            return printed
        finally:
            host.kill()
            host.close()


@pytest.fixture
def case(docker_bench: Bench, tmp_path: Path) -> Iterator[Callable[[str, Mapping[str, str]], Case]]:
    """Makes a case; its images are removed after the test."""
    cases: list[Case] = []

    def make(name: str, files: Mapping[str, str]) -> Case:
        cases.append(Case(docker_bench, tmp_path, name).lay(files))
        return cases[-1]

    yield make
    for one in cases:
        for revision in one.made:
            docker_bench.engine.remove(revision)


PYTHON = {
    "binder/requirements.txt": "iniconfig==2.0.0\nrequests\n-c bounds.txt\n-e ..\n",
    "binder/bounds.txt": "idna==3.6\n",
    "binder/apt.txt": "figlet  # a small one\n",
    "binder/runtime.txt": "python-3\n",
    "binder/postBuild": (
        "#!/bin/bash\nset -e\npip install --quiet pluggy==1.5.0\npython tools/greet.py > $HOME/.greeting\n"
        "export FROM_START=never\ntouch written-at-build\n"
    ),
    "binder/start": '#!/bin/bash\nexport FROM_START="$(cat $HOME/.greeting)"\nexec "$@"\n',
    "tools/greet.py": "print('good day')\n",
    "setup.py": "from setuptools import setup\nsetup(name='mine', version='1.2', py_modules=['mine'])\n",
    "mine.py": "ANSWER = 42\n",
    # None of these has a say.
    "requirements.txt": "no-such-package-of-ours\n",
    "apt.txt": "no-such-package-of-ours\n",
    "postBuild": "#!/bin/bash\nexit 1\n",
    "Dockerfile": "FROM no-such-image-of-ours\n",
    "verify": (
        "#!/usr/bin/env python\n"
        "import importlib.metadata, os, pathlib, shutil, subprocess\n"
        "import iniconfig, mine, pluggy\n"
        "assert importlib.metadata.version('iniconfig') == '2.0.0'\n"
        "assert importlib.metadata.version('idna') == '3.6'\n"
        "assert mine.ANSWER == 42 and importlib.metadata.version('mine') == '1.2'\n"
        "assert 'site-packages' in mine.__file__ or os.getcwd() in mine.__file__\n"
        "assert shutil.which('figlet')\n"
        "assert os.environ['FROM_START'] == 'good day', os.environ.get('FROM_START')\n"
        "home = pathlib.Path.home()\n"
        "assert (home / '.greeting').owner() == 'ann' and os.access(home / '.greeting', os.W_OK)\n"
        "assert f'{home}/.local/bin' in os.environ['PATH'].split(':')\n"
        "assert os.environ['REPO_DIR'] == os.getcwd()\n"
        "assert not pathlib.Path('written-at-build').exists()\n"
        "print('all is well')\n"
    ),
}


def test_a_python_project_with_all_its_files(case: Callable[..., Case]) -> None:
    """Packages, a package of the project, Debian's, postBuild in a copy with its home kept, start before what is started."""
    project = case("test-standard-python", PYTHON)
    revision = project.build()
    assert "all is well" in project.verify(revision)
    assert [kernel.name for kernel in revision.kernels] == ["python3"]
    assert not (project.folder / "written-at-build").exists()
    left = project.bench.home.environment_folder(project.spec().slug) / revision.id
    assert not (left / "from").exists(), "the copy of the project is there during the build alone"


R = {
    "DESCRIPTION": "Package: mine\nVersion: 0.3\nTitle: Mine\nDescription: Mine.\nLicense: MIT\nImports: digest, utils\n",
    "NAMESPACE": "export(answer)\n",
    "R/answer.R": "answer <- function() 42\n",
    "install.R": "# install.packages('no.such.package')\ninstall.packages(c(\n  'base64enc'))\nsource('more/also.R')\n",
    "more/also.R": "install.packages('base64enc')\n",
    "verify": (
        "#!/usr/bin/env Rscript\nlibrary(mine); library(digest); library(base64enc)\n"
        "stopifnot(mine::answer() == 42, packageVersion('mine') == '0.3')\ncat('all is well\\n')\n"
    ),
}


def test_an_r_project(case: Callable[..., Case]) -> None:
    """An R package with what it needs, and an `install.R`: what Debian has of it needs no repository."""
    project = case("test-standard-r", R)
    revision = project.build(whole=True)
    assert "all is well" in project.verify(revision)
    assert [kernel.name for kernel in revision.kernels] == ["python3", "ir"]
    assert revision.ides == ("jupyter",)


def test_a_dockerfile_of_ones_own(case: Callable[..., Case], docker_bench: Bench) -> None:
    """It is built with what is not ignored of the project, its images from the registry in use; what is in it is told."""
    base = docker_bench.revision.reference
    text = (
        f"ARG NB_UID\nFROM debian:trixie-slim AS first\nCOPY data/ /d/\nFROM {base}\nARG NB_UID\nARG WORD=none\n"
        'COPY --from=first /d /d\nADD say.sh /usr/local/bin/say\nRUN test "$NB_UID" = 1000 && test ! -e /run/secrets/netrc\n'
    )
    files = {
        "Dockerfile": text,
        ".dockerignore": "data/*\n!data/kept\n",
        "data/kept": "kept\n",
        "data/big": "not for the build\n",
        "say.sh": '#!/bin/sh\necho "said $(ls /d)"\n',
        "verify": '#!/bin/sh\nset -e\nsay\ntest "$(ls /d)" = kept\n',
    }
    project = case("test-standard-dockerfile", files)
    revision = project.build()
    assert "said kept" in project.verify(revision)
    assert [kernel.name for kernel in revision.kernels] == ["python3"]
    again = project.build()
    assert again == revision
    project.lay({"data/kept": "other\n"})
    assert project.build().id != revision.id, "what it copies shapes it"
    plain = case("test-standard-plain", {"Dockerfile": "FROM debian:trixie-slim\n"}).build()
    assert plain.kernels == ()


def test_a_lock_of_uv(case: Callable[..., Case], tmp_path: Path) -> None:
    """The versions of the lock and none other, also where newer ones are there; ours fit around them."""
    described = "[project]\nname = 'x'\nversion = '1'\nrequires-python = '>=3.9'\ndependencies = ['idna']\n"
    verify = (
        "#!/usr/bin/env python\nimport importlib.metadata as m\nassert m.version('idna') == '3.7', m.version('idna')\n"
        "import ipykernel, iniconfig\nprint('all is well')\n"
    )
    group = "[dependency-groups]\ndev = ['iniconfig']\n"
    project = case("test-standard-lock", {"pyproject.toml": described + group, "verify": verify})
    lock(project.folder, "idna==3.7")
    assert "all is well" in project.verify(project.build())


@pytest.mark.soak
def test_what_an_install_script_cannot_get_fails_the_build(case: Callable[..., Case]) -> None:
    """R itself would only warn, and the package would be missed in the notebook."""
    project = case("test-standard-r", R)
    project.lay({"install.R": "install.packages('no.such.package.of.ours', repos = 'http://127.0.0.1:9')\n"})
    with pytest.raises(BuildFailed) as caught:
        project.build()
    assert caught.value.step == "The project's own install.R"
    assert "no.such.package.of.ours" in caught.value.message


@pytest.mark.soak
def test_a_lock_of_renv(case: Callable[..., Case]) -> None:
    """What Debian has in the very version comes from there; a version that nobody has fails by name."""
    packages = '{{"R": {{"Version": "4.5.0"}}, "Packages": {{"digest": {{"Package": "digest", "Version": "{}", "Source": "Repository"}}}}}}'
    verify = (
        "#!/usr/bin/env Rscript\nlibrary(digest)\nstopifnot(packageVersion('digest') == '0.6.37')\ncat('all is well')\n"
    )
    project = case("test-standard-renv", {"renv.lock": packages.format("0.6.37"), "verify": verify})
    assert "all is well" in project.verify(project.build())
    project.lay({"renv.lock": packages.format("0.0.1")})
    with pytest.raises(BuildFailed) as caught:
        project.build()
    assert caught.value.step == "R packages in exact versions"


@pytest.mark.soak
def test_the_engines_own_builder_makes_them_too(
    case: Callable[..., Case], docker_bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Scripts, R packages and Dockerfiles need no BuildKit."""
    monkeypatch.setattr(command, "for_builds", lambda *_: None)
    files = {
        name: text for name, text in PYTHON.items() if name in ("binder/apt.txt", "binder/start", "tools/greet.py")
    }
    post = "#!/bin/sh\nsed \"s/print('//; s/')//\" tools/greet.py > $HOME/.greeting\n"
    verify = "#!/bin/sh\nset -e\ntest \"$FROM_START\" = 'good day'\ncommand -v figlet\n"
    project = case("test-standard-classic", {**files, "binder/postBuild": post, "verify": verify})
    project.verify(project.build(python=None))
    assert "all is well" in (r := case("test-standard-classic-r", R)).verify(r.build())
    dockerfile = {
        "Dockerfile": f"FROM {docker_bench.revision.reference}\nCOPY a/b /b\n",
        "a/b": "1",
        "verify": "#!/bin/sh\ncat /b\n",
    }
    own = case("test-standard-classic-own", dockerfile)
    assert own.verify(own.build()).strip() == "1"


def lock(folder: Path, constraint: str) -> None:
    """Write `uv.lock` with uv itself, held to one version."""
    path = folder / "pyproject.toml"
    whole = path.read_text()
    path.write_text(f"{whole}[tool.uv]\nconstraint-dependencies = ['{constraint}']\n")
    subprocess.run([uv.find_uv_bin(), "lock", "--quiet"], cwd=folder, check=True, timeout=120)
    assert (folder / "uv.lock").is_file()
    shutil.rmtree(folder / ".venv", ignore_errors=True)
