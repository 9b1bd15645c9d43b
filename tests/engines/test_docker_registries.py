"""Images and where they come from: logins, moved tags, pull rules, and registries that fail, against a real registry."""

from __future__ import annotations

import json
import os
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from docker import APIClient
from docker.errors import NotFound
from engines.conftest import DOCKER_SETTINGS
from images.registry import PASSWORD, USER, Front, Registry, front, registry, small
from waiting import until

from workbench.engines.base import Cancelled
from workbench.engines.docker.engine import DockerEngine
from workbench.errors import BuildFailed
from workbench.model.build import BuildProgress
from workbench.model.environment import EnvironmentSpec, Pull, Revision
from workbench.paths import Home, open_home

pytestmark = pytest.mark.docker
LOCAL = "workbench-tests/layer"


class Place:
    """A home of its own on the engine: what it builds is removed afterwards."""

    def __init__(self, root: Path) -> None:
        self.home: Home = open_home(root)
        self.engine = DockerEngine(self.home, DOCKER_SETTINGS)
        self.log = root / "build.log"
        self.told: list[BuildProgress] = []
        self.made: list[Revision] = []

    def api(self) -> Any:
        """The low-level client."""
        return self.engine._connection.api()

    def build(self, spec: EnvironmentSpec, *, fresh: bool = False, cancelled: Event | None = None) -> Revision:
        """Build it."""
        revision = self.engine.build(
            spec,
            self.engine.revision_id(spec),
            log=self.log,
            progress=self.told.append,
            cancelled=cancelled or Event(),
            fresh=fresh,
        )
        self.made.append(revision)
        return revision

    def dockerfile(self, spec: EnvironmentSpec, revision: Revision) -> str:
        """What was built."""
        return (self.home.environment_folder(spec.slug) / revision.id / "Dockerfile").read_text()

    def forget(self, image: str) -> None:
        """Take an image of the registries away from the engine."""
        with self.api() as api:
            for entry in api.images(name=image.rpartition(":")[0]):
                for name in [*(entry["RepoTags"] or ()), *(entry["RepoDigests"] or ())]:
                    if name.startswith(image.rpartition(":")[0]) and "<none>" not in name:
                        with suppress(NotFound):
                            api.remove_image(name)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """A home."""
    made = Place(tmp_path / "home")
    yield made
    for revision in made.made:
        made.engine.remove(revision)


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """A registry that lets everybody in."""
    with registry(tmp_path_factory.mktemp("registry") / "open") as made:
        yield made


@pytest.fixture
def pushed(opened: Registry, place: Place) -> Iterator[Callable[[str], str]]:
    """Push an image with a new layer under a name; its full name. Nothing of it stays on the engine."""
    names = []

    def push(name: str) -> str:
        with place.api() as api:
            full = opened.push(client(api), small(client(api), f"{LOCAL}:1"), name)
        names.append(full)
        return full

    yield push
    for full in names:
        place.forget(full)


def client(api: Any) -> APIClient:
    """The client, typed."""
    assert isinstance(api, APIClient)
    return api


# -- what is pulled ----------------------------------------------------------------------------------------------------


