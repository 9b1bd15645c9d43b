"""Images that are built on top of the revision before, against a real engine."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from engines.conftest import Bench, ignore
from engines.test_docker import api, run_in

from workbench.engines.base import Cancelled
from workbench.engines.docker import command
from workbench.engines.docker.engine import DockerEngine
from workbench.engines.docker.images import builder
from workbench.engines.docker.images.recipe import Dialect
from workbench.engines.docker.images.recipe.ingredients import MADE_OF, Ingredients
from workbench.errors import BuildFailed
from workbench.model.build import BuildProgress
from workbench.model.environment import EnvironmentSpec, PythonPart, Revision

pytestmark = pytest.mark.docker
Build = Callable[..., Revision]
SPEC = EnvironmentSpec("test-layers", python=PythonPart(packages=("six",)), ides=())


@pytest.fixture
def built(docker_bench: Bench, tmp_path: Path) -> Iterator[Build]:
    """Build an environment, on top of revisions that are given; images are removed after the test."""
    made: list[Revision] = []

    def build(spec: EnvironmentSpec, *before: Revision) -> Revision:
        engine = docker_bench.engine
        number = engine.revision_id(spec)
        log = tmp_path / f"{number}.log"
        made.append(engine.build(spec, number, log=log, progress=ignore, cancelled=Event(), before=before))
        return made[-1]

    yield build
    for revision in reversed(made):
        docker_bench.engine.remove(revision)


def image(bench: Bench, revision: Revision) -> Any:
    """What the engine knows of the image."""
    with api(bench) as engine:
        return engine.inspect_image(revision.reference)


def additions(bench: Bench, revision: Revision) -> int:
    """How many layers of additions the image has by its label."""
    read = Ingredients.read(image(bench, revision)["Config"]["Labels"][MADE_OF])
    assert read
    return read.layers


def more(spec: EnvironmentSpec, *lines: str) -> EnvironmentSpec:
    """The declaration with more Python packages."""
    assert spec.python
    return replace(spec, python=replace(spec.python, packages=(*spec.python.packages, *lines)))


def test_what_is_only_more_is_a_layer_more(docker_bench: Bench, built: Build) -> None:
    """A package that is added lies on top of the revision before, and gives what a whole build of those versions gives."""
    first = built(SPEC)
    second = built(replace(more(SPEC, "iniconfig"), apt=("tree",)), first)
    layers = [image(docker_bench, revision)["RootFS"]["Layers"] for revision in (first, second)]
    assert layers[1][: len(layers[0])] == layers[0]
    assert set(first.packages) < set(second.packages)
    assert (additions(docker_bench, first), additions(docker_bench, second)) == (0, 1)
    assert second.kernels == first.kernels
    assert (
        run_in(
            replace(docker_bench, revision=second), ["sh", "-c", "ls /build; command -v uv; tree --version | cut -c1-4"]
        )
        == "tree\n"
    )
    pins = tuple(line for line in second.packages if ":" not in line)
    whole = built(replace(SPEC, name="test-layers-whole", python=PythonPart(packages=pins), apt=("tree",)))
    assert additions(docker_bench, whole) == 0
    assert whole.packages == second.packages


def test_what_has_to_move_is_built_whole(docker_bench: Bench, built: Build) -> None:
    """A wish that does not go with a version of before, and one that is gone, give a whole image; the rest stays as it was."""
    first = built(more(SPEC, "iniconfig<2", "pluggy"))
    moved = built(more(SPEC, "iniconfig<2", "pluggy", "six<1.16"), first)
    assert additions(docker_bench, moved) == 0
    assert [line for line in moved.packages if line.startswith("six==")] == ["six==1.15.0"]
    fewer = built(more(SPEC, "iniconfig"), first)
    assert additions(docker_bench, fewer) == 0
    assert next(line for line in first.packages if line.startswith("iniconfig==")) in fewer.packages
    assert not any(line.startswith("pluggy==") for line in fewer.packages)


def test_the_engines_own_builder_makes_the_same(
    docker_bench: Bench, built: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without BuildKit the image is built in stages, and leaves as little behind; what is new is copied alone."""
    monkeypatch.setattr(command, "for_builds", lambda *_: None)
    assert isinstance(docker_bench.engine, DockerEngine)
    assert builder.dialect(docker_bench.engine._connection) is not Dialect.BUILDKIT
    spec = replace(SPEC, name="test-classic")
    first = built(spec)
    assert [kernel.name for kernel in first.kernels] == ["python3"]
    assert any(name.startswith("six==") for name in first.packages)
    second = built(more(spec, "iniconfig"), first)
    assert additions(docker_bench, second) == 1
    with api(docker_bench) as engine:
        grown = sum(entry["Size"] for entry in engine.history(second.reference)) - (first.size or 0)
    assert 0 < grown < 300_000
    bench = replace(docker_bench, revision=second)
    code = "import iniconfig; print(iniconfig.__cached__)"
    said = run_in(bench, ["sh", "-c", f"ls /build /etc/uv 2>/dev/null; command -v uv; ls $(python -c '{code}')"])
    assert said.endswith(".pyc\n")
    assert len(said.split()) == 1
    with pytest.raises(BuildFailed) as caught:
        built(more(spec, "no-such-package-of-ours-0"), first)
    assert "no-such-package-of-ours-0" in caught.value.message


def test_a_label_tells_no_line_of_the_declaration(docker_bench: Bench, built: Build) -> None:
    """Requirements may name addresses with a password: what others can read of an image has digests of them alone."""
    first = built(SPEC)
    spec = more(
        SPEC,
        "iniconfig @ https://ann:hunter2@files.pythonhosted.org/packages/cb/b1/3846dd7f199d53cb17f49cba7e651e9ce294d8497c8c150530ed11865bb8/iniconfig-2.3.0-py3-none-any.whl",
    )
    second = built(spec, first)
    with api(docker_bench) as engine:
        told = json.dumps([engine.inspect_image(second.reference), engine.history(second.reference)])
    assert "hunter2" not in told
    assert "iniconfig" not in told.replace(second.reference, "")
    assert "iniconfig==2.3.0" in second.packages


def test_the_engines_own_builder_is_cancelled(
    docker_bench: Bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A build without BuildKit ends when it is cancelled; nothing that could be taken for the image is left."""
    monkeypatch.setattr(command, "for_builds", lambda *_: None)
    cancelled = Event()
    spec = EnvironmentSpec("test-classic-cancelled", apt=(f"tree={secrets.randbelow(10**9)}",), ides=())
    engine = docker_bench.engine

    def tell(moment: BuildProgress) -> None:
        if moment.step > 1:
            cancelled.set()

    with pytest.raises(Cancelled):
        engine.build(spec, engine.revision_id(spec), log=tmp_path / "log", progress=tell, cancelled=cancelled)
    assert engine.find(spec, engine.revision_id(spec)) is None
