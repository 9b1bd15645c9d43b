"""What `--json` answers of a schedule and of a line of its ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.cli.shapes.shape import Key, Shape
from workbench.cli.shapes.shape import same as _same
from workbench.cli.shapes.shape import text as _text
from workbench.model.schedule import DueTime

if TYPE_CHECKING:
    from workbench.services.schedules import ScheduleView


def _spec(name: str, kind: str, says: str) -> Key[ScheduleView]:
    return Key(name, kind, says, lambda view: getattr(view.spec, name) if view.spec else None)


DUE: Shape[DueTime] = Shape(
    "due time",
    (
        _same("due", "time", "when it was due"),
        _text("state", "fired skipped missed"),
        _text("reason", "why it did not fire, or fired late"),
        Key("run", "text or null", "the run it fired", lambda due: str(due.run) if due.run else None),
        _same("run_state", "text or null", "the state of that run"),
        _text("run_reason", "why that run has not begun, or never did"),
        _text("schedule", "`project/name`"),
        _same("noticed", "time", "when this was written down"),
        Key(
            "late",
            "seconds or null",
            "how late it fired; null where in time",
            lambda due: due.late and due.late.total_seconds(),
        ),
        Key(
            "by_hand",
            "text or null",
            "now or backfill, where a person had it run beside its due times",
            lambda due: due.by_hand,
        ),
        _text("by", "who: the account that schedules act for, or the person"),
    ),
)
SCHEDULE: Shape[ScheduleView] = Shape(
    "schedule",
    (
        _text("key", "`project/name`, as commands take it"),
        _text("project", "its project"),
        _text("name", "its file's name"),
        _text("state", "active, paused, off, done, invalid"),
        _text("problem", "why its file cannot be taken as it is now"),
        Key("file", "text", "its file", lambda view: view.path),
        _spec("notebook", "text or null", "what it runs, relative to the project"),
        _spec("cron", "text or null", "one of cron, once and every is set"),
        _spec("once", "text or null", "a single time in its zone"),
        _spec("every", "seconds or null", "an interval"),
        _spec("timezone", "text or null", "its zone"),
        _spec("parameters", "object or null", "values as declared"),
        _spec("sweep", "object, array or null", "parameters with several values each, as declared"),
        _spec("environment", "text or null", "what its file names; null for the project's"),
        Key(
            "code",
            "text or null",
            "live, frozen, or the branch, tag or commit",
            lambda view: view.spec.code.what if view.spec else None,
        ),
        _spec(
            "priority",
            "integer or null",
            "how urgent its runs are: -10 low, 0 normal, 10 high; null for what its project says",
        ),
        _spec("timeout", "seconds or null", "limit of each run"),
        _spec("retries", "integer or null", "further tries of each run; null for what its project says"),
        _spec("overlap", "text or null", "skip, queue, replace, allow: while the run before goes on"),
        _spec("catch_up", "text or null", "latest, all, none: of times that passed while nothing watched"),
        _spec("catch_up_window", "seconds or null", "how long after its time a missed one still fires"),
        _spec("start", "text or null", "nothing is due before it, in its zone"),
        _spec("end", "text or null", "nothing is due after it"),
        _spec("jitter", "seconds or null", "how much later than its time it may be fired"),
        Key(
            "limits",
            "object or null",
            "seconds: `queue start cell`, what its file says of the parts of a run",
            lambda view: (
                {part: getattr(view.spec.terms, part) for part in ("queue", "start", "cell")} if view.spec else None
            ),
        ),
        Key(
            "notify",
            "object or null",
            "who is told, by occasion; null for what its project says",
            lambda view: (
                {str(one): list(who) for one, who in view.spec.notify.targets.items()}
                if view.spec and view.spec.notify
                else None
            ),
        ),
        Key(
            "deliver",
            "array",
            "`to what`: where what its runs leave is copied to",
            lambda view: [{"to": one.to, "what": one.what} for one in view.spec.deliver] if view.spec else [],
        ),
        Key(
            "keep",
            "object or null",
            "`last seconds failed`: which runs are kept; null for what its project says",
            lambda view: (
                {part: getattr(view.spec.keep, part) for part in ("last", "seconds", "failed")}
                if view.spec and view.spec.keep
                else None
            ),
        ),
        _spec("inputs", "array or null", "files that its runs read"),
        Key("tags", "array", "words that its runs have", lambda view: list(view.spec.tags) if view.spec else []),
        _spec("enabled", "boolean or null", "what its file says"),
        Key(
            "paused_by",
            "text",
            "who paused it; empty where nobody did",
            lambda view: view.row.paused_by if view.row else "",
        ),
        Key("pause_reason", "text", "and why", lambda view: view.row.pause_reason if view.row else ""),
        Key(
            "paused_until", "time or null", "when it resumes by itself", lambda view: view.row and view.row.paused_until
        ),
        Key("next", "time or null", "when it is due next", lambda view: view.next_due),
        Key("last", "object or null", "its newest due time", lambda view: DUE.of(view.last) if view.last else None),
    ),
)
