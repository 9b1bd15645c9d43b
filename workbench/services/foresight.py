"""What will keep declared work from running when its time comes, told before it does.

Every environment that the settings, a project or a schedule names has to be there, and what each schedule asks for at
its next time has to be what `checking.check` takes. A fault stands at the key that has to change; of a schedule that does
not fire anyway (paused, off, over) it is only a notice.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import NotFound, WorkbenchError
from workbench.model.parameter import matches
from workbench.model.project import Project
from workbench.model.schedule import ScheduleSpec
from workbench.model.sweep import TITLE
from workbench.services import projects, schedules, secrets
from workbench.services.asking import checking
from workbench.services.asking.memo import Memo
from workbench.services.bench import Bench
from workbench.services.declared import catalogue
from workbench.services.schedules import ScheduleView

if TYPE_CHECKING:
    from workbench.declare import Problem, Reading
    from workbench.model.environment import EnvironmentSpec
    from workbench.notebooks.parameters import Parameters

    Readings = Mapping[str, Reading[EnvironmentSpec]]


LOOKED_AT = 20  # notebooks of one pattern that are read


def problems(bench: Bench) -> list[Problem]:
    """Problems and notices of everything declared, with paths as seen from the home.

    A schedule is looked at anew only where its file, its notebook, its project or its environment changed since this
    bench last did, so that asking again and again costs little.
    """
    readings = catalogue.readings(bench)
    known = {project.name: project for project in projects.listing(bench)}
    before: dict[Path, tuple[object, list[Problem]]] = bench.memory.get("foresight", {})
    now: dict[Path, tuple[object, list[Problem]]] = {}
    found, memo = list(_of_settings(bench, readings)), Memo()
    for project in known.values():
        found += _of_project(project, readings)
        found += filter(None, [catalogue.unsettled(bench, project)])
        found += _of_parameters(bench, project)
    for view in schedules.listing(bench):
        project_of = known.get(view.project)
        if view.spec is None or view.problem or project_of is None or project_of.problem:
            continue  # what is wrong with those is told where they are read
        mark = _mark(bench, view, view.spec, project_of, readings)
        old = before.get(view.path)
        seen = old[1] if old and old[0] == mark else list(_of_schedule(bench, view, view.spec, readings, memo))
        now[view.path] = mark, seen
        found += seen
    bench.memory["foresight"] = now
    return [problem.labelled(bench.home.root) for problem in found]


def of_project(bench: Bench, project: Project) -> list[Problem]:
    """What keeps the environment of one project from being there: unknown by its name, or not readable."""
    readings = catalogue.readings(bench)
    reading = readings.get(catalogue.name_for(bench, project))
    found = list(reading.problems) if reading else [*_of_project(project, readings)] or [*_of_settings(bench, readings)]
    found += [one for one in (catalogue.unsettled(bench, project),) if one and not one.notice]
    return [problem.labelled(bench.home.root) for problem in found]


def _of_settings(bench: Bench, readings: Readings) -> Iterator[Problem]:
    name = bench.settings.default_environment
    if name not in readings:
        yield _unknown(bench.home.settings_file, "default_environment", name, readings)


def _of_project(project: Project, readings: Readings) -> Iterator[Problem]:
    from workbench.declare.project import FILE

    if not project.problem and project.environment and project.environment not in readings:
        yield _unknown(project.path / FILE, "environment", project.environment, readings)


def _of_parameters(bench: Bench, project: Project) -> Iterator[Problem]:
    """Where what a project declares of parameters and what its notebooks have does not agree: all of it is known only."""
    from workbench.declare import problem_at
    from workbench.declare.project import FILE
    from workbench.notebooks import agreement

    if project.problem or not project.parameters:
        return
    for taken in project.parameters:
        fitting = [taken.notebook] if (project.path / taken.notebook).is_file() else []
        if not fitting:
            notebooks = projects.notebooks(bench, project.name)
            fitting = [path for path in notebooks if matches(taken.notebook, path)]
        if not fitting:
            close = get_close_matches(taken.notebook, notebooks, n=1)
            hint = f"did you mean {close[0]}?" if close else ""
            words = f"no notebook is {taken.notebook!r}"
            yield problem_at(project.path / FILE, ("parameters", taken.notebook), words, hint, at_key=True, notice=True)
        for path in fitting[:LOOKED_AT]:
            found = _cell(bench, project.path, path)
            if found is None:
                continue  # told where it is to be run
            for name, why, hint in agreement.differences(found, taken.parameters):
                keys = ("parameters", taken.notebook, name)
                yield problem_at(project.path / FILE, keys, f"{path}: {why}", hint, at_key=True, notice=True)


def _cell(bench: Bench, root: Path, notebook: str) -> Parameters | None:
    """What a notebook's own cell declares, read again only where the file changed; None where it cannot be read."""
    from workbench.notebooks import document, parameters

    path = root / notebook
    known: dict[Path, tuple[object, Parameters]] = bench.memory.setdefault("cells", {})
    try:
        facts = path.stat()
        mark = (facts.st_mtime_ns, facts.st_size, facts.st_ino)
        if path not in known or known[path][0] != mark:
            known[path] = mark, parameters.parameters_of(document.read(path, root=root))
    except (OSError, WorkbenchError):
        return None
    return known[path][1]


