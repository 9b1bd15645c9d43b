"""Folders that both engines make on the host: short ones for sockets, and links to a project's data."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from workbench import enclosure
from workbench.enclosure import LinkError
from workbench.engines.base import Workspace
from workbench.errors import Refused
from workbench.paths import SOCKET_PATH_LIMIT, Home, private_folder

FRONT, RUNTIME = "front", "runtime"  # folders of a session
FRONT_NAME, KERNEL_NAME = 10, 52  # bytes of the names of sockets in them: tool.sock, 65535.sock; kernel-<uuid>-ipc-<n>
SOCKET_NAME = 20  # characters that the names of a kernel's sockets may add to their folder


def short_folder(home: Home) -> Path:
    """A new private folder whose path is short enough for sockets in it."""
    room = SOCKET_PATH_LIMIT - SOCKET_NAME
    for base in (home.sockets, Path(f"/tmp/workbench-{os.getuid()}")):  # noqa: S108 - made private just below
        if len(os.fsencode(base)) + 12 <= room:
            return Path(tempfile.mkdtemp(prefix="k", dir=private_folder(base)))
    raise Refused(f"{home.sockets} is too long a path for sockets", hint="Set XDG_RUNTIME_DIR to a short folder.")


def socket_folder(home: Home, folder: Path, room: int) -> Path:
    """`folder` new and private, or a link to a short one where names of `room` bytes in it are too long for sockets."""
    drop(folder)
    if len(os.fsencode(folder)) + 1 + room <= SOCKET_PATH_LIMIT:
        return private_folder(folder)
    folder.symlink_to(short_folder(home))
    return folder.resolve()


def drop(folder: Path) -> None:
    """Remove a folder for sockets with all that is in it."""
    if folder.is_symlink():
        shutil.rmtree(folder.resolve(), ignore_errors=True)
        folder.unlink()
    shutil.rmtree(folder, ignore_errors=True)


def drop_sockets(session_folder: Path) -> None:
    """Remove what a session that is gone has left of its sockets."""
    for name in (FRONT, RUNTIME):
        drop(session_folder / name)


def link_data(workspace: Workspace, *, enclosed: bool = False) -> None:
    """Show the data folders of the project as links `data/<target>`. A local process can write where its account
    can: links cannot be read-only. In a container the same paths are mounted as declared; what runs there can write in
    the project, so `data` may then not lead out of it (`enclosed`).

    Raises `Refused` where something else stands there, or the folder is not there; nothing is ever replaced.
    """
    folder = workspace.project / "data"
    if not enclosed and folder.is_symlink():
        folder = folder.resolve()
    for mount in workspace.data:
        place = folder / mount.target
        if not mount.path.is_dir():
            raise Refused(
                f"the data folder {mount.path} is not there",
                title=workspace.project_name,
                hint=f"Mount it, or change `data` in {workspace.project / 'project.yaml'}.",
            )
        try:
            with enclosure.folder(folder.parent, folder.name, make=True) as within:
                os.symlink(mount.path, mount.target, dir_fd=within)
        except LinkError as error:
            raise Refused(
                f"data/{mount.target} cannot be made: {error.strerror}",
                title=workspace.project_name,
                hint=f"Make {folder} a folder.",
            ) from error
        except FileExistsError as error:
            if _same(place, mount.path):
                continue
            raise Refused(
                f"{place} is in the way of the data folder {mount.path}",
                title=workspace.project_name,
                hint="Move it away, or give the data folder another name with `as:` in project.yaml.",
            ) from error


def _same(place: Path, target: Path) -> bool:
    try:
        return place.samefile(target)
    except OSError:
        return False