def test_a_tag_is_what_it_was_until_somebody_asks(place: Place, pushed: Callable[[str], str], opened: Registry) -> None:
    """The first build pins what the tag named; a moved tag is seen only by `--force`, as a new revision; without the
    registry all goes on but that, which fails in the registry's words and leaves what was built."""
    image = pushed("moving:1")
    spec = EnvironmentSpec("test-moving", image=image)
    first = place.build(spec)
    assert first.base.startswith(f"{image}@sha256:")
    assert first.base.rpartition("@")[2] in place.dockerfile(spec, first)
    bytes_told = [moment for moment in place.told if moment.total >= 1_400_000]
    assert bytes_told
    assert "layers" in bytes_told[-1].text
    pushed("moving:1")
    assert place.engine.revision_id(spec) == first.id
    changed = place.build(replace(spec, env={"FOR": "a change"}))
    assert changed.base == first.base
    moved = place.build(spec, fresh=True)
    assert moved.id != first.id
    assert moved.base != first.base
    assert place.engine.revision_id(spec) == moved.id
    assert place.engine.find(spec, first.id) is not None
    opened.stop()
    try:
        assert place.build(spec) == moved
        assert place.build(replace(spec, env={"FOR": "another change"})).base == moved.base
        with pytest.raises(BuildFailed) as caught:
            place.build(spec, fresh=True)
        assert "connection refused" in caught.value.message
        assert f"{opened.host} cannot be reached" in caught.value.hint
        assert place.engine.find(spec, moved.id) == moved
    finally:
        opened.start()
    assert place.build(spec, fresh=True).id == moved.id


def test_rules_of_pulling_hold(place: Place, pushed: Callable[[str], str]) -> None:
    """`never` takes only what is there; `always` asks at each build and follows the tag; a lost image comes back as it
    was pinned."""
    image = pushed("ruled:1")
    spec = EnvironmentSpec("test-ruled", image=image, pull=Pull.NEVER)
    with pytest.raises(BuildFailed) as caught:
        place.build(spec)
    assert "does not have the image" in caught.value.message
    assert "pull: never" in caught.value.hint
    always = replace(spec, pull=Pull.ALWAYS)
    first = place.build(always)
    assert place.build(spec) == first
    pushed("ruled:1")
    assert place.build(spec) == first
    second = place.build(always)
    assert (second.id, second.base) != (first.id, first.base)
    for revision in (first, second):
        place.engine.remove(revision)
    place.forget(image)
    pushed("ruled:1")
    assert place.build(replace(spec, pull=None)).base == second.base


def test_an_image_of_this_engine_alone_needs_no_registry(place: Place) -> None:
    """What a person has built by hand is in no registry, and is used as it is; `always` says that it is nowhere."""
    with place.api() as api:
        small(client(api), f"{LOCAL}-by-hand:1")
    try:
        spec = EnvironmentSpec("test-by-hand", image=f"{LOCAL}-by-hand:1")
        made = place.build(spec)
        assert place.build(spec, fresh=True).id == made.id
    finally:
        with place.api() as api:
            api.remove_image(f"{LOCAL}-by-hand:1")


# -- logins ------------------------------------------------------------------------------------------------------------


