"""What images come from is away or full: builds say so, and work again once it is not, with the same supervisor."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from containers import endpoint, make_home
from docker import APIClient
from images.marks import unmark
from images.own_engine import Daemon, own_engine
from images.registry import front, registry, small
from waiting import until
from world import end

from workbench.model.build import ENDED, Build, BuildState
from workbench.services import environments
from workbench.services.bench import Bench
from workbench.services.supervision import control

pytestmark = [pytest.mark.docker, pytest.mark.timeout(300)]
IN_TIME = 30.0  # seconds within which a build shows how it is


def declare(bench: Bench, image: str) -> None:
    """An environment that is that image."""
    (bench.home.environments / "faulty.yaml").write_text(f"engine: docker\nimage: {image}\nides: []\n")


def built(bench: Bench, *, force: bool = False) -> Build:
    """A build of it, once it has ended."""
    number = environments.build(bench, "faulty", force=force)
    assert number is not None
    until(
        lambda: environments.get_build(bench, number).state in ENDED, f"build {number}", seconds=2 * IN_TIME, every=0.1
    )
    return environments.get_build(bench, number)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Bench]:
    """A home with a project."""
    opened = make_home(tmp_path / "home")
    yield opened
    end(opened)
    unmark(opened.home.id)
    opened.close()


def forget(engine: APIClient, *words: str) -> None:
    """Remove images whose names have one of these in them."""
    for image in engine.images():
        names = [*(image["RepoTags"] or ()), *(image["RepoDigests"] or ())]
        if any(word in name for word in words for name in names):
            engine.remove_image(image["Id"], force=True)


def test_a_registry_that_is_gone(home: Bench, tmp_path: Path) -> None:
    """The build fails in the registry's words and says what to do; what was built before stays in use; a layer that stops
    coming is told while it does; once the registry is back all goes on, with the same supervisor."""
    engine = APIClient(base_url=endpoint())
    with registry(tmp_path / "registry") as place, front(place.port) as way:
        place.push(engine, small(engine, "workbench-tests/layer:1"), "gone:1")
        declare(home, f"{way.host}/gone:1")
        place.stop()
        failed = built(home)
        pid = control.status(home).pid
        assert failed.state is BuildState.FAILED
        assert f"{way.host}" in failed.hint
        assert environments.view(home, "faulty").state == "failed"
        place.start()
        assert built(home).state is BuildState.READY
        first = environments.view(home, "faulty").revision
        assert first
        place.push(engine, small(engine, "workbench-tests/layer:1"), "gone:1")
        way.hold.set()
        number = environments.build(home, "faulty", force=True)
        assert number
        until(
            lambda: "nothing came for" in (environments.build_progress(home, "faulty") or failed).__str__(),
            "the silence to be told",
            seconds=IN_TIME,
        )
        way.status = 500
        way.hold.clear()
        environments.cancel_build(home, number)
        until(lambda: environments.get_build(home, number).state in ENDED, "the end", seconds=IN_TIME)
        failed = built(home, force=True)
        assert failed.state is BuildState.FAILED
        assert f"What was built before stays in use: {first.id}." in failed.hint
        now = environments.view(home, "faulty")
        assert (now.state, now.revision and now.revision.id) == ("ready", first.id)
        way.status = 0
        assert built(home, force=True).state is BuildState.READY
        assert control.status(home).pid == pid
        forget(engine, f"{way.host}/gone", "workbench/faulty")
    engine.close()


@pytest.fixture
def tight() -> Iterator[Daemon]:
    """An engine of its own on a disk of 12 MB."""
    with own_engine(disk="12m") as made:
        yield made


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_engines_disk_that_is_full(tight: Daemon, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The build says that the engine's disk is full and how to see what takes it; with room it works, without a restart."""
    engine = APIClient(base_url=endpoint())
    with registry(tmp_path / "registry") as place:
        image = place.push(engine, small(engine, "workbench-tests/layer:1", noise=20_000_000), "large:1")
        engine.close()
        monkeypatch.setenv("DOCKER_HOST", f"unix://{tight.socket}")
        home = make_home(tmp_path / "home")
        try:
            declare(home, image)
            failed = built(home)
            pid = control.status(home).pid
            assert failed.state is BuildState.FAILED
            assert "no space left on device" in failed.reason
            assert "disk" in failed.hint
            subprocess.run(["mount", "-o", "remount,size=16g", tight.data], check=True)
            assert built(home).state is BuildState.READY
            assert control.status(home).pid == pid
        finally:
            end(home)
            home.close()
