"""What `--json` answers of a group."""

from __future__ import annotations

from workbench.cli.shapes.shape import Key, Shape
from workbench.cli.shapes.shape import actor as _actor
from workbench.cli.shapes.shape import same as _same
from workbench.cli.shapes.shape import text as _text
from workbench.model.group import Group

GROUP: Shape[Group] = Shape(
    "group",
    (
        Key("id", "text", "as commands take it: `g7`", lambda group: group.label),
        _text("project", "its project"),
        _text("notebook", "its notebook, relative to the project"),
        _text("name", "the schedule's or the notebook's name"),
        Key("names", "array", "the parameters that differ", lambda group: list(group.names)),
        _same("size", "integer", "how many runs were asked for"),
        Key(
            "schedule", "text or null", "`project/name` of the schedule that asked for it", lambda group: group.schedule
        ),
        _same("due", "time or null", "the schedule's due time"),
        _same("created", "time", "when it was asked for"),
        *_actor(),
    ),
)
