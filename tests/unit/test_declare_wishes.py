"""What an environment may ask for beside its packages: files it names, sizes, secrets, a network, a kernel, a day of CRAN."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import pytest

from workbench import conda
from workbench.declare import Reading, Shelf, load_environment, load_project, load_settings
from workbench.model.environment import EnvironmentSpec, Limits, Pull
from workbench.model.sizes import Machine, shipped

GB = 1024**3
MACHINE = Machine(cpus=8, memory=16 * GB)


def environment(text: str, shelf: Shelf | None = None, **sizes: Limits) -> Reading[EnvironmentSpec]:
    """An environment out of text, on a machine of 8 cores and 16 GB."""
    return load_environment(text, name="x", shelf=shelf, machine=MACHINE, sizes=sizes)


def said(reading: Reading[EnvironmentSpec]) -> str:
    """All problems, a line each."""
    return "\n".join(str(problem) for problem in reading.problems)


def test_wishes_arrive_in_the_spec() -> None:
    """Each key with its type; what is not said has its default."""
    spec = environment(
        """\
image: rocker/r-ver:4.5.2
pull: always
conda: {packages: ["gdal>=3.8", "conda-forge::proj"], channels: [conda-forge]}
r: {repository: 2026-03-01}
secrets: [PGPASSWORD, API_KEY]
limits: {gpus: all, pids: 100}
network: false
kernel: {name: ir, preload: [numpy, matplotlib.pyplot]}
"""
    ).get()
    assert spec.pull is Pull.ALWAYS
    assert spec.conda
    assert (spec.conda.packages, spec.conda.channels) == (("gdal>=3.8", "conda-forge::proj"), ("conda-forge",))
    assert spec.r
    assert spec.r.repository == "https://packagemanager.posit.co/cran/2026-03-01"
    assert spec.secrets == ("PGPASSWORD", "API_KEY")
    assert (spec.limits.gpus, spec.network) == ("all", False)
    assert (spec.kernel.name, spec.kernel.preload) == ("ir", ("numpy", "matplotlib.pyplot"))
    bare = environment("title: x\n").get()
    assert (bare.pulls("missing"), bare.pulls("never")) == (Pull.MISSING, Pull.NEVER)
    assert (bare.network, bare.limits, bare.kernel.name) == (True, Limits(), None)


def test_registries_are_names_without_a_scheme() -> None:
    """A whole registry or the beginning of a name stands for another; an address as a browser has it is corrected."""
    said = "registries: {docker.io: r.example:5000, docker.io/rocker: r.example/r}\npull: never\n"
    settings = load_settings(said).get()
    assert settings.registries == {"docker.io": "r.example:5000", "docker.io/rocker": "r.example/r"}
    assert settings.pull == "never"
    wrong = load_settings("registries: {docker.io: 'https://r.example:5000'}\n")
    assert "without its scheme: r.example:5000" in "\n".join(str(problem) for problem in wrong.problems)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("limits: {gpus: -1}", "expected a number of graphics processors"),
        ("limits: {gpus: 1.5}", "expected a number of graphics processors"),
        ("size: smal", "no size named 'smal': did you mean 'small'?"),
        ("size: vast", "there are: small, medium, large"),
        ("secrets: [A-B]", "is no name of a variable"),
        ("secrets: [WORKBENCH_X]", "cannot be the name of a secret"),
        ("secrets: [A]\nenv: {A: x}", "A is in `secrets:` too"),
        ("network: no", "expected true or false"),
        ("pull: sometimes", "expected one of always, missing, never"),
        ("kernel: a/b", "is no name of a kernel"),
        ("kernel: {preload: ['import os']}", "no name of a Python module"),
        ("kernel: {preload: [class]}", "no name of a Python module"),
        ("conda: {packages: ['a b c;']}", "is no conda package"),
        ("conda: {channels: ['a b']}", "is no conda channel"),
        ("conda: {pip: [x]}", "write python: {packages:"),
        ("r: {repository: 2026-02-30}", "'2026-02-30' is no day"),
        ("r: {repository: 2001-01-01}", "CRAN of 2001-01-01 is not kept"),
        ("post_build: missing.sh", "missing.sh: cannot be read"),
        ("python: {lock: missing.lock}", "missing.lock: cannot be read: no such file"),
        ("dockerfile: Nowhere", "Nowhere: cannot be read"),
        ("engine: process\nnetwork: false", "engine process has no containers: network cannot be given"),
        ("engine: process\nconda: {packages: [x]}", "engine process has no containers: conda cannot be given"),
        ("use: /usr/bin/python3\npull: never", "pull cannot be given"),
        ("gpu: 1", "write limits: {gpus: 1}"),
    ],
)
def test_wishes_that_cannot_be_are_refused(text: str, expected: str) -> None:
    """Each with what was expected instead."""
    assert expected in said(environment(text + "\n"))


def test_files_are_taken_by_their_content(tmp_path: Path) -> None:
    """Scripts, lock files and a Dockerfile are named relative to the declaration; other content is another shape."""
    for name in ("postBuild", "start", "uv.lock", "renv.lock"):
        (tmp_path / name).write_text(f"content of {name}\n")
    path = tmp_path / "x.yaml"
    path.write_text("post_build: postBuild\nstart: start\npython: {lock: uv.lock}\nr: {lock: renv.lock}\n")
    spec = load_environment(path).get()
    assert spec.python
    assert spec.python.lock
    assert spec.python.lock.path == tmp_path / "uv.lock"
    assert spec.python.lock.sha256 == hashlib.sha256(b"content of uv.lock\n").hexdigest()
    for name in ("postBuild", "start", "uv.lock", "renv.lock"):
        before = load_environment(path).get().fingerprint
        (tmp_path / name).write_text("other\n")
        assert load_environment(path).get().fingerprint != before


def test_a_dockerfile_brings_everything(tmp_path: Path) -> None:
    """Its context is its folder unless another is named; packages beside it are refused, also where they come by extends."""
    (tmp_path / "docker").mkdir()
    (tmp_path / "docker" / "Dockerfile").write_text("FROM debian\n")
    path = tmp_path / "x.yaml"
    path.write_text("dockerfile: docker/Dockerfile\n")
    spec = load_environment(path).get()
    assert spec.dockerfile
    assert (spec.dockerfile.context, spec.python) == (tmp_path / "docker", None)
    path.write_text("dockerfile: {file: docker/Dockerfile, context: ., target: run, args: {V: 1.10}}\n")
    spec = load_environment(path).get()
    assert spec.dockerfile
    assert (spec.dockerfile.context, spec.dockerfile.target) == (tmp_path, "run")
    assert spec.dockerfile.args == {"V": "1.10"}
    path.write_text("dockerfile: docker/Dockerfile\napt: [libpq5]\n")
    assert "apt cannot be given: write it into Dockerfile" in said(load_environment(path))
    path.write_text("dockerfile: docker/Dockerfile\nimage: debian:13\n")
    assert "both say what the image is" in said(load_environment(path))
    path.write_text("dockerfile: {file: docker/Dockerfile, context: elsewhere}\n")
    assert "elsewhere is no folder" in said(load_environment(path))


def test_a_projects_declaration_names_nothing_outside_of_it(tmp_path: Path) -> None:
    """Neither by `..` nor by a link."""
    project = tmp_path / "project"
    project.mkdir()
    (tmp_path / "secret").write_text("x\n")
    (project / "link").symlink_to(tmp_path / "secret")
    path = project / "environment.yaml"
    for name in ("../secret", "link", str(tmp_path / "secret")):
        path.write_text(f"post_build: {name}\n")
        assert "leads out of the project" in said(load_environment(path, name="p/e", inside=project))
    (project / "Dockerfile").write_text("FROM debian\n")
    path.write_text("dockerfile: {file: Dockerfile, context: ..}\n")
    assert "leads out of the project" in said(load_environment(path, name="p/e", inside=project))


def test_a_size_is_its_limits(tmp_path: Path) -> None:
    """Shipped sizes are parts of the machine; a home's own win; limits beside a size win over it, and a size over limits
    that come by extends."""
    assert environment("size: small\n").get().limits == Limits(cpus=1, memory=2 * GB)
    assert environment("size: large\n").get().limits == Limits(cpus=4, memory=8 * GB)
    assert environment("size: small\n", small=Limits(cpus=0.5)).get().limits == Limits(cpus=0.5)
    both = environment("size: medium\nlimits: {cpus: 8, gpus: 1}\n").get()
    assert both.limits == Limits(cpus=8, memory=4 * GB, gpus=1)
    (tmp_path / "base.yaml").write_text("limits: {memory: 1G, pids: 64}\n")
    over = environment("extends: base\nsize: large\n", Shelf((tmp_path,))).get()
    assert over.limits == Limits(cpus=4, memory=8 * GB, pids=64)


def test_sizes_of_a_home_are_in_its_settings() -> None:
    """With the rules of limits; a wrong one takes the others not away with it."""
    sizes = load_settings("sizes: {tiny: {cpus: 0.5, memory: 512M}, many: {pids: 100}}\n").get().sizes
    assert sizes == {"tiny": Limits(cpus=0.5, memory=512 * 1024**2), "many": Limits(pids=100)}
    reading = load_settings("concurrency: 3\nsizes: {tiny: {memroy: 1G}}\n")
    assert "did you mean 'memory'?" in str(reading.problems[0])
    assert reading.value
    assert (reading.value.concurrency, reading.value.sizes) == (3, {})


def test_all_of_the_machine_has_to_be_said() -> None:
    """`all` is what the machine has; the shipped sizes are never all of it, however small it is, but for its one core."""
    assert environment("limits: {cpus: all, memory: all}\n").get().limits == Limits(cpus=8, memory=16 * GB)
    for cpus in (2, 4, 64):
        for memory in (GB, 2 * GB, 512 * GB):
            for limits in shipped(Machine(cpus, memory)).values():
                assert limits.cpus
                assert limits.memory
                assert limits.cpus < cpus
                assert limits.memory < memory


def test_new_keys_leave_what_is_built_as_it_is() -> None:
    """What says none of them has the shape it had; limits, secrets and the network are in no shape."""
    plain = environment("python: {packages: [pandas]}\n").get()
    assert set(plain.shape) == {"engine", "image", "use", "python", "r", "apt", "env", "ides"}
    assert set(plain.shape["python"]) == {"version", "packages", "index"}
    wishes = "secrets: [A]\nsize: small\nnetwork: false\nkernel: ir\npull: never\n"
    assert environment(f"python: {{packages: [pandas]}}\n{wishes}").get().fingerprint == plain.fingerprint


def test_preloading_is_taken_as_it_is() -> None:
    """Warm kernels use it: there is nothing to say of it."""
    reading = environment("kernel: {preload: [numpy]}\n")
    assert not reading.notices
    assert reading.get().kernel.preload == ("numpy",)


def test_an_existing_environment_may_be_its_folder(tmp_path: Path) -> None:
    """A venv's folder, a Python, or conda's name; a folder without a Python is refused."""
    (tmp_path / "bin").mkdir()
    assert "is no Python that can be run" in said(environment(f"use: {tmp_path}\n"))
    (tmp_path / "bin" / "python").symlink_to("/bin/sh")
    assert environment(f"use: {tmp_path}\n").get().use == str(tmp_path)
    assert environment("use: conda:base\n").get().use == "conda:base"


def test_a_project_may_ask_to_be_kept_warm(tmp_path: Path) -> None:
    """`warm: true` arrives in the project."""
    (tmp_path / "project.yaml").write_text("warm: true\n")
    assert load_project(tmp_path, name="p").get().warm
    (tmp_path / "project.yaml").write_text("description: x\n")
    assert not load_project(tmp_path, name="p").get().warm


def test_a_secret_that_is_named_twice_is_one() -> None:
    """It is given once, and what is wrong with it is told once."""
    assert environment("secrets: [A, B, A]\n").get().secrets == ("A", "B")
    assert said(environment("secrets: [A, A]\nenv: {A: x}\n")).count("is in `secrets:` too") == 1


def test_an_unknown_conda_environment_is_told_before_the_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With those that conda's folders show; conda itself, which may know more, is not asked."""
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    monkeypatch.setattr(conda, "USUAL", ("miniforge3",))
    sales = tmp_path / "miniforge3" / "envs" / "sales"
    (sales / "conda-meta").mkdir(parents=True)
    (sales / "bin").mkdir()
    (sales / "bin" / "python").symlink_to(sys.executable)
    assert environment("use: conda:sales\n").notices == ()
    (told,) = environment("use: conda:sale\n").notices
    assert "conda environment sale is in none of conda's folders" in told.message
    assert "there are sales" in told.hint
