"""A built revision on disk, and what is read back of it.

environments/<slug>/<revision>/venv  requirements.in  requirements.lock  ready.json (written last)
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import stat
from collections.abc import Callable
from pathlib import Path

from workbench.model.environment import KernelSpec, Revision
from workbench.paths import Home

READY = "ready.json"
PYTHON = re.compile(r"(?:python[0-9.]*)$")


def interpreter(revision: Revision) -> Path:
    """The Python of a revision: of its venv, or the existing one that is used as it is."""
    reference = Path(revision.reference)
    return reference / "bin" / "python" if reference.is_dir() else reference


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


def lock_before(folder: Path) -> Path | None:
    """The newest lock file among the other whole revisions of the same environment."""
    locks = [
        place / "requirements.lock"
        for place in folder.parent.iterdir()
        if place != folder and (place / READY).exists() and (place / "requirements.lock").exists()
    ]
    return max(locks, key=lambda path: path.stat().st_mtime, default=None)


def set_aside(folder: Path) -> Path:
    """Move a folder out of sight, to be removed or moved back; where it is then."""
    old = folder.with_name(f".old-{secrets.token_hex(4)}")
    folder.rename(old)
    return old


def remove(folder: Path) -> None:
    """Remove a folder whole: out of sight first, so that a half removed one is never taken for a revision."""
    if not folder.exists():
        return
    gone = folder.with_name(f".gone-{secrets.token_hex(4)}")
    folder.rename(gone)
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
