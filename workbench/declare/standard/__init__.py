"""The environment of a project that declares none, out of the standard files found in its folder.

folder                                  which of `.`, `binder/`, `.binder/` counts, and what is in it
apt runtime description renv pipfile pyproject devcontainer    text of one kind of file -> what it says
python_files r_files system_files conda_file container_files   what that means for an environment
draft combination                       the environment while it is put together, and as a whole
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from workbench.declare.environment import Shelf, load_environment
from workbench.declare.problem import DeclarationError, Problem, Reading
from workbench.declare.reader import read
from workbench.declare.standard import combination
from workbench.declare.standard.conda_file import is_conda
from workbench.declare.standard.folder import CONDA, DEVCONTAINERS, LEADING, NOT_READ, OURS, Folder
from workbench.model.environment import EnvironmentSpec, Limits
from workbench.model.sizes import Machine

__all__ = ["leading", "load_standard", "standard_files"]


def standard_files(root: Path) -> tuple[str, ...]:
    """Standard files of the project at `root`, as paths in it: those that count, in order, then what is not read."""
    folder = Folder.of(root)
    found = [path for name in LEADING if (path := folder.file(name))]
    if folder.place and _ours(root):
        found.insert(0, root / OURS)
    found += [root / name for name in DEVCONTAINERS if (root / name).is_file()]
    found += [root / folder.place / name for name in NOT_READ if (root / folder.place / name).is_file()]
    return tuple(path.relative_to(root).as_posix() for path in found)


def leading(root: Path) -> str | None:
    """The file that gives the environment of the project its name, as a path in it; None where there is none."""
    if _ours(root):
        return OURS
    folder = Folder.of(root)
    found = next((path for name in LEADING if (path := folder.file(name)) and combination.leads(folder, path)), None)
    if found is None:
        found = next((path for name in DEVCONTAINERS if (path := root / name).is_file()), None)
    return found.relative_to(root).as_posix() if found else None


def load_standard(
    path: Path,
    *,
    project: str,
    folder: Path,
    shelf: Shelf | None = None,
    machine: Machine | None = None,
    sizes: Mapping[str, Limits] | None = None,
) -> Reading[EnvironmentSpec]:
    """The environment that the file at `path` of a project declares: ours, or that of the standard files around it.

    Its name is `<project>/<file>`. Nothing outside of `folder` is read.
    """
    name = f"{project}/{path.relative_to(folder).as_posix()}"
    if not Folder(folder).safe(path):
        return Reading(None, (Problem(path, 0, 0, "leads out of the project"),))
    if path.suffix in (".yaml", ".yml"):
        try:
            conda = is_conda(read(path))
        except DeclarationError as error:
            return Reading(None, error.problems)
        if not conda and path.name != CONDA[0]:
            return load_environment(path, name=name, shelf=shelf, inside=folder, machine=machine, sizes=sizes)
    found = combination.combined(folder, path, name).reading
    return replace(found, value=(shelf or Shelf()).ides.equip(found.value)) if found.value else found


def _ours(root: Path) -> bool:
    """Whether the project has a declaration of our own kind."""
    path = root / OURS
    if not path.is_file():
        return False
    try:
        return not is_conda(read(path))
    except DeclarationError:
        return True  # the person is told what is wrong with it
