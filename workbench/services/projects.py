"""Projects: list, create, link, remove, and find the project of a file."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.errors import Conflict, NotFound, Refused
from workbench.model.names import SLUG_RULE, is_slug
from workbench.model.notebook import can_run
from workbench.model.project import Project
from workbench.model.run import ACTIVE, PENDING
from workbench.services import spares
from workbench.services.asking import notebook_files
from workbench.services.bench import Bench
from workbench.services.code import cloning
from workbench.services.code.repository import GitState, git_init, git_state
from workbench.services.declared.folders import folder_to_link, hold_schedules, name_for_folder
from workbench.services.declared.starter import examples, fill
from workbench.store import contained, events, run_pages
from workbench.store import kept as kept_kernels
from workbench.store.run_pages import RunFilter
from workbench.text import one_line, plural

if TYPE_CHECKING:
    from workbench.declare import Problem

__all__ = ["GitState", "examples", "git_state"]


def listing(bench: Bench) -> list[Project]:
    """All projects of the home, in order of name; what cannot be read has its `problem`."""
    return [_project(bench, entry) for entry in _entries(bench)]


def get(bench: Bench, name: str) -> Project:
    """One project. Raises `NotFound` with the nearest."""
    entries = {entry.name: entry for entry in _entries(bench)}
    if name not in entries:
        raise NotFound("project", one_line(name, 80), entries)
    return _project(bench, entries[name])


def problems(bench: Bench) -> list[Problem]:
    """Everything wrong with projects and in their `project.yaml`, with paths as seen from the home."""
    from workbench.declare import Problem, load_project

    found: list[Problem] = []
    for entry in _entries(bench):
        project = _project(bench, entry)
        if project.path.is_dir() and os.access(project.path, os.R_OK | os.X_OK):
            found += load_project(
                project.path, name=project.name, linked=project.linked, state=bench.home.state
            ).problems
        else:
            found.append(Problem(entry, 0, 0, project.problem))
    return sorted(problem.labelled(bench.home.root) for problem in found)


def create(
    bench: Bench,
    name: str,
    *,
    example: str | None = None,
    environment: str | None = None,
    description: str = "",
) -> Project:
    """A new project folder in the home, or a copy of the shipped `example`. Never writes into an existing folder.

    Raises `Refused` for a name outside of the rule, `Conflict` where it exists, `NotFound` for an unknown example.
    """
    folder = _free(bench, name)
    building = folder.parent / f".new-{name}-{os.getpid()}"
    shutil.rmtree(building, ignore_errors=True)
    try:
        building.mkdir()
        fill(building, folder, bench.home.root, example=example, environment=environment, description=description)
        git_init(building)
        if os.path.lexists(folder):
            raise _taken(name)
        building.rename(folder)
    except OSError as error:
        raise Refused(f"project {name} cannot be made: {error.strerror}", title=str(folder)) from error
    finally:
        shutil.rmtree(building, ignore_errors=True)
    _note(bench, name, "created", example or "")
    return get(bench, name)


def add(bench: Bench, path: str | Path, name: str | None = None) -> Project:
    """Make a folder that stays where it is a project, by a link in the home.

    The name is made of the folder's where none is given. Raises `Refused` for what is no readable and writable
    folder or holds the home, `Conflict` where the folder or the name is a project already.
    """
    real = folder_to_link(bench, Path(os.path.expanduser(path)))
    for known in listing(bench):
        if known.path == real:
            raise Conflict(f"{real} is project {known.name} already")
    link = _free(bench, name_for_folder(real) if name is None else name)
    try:
        link.symlink_to(real, target_is_directory=True)
    except FileExistsError:
        raise _taken(link.name) from None
    except OSError as error:
        raise Refused(f"{link} cannot be made: {error.strerror}") from error
    _note(bench, link.name, "added", str(real))
    return get(bench, link.name)


def clone(
    bench: Bench, address: str, name: str | None = None, *, progress: Callable[[str], None] = lambda _: None
) -> Project:
    """A repository elsewhere as a new project of the home, named after it where no name is given.

    Raises `Refused` with git's own words, `Conflict` where the name is taken.
    """
    cloning.check(address)
    folder = _free(bench, name_for_folder(Path(cloning.name_of(address))) if name is None else name)
    building = folder.parent / f".new-{folder.name}-{os.getpid()}"
    shutil.rmtree(building, ignore_errors=True)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        cloning.clone(address, building, progress=progress)
        if os.path.lexists(folder):
            raise _taken(folder.name)
        hold_schedules(bench, folder.name, building)
        building.rename(folder)
    finally:
        shutil.rmtree(building, ignore_errors=True)
    _note(bench, folder.name, "cloned", address)
    return get(bench, folder.name)


def remove(bench: Bench, name: str, *, delete_files: bool = False) -> Path | None:
    """Take a project from the home: a link is removed and its folder stays as it is. A folder of the home is moved away
    only with `delete_files`; where it is then is returned. Raises `Conflict` while runs or sessions of it are active."""
    project = get(bench, name)
    _idle(bench, name)
    entry = bench.home.projects / name
    if not project.linked and not delete_files:
        raise Refused(
            f"project {name} has its files in the home, at {entry}",
            hint=f"To move them out of it: workbench projects remove {name} --delete-files",
        )
    kept: Path | None = None
    try:
        if project.linked:
            entry.unlink()
        else:
            kept = bench.home.state / "removed" / f"{name}-{bench.now():%Y%m%dT%H%M%S%f}"
            kept.parent.mkdir(mode=0o700, exist_ok=True)
            shutil.move(entry, kept)
    except OSError as error:
        raise Refused(f"project {name} cannot be removed: {error.strerror}", title=str(entry)) from error
    _note(bench, name, "removed", str(kept or project.path))
    with bench.store.write() as connection:
        kept_kernels.ask_release(connection, at=bench.now(), actor=bench.actor, project=name)
    spares.of_project_gone(bench, name)
    return kept


def locate(bench: Bench, path: Path) -> tuple[Project, str]:
    """The project of a file or folder, and its path in it (`.` for the project's folder itself), through links.

    A path that is not there from the working folder may also begin with a project's name: `churn/notebooks/a.ipynb`.
    Raises `NotFound` where it is not there, or lies in no project of this home.
    """
    asked = path
    if (
        not path.is_absolute()
        and not path.exists()
        and path.parts
        and os.path.lexists(bench.home.projects / path.parts[0])
    ):
        path = bench.home.projects / path
    if not path.exists():
        raise _no_such(bench, asked, path)
    plain = Path(os.path.abspath(path))
    best: tuple[Project, Path] | None = None
    for project in listing(bench):
        for root in (bench.home.projects / project.name, project.path):
            for asked in (plain, path.resolve()):
                if asked.is_relative_to(root) and (best is None or len(project.path.parts) > len(best[0].path.parts)):
                    best = project, asked.relative_to(root)
    if best is None:
        folder = plain if plain.is_dir() else plain.parent
        raise NotFound(
            "project that holds",
            str(plain),
            message=f"{one_line(str(plain))} lies in no project of this home",
            hint=f"Make its folder one: workbench projects add {one_line(str(folder))}",
        )
    return best[0], best[1].as_posix()


def notebooks(bench: Bench, project: Project | str) -> list[str]:
    """Notebooks of a project, and scripts with cells, as paths in it, in order."""
    return notebook_files.listing(bench, get(bench, project) if isinstance(project, str) else project)


def notebooks_hint(bench: Bench, project: Project, asked: str) -> str:
    """Which notebooks there are, for who named one that is not there; of many the nearest."""
    known = [f"{project.name}/{notebook}" for notebook in notebooks(bench, project)]
    if not known:
        return f"{project.name} has no notebooks yet."
    if len(known) <= 12:
        return f"There are: {', '.join(known)}"
    near = get_close_matches(Path(asked).stem, [Path(one).stem for one in known], n=1)
    close = [one for one in known if Path(one).stem in near]
    return f"Did you mean {' or '.join(close[:3])}?" if close else f"There are: {', '.join(known[:12])} …"


def _entries(bench: Bench) -> list[Path]:
    """Folders and links in `projects/`, broken ones too; hidden ones and files are not projects."""
    try:
        entries = sorted(bench.home.projects.iterdir())
    except OSError:
        return []
    return [entry for entry in entries if not entry.name.startswith(".") and (entry.is_symlink() or entry.is_dir())]


def _project(bench: Bench, entry: Path) -> Project:
    from workbench.declare import load_project

    linked = entry.is_symlink()
    try:
        path = entry.resolve()
        problem = "" if path.is_dir() else f"{path} is not a folder" if path.exists() else f"{path} is not there"
        if not problem and not os.access(path, os.R_OK | os.X_OK):
            problem = f"{path} cannot be read by this account"
    except (OSError, RuntimeError) as error:
        path, problem = entry, f"its link leads nowhere: {getattr(error, 'strerror', None) or 'a loop'}"
    if problem:
        return Project(name=entry.name, path=path, linked=linked, problem=one_line(problem))
    reading = load_project(path, name=entry.name, linked=linked, state=bench.home.state)
    if reading.value is not None:
        return reading.value
    first = reading.problems[0].labelled(bench.home.root.resolve())
    more = f" (and {plural(len(reading.problems) - 1, 'other problem')})" if len(reading.problems) > 1 else ""
    return Project(name=entry.name, path=path, linked=linked, problem=f"{first}{more}")


def _no_such(bench: Bench, asked: Path, path: Path) -> NotFound:
    """What is not there: with the notebooks of its project where it is in one, else with the projects there are."""
    what = "notebook" if can_run(path.name) else "file"
    real = Path(os.path.abspath(path))
    for project in listing(bench):
        if real.is_relative_to(bench.home.projects / project.name) or real.is_relative_to(project.path):
            return NotFound(what, one_line(str(asked)), hint=notebooks_hint(bench, project, str(asked)))
    names = ", ".join(entry.name for entry in _entries(bench)[:12])
    hint = "Give its path, or its project's name and its path in that, as churn/notebooks/start.ipynb."
    return NotFound(what, one_line(str(asked)), hint=f"{hint} Projects: {names}" if names else hint)


def _free(bench: Bench, name: str) -> Path:
    """Where a new project of this name goes. Raises `Refused` or `Conflict`."""
    if not is_slug(name):
        raise Refused(f"{one_line(name, 80)!r} is no name for a project", hint=f"{SLUG_RULE}.".capitalize())
    path = bench.home.projects / name
    if os.path.lexists(path):
        raise _taken(name)
    return path


def _taken(name: str) -> Conflict:
    return Conflict(f"there is a project {name} already", hint="Choose another name.")


def _idle(bench: Bench, name: str) -> None:
    with bench.store.read() as connection:
        active = run_pages.page(connection, RunFilter(project=name, states=ACTIVE | PENDING), limit=1)
        alive = spares.of_people(connection, name)
    if active:
        raise Conflict(f"run {active[0].id} of {name} is {active[0].state}", hint=f"workbench stop {active[0].id}")
    if alive:
        raise Conflict(f"session {alive[0].name} of {name} is {alive[0].state}", hint=f"workbench stop s{alive[0].id}")


def _note(bench: Bench, name: str, what: str, detail: str) -> None:
    with bench.store.write() as connection:
        contained.forget(connection, name)  # whatever had its name before
        events.append(connection, bench.now(), "project", name, what, bench.actor, detail)
