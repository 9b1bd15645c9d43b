"""What images take on the disk, and their removal: what is said to go goes, and nothing that another home has."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from engines.conftest import DOCKER_SETTINGS, Bench, ignore

from workbench.engines.docker.engine import DockerEngine
from workbench.engines.docker.images.built import FIRST, mark
from workbench.engines.docker.images.stock import layers
from workbench.errors import Conflict
from workbench.model.environment import EnvironmentSpec, PythonPart, Revision
from workbench.model.stock import Holding
from workbench.paths import open_home

pytestmark = pytest.mark.docker


class House:
    """A home of its own with an engine."""

    def __init__(self, root: Path) -> None:
        self.home = open_home(root)
        self.engine = DockerEngine(self.home, DOCKER_SETTINGS)
        self.made: list[Revision] = []

    def build(self, spec: EnvironmentSpec, *, fresh: bool = False) -> Revision:
        """Build it, or find it."""
        self.made.append(
            self.engine.build(
                spec,
                self.engine.revision_id(spec),
                log=self.home.root / "log",
                progress=ignore,
                cancelled=Event(),
                fresh=fresh,
            )
        )
        return self.made[-1]

    def holding(self, revision: Revision) -> Holding:
        """What is held of a revision."""
        return next(one for one in self.engine.stock(self.made).holdings if one.id == revision.digest)

    def api(self) -> Any:
        """The low-level client."""
        return self.engine._connection.api()

    def cached(self, size: int) -> list[Any]:
        """Records of that size in the build cache."""
        with self.api() as api:
            return [one for one in api.df()["BuildCache"] or () if one["Size"] == size]


@pytest.fixture
def houses(tmp_path: Path) -> Iterator[tuple[House, House]]:
    """Two homes on one engine."""
    both = (House(tmp_path / "one"), House(tmp_path / "two"))
    yield both
    for house in both:
        for revision in house.made:
            house.engine.remove(revision)


def added(docker_bench: Bench, package: str) -> EnvironmentSpec:
    """An environment with a layer of its own on top of a large one that it shares; no other test has it."""
    return EnvironmentSpec(
        f"test-disk-{package}",
        image=docker_bench.revision.reference,
        python=PythonPart(packages=(package,)),
        env={"FOR": docker_bench.folder.name, "AT": str(time.time_ns())},
        ides=(),
    )


def test_a_home_takes_away_what_is_its_own(docker_bench: Bench, houses: tuple[House, House]) -> None:
    """Two homes have an image: it stays until the second lets go of it, then it is gone with what the builder kept of
    its own layers; the layers it shared stay. The bytes are those of the layers that nothing else has."""
    one, two = houses
    spec = added(docker_bench, "iniconfig")
    made = one.build(spec)
    assert two.build(replace(spec, name="found-it")).digest == made.digest
    mine, theirs = one.holding(made), two.holding(made)
    assert mine.shared == "another home uses it"
    assert theirs.shared == "another home has built it"
    assert mine.size > 100_000_000
    assert two.engine.stock(two.made).freed([theirs]) == 0
    one.engine.discard(mine)
    with one.api() as api:
        names = api.inspect_image(made.digest)["RepoTags"]
    assert names == [mark(two.home.id, made.id)]
    assert one.engine.stock(one.made).holdings == ()
    found = two.engine.find(spec, made.id)
    assert found is not None
    assert found.digest == made.digest
    last = two.holding(made)
    assert last.shared == ""
    stock = two.engine.stock(two.made)
    own = stock.freed([last])
    shared = {key for key, _ in last.pieces} & stock.others
    assert own == sum(size for key, size in last.pieces if key not in shared)
    assert 0 < own < 5_000_000
    layer = next(size for key, size in last.pieces if key not in shared and size)
    kept_by_the_builder = len(two.cached(layer))
    two.engine.discard(last)
    assert two.engine.find(spec, made.id) is None
    assert docker_bench.engine.find(docker_bench.spec, docker_bench.revision.id) is not None
    assert len(two.cached(layer)) <= max(0, kept_by_the_builder - 1)


def test_what_two_images_share_goes_with_the_last_of_them(docker_bench: Bench, houses: tuple[House, House]) -> None:
    """Together they free more than each alone."""
    one, _ = houses
    first = one.build(added(docker_bench, "iniconfig"))
    second = one.build(added(docker_bench, "iniconfig"))
    held = [one.holding(first), one.holding(second)]
    assert held[0].pieces == held[1].pieces
    stock = one.engine.stock(one.made)
    assert stock.freed(held[:1]) == 0
    assert 0 < stock.freed(held) < 5_000_000


def test_what_is_used_is_not_taken_away(docker_bench: Bench, houses: tuple[House, House]) -> None:
    """A container of it, whoever made it, keeps an image; a mark of ours alone can be taken at any time by `remove`."""
    one, _ = houses
    spec = added(docker_bench, "iniconfig")
    made = one.build(spec)
    with one.api() as api:
        other = api.create_container(made.digest, name=f"workbench-tests-{made.id}")["Id"]
        try:
            holding = one.holding(made)
            assert holding.users == (f"container workbench-tests-{made.id}",)
            with pytest.raises(Conflict):
                one.engine.discard(holding)
            api.remove_container(other)
            api.tag(made.digest, "workbench-tests/mine", made.id)
            assert one.holding(made).users == (f"its name workbench-tests/mine:{made.id}",)
            with pytest.raises(Conflict):
                one.engine.discard(holding)
            assert one.engine.find(spec, made.id) is not None
        finally:
            api.remove_image(f"workbench-tests/mine:{made.id}")


def test_a_colleague_who_builds_anew_leaves_mine(docker_bench: Bench, houses: tuple[House, House]) -> None:
    """A forced build takes the first name; the image that another home has built stays for that home, by its digest."""
    one, two = houses
    spec = added(docker_bench, "iniconfig")
    made = one.build(spec)
    two.build(spec)
    anew = two.build(spec, fresh=True)
    with one.api() as api:
        assert api.inspect_image(made.digest)["RepoTags"] == [mark(one.home.id, made.id)]
        assert f"{FIRST}{spec.slug}:{made.id}" in api.inspect_image(anew.digest)["RepoTags"]
    assert one.holding(made).shared == ""
    assert two.holding(anew).shared == ""


def test_layers_are_told_from_lines_without_one() -> None:
    """A history has lines that make no layer, and a layer may be empty: bytes still stand at the right layer."""
    history = [
        {"Size": 0, "CreatedBy": "LABEL a=b"},
        {"Size": 7, "CreatedBy": "RUN /bin/sh -c b"},
        {"Size": 0, "CreatedBy": "WORKDIR /x"},
        {"Size": 0, "CreatedBy": '/bin/sh -c #(nop)  CMD ["sh"]'},
        {"Size": 5, "CreatedBy": "ADD file:1 in /"},
    ]
    seen = {"RootFS": {"Layers": ["sha256:1", "sha256:2", "sha256:3"]}}
    found = layers(seen, history)
    assert [size for _, size in found] == [5, 0, 7]
    other = layers({"RootFS": {"Layers": ["sha256:1", "sha256:3"]}}, [history[1], history[4]])
    assert [size for _, size in other] == [5, 7]
    assert found[0] == other[0]
    assert found[2][0] != other[1][0]
