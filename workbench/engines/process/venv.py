"""A built revision on disk, and what is read back of it.

environments/<slug>/<revision>/venv  requirements.in  requirements.lock  ready.json (written last)
                    <revision>.lock   held while it is made
                    .old-<revision>   what was there, while it is made anew
                    .gone-<token>     on its way out
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from workbench import locks
from workbench.model.environment import KernelSpec, Revision
from workbench.model.ide import Ide
from workbench.paths import Home

READY = "ready.json"
ASIDE, GONE = ".old-", ".gone-"
REVISION = re.compile(r"[0-9a-f]{16}(?:-\d+)?")
PYTHON = re.compile(r"(?:python[0-9.]*)$")


def interpreter(revision: Revision) -> Path:
    """The Python of a revision: of its venv, or the existing one that is used as it is."""
    reference = Path(revision.reference)
    return reference / "bin" / "python" if reference.is_dir() else reference


def has(revision: Revision, tool: Ide) -> bool:
    """Whether an IDE is in a revision: by its package, or what it needs, else as a program beside the Python."""
    wanted = [tool.package] if tool.package else [re.split(r"[^\w.\-]", need)[0] for need in tool.needs.python]
    if wanted:
        there = {_plain(package.partition("==")[0]) for package in revision.packages}
        return all(_plain(name) in there for name in wanted)
    return not tool.program or (interpreter(revision).parent / tool.program).exists()


def _plain(name: str) -> str:
    """The name of a distribution as indexes compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def read(folder: Path) -> Revision | None:
    """The revision in `folder` where it is whole: finished, with a Python that still exists and its kernel."""
    try:
        revision = Revision.from_json((folder / READY).read_text(encoding="utf-8"))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    python = interpreter(revision)
    if not os.access(python, os.X_OK):
        return None
    venv = python.parent.parent
    if venv.is_relative_to(folder):
        minor = ".".join((revision.python_version or "").split(".")[:2])
        if not (venv / "lib" / f"python{minor}" / "site-packages" / "ipykernel").is_dir():
            return None
    return revision


def write(folder: Path, revision: Revision) -> None:
    """Mark `folder` as whole: after this `read` finds it."""
    temporary = folder / f"{READY}.new"
    with temporary.open("w", encoding="utf-8") as file:
        file.write(revision.to_json())
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(folder / READY)


def folder_of(home: Home, revision: Revision) -> Path | None:
    """Where a revision lies in this home; None where it is gone."""
    for folder in (home.state / "environments").glob(f"*/{revision.id}"):
        return folder
    return None


def before(folder: Path, known: Sequence[Revision]) -> list[Path]:
    """Folders whose versions a build in `folder` keeps: of the revisions `known`, else of the newest other whole one."""
    others = [
        place
        for place in folder.parent.iterdir()
        if place != folder and (place / READY).exists() and (place / "requirements.lock").exists()
    ]
    places = {place.name: place for place in others}
    newest = sorted(others, key=lambda place: (place / READY).stat().st_mtime)[-1:]
    return [places[one.id] for one in known if one.id in places] or newest


@contextmanager
def alone(folder: Path) -> Iterator[bool]:
    """Hold the lock of a revision's folder where nobody else does, also among processes; whether it is held here."""
    lock = locks.take(Path(f"{folder}.lock"), patience=0)
    try:
        yield lock is not None
    finally:
        if lock is not None:
            os.close(lock)


def aside(folder: Path) -> Path:
    """Where a revision stands while it is made anew in `folder`."""
    return folder.with_name(f"{ASIDE}{folder.name}")


def settle(folder: Path) -> Revision | None:
    """The revision in `folder`, once what a build has left is settled: what stands aside goes where the new one is
    whole, else it comes back. Call it with the folder's lock held."""
    old = aside(folder)
    made = read(folder)
    if made:
        remove(old)
    elif old.exists():
        remove(folder)
        old.rename(folder)
        made = read(folder)
    return made


def tidy(environments: Path) -> None:
    """Finish what was interrupted below the folder of all environments: removals, exchanges, builds."""
    for place in environments.glob("*/*"):
        with suppress(OSError):
            if place.name.startswith(GONE):
                discard(place)
            elif place.name.startswith(ASIDE):
                _finish(place.with_name(place.name.removeprefix(ASIDE)))
            elif REVISION.fullmatch(place.name) and not (place / "Dockerfile").exists():  # which is the other engine's
                _finish(place)


def _finish(folder: Path) -> None:
    with alone(folder) as held:
        if held and settle(folder) is None and not (folder / READY).exists():
            remove(folder)


def remove(folder: Path) -> None:
    """Remove a folder whole: out of sight first, so that a half removed one is never taken for a revision."""
    if not folder.exists():
        return
    gone = folder.with_name(f"{GONE}{secrets.token_hex(4)}")
    folder.rename(gone)
    discard(gone)


def discard(gone: Path) -> None:
    """Remove what is out of sight already."""
    shutil.rmtree(gone, onerror=_make_writable)


def kernels(python: Path, prefix: Path) -> tuple[KernelSpec, ...]:
    """Kernels below `prefix`, Python's own first and always started in our way."""
    display, found = "Python 3 (ipykernel)", []
    for path in sorted((prefix / "share" / "jupyter" / "kernels").glob("*/kernel.json")):
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
            argv = [str(part) for part in data["argv"]]
            title = str(data.get("display_name", path.parent.name))
            language = str(data.get("language", ""))
            env = {str(key): str(value) for key, value in data.get("env", {}).items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            continue
        if path.parent.name == "python3":
            display = title
            continue
        if argv and PYTHON.match(Path(argv[0]).name):
            argv[0] = str(python)
        argv = [part.replace("{resource_dir}", str(path.parent)) for part in argv]
        interrupt = str(data.get("interrupt_mode", "signal"))
        found.append(KernelSpec(path.parent.name, title, language, tuple(argv), env, interrupt))
    own = (str(python), "-m", "ipykernel_launcher", "-f", "{connection_file}")
    return (KernelSpec("python3", display, "python", own), *found)


def size(folder: Path) -> int:
    """Bytes on disk below `folder`, each file once."""
    total, seen = 0, set()
    for root, _, names in os.walk(folder):
        for name in names:
            facts = os.lstat(os.path.join(root, name))
            if (facts.st_dev, facts.st_ino) not in seen:
                seen.add((facts.st_dev, facts.st_ino))
                total += facts.st_blocks * 512
    return total


def _make_writable(remove_again: Callable[[str], object], path: str, _: object) -> None:
    """Packages may bring folders that their owner cannot write to."""
    parent = os.path.dirname(path)
    os.chmod(parent, stat.S_IRWXU)
    if os.path.lexists(path):
        remove_again(path)
