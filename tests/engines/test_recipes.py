"""Dockerfiles of what no registry reachable from a test can give: conda, other Pythons, other Rs, images by name."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from workbench.declare import Shelf
from workbench.declare.standard import leading, load_standard
from workbench.engines.docker.images import base_image
from workbench.engines.docker.images.recipe import Dialect, Recipe, render
from workbench.engines.docker.images.recipe.ingredients import Addition, Footing
from workbench.engines.docker.images.registries import PackageIndex
from workbench.errors import Refused
from workbench.model import dockerfile
from workbench.model.environment import EnvironmentSpec, RPart
from workbench.model.lock import Lock
from workbench.paths import shipped

REGISTRIES = {"docker.io": "mirror.example:5000"}


def spec(folder: Path, files: Mapping[str, str]) -> EnvironmentSpec:
    """What these files declare, with JupyterLab."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    found = leading(folder)
    assert found
    declared = load_standard(folder / found, project="p", folder=folder, shelf=Shelf((shipped("environments"),))).get()
    base_image.check(declared)
    return declared


def recipe(folder: Path, files: Mapping[str, str], dialect: Dialect = Dialect.BUILDKIT) -> Recipe:
    """The recipe of what they declare."""
    return render(spec(folder, files), "0" * 16, dialect=dialect, registries=REGISTRIES)


def test_conda(tmp_path: Path) -> None:
    """By micromamba out of its image, with our kernel and JupyterLab in the same environment; pip's part last."""
    text = "channels: [conda-forge, bioconda]\ndependencies:\n  - python=3.11\n  - gdal>=3.8\n  - r-base\n  - pip: [idna, '-e .']\n"
    made = recipe(tmp_path, {"environment.yml": text, "setup.py": "", "postBuild": "#!/bin/sh\n"})
    lines = made.dockerfile
    assert "FROM mirror.example:5000/library/debian:trixie-slim\n" in lines
    assert "COPY --from=mirror.example:5000/mambaorg/micromamba:" in lines
    wanted = made.files["environment.yml"]
    assert wanted.index("conda-forge") < wanted.index("bioconda") < wanted.index("nodefaults")
    for package in ("python=3.11", "gdal>=3.8", "r-base", "pip", "ipykernel", "jupyterlab", "r-irkernel"):
        assert f'  - "{package}"\n' in wanted
    order = [
        "micromamba create",
        "IRkernel::installspec",
        "pip install --no-cache-dir -r",
        "from/local-0",
        "post_build.sh",
        "COPY start",
    ]
    places = [lines.index(word) for word in order]
    assert places == sorted(places)
    assert "uv venv" not in lines
    assert made.files["requirements.txt"] == "idna\n"
    assert "activate.d" in made.files["start"], "what a conda environment sets is set in every container"
    assert "python3" not in lines[: lines.index("micromamba")].replace("python3\n", ""), "Python comes from conda"


@pytest.mark.parametrize("version", ["2.7", "3.6"])
def test_a_python_that_is_too_old_for_jupyterlab(tmp_path: Path, version: str) -> None:
    """It has its kernel, and JupyterLab an environment of its own that finds it."""
    made = recipe(tmp_path, {"runtime.txt": f"python-{version}", "requirements.txt": "idna"})
    assert f'"python={version}"' in made.files["environment.yml"]
    assert "jupyterlab" not in made.files["environment.yml"]
    assert "-p /opt/jupyter -c conda-forge jupyterlab" in made.dockerfile
    assert "JUPYTER_PATH=/opt/venv/share/jupyter" in made.dockerfile


def test_conda_needs_more_than_the_engines_own_builder(tmp_path: Path) -> None:
    """It is refused there, with what to install."""
    with pytest.raises(Refused, match="BuildKit"):
        recipe(tmp_path, {"environment.yml": "dependencies: [gdal]"}, Dialect.CLASSIC)
    assert "COPY --from" in recipe(tmp_path, {}, Dialect.PODMAN).dockerfile


def test_podman_is_not_asked_for_locks(tmp_path: Path) -> None:
    """Its service keeps them for ever: steps that share a cache wait for each other by a file in it."""
    made = recipe(tmp_path, {"apt.txt": "curl"}, Dialect.PODMAN).dockerfile
    assert "sharing=locked" not in made
    waiting = "exec 9> /var/cache/apt/workbench.lock"
    assert made.count("target=/var/cache/apt ") == made.count(waiting) >= 2
    assert made.index(waiting) < made.index("flock 9") < made.index("apt-get update")
    assert "target=/var/lib/apt/lists,sharing=locked" in recipe(tmp_path, {"apt.txt": "curl"}).dockerfile


