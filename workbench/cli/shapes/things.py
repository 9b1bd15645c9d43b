"""What `--json` answers: each thing's keys, in one place from which the reference page is written too.

Keys are only ever added. Times are UTC ISO 8601, lengths seconds, sizes bytes, ids the text that commands take.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from workbench.cli.facts.parameters import PARAMETER
from workbench.cli.shapes.group import GROUP
from workbench.cli.shapes.ide import IDE
from workbench.cli.shapes.notice import NOTICE
from workbench.cli.shapes.run import ATTEMPT, RUN
from workbench.cli.shapes.schedule import DUE, SCHEDULE
from workbench.cli.shapes.shape import Key, Shape
from workbench.cli.shapes.shape import actor as _actor
from workbench.cli.shapes.shape import same as _same
from workbench.cli.shapes.shape import text as _text
from workbench.model.build import Build
from workbench.model.project import Project
from workbench.model.session import Session

if TYPE_CHECKING:
    from workbench.services.environments import EnvironmentView
    from workbench.services.revisions import RevisionView
    from workbench.services.secrets import SecretView


def _usage(session: Session) -> dict[str, Any] | None:
    return asdict(session.usage) if session.usage else None


SESSION: Shape[Session] = Shape(
    "session",
    (
        Key("id", "text", "as commands take it: `s7`", lambda session: f"s{session.id}"),
        _text("name", "its name, also the first part of its host name"),
        _text("project", "its project"),
        _text("ide", "jupyter"),
        _text(
            "state",
            "queued preparing starting ready stopping stopped failed vanished; spare: up ahead of time, and nobody's yet",
        ),
        _text("desired", "up or down: what was asked for"),
        Key("warm", "boolean", "whether its next start finds it up already", lambda session: bool(session.spare)),
        _text("reason", "why it is in this state"),
        _text("hint", "what to do about it"),
        _text("environment", "its environment"),
        _text("engine", "docker or process; empty before it started"),
        _text("revision", "of the environment; empty before it started"),
        _text("url", "its address without its secret (`sessions url` prints that one)"),
        Key("port", "integer or null", "on 127.0.0.1", lambda session: session.port or None),
        Key(
            "ports",
            "array",
            "further ones of it that are shown: `port` (inside), `title`, `url` (empty where it cannot be: `problem`)",
            lambda session: [
                {"port": one.inside, "title": one.title, "url": one.url, "problem": one.problem}
                for one in session.forwards
            ],
        ),
        _text("file", "what it opens first, relative to the project"),
        _same("created", "time", "when it was asked for"),
        _same("started", "time or null", "when it was ready"),
        _same("ended", "time or null", "when it ended"),
        _same("idle_stop", "seconds or null", "without work, after which it stops; null: never"),
        _same("stops_at", "time or null", "when that will be if it stays idle; null while it is in use"),
        _text("busy", "why it does not count as idle"),
        _same("kept", "boolean", "whether its idle stop was called off"),
        _same("oom_kills", "integer", "processes in it that were killed for want of memory, as a kernel"),
        Key(
            "moved_from",
            "integer or null",
            "its own port, where another program had that",
            lambda session: session.moved_from or None,
        ),
        Key(
            "usage",
            "object or null",
            "what it takes, where that was measured just now: `at`, `cpu` (cores), `cpu_seconds`, `memory`, `memory_limit`, `processes`, `disk` (of its own), `disk_free`, `gpus`",
            _usage,
        ),
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
        Key(
            "ports",
            "array",
            "further ports that its sessions show: `port`, `title`",
            lambda project: [{"port": one.number, "title": one.title} for one in project.ports],
        ),
        _text("description", "what project.yaml says of it"),
        _text(
            "problem",
            "why its declaration cannot be read; empty where it can; in `projects show` also of its environment",
        ),
    ),
)
ENVIRONMENT: Shape[EnvironmentView] = Shape(
    "environment",
    (
        _text("name", "its name; `project/file` where a project declares it"),
        _text("state", "not built, queued, building, ready, held, failed, stale, invalid"),
        _same("source", "text or null", "the file that declares it"),
        Key(
            "shipped",
            "boolean",
            "whether it comes with the program",
            lambda view: bool(view.spec and view.spec.shipped),
        ),
        Key("engine", "text or null", "docker or process; null before it is chosen", lambda view: view.engine),
        _text("engine_reason", "why that engine was chosen"),
        Key("ides", "array", "tools it has", lambda view: view.spec.ides if view.spec else []),
        Key(
            "ports",
            "array",
            "further ports that its sessions show: `port`, `title`",
            lambda view: [{"port": one.number, "title": one.title} for one in view.spec.ports] if view.spec else [],
        ),
        Key("secrets", "array", "names of secrets it is given", lambda view: view.spec.secrets if view.spec else []),
        _same("missing_secrets", "array", "those of them that are not set"),
        Key("problems", "array", "what is wrong in its declaration", lambda view: [str(one) for one in view.problems]),
        Key("notices", "array", "what holds and should be known", lambda view: [str(one) for one in view.notices]),
        Key("revision", "text or null", "the one in use", lambda view: view.revision.id if view.revision else None),
        _same("held", "boolean", "whether it is one that was made active again, whatever is declared now"),
        Key(
            "pinned",
            "boolean or null",
            "false for an existing Python used as it is; null before it is built",
            lambda view: not view.revision.borrowed if view.revision else None,
        ),
        Key(
            "reference",
            "text or null",
            "its image, or its folder",
            lambda view: view.revision.reference if view.revision else None,
        ),
        Key("digest", "text or null", "of the image", lambda view: view.revision.digest if view.revision else None),
        Key("size", "bytes or null", "what it takes", lambda view: view.revision.size if view.revision else None),
        _same("built", "time or null", "when the one in use was built"),
        _text("behind", "why the newest build failed, where an older revision is in use all the same"),
        Key("build", "object or null", "its newest build", lambda view: BUILD.of(view.build) if view.build else None),
    ),
)
REVISION: Shape[RevisionView] = Shape(
    "revision",
    (
        _text("id", "as commands take it, also cut short while it is unique"),
        _text("environment", "its environment"),
        _text("state", "active, held (active though the declaration may have moved on), or empty"),
        _same("declared", "boolean", "whether it is the newest of the declaration as it is now"),
        Key("engine", "text", "docker or process", lambda view: view.revision.engine),
        Key("reference", "text", "its image, or its folder", lambda view: view.revision.reference),
        Key("digest", "text or null", "of the image", lambda view: view.revision.digest),
        Key("pinned", "boolean", "false for an existing Python used as it is", lambda view: not view.revision.borrowed),
        _same("created", "time", "when it was built"),
        Key(
            "build",
            "text or null",
            "the build that made it",
            lambda view: f"b{view.row.build}" if view.row.build else None,
        ),
        Key("by", "text", "who had it built", lambda view: view.row.by),
        Key("size", "bytes or null", "what it takes", lambda view: view.revision.size),
        Key("packages", "integer", "how many are in it", lambda view: len(view.revision.packages)),
        Key("runs", "integer", "runs that used it", lambda view: view.row.runs),
        Key(
            "last_run",
            "text or null",
            "the newest of them",
            lambda view: str(view.row.last_run) if view.row.last_run else None,
        ),
    ),
)
SECRET: Shape[SecretView] = Shape(
    "secret",
    (
        _text("name", "its name, as that of the variable it becomes"),
        _text("state", "set, or missing: an environment names it and it has no value"),
        _same("changed", "time or null", "when it was set"),
        _text("kept", "file or keyring; empty where it is missing"),
        _same("environments", "array", "environments that name it"),
    ),
)
SHAPES: tuple[Shape[Any], ...] = (
    RUN, GROUP, ATTEMPT, SESSION, BUILD, ENVIRONMENT, REVISION, IDE, SECRET, PROJECT, SCHEDULE, DUE, NOTICE, PARAMETER
)  # fmt: skip