def _of_schedule(
    bench: Bench, view: ScheduleView, spec: ScheduleSpec, readings: Readings, memo: Memo
) -> Iterator[Problem]:
    from workbench.declare import DeclarationError, problem_at

    idle = view.next_due is None
    if spec.environment and spec.environment not in readings:
        own = catalogue.reading(bench, spec.environment)  # a file that only this schedule names
        if own is None:
            yield _unknown(view.path, "environment", spec.environment, readings, notice=idle)
        else:
            yield from own.problems
    try:
        checking.check(bench, schedules.request(spec, view.next_due or bench.now()), ahead=True, memo=memo)
    except DeclarationError:
        return  # told in the file that has it
    except OSError as error:
        yield problem_at(view.path, ("notebook",), f"{spec.notebook}: {error.strerror}", notice=idle)
    except WorkbenchError as error:
        if isinstance(error, NotFound) and error.kind == "environment":
            return  # told at the key that names it
        keys, at_key = _place(error, spec)
        title = f"{error.title}: " if error.title not in ("", "parameters", "secrets") else ""
        yield problem_at(view.path, keys, title + error.message, error.hint, at_key=at_key, notice=idle)


def _place(error: WorkbenchError, spec: ScheduleSpec) -> tuple[tuple[str, ...], bool]:
    """The keys an error of a request is about, and whether the name itself is wrong and not what it holds."""
    if error.title == "parameters":
        name = error.message.partition(":")[0]
        return ("parameters", name) if name in spec.parameters else ("parameters",), True
    if error.message.startswith("parameter "):
        name = error.message.removeprefix("parameter ").partition(":")[0]
        return ("parameters", name), False
    if error.title == TITLE:
        return ("sweep",), False
    if error.title == "secrets" and spec.environment:
        return ("environment",), False
    return ("notebook",), False


def _unknown(path: Path, key: str, name: str, readings: Readings, *, notice: bool = False) -> Problem:
    from workbench.declare import problem_at

    close = get_close_matches(name, readings, n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"there are: {', '.join(list(readings)[:12])}"
    return problem_at(path, (key,), f"no environment named {name!r}", hint, notice=notice)


def _mark(bench: Bench, view: ScheduleView, spec: ScheduleSpec, project: Project, readings: Readings) -> Any:
    """Everything that decides what would be found; the same mark, the same answer."""
    name = spec.environment or catalogue.name_for(bench, project)
    reading = readings.get(name) or catalogue.reading(bench, name)
    try:
        facts = os.stat(project.path / spec.notebook)
        notebook = (facts.st_mtime_ns, facts.st_size, facts.st_ino)
    except (OSError, ValueError):
        notebook = None
    wanting = secrets.missing(bench, reading.value) if reading and reading.value else ()
    return spec, view.next_due is None, project, notebook, name, reading, wanting
