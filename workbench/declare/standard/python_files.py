"""What a project says of its Python: a lock file, requirements, pipenv's files, the project as a package."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from pydantic_core import PydanticCustomError

from workbench.declare import packages, sources
from workbench.declare.problem import DeclarationError
from workbench.declare.requirements import Requirements, read_requirements
from workbench.declare.standard import pipfile, pyproject
from workbench.declare.standard.draft import Draft
from workbench.declare.standard.versions import exact

# The project itself, members of its workspace and packages beside it, as a lock of uv has them.
_FOLDER = re.compile(r'^source = \{ (?:editable|directory|path) = "([^"]+)" \}$', re.MULTILINE)


def take_uv_lock(draft: Draft, lock: Path) -> bool:
    """`uv.lock` beside its `pyproject.toml`: exact versions, read by uv itself at the build."""
    described = draft.folder.file("pyproject.toml")
    if described is None:
        draft.notice(lock, "uv.lock is not read", "it has no pyproject.toml beside it")
        return False
    text = draft.text(lock)
    draft.python = True
    draft.lock = draft.named(lock)
    if text is None:
        return True
    draft.gave(lock, "Python packages in exact versions")
    _describe(draft, described, dependencies=False, package=False)
    for place in _FOLDER.findall(text):
        install(draft, lock, place)
    _chosen(draft, lock.with_name(".python-version"))
    draft.ignored("requirements.txt", "uv.lock has the say")
    return True


def take_pyproject(draft: Draft, path: Path) -> None:
    """The Pythons that the project goes with, and the project as a package where it is one."""
    _describe(draft, path, dependencies=True, package=None)


def take_setup(draft: Draft, path: Path) -> None:
    """A project that installs itself with `setup.py`."""
    draft.python = True
    draft.gave(path, "the project itself, as a package")
    install(draft, path, ".")


def take_requirements(draft: Draft, path: Path) -> None:
    """Packages as pip spells them, packages in folders of the project too."""
    draft.python = True
    found = read_requirements(path, draft.folder.root)
    draft.problems += found.problems
    draft.notices += found.notices
    draft.read += found.files
    take_found(draft, found)
    draft.gave(path, "Python packages")


def take_found(draft: Draft, found: Requirements) -> None:
    """All that requirements ask for."""
    draft.packages += found.lines
    draft.constraints += found.constraints
    draft.extra_indexes += found.extra_indexes
    draft.index = draft.index or found.index
    for place, extras, at in found.local:
        install(draft, at, place, extras)


def take_pipenv(draft: Draft) -> bool:
    """`Pipfile.lock`, else `Pipfile`; whether one is there."""
    lock, plain = draft.folder.file("Pipfile.lock"), draft.folder.file("Pipfile")
    path = lock or plain
    if path is None:
        return False
    draft.python = True
    found = _pipenv(draft, path)
    if found is None:
        return True
    if lock and plain:
        draft.notice(plain, "Pipfile is not read", "Pipfile.lock has the say")
        if found.python is None and (other := _pipenv(draft, plain)):
            found.python = other.python
    take_lines(draft, path, found.lines)
    for folder in found.local:
        install(draft, path, *sources.place_and_extras(folder))
    for word in found.unread:
        draft.notice(path, f"{word} is not read")
    draft.index = draft.index or found.index
    version(draft, path, found.python)
    draft.gave(path, "Python packages, those for development too")
    for name in ("requirements.txt", "setup.py"):
        draft.ignored(name, f"{path.name} has the say")
    return True


def _pipenv(draft: Draft, path: Path) -> pipfile.Pipenv | None:
    """What a file of pipenv says; None, and a problem, where that cannot be told."""
    text = draft.text(path)
    if text is None:
        return None
    found = pipfile.parse_lock(text) if path.suffix == ".lock" else pipfile.parse(text)
    if isinstance(found, str):
        draft.problem(path, found)
        return None
    return found


def take_lines(draft: Draft, path: Path, lines: Iterable[str]) -> None:
    """Requirements that stand in another kind of file."""
    for line in lines:
        try:
            draft.packages.append(packages.requirement(line))
        except PydanticCustomError as error:
            said = error.context or {}
            draft.problem(path, said["said"], said["hint"])


def install(draft: Draft, at: Path, place: str, extras: str = "") -> None:
    """The package in a folder or archive of the project, named `place` in the file `at`."""
    try:
        path = (at.parent / place).resolve(strict=True)
    except (OSError, RuntimeError, ValueError):
        draft.problem(at, f"{place} is not there")
        return
    if not path.is_relative_to(draft.folder.root.resolve()):
        draft.problem(at, f"{place} leads out of the project")
        return
    if any(one.path == path for one in draft.local):
        return
    try:
        draft.local.append(sources.package(path, extras))
    except DeclarationError as error:
        draft.problems += error.problems


def version(draft: Draft, path: Path, said: str | None) -> None:
    """Ask for a version of Python, unless another file has asked for one already."""
    if said is None:
        return
    try:
        wanted = exact(said)
    except ValueError as error:
        draft.problem(path, str(error))
        return
    if wanted and draft.python_version not in (None, wanted):
        draft.notice(path, f"Python {wanted} is not read", f"Python {draft.python_version} is asked for elsewhere")
    draft.python_version = draft.python_version or wanted


def _describe(draft: Draft, path: Path, *, dependencies: bool, package: bool | None) -> None:
    """What `pyproject.toml` says; `package`: whether it is to be installed, None: what the file says of that."""
    text = draft.text(path)
    if text is None:
        return
    found = pyproject.parse(text)
    if isinstance(found, str):
        draft.problem(path, found)
        return
    if not found.project:
        return
    draft.python = True
    if draft.python_version is None and found.python:
        draft.python_version = found.python
        draft.gave(path, f"Python {found.python}")
    if found.package if package is None else package:
        draft.gave(path, "the project itself, as a package")
        install(draft, path, ".")
    elif dependencies and found.dependencies:
        draft.gave(path, "Python packages")
        take_lines(draft, path, found.dependencies)


def _chosen(draft: Draft, path: Path) -> None:
    """`.python-version`, as uv reads it."""
    if not path.is_file():
        return
    text = draft.text(path)
    said = (text or "").strip()
    if re.fullmatch(r"\d+\.\d+(\.\d+)?", said, re.ASCII):
        draft.python_version = None
        version(draft, path, said)
        draft.gave(path, f"Python {said}")
    elif said:
        draft.notice(path, f"{said[:40]!r} is not read", "as 3.13")