@pytest.mark.parametrize(
    ("files", "base"),
    [
        ({"runtime.txt": "python-3.12", "requirements.txt": "idna"}, "library/python:3.12-slim-trixie"),
        ({"environment.yml": "dependencies: [python=3.11]"}, "library/python:3.11-slim-trixie"),
        ({"install.R": "", "runtime.txt": "r-4.3.2-2024-01-10"}, "rocker/r-ver:4.3.2"),
        ({"renv.lock": json.dumps({"R": {"Version": "4.4.1"}, "Packages": {}})}, "rocker/r-ver:4.4.1"),
        ({"install.R": "", "runtime.txt": "r-2025-07-01"}, "library/debian:trixie-slim"),
        ({"requirements.txt": "idna", "runtime.txt": "python-3.13"}, "library/debian:trixie-slim"),
    ],
)  # fmt: skip
def test_what_it_starts_from(tmp_path: Path, files: dict[str, str], base: str) -> None:
    """Debian where that has the version, else the public image of the language."""
    assert f"FROM mirror.example:5000/{base}\n" in recipe(tmp_path, files).dockerfile


def test_r_of_a_day_is_that_of_everybody_in_the_image(tmp_path: Path) -> None:
    """The repository is R's own before `install.R` runs, and no package is taken from Debian instead."""
    files = {"install.R": "install.packages('digest')", "runtime.txt": "r-4.3.2-2024-01-10", "apt.txt": "libsodium-dev"}
    made = recipe(tmp_path, files)
    assert (
        made.files["repository.R"] == 'options(repos = c(CRAN = "https://packagemanager.posit.co/cran/2024-01-10"))\n'
    )
    lines = made.dockerfile
    order = ["libsodium-dev", "Rprofile.site", "IRkernel", "prelude.R /srv/project/install.R"]
    assert [lines.index(word) for word in order] == sorted(lines.index(word) for word in order)
    assert "r-cran-digest" not in lines


SUM = "0" * 32


def test_r_packages_of_a_lock_are_fetched_in_their_versions() -> None:
    """From the repository that is declared, not from Debian, before what the lock lacks; on top of a revision that has
    them nothing is fetched. A compiler comes where something has to be compiled; a ready image keeps what it has."""
    lock = Lock("docker", "linux/amd64", r=(f"dplyr==1.1.4 --hash=md5:{SUM}", "later==1.3-2"))
    r = RPart(packages=("dplyr", "R6"), repository="https://cran.example/")
    declared = EnvironmentSpec("tidy", r=r, ides=(), locked=lock)
    made = render(declared, "0" * 16, dialect=Dialect.BUILDKIT)
    assert made.files["r-locked.txt"] == f"dplyr 1.1.4 md5:{SUM}\nlater 1.3-2 -\n"
    assert made.files["r-locked.R"].startswith('own <- c("https://cran.example/")\n')
    assert '"dplyr" = "1.1.4", "later" = "1.3-2"' in made.files["packages.R"]
    lines = made.dockerfile
    order = ["r-locked.R fetch", "dpkg -s r-base-dev", "Rscript /build/r-locked.R\n", "Rscript /build/packages.R"]
    assert [lines.index(word) for word in order] == sorted(lines.index(word) for word in order)
    step = lines[lines.index("# R packages in exact") : lines.index("# R packages that are")]
    assert "id=netrc" not in step, "R does not read it"
    plain = render(replace(declared, r=replace(r, repository=None)), "0" * 16, dialect=Dialect.BUILDKIT)
    assert 'own <- c("https://cloud.r-project.org")' in plain.files["r-locked.R"]
    assert "apt-cache -q show r-cran-r6 " in plain.dockerfile
    ready = render(
        replace(declared, image="rocker/r-ver:4.5.2", r=RPart(packages=("dplyr",))), "0" * 16, dialect=Dialect.CLASSIC
    )
    assert ready.files["r-locked.R"].startswith("own <- c()\n")
    assert "r-base-dev" not in ready.dockerfile
    footing = Footing("workbench/tidy:1", 1, Addition(r=("R6",)))
    assert "r-locked" not in render(declared, "0" * 16, dialect=Dialect.BUILDKIT, footing=footing).dockerfile


