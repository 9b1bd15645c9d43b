"""The environment of a project that declares none, out of the standard files found in its folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from workbench.declare.environment import Shelf, load_environment
from workbench.declare.problem import DeclarationError, Problem, Reading
from workbench.declare.reader import read
from workbench.declare.requirements import is_conda_file, read_conda_file, read_requirements
from workbench.model.environment import EnvironmentSpec, Limits, PythonPart
from workbench.model.sizes import Machine

# In the order in which the first that is there decides.
READ = ("environment.yaml", "environment.yml", "requirements.txt")
# Known to repo2docker and others; not read by this version, so their presence is said.
NOT_READ = ("apt.txt", "install.R", "runtime.txt", "postBuild", "Dockerfile", "renv.lock", "Pipfile", "pyproject.toml")


def standard_files(folder: Path) -> tuple[str, ...]:
    """Names of the standard files in `folder`: those that are read, in order, then the others."""
    return tuple(name for name in (*READ, *NOT_READ) if (folder / name).is_file())


def load_standard(
    path: Path,
    *,
    project: str,
    folder: Path,
    shelf: Shelf | None = None,
    machine: Machine | None = None,
    sizes: Mapping[str, Limits] | None = None,
) -> Reading[EnvironmentSpec]:
    """The environment that the file at `path` of a project declares: ours, conda's pip part, or requirements.

    Its name is `<project>/<file>`. Nothing outside of `folder` is read.
    """
    ides = (shelf or Shelf()).ides
    name = f"{project}/{path.relative_to(folder).as_posix()}"
    if not path.resolve().is_relative_to(folder.resolve()):
        return Reading(None, (Problem(path, 0, 0, "leads out of the project"),))
    if path.suffix == ".txt":
        found = read_requirements(path, folder)
        if found.problems:
            return Reading(None, tuple(found.problems))
        part = PythonPart(None, tuple(found.lines), path, found.index)
        return Reading(ides.equip(_spec(name, path, part)), notices=_left_out(folder))
    try:
        conda = is_conda_file(read(path))
    except DeclarationError as error:
        return Reading(None, error.problems)
    if not conda:
        return load_environment(path, name=name, shelf=shelf, inside=folder, machine=machine, sizes=sizes)
    reading = read_conda_file(path, folder)
    if reading.value is None:
        return Reading(None, reading.problems)
    file = reading.value
    part = PythonPart(file.python, file.packages, None, file.index)
    return Reading(ides.equip(_spec(name, path, part, dict(file.variables))), notices=_left_out(folder))


def _spec(name: str, path: Path, python: PythonPart, env: dict[str, str] | None = None) -> EnvironmentSpec:
    return EnvironmentSpec(name=name, source=path, python=python, env=env or {}, title=f"From {path.name}")


def _left_out(folder: Path) -> tuple[Problem, ...]:
    """A notice for each standard file that would have its say elsewhere and has none here."""
    found = [name for name in NOT_READ if (folder / name).is_file() and name != "pyproject.toml"]
    return tuple(Problem(folder / name, 0, 0, f"{name} is not read by this version", notice=True) for name in found)
