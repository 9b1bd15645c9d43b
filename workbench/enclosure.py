"""A folder in which others may write at the same time: what is inside of it, opened without following links.

Code in a container can put a link, or another folder, in the place of what was looked at a moment ago. So nothing is
opened by its path twice: each step goes on from the open folder before it, openat(2).
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class LinkError(OSError):
    """Something that would have to lie in the folder is a link, or no folder: it could lead out of it."""

    def __init__(self, root: Path, inner: str) -> None:
        said = f"{inner} is a link or no folder: it could lead out of {root.name}, so nothing is read or written there"
        super().__init__(errno.ELOOP, said, str(root / inner))


@contextmanager
def folder(root: Path, inner: str = "", *, make: bool = False) -> Iterator[int]:
    """The descriptor of the folder `inner` of `root`; with `make` the last part is made where it is missing.

    Raises `LinkError`, and OSError as open(2) and mkdir(2) do.
    """
    descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        parts = Path(inner).parts
        for number, part in enumerate(parts, 1):
            if make and number == len(parts):
                with suppress(FileExistsError):
                    os.mkdir(part, dir_fd=descriptor)
            try:
                inward = os.open(_name(part), FOLDER, dir_fd=descriptor)
            except OSError as error:
                if error.errno in (errno.ELOOP, errno.ENOTDIR):
                    raise LinkError(root, "/".join(parts[:number])) from error
                raise
            os.close(descriptor)
            descriptor = inward
        yield descriptor
    finally:
        os.close(descriptor)


def opened(root: Path, inner: str, flags: int = os.O_RDONLY) -> int:
    """The descriptor of the file `inner` of `root`, which the caller closes. Raises as `folder` does."""
    above, name = os.path.split(inner)
    with folder(root, above) as place:
        try:
            return os.open(_name(name), flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=place)
        except OSError as error:
            if error.errno == errno.ELOOP:
                raise LinkError(root, inner) from error
            raise


def real(root: Path, path: Path) -> str:
    """Where `path` leads, as a path in `root`; links inside of it are followed. Raises ValueError where it leads out."""
    return path.resolve(strict=True).relative_to(root.resolve()).as_posix()


def _name(part: str) -> str:
    if part in ("", "..", "/"):
        raise ValueError(f"{part!r} is no name of a file")
    return part
