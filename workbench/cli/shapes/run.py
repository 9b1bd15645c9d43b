"""The shapes of a run and of its tries."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from workbench.cli.shapes.shape import Key, Shape
from workbench.cli.shapes.shape import actor as _actor
from workbench.cli.shapes.shape import same as _same
from workbench.cli.shapes.shape import text as _text
from workbench.model.run import Attempt, Run


def _failure(thing: Run | Attempt) -> dict[str, Any] | None:
    return asdict(thing.failure) if thing.failure else None


def _kept(run: Run) -> dict[str, Any] | None:
    return {"until": run.kept_until, "cell": run.kept_cell, "memory": run.kept_memory} if run.kept_until else None


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
        Key("group", "text or null", "the sweep it is of, as `g7`", lambda run: f"g{run.group}" if run.group else None),
        Key(
            "exactly",
            "text or null",
            "the run that it repeats exactly",
            lambda run: None if run.exactly is None else str(run.exactly),
        ),
        _same("priority", "integer", "how urgent it is: -10 low, 0 normal, 10 high"),
        _same("timeout", "seconds or null", "limit of the whole run"),
        Key(
            "timeouts",
            "object",
            "limits in seconds, or null: `queue` until it begins, `start` until its kernel answers, `cell` of each cell",
            lambda run: {name: getattr(run.terms, name) for name in ("queue", "start", "cell")},
        ),
        Key(
            "retry",
            "object",
            "pauses between tries in seconds: `delay`, `factor`, `longest`; `on`: states after which it is tried again",
            lambda run: {
                "delay": run.terms.delay,
                "factor": run.terms.factor,
                "longest": run.terms.cap,
                "on": sorted(run.terms.on),
            },
        ),
        Key(
            "keep_kernel",
            "seconds or null",
            "for which its kernel is kept where it fails in a cell or times out; 0 or null: not",
            lambda run: run.terms.keep,
        ),
        Key(
            "kept",
            "object or null",
            "of its kernel, while that is kept: `until`, `cell` that is next (1-based, of all cells), `memory` it holds",
            _kept,
        ),
        Key(
            "continues",
            "text or null",
            "the failed run in whose kernel it goes on",
            lambda run: str(run.continues) if run.continues else None,
        ),
        _same("peak_memory", "bytes or null", "the most its kernel and what that started held"),
        _same("cpu_seconds", "seconds or null", "processor time they used"),
        _same("created", "time", "when it was asked for"),
        _same("started", "time or null", "when the newest try started"),
        _same("ended", "time or null", "when it ended"),
        _same("seconds", "seconds or null", "length of the newest try"),
        _text("changed", "what of its output is materially other than of the success before; empty for nothing"),
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
