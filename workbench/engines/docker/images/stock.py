"""What a home's images take on the engine's disk, and their removal: layer by layer, and only what is ours.

An image is a home's where that home has built it (its label says so, and it has its first name) or has found it and put
its mark on it (a name with the home's id). The engine keeps an image while it has a name, so taking ours away takes
nothing from another home.
"""

from __future__ import annotations

import hashlib
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from docker import APIClient
from docker.errors import DockerException

from workbench import homes
from workbench.engines.base import LABEL
from workbench.engines.docker.connection import Connection, NoSuchThing
from workbench.engines.docker.images.built import FIRST, Images, mark, marks, names
from workbench.errors import Conflict, WorkbenchError
from workbench.model.environment import EngineName, Revision
from workbench.model.stock import Holding, Stock
from workbench.text import one_line

SLOW = 600.0  # seconds that the engine may take to measure itself
_CHANGES = ("RUN ", "COPY ", "ADD ", "WORKDIR ", "/bin/sh -c ")  # how lines of a history begin that make a layer
_NOT = "/bin/sh -c #(nop) "


def stock(connection: Connection, home: str, known: Sequence[Revision]) -> Stock:
    """Everything of `home`; `known` are the revisions it has written down."""
    digests = {revision.digest for revision in known if revision.digest}
    holdings: list[Holding] = []
    others: set[str] = set()
    with connection.api(timeout=SLOW) as api:
        users = _users(api)
        for entry in api.images():
            try:
                seen: dict[str, Any] = api.inspect_image(entry["Id"])  # type: ignore[no-untyped-call]
                history = api.history(entry["Id"])  # type: ignore[no-untyped-call]
            except NoSuchThing:
                continue
            pieces = layers(seen, history)
            mine = _mine(seen, history, home, digests)
            if not mine:
                others.update(key for key, _ in pieces)
                continue
            holdings.append(_holding(seen, pieces, home, users.get(str(seen["Id"]), ())))
        cache = sum(int(record.get("Size") or 0) for record in _cache(api).values())
        root = str(api.info().get("DockerRootDir") or "/")
    return Stock(EngineName.DOCKER, tuple(holdings), frozenset(others), cache, _free(root))


def discard(connection: Connection, images: Images, holding: Holding, home: str, *, shared: bool) -> None:
    """Take the home's names of an image away, and with the last of them the image and what the builder kept of it alone;
    with `shared` the names of other homes too. Raises `Conflict` where something uses it."""
    image = images.get(holding.id)
    if image is None:
        return
    with connection.api(timeout=SLOW) as api:
        users = [*_users(api).get(holding.id, ()), *(tag for tag in image.tags if not tag.startswith(FIRST))]
        if users:
            raise Conflict(f"{holding.reference} is used by {', '.join(users)}")
        going = [tag for tag in image.tags if tag.startswith(FIRST)]
        if not shared:
            first = image.builder == home
            going = [
                tag for tag in going if tag == mark(home, holding.revision) or (first and not tag.startswith(marks()))
            ]
        before = _cache(api)
        for name in going or ([holding.id] if not image.tags else []):
            with suppress(NoSuchThing):
                api.remove_image(name)
        if images.get(holding.id) is None:
            _forget_cache(api, before, [size for _, size in holding.pieces])


def layers(seen: Mapping[str, Any], history: Sequence[Mapping[str, Any]]) -> tuple[tuple[str, int], ...]:
    """An image's layers, lowest first: a key that images share where they share the layer and all below, and its bytes.

    The history has lines without a layer too, and does not say which.
    """
    chain = [str(digest) for digest in (seen.get("RootFS") or {}).get("Layers") or ()]
    lines = [(int(line.get("Size") or 0), str(line.get("CreatedBy") or "")) for line in reversed(history)]
    sizes = [size for size, _ in lines if size]
    if len(sizes) != len(chain):
        sizes = [size for size, by in lines if size or (by.startswith(_CHANGES) and not by.startswith(_NOT))]
    sizes = [*sizes, *[0] * len(chain)][: len(chain)]
    keys, key = [], ""
    for digest in chain:
        key = hashlib.sha256(f"{key} {digest}".encode()).hexdigest()[:32]
        keys.append(key)
    return tuple(zip(keys, sizes, strict=True))


