"""What `--json` answers of notices."""

from __future__ import annotations

from datetime import datetime

from workbench.cli.shapes.shape import Key, Shape
from workbench.cli.shapes.shape import same as _same
from workbench.cli.shapes.shape import text as _text
from workbench.model.notice import Notice, NoticeState, masked


def _again(one: Notice) -> datetime | None:
    return one.not_before if one.state is NoticeState.PENDING and one.reason else None


NOTICE: Shape[Notice] = Shape(
    "notice",
    (
        _text("occasion", "failure recovery late success heartbeat test"),
        _text("subject", "what it is about: `run 41`, `due churn/nightly 2026-…`"),
        Key("target", "text", "whom it is for; of a service's address its name alone", lambda one: masked(one.target)),
        _text("state", "pending sending sent failed, or unknown: it may have arrived"),
        _text("reason", "why it was not sent"),
        Key("again", "time or null", "when that is tried again", _again),
        _text("text", "what is told"),
        Key("run", "text or null", "the run's id", lambda one: None if one.run is None else str(one.run)),
        _same("created", "time", "when it was to be told"),
    ),
)
