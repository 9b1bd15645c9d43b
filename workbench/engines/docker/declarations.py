"""What declares a project, as its containers see it: to be read, and neither changed, replaced nor made there."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from docker.types import Mount as Bind

from workbench.engines.docker.account import Account
from workbench.errors import Refused
from workbench.model.project import DECLARING

# `warm: false` is what holds without the file too: a declaration may not be empty.
_NOTHING = """\
# Nothing else is declared yet. This file is here because code in containers may not make it: it would declare
# for itself what it is shown and where it runs.
warm: false
"""


def held(project: Path, declared: Sequence[Path], who: Account) -> list[Bind]:
    """Binds over the project: places that are not there are made first, and folders on the way cannot be moved away."""
    binds: dict[str, Bind] = {}
    for bind in (bind for place in declared for bind in _held(project, place, who)):
        binds.setdefault(bind["Target"], bind)  # a folder may be on the way to several, or be held itself
    return list(binds.values())


def _held(project: Path, place: Path, who: Account) -> Iterator[Bind]:
    folders = list(reversed([one for one in place.parents if one != project and one.is_relative_to(project)]))
    for one in (*folders, place):
        if one.is_symlink():
            # Nothing can be put over a link: it would be replaced inside, by a file or a link to another place.
            raise Refused(
                f"{one.relative_to(project)} is a link: code in a container could put another in its place",
                hint="Put the file or folder itself there.",
            )
    if not place.exists() and not _made(place, who):
        return
    for folder in folders:
        yield Bind(target=str(folder), source=str(folder), type="bind", read_only=False)
    yield Bind(target=str(place), source=str(place), type="bind", read_only=True)


def _made(place: Path, who: Account) -> bool:
    """Make `place` with nothing in it; False where the person cannot, and so no code of theirs can. What may be absent
    without that code could gain by making it is not made."""
    if place.name not in DECLARING:
        return False
    try:
        if place.suffix == ".yaml":
            descriptor = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
            with open(descriptor, "w", encoding="utf-8") as file:
                file.write(_NOTHING)
        else:
            place.mkdir()
    except FileExistsError:
        return place.exists() and not place.is_symlink()
    except OSError:
        return False
    who.own(place)
    return True