def _mine(seen: Mapping[str, Any], history: Sequence[Mapping[str, Any]], home: str, known: set[str]) -> bool:
    tags = names(seen.get("RepoTags"))
    builder = str(((seen.get("Config") or {}).get("Labels") or {}).get(f"{LABEL}builder") or "")
    if any(tag.startswith(mark(home, "")) for tag in tags):
        return True
    if not builder and seen["Id"] in known:  # of an older version, which named no builder
        return any(tag.startswith(FIRST) for tag in tags)
    if builder != home:
        return False
    if not tags:  # what others make of our images inherits the label, but not this last line
        return bool(history) and f"{LABEL}builder=" in str(history[0].get("CreatedBy") or "")
    return any(tag.startswith(FIRST) and not tag.startswith(marks()) for tag in tags)


def _holding(
    seen: Mapping[str, Any], pieces: tuple[tuple[str, int], ...], home: str, users: tuple[str, ...]
) -> Holding:
    labels = (seen.get("Config") or {}).get("Labels") or {}
    tags = names(seen.get("RepoTags"))
    own = [tag for tag in tags if tag.startswith(mark(home, ""))]
    builder = str(labels.get(f"{LABEL}builder") or "")
    first = [tag for tag in tags if tag.startswith(FIRST) and not tag.startswith(marks())]
    named = tuple(f"its name {one_line(tag, 80)}" for tag in tags if not tag.startswith(FIRST))
    why = ""
    others = [tag for tag in tags if tag.startswith(marks()) and tag not in own]
    if others:
        why = whose(others)
    elif first and builder != home:
        why = "another home has built it" if builder else "it is of an older version, which left no marks"
    revision = str(labels.get(f"{LABEL}revision") or "")
    return Holding(
        engine=EngineName.DOCKER,
        id=str(seen["Id"]),
        reference=next(iter([*first, *own]), str(seen["Id"])[7:19]),
        revision=revision,
        environment=str(labels.get(f"{LABEL}environment") or ""),
        pieces=pieces,
        created=_moment(str(seen.get("Created") or "")),
        users=(*users, *named),
        shared=why,
        whole=bool(first or own),
    )


def whose(tags: Sequence[str]) -> str:
    """Whose marks these are: a home of this account that is gone leaves its marks behind."""
    known = homes.known()
    roots = [known.get(tag.removeprefix(marks()).partition(":")[0]) for tag in tags]
    gone = [root for root in roots if root and not homes.is_there(root)]
    if len(gone) < len(tags):
        return "another home uses it"
    return f"home {one_line(str(gone[0]), 120)} used it, which is gone: workbench prune --shared"


def _users(api: APIClient) -> dict[str, tuple[str, ...]]:
    """Containers by the image they are made of, whoever made them and whatever their state."""
    found: dict[str, tuple[str, ...]] = {}
    for entry in api.containers(all=True):
        name = one_line(str(next(iter(entry.get("Names") or ()), entry["Id"][:12])).lstrip("/"), 80)
        image = str(entry.get("ImageID") or "")
        found[image] = (*found.get(image, ()), f"container {name}")
    return found


def _cache(api: APIClient) -> dict[str, Mapping[str, Any]]:
    """The records of the engine's build cache, by id; none where it has none of its own."""
    try:
        return {str(record["ID"]): record for record in api.df().get("BuildCache") or ()}
    except DockerException:
        return {}


def _forget_cache(api: APIClient, before: Mapping[str, Mapping[str, Any]], sizes: Sequence[int]) -> None:
    """Remove what the builder kept of layers that only went out of use now: they would stay on the disk in its cache.

    Such a record was shared with an image before and is not any more, and is as large as one of the layers.
    """
    left = Counter(sizes)
    going = []
    for key, record in _cache(api).items():
        old, size = before.get(key), int(record.get("Size") or 0)
        if old and old.get("Shared") and not record.get("Shared") and not record.get("InUse") and left[size]:
            left[size] -= 1
            going.append(key)
    for _ in range(len(going)):  # one that another was built on goes after that
        again = []
        for key in going:
            try:
                only: Any = {"id": [key]}
                done = api.prune_builds(filters=only, all=True).get("CachesDeleted")
            except (DockerException, WorkbenchError):
                return
            again += [] if done else [key]
        if len(again) == len(going):
            return
        going = again


def _free(root: str) -> int | None:
    try:
        return shutil.disk_usage(root if Path(root).exists() else "/").free
    except OSError:
        return None


def _moment(text: str) -> float:
    try:
        return datetime.fromisoformat(text.replace("Z", "+00:00")[:19] + "+00:00").timestamp()
    except ValueError:
        return 0.0