def test_a_private_registry_is_asked_with_the_persons_login(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a login it is said how to log in; Docker's file and its helpers are used; the password is in no log."""
    helper = tmp_path / "bin" / "docker-credential-tests"
    helper.parent.mkdir()
    secret = json.dumps({"Username": USER, "Secret": PASSWORD})
    helper.write_text(f"#!/bin/sh\ncat > {tmp_path}/asked\necho '{secret}'\n")
    helper.chmod(0o755)
    monkeypatch.setenv("PATH", f"{helper.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "config"))
    (tmp_path / "config").mkdir()
    kept = tmp_path / "config" / "config.json"
    with registry(tmp_path / "private", locked=True) as private:
        with place.api() as api:
            image = private.push(client(api), small(client(api), f"{LOCAL}:1"), "private:1")
        spec = EnvironmentSpec("test-private", image=image)
        with pytest.raises(BuildFailed) as caught:
            place.build(spec)
        assert f"docker login {private.host}" in caught.value.hint
        kept.write_text(json.dumps({"credsStore": "no-such-helper-of-ours"}))
        with pytest.raises(BuildFailed) as caught:
            place.build(spec)
        assert "docker-credential-no-such-helper-of-ours, which keeps the logins, is not installed" in caught.value.hint
        kept.write_text(json.dumps({"credHelpers": {private.host: "tests"}}))
        place.build(spec)
        assert (tmp_path / "asked").read_text() == private.host
        place.forget(image)
        login = b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        kept.write_text(json.dumps({"auths": {private.host: {"auth": login}}}))
        place.build(spec, fresh=True)
        place.forget(image)
    said = place.log.read_text() + json.dumps([moment.text for moment in place.told])
    assert PASSWORD not in said
    assert login not in said


# -- registries that fail ----------------------------------------------------------------------------------------------


@pytest.fixture
def failing(opened: Registry) -> Iterator[Front]:
    """A front of the registry."""
    with front(opened.port) as made:
        yield made


@pytest.mark.parametrize(
    ("status", "words", "hint"),
    [
        (401, "unauthorized", "docker login"),
        (404, "manifest unknown", "are its name and tag right"),
        (429, "pull rate limit", "limits pulls"),
        (500, "500", "itself failed"),
    ],
)
def test_refusals_are_said_in_the_registrys_words(
    place: Place, failing: Front, status: int, words: str, hint: str
) -> None:
    """Each with what a person can do about it."""
    failing.status = status
    with pytest.raises(BuildFailed) as caught:
        place.build(EnvironmentSpec("test-refused", image=f"{failing.host}/refused:1"))
    assert words in caught.value.message
    assert hint in caught.value.hint
    assert failing.host in caught.value.hint


def test_a_layer_that_breaks_off_is_tried_again(place: Place, pushed: Callable[[str], str], failing: Front) -> None:
    """The engine goes on where it broke off, after a while that is told."""
    image = f"{failing.host}/broken:1"
    pushed("broken:1")
    failing.cut_after = 400_000
    failing.cuts_left = 1
    made = place.build(EnvironmentSpec("test-broken", image=image))
    assert failing.cuts == 1
    assert any("retrying" in moment.text for moment in place.told)
    assert made.base.startswith(image)
    place.forget(image)


def test_a_pull_that_fails_never_leaves_the_old_image_in_use(
    place: Place, pushed: Callable[[str], str], failing: Front
) -> None:
    """The build has failed, the old revision is as it was and is not taken for the new; the next try works."""
    image = f"{failing.host}/broken:1"
    pushed("broken:1")
    spec = EnvironmentSpec("test-broken", image=image)
    old = place.build(spec)
    pushed("broken:1")
    failing.then, failing.cuts = 404, 1
    with pytest.raises(BuildFailed) as caught:
        place.build(spec, fresh=True)
    assert "unknown blob" in caught.value.message
    assert "only a part of the image" in caught.value.hint
    assert place.engine.revision_id(spec) == old.id
    assert place.engine.find(spec, old.id) == old
    failing.then = 0
    assert place.build(spec, fresh=True).base != old.base
    place.forget(image)


@pytest.mark.soak
def test_a_layer_that_never_comes_whole_fails(place: Place, pushed: Callable[[str], str], failing: Front) -> None:
    """The engine gives up after its tries, and the build says why."""
    image = f"{failing.host}/never:1"
    pushed("never:1")
    failing.cut_after = 1000
    with pytest.raises(BuildFailed) as caught:
        place.build(EnvironmentSpec("test-never", image=image))
    assert "EOF" in caught.value.message
    assert "broke off" in caught.value.hint
    place.forget(image)


def test_a_pull_can_be_cancelled(place: Place, pushed: Callable[[str], str], failing: Front) -> None:
    """Also while the registry says nothing any more."""
    pushed("stuck:1")
    failing.hold.set()
    cancelled = Event()
    ends: list[BaseException] = []

    def build() -> None:
        try:
            place.build(EnvironmentSpec("test-stuck", image=f"{failing.host}/stuck:1"), cancelled=cancelled)
        except Cancelled as end:
            ends.append(end)

    thread = threading.Thread(target=build)
    thread.start()
    until(lambda: any(moment.done for moment in place.told), "the first bytes")
    cancelled.set()
    thread.join(10)
    assert ends
    assert not thread.is_alive()
