"""A schedule out of `schedules/<name>.yaml`."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from difflib import get_close_matches
from itertools import islice, pairwise
from pathlib import Path

from workbench.declare.problem import DeclarationError, Problem, Reading
from workbench.declare.reader import TEXT, Document, read
from workbench.declare.schema import ScheduleKeys
from workbench.declare.schema.code import code_of
from workbench.declare.schema.deliver import deliveries_of
from workbench.declare.schema.keep import keep_of
from workbench.declare.schema.notify import notify_of
from workbench.declare.schema.terms import terms_of
from workbench.declare.validation import validate
from workbench.errors import WorkbenchError
from workbench.model import timetable
from workbench.model.names import SLUG_RULE, is_slug
from workbench.model.schedule import CatchUp, Overlap, ScheduleSpec
from workbench.text import duration

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
TIMES = ("cron", "once", "every")
_TIMES = 200  # due times looked at for how near they come to each other
_FROM = datetime(2026, 1, 1, tzinfo=UTC)  # and from when, where no start says it: the same answer on any day


def load_schedule(
    source: Path | str, *, project: str = "", name: str | None = None, timezone: str = "UTC", text: str | None = None
) -> Reading[ScheduleSpec]:
    """A schedule out of a file or text.

    `name` is the file's where it is not given, `timezone` holds where the file names none, `text` is what it holds where
    that was read already.
    """
    path = source if isinstance(source, Path) else TEXT
    name = path.stem if name is None else name
    try:
        document = read(source, text)
    except DeclarationError as error:
        return Reading(None, error.problems)
    reading = validate(document, ScheduleKeys)
    problems = list(reading.problems)
    if source is path and not is_slug(name):
        problems.append(Problem(path, 0, 0, f"{name!r} is no name for a schedule", SLUG_RULE))
    problems += _times(document) if not _misspelt(document) else []
    keys = reading.value
    if keys is None:
        return Reading(None, tuple(problems))
    problems += _environment(document, keys)
    problems += _window(document, keys, keys.timezone or timezone)
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
        timeout=keys.timeout.run if keys.timeout else None,
        retries=keys.retries.count if keys.retries else None,
        priority=keys.priority,
        terms=terms_of(keys.timeout, keys.retries, keys.keep_kernel),
        overlap=Overlap(keys.overlap),
        catch_up=CatchUp(keys.catch_up),
        catch_up_window=keys.catch_up_window,
        enabled=keys.enabled,
        deliver=deliveries_of(keys.deliver),
        notify=notify_of(keys.notify),
        keep=keep_of(keys.keep),
        code=code_of(keys.code),
        inputs=tuple(keys.inputs),
        tags=tuple(dict.fromkeys(keys.tags)),
        start=keys.start,
        end=keys.end,
        jitter=keys.jitter,
        sweep=keys.sweep,
        digest=hashlib.sha256(document.text.encode()).hexdigest(),
    )
    return Reading(spec)


def _misspelt(document: Document) -> bool:
    """Whether a key is nearly one that says when: then that is the mistake, and not that nothing does."""
    return any(get_close_matches(str(key), TIMES, n=1) for key in document.data if key not in ScheduleKeys.model_fields)


def _times(document: Document) -> list[Problem]:
    given = [name for name in TIMES if document.data.get(name) is not None]
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


def _window(document: Document, keys: ScheduleKeys, zone: str) -> list[Problem]:
    """What start, end and jitter make of the times: none at all, or a delay beyond the next one."""
    if not (keys.start or keys.end or keys.jitter):
        return []
    key = "end" if keys.end else "start" if keys.start else "jitter"
    try:
        table = timetable.timetable(
            zone, cron=keys.cron, once=keys.once, every=keys.every, start=keys.start, end=keys.end
        )
    except WorkbenchError as error:
        return [document.problem((key,), error.message.removeprefix(f"{key}: "), error.hint)]
    coming = list(islice(table.times(_EPOCH if table.start else _FROM), _TIMES))
    if not coming and table.start and table.end:
        return [document.problem(("end",), "there is no due time between start and end", "nothing would ever run")]
    steps = [(after - before).total_seconds() for before, after in pairwise(coming)]
    if keys.jitter and steps and keys.jitter > min(steps):
        hint = f"its due times are as near as {duration(min(steps))}"
        return [document.problem(("jitter",), "jitter is longer than from one due time to the next", hint)]
    return []


def _is_file(said: str) -> bool:
    return said.startswith("./") and ".." not in Path(said).parts


def _full_name(project: str, said: str | None) -> str | None:
    return f"{project}/{Path(said).as_posix()}" if said and _is_file(said) else said
