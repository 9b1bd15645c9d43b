"""A schedule out of `schedules/<name>.yaml`."""

from __future__ import annotations

import hashlib
from pathlib import Path

from workbench.declare.problem import DeclarationError, Problem, Reading
from workbench.declare.reader import TEXT, Document, read
from workbench.declare.schema import ScheduleKeys
from workbench.declare.schema.keep import keep_of
from workbench.declare.validation import validate
from workbench.model.names import SLUG_RULE, is_slug
from workbench.model.schedule import CatchUp, Overlap, ScheduleSpec


def load_schedule(
    source: Path | str, *, project: str = "", name: str | None = None, timezone: str = "UTC"
) -> Reading[ScheduleSpec]:
    """A schedule out of a file or text.

    `name` is the file's where it is not given, `timezone` holds where the file names none.
    """
    path = source if isinstance(source, Path) else TEXT
    name = path.stem if name is None else name
    try:
        document = read(source)
    except DeclarationError as error:
        return Reading(None, error.problems)
    reading = validate(document, ScheduleKeys)
    problems = list(reading.problems)
    if source is path and not is_slug(name):
        problems.append(Problem(path, 0, 0, f"{name!r} is no name for a schedule", SLUG_RULE))
    problems += _times(document)
    keys = reading.value
    if keys is None:
        return Reading(None, tuple(problems))
    problems += _environment(document, keys)
    if problems:
        return Reading(None, tuple(problems))
    spec = ScheduleSpec(
        project=project,
        name=name,
        source=path,
        notebook=keys.notebook,
        timezone=keys.timezone or timezone,
        cron=keys.cron,
        once=keys.once,
        every=keys.every,
        parameters=keys.parameters,
        environment=_full_name(project, keys.environment),
        timeout=keys.timeout,
        retries=keys.retries,
        overlap=Overlap(keys.overlap),
        catch_up=CatchUp(keys.catch_up),
        catch_up_window=keys.catch_up_window,
        enabled=keys.enabled,
        keep=keep_of(keys.keep),
        digest=hashlib.sha256(document.text.encode()).hexdigest(),
    )
    return Reading(spec)


def _times(document: Document) -> list[Problem]:
    given = [name for name in ("cron", "once", "every") if document.data.get(name) is not None]
    if not given:
        return [document.problem((), "no time is given", "write one of cron:, once: and every:")]
    if len(given) > 1:
        second = max(given, key=lambda name: document.keys[name,].line)
        return [document.problem((second,), f"{' and '.join(given)}: only one of them can hold", at_key=True)]
    return []


def _environment(document: Document, keys: ScheduleKeys) -> list[Problem]:
    said = keys.environment
    if said is None or is_slug(said) or _is_file(said):
        return []
    return [document.problem(("environment",), f"{said!r} is no name of an environment", SLUG_RULE)]


def _is_file(said: str) -> bool:
    return said.startswith("./") and ".." not in Path(said).parts


def _full_name(project: str, said: str | None) -> str | None:
    return f"{project}/{Path(said).as_posix()}" if said and _is_file(said) else said
