"""What `--json` answers: each thing's keys, in one place from which the reference page is written too.

Keys are only ever added. Times are UTC ISO 8601, lengths seconds, sizes bytes, ids the text that commands take.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Generic, TypeVar

from workbench.model.build import Build
from workbench.model.project import Project
from workbench.model.run import Attempt, Run
from workbench.model.schedule import DueTime
from workbench.model.session import Session

T = TypeVar("T")


@dataclass(frozen=True)
class Key(Generic[T]):
    """A key of a shape: its type for the page, what it means, how it is read off the thing."""

    name: str
    kind: str
    says: str
    read: Callable[[T], Any]


@dataclass(frozen=True)
class Shape(Generic[T]):
    """A thing as JSON."""

    name: str
    keys: tuple[Key[T], ...]

    def of(self, thing: T) -> dict[str, Any]:
        """`thing` as a dict whose values JSON has words for, or `output.plain`."""
        return {key.name: key.read(thing) for key in self.keys}


def _same(name: str, kind: str, says: str) -> Key[Any]:
    return Key(name, kind, says, lambda thing: getattr(thing, name))


def _text(name: str, says: str) -> Key[Any]:
    return Key(name, "text", says, lambda thing: str(getattr(thing, name) or ""))


def _actor() -> tuple[Key[Any], ...]:
    return (
        _text("by", "the person who asked"),
        Key("as", "text", "the account it happens as", lambda thing: thing.account),
        _text("origin", "where it was asked: cli, ui, schedule, supervisor"),
    )


def _failure(thing: Run | Attempt) -> dict[str, Any] | None:
    return asdict(thing.failure) if thing.failure else None


RUN: Shape[Run] = Shape(
    "run",
    (
        Key("id", "text", "as commands take it: `41`", lambda run: str(run.id)),
        _text("project", "its project"),
        _text("notebook", "its notebook, relative to the project"),
        _text("name", "the schedule's or the notebook's name"),
        _text(
            "state",
            "queued waiting starting running finishing cancelling retrying, or an end: succeeded failed cancelled timed-out out-of-memory crashed interrupted",
        ),
        _text("reason", "why it is in this state"),
        _text("hint", "what to do about it"),
        Key(
            "failure",
            "object or null",
            "of an unsuccessful run: `cell` (1-based, of all cells), `error`, `message`, `source`, `traceback`",
            _failure,
        ),
        _same("parameters", "object", "values given"),
        _text("environment", "its environment"),
        _text("engine", "docker or process; empty before it started"),
        _text("revision", "of the environment; empty before it started"),
        _same("attempt", "integer", "the newest try, from 1; 0 before the first"),
        _same("retries", "integer", "further tries allowed"),
        _same("cells", "integer", "code cells in all"),
        _same("cells_done", "integer", "code cells that have ended"),
        Key("schedule", "text or null", "`project/name` of the schedule that asked for it", lambda run: run.schedule),
        _same("due", "time or null", "the schedule's due time"),
        _same("timeout", "seconds or null", "limit of the whole run"),
        _same("created", "time", "when it was asked for"),
        _same("started", "time or null", "when the newest try started"),
        _same("ended", "time or null", "when it ended"),
        _same("seconds", "seconds or null", "length of the newest try"),
        _text("output", "folder with what it left; empty before it is published"),
        *_actor(),
    ),
)
ATTEMPT: Shape[Attempt] = Shape(
    "attempt",
    (
        _same("number", "integer", "from 1"),
        _text("state", "as a run's"),
        _text("reason", "why it ended so"),
        Key("failure", "object or null", "as a run's", _failure),
        _text("revision", "of the environment"),
        _same("started", "time", "when it started"),
        _same("ended", "time or null", "when it ended"),
        _same("seconds", "seconds or null", "its length"),
    ),
)
SESSION: Shape[Session] = Shape(
    "session",
    (
        Key("id", "text", "as commands take it: `s7`", lambda session: f"s{session.id}"),
        _text("name", "its name, also the first part of its host name"),
        _text("project", "its project"),
        _text("ide", "jupyter"),
        _text("state", "queued preparing starting ready stopping stopped failed vanished"),
        _text("desired", "up or down: what was asked for"),
        _text("reason", "why it is in this state"),
        _text("hint", "what to do about it"),
        _text("environment", "its environment"),
        _text("engine", "docker or process; empty before it started"),
        _text("revision", "of the environment; empty before it started"),
        _text("url", "its address without its secret (`sessions url` prints that one)"),
        Key("port", "integer or null", "on 127.0.0.1", lambda session: session.port or None),
        _text("file", "what it opens first, relative to the project"),
        _same("created", "time", "when it was asked for"),
        _same("started", "time or null", "when it was ready"),
        _same("ended", "time or null", "when it ended"),
        *_actor(),
    ),
)
BUILD: Shape[Build] = Shape(
    "build",
    (
        Key("id", "text", "as commands take it: `b3`", lambda build: f"b{build.id}"),
        _text("environment", "what it makes"),
        _text("state", "queued building ready failed cancelled"),
        _text("reason", "why it is in this state"),
        _text("hint", "what to do about it"),
        _text("engine", "docker or process"),
        _text("revision", "what it made; empty before it is resolved"),
        _same("created", "time", "when it was asked for"),
        _same("started", "time or null", "when it started"),
        _same("ended", "time or null", "when it ended"),
        *_actor(),
    ),
)
PROJECT: Shape[Project] = Shape(
    "project",
    (
        _text("name", "its name"),
        _text("path", "the real folder"),
        _same("linked", "boolean", "whether the home only links to the folder"),
        Key("environment", "text or null", "what project.yaml names", lambda project: project.environment),
        Key(
            "data",
            "array",
            "folders seen in it: `path`, `target`, `write`",
            lambda project: [
                {"path": str(mount.path), "target": mount.target, "write": mount.write} for mount in project.data
            ],
        ),
        _text("description", "what project.yaml says of it"),
        _text("problem", "why its declaration cannot be read; empty where it can"),
    ),
)
DUE: Shape[DueTime] = Shape(
    "due time",
    (
        _same("due", "time", "when it was due"),
        _text("state", "fired skipped missed"),
        _text("reason", "why it did not fire"),
        Key("run", "text or null", "the run it fired", lambda due: str(due.run) if due.run else None),
    ),
)


def extended(shape: dict[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """A shape's dict with keys of the one command that shows more."""
    return {**shape, **more}