def test_a_lock_of_renv_goes_the_same_way(tmp_path: Path) -> None:
    """Out of the repositories that it names; renv is there only for what is in none, and gets only that."""
    packages = {
        "digest": {"Version": "0.6.37", "Source": "Repository"},
        "odd": {"Version": "1.0", "Source": "Repository"},
    }
    lock = {
        "R": {"Version": "4.5.0", "Repositories": [{"Name": "CRAN", "URL": "https://cran.example"}]},
        "Packages": packages,
    }
    made = recipe(tmp_path, {"renv.lock": json.dumps(lock)})
    assert made.files["r-locked.txt"] == "digest 0.6.37 -\nodd 1.0 -\n"
    assert 'own <- c("https://cran.example")' in made.files["r-locked.R"]
    assert "renv.R" not in made.files
    assert "r-cran-renv" not in made.files["same.sh"]
    packages["mine"] = {"Version": "0.1", "Source": "GitHub"}
    made = recipe(tmp_path, {"renv.lock": json.dumps(lock)})
    assert "mine" not in made.files["r-locked.txt"]
    assert 'lock$Packages[c("mine")]' in made.files["renv.R"]
    assert made.dockerfile.index("r-locked.R fetch") < made.dockerfile.index("renv.R")
    assert "echo r-cran-renv" in made.files["same.sh"]
    assert "id=netrc" not in made.dockerfile[made.dockerfile.index("# R packages in exact") :]


def test_a_dockerfile_keeps_its_lines(tmp_path: Path) -> None:
    """Only names of images change; stages, `scratch`, comments, continued lines and heredocs are as they were."""
    text = (
        "# syntax=docker/dockerfile:1.7\nARG BASE=python:3.12\nARG OPEN\nFROM --platform=$BUILDPLATFORM $BASE AS build\n"
        "# FROM nothing\nRUN <<EOF\nFROM here\nEOF\nFROM ${OPEN}\nFROM build\nFROM scratch\nFROM ghcr.io/x/y:1\n"
        "COPY --from=build /a /a\nCOPY --from=0 /b /b\nCOPY --from=alpine:3 /c /c\nRUN --mount=type=bind,from=busybox,target=/x \\\n"
        "    # between\n    true\n"
    )
    made = recipe(tmp_path, {"Dockerfile": text})
    changed = [new for new, old in zip(made.dockerfile.splitlines(), text.splitlines(), strict=True) if new != old]
    assert changed == [
        "# syntax=mirror.example:5000/docker/dockerfile:1.7",
        "FROM --platform=$BUILDPLATFORM mirror.example:5000/library/python:3.12 AS build",
        "COPY --from=mirror.example:5000/library/alpine:3 /c /c",
        "RUN --mount=type=bind,from=mirror.example:5000/library/busybox,target=/x \\",
    ]
    assert dockerfile.images(text) == ["python:3.12", "ghcr.io/x/y:1", "alpine:3", "busybox"]
    assert dockerfile.images(text, {"BASE": "debian:12", "OPEN": "fedora:42"})[:2] == ["debian:12", "fedora:42"]
    assert made.context
    assert made.files == {}


def test_what_a_dockerfile_copies() -> None:
    """Paths of the context in every form; None where it cannot be told."""
    text = (
        'FROM x\nCOPY --chown=1:1 a b* /d/\nADD ["c d", "/e"]\nADD https://x.example/y /y\nCOPY --from=z /f /f\n'
        "COPY <<EOF /g\ntext\nEOF\nRUN --mount=type=bind,source=h,target=/h --mount=type=cache,target=/i true\n"
    )
    assert dockerfile.sources(text) == ["a", "b*", "c d", "h"]
    assert dockerfile.sources("FROM x\nRUN true\n") == []
    assert dockerfile.sources("FROM x\nCOPY $WHAT /x\n") is None


def test_code_of_a_project_gets_no_password(tmp_path: Path) -> None:
    """Neither the netrc nor an index with a password in its address: only steps that fetch what is declared do."""
    files = {"requirements.txt": "idna\n-e .\n", "setup.py": "", "install.R": "", "postBuild": "#!/bin/sh\n"}
    made = recipe(tmp_path, files)
    steps = {title: step for step in made.dockerfile.split("\n\n") for title in [step.partition("\n")[0]]}
    for title, secret in (
        ("# Python packages", True),
        ("# Packages of the project itself", False),
        ("# The project's own install.R", False),
        ("# The project's own postBuild", False),
    ):
        assert ("id=netrc" in steps[title]) is secret, title
        assert ("id=uv.toml" in steps[title]) is secret, title
        assert "id=ca-bundle" in steps[title]
    index = PackageIndex("https://ann:word@x.example/simple", ("https://token@y.example:8443/s",))
    assert "word" not in index.without_passwords.uv_toml
    assert 'index-url = "https://x.example/simple"' in index.without_passwords.uv_toml
    assert "https://y.example:8443/s" in index.without_passwords.uv_toml


def test_names_that_would_be_more_than_names(tmp_path: Path) -> None:
    """An archive of a project cannot add to a line of the Dockerfile by what it is called."""
    (tmp_path / "a,rw b.whl").write_text("x")
    with pytest.raises(Refused, match="no name of a package archive"):
        recipe(tmp_path, {"Pipfile": "[packages]\nx = {path = 'a,rw b.whl'}\n"})
