"""All standard files of a project as one environment, in repo2docker's order.

A Dockerfile has the say alone. Else conda's file, pipenv's, `uv.lock` or requirements say what Python gets, the first
that is there; the R files, `apt.txt`, `postBuild` and `start` add to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from workbench.declare.problem import Problem, Reading
from workbench.declare.standard import (
    conda_file,
    container_files,
    description,
    pyproject,
    python_files,
    r_files,
    system_files,
)
from workbench.declare.standard.draft import Draft
from workbench.declare.standard.folder import CONDA, NOT_READ, PLACES, Folder
from workbench.declare.standard.versions import old
from workbench.model.environment import CondaPart, EnvironmentSpec, PythonPart, RPart

# Groups that exclude each other, the first that is there having the say on Python's packages.
GROUPS = (CONDA, ("Pipfile.lock", "Pipfile"), ("uv.lock",), ("requirements.txt", "pyproject.toml", "setup.py"))


@dataclass(frozen=True)
class Combination:
    """What standard files make: the environment, and by file what each gave to it."""

    reading: Reading[EnvironmentSpec]
    given: Mapping[str, str] = field(default_factory=dict)


def combined(root: Path, leading: Path, name: str) -> Combination:
    """The environment of the project at `root`, called `name` after its file `leading`."""
    inner = leading.relative_to(root).as_posix()
    place = inner.partition("/")[0] if "/" in inner and inner.partition("/")[0] in PLACES else ""
    draft = Draft(Folder(root, place))
    found = _combined(draft, leading, name, place)
    spec = found.value and replace(found.value, read=tuple(dict.fromkeys(draft.read)))
    return Combination(replace(found, value=spec), draft.given)


def _combined(draft: Draft, leading: Path, name: str, place: str) -> Reading[EnvironmentSpec]:
    root = draft.folder.root
    if leading.name == "devcontainer.json" or leading.name == ".devcontainer.json":
        return container_files.from_devcontainer(draft, leading, name)
    for path in Folder.of(root).passed_over() if place else ():
        draft.notice(path, f"{draft.folder.inner(path)} is not read", f"{place}/ has the say alone")
    for other, use in NOT_READ.items():
        if (root / place / other).is_file():
            draft.notice(root / place / other, f"{other} is not read", f"it is for {use}")
    if leading.name == "Dockerfile":
        return container_files.from_dockerfile(draft, leading, name)
    known = any(leading.name in group for group in GROUPS) or leads(draft.folder, leading)
    if not known or leading.parent != root / place:
        python_files.take_requirements(draft, leading)  # a file of another name that the project declares
    else:
        _take(draft, leading.name)
    return _reading(draft, name, leading)


def leads(folder: Folder, path: Path) -> bool:
    """Whether a standard file makes an environment by itself; some may be there for other reasons."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace") if path.stat().st_size < 1_000_000 else ""
    except OSError:
        return True  # told when it is read
    if path.name == "DESCRIPTION":
        return description.parse(text) is not None
    if path.name == "pyproject.toml":
        found = pyproject.parse(text)
        return isinstance(found, str) or found.package or bool(found.dependencies)
    return path.name != "uv.lock" or folder.file("pyproject.toml") is not None


def _take(draft: Draft, leading: str) -> None:
    _take_python(draft, leading)
    takers = (
        ("renv.lock", r_files.take_renv),
        ("DESCRIPTION", r_files.take_description),
        ("install.R", r_files.take_script),
    )
    for name, take in takers:
        if draft.conda_packages:
            draft.ignored(name, "conda's file has the say, as with repo2docker")
        elif path := draft.folder.file(name):
            take(draft, path)
    others = (
        ("apt.txt", system_files.take_apt),
        ("postBuild", system_files.take_post_build),
        ("start", system_files.take_start),
    )
    for name, also in others:
        if path := draft.folder.file(name):
            also(draft, path)


def _take_python(draft: Draft, leading: str) -> None:
    """The first group that is there, from that of the leading file on."""
    start = next((number for number, group in enumerate(GROUPS) if leading in group), 0)
    for name in (name for group in GROUPS[:start] for name in group):
        draft.ignored(name, f"the project names {leading}")
    if start == 0 and _take_conda(draft):
        return
    pipenv = start <= 1 and python_files.take_pipenv(draft)
    if runtime := draft.folder.file("runtime.txt"):
        system_files.take_runtime(draft, runtime)
    lock = draft.folder.file("uv.lock")
    if pipenv or (start <= 2 and lock and python_files.take_uv_lock(draft, lock)):
        return
    for name, take in (
        ("requirements.txt", python_files.take_requirements),
        ("pyproject.toml", python_files.take_pyproject),
        ("setup.py", python_files.take_setup),
    ):
        if path := draft.folder.file(name):
            take(draft, path)


def _take_conda(draft: Draft) -> bool:
    """Conda's file; whether it is there. It says itself which Python."""
    first, second = (draft.folder.file(name) for name in CONDA)
    path = first or second
    if path is None:
        return False
    conda_file.take(draft, path)
    if first:
        draft.ignored(CONDA[1], f"{CONDA[0]} has the say")
    runtime = draft.folder.file("runtime.txt")
    if runtime and (draft.text(runtime) or "").strip().lower().startswith("python"):
        draft.ignored("runtime.txt", f"{path.name} has the say")
    elif runtime:
        system_files.take_runtime(draft, runtime)
    return True


def _reading(draft: Draft, name: str, leading: Path) -> Reading[EnvironmentSpec]:
    seen = system_files.seen(draft)
    if draft.problems:
        return Reading(None, tuple(_once(draft.problems)))
    if old(draft.python_version):
        draft.notice(leading, f"Python {draft.python_version} comes from conda", "images of it are not made any more")
        draft.conda_packages.append(f"python={draft.python_version}")
        draft.python_version = None
    conda = CondaPart(tuple(draft.conda_packages), tuple(draft.channels)) if draft.conda_packages else None
    if draft.post_build and not any(line.partition("=")[0].strip() == "pip" for line in draft.packages):
        draft.packages.append("pip")  # what scripts of repo2docker's kind call
    python = PythonPart(
        version=draft.python_version,
        packages=tuple(dict.fromkeys(draft.packages)),
        index=draft.index,
        lock=draft.lock,
        local=tuple(draft.local),
        extra_indexes=tuple(dict.fromkeys(draft.extra_indexes)),
        constraints=tuple(dict.fromkeys(draft.constraints)),
    )
    r = RPart(
        version=draft.r_version,
        packages=tuple(dict.fromkeys(draft.r_packages)),
        repository=draft.repository,
        lock=draft.r_lock,
        script=draft.script,
        local=draft.r_local,
    )
    names = [Path(file).name for file in draft.given]
    spec = EnvironmentSpec(
        name=name,
        source=leading,
        python=python if draft.python or draft.packages or not (draft.r or conda) else None,
        r=r if draft.r and not conda else None,
        conda=conda,
        apt=tuple(dict.fromkeys(draft.apt)),
        env=draft.env,
        post_build=draft.post_build,
        start=draft.start,
        context=seen,
        title=f"From {', '.join(names[:4])}{' …' if len(names) > 4 else ''}" if names else f"From {leading.name}",
    )
    return Reading(spec, notices=tuple(_once(draft.notices)))


def _once(found: list[Problem]) -> list[Problem]:
    return list(dict.fromkeys(found))
