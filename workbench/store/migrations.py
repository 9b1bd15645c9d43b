"""Numbered migrations of the schema: never edited once released, only added to.

Times are UTC text (`connection.stamp`). Each row says who wrote it: `by` is the person, `account` the Unix account,
`origin` where it came from.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

_ACTOR = "by TEXT NOT NULL, account TEXT NOT NULL, origin TEXT NOT NULL"

_FIRST = f"""
CREATE TABLE events (
  id INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL, kind TEXT NOT NULL, key TEXT NOT NULL, what TEXT NOT NULL,
  detail TEXT NOT NULL DEFAULT '', {_ACTOR});
CREATE INDEX events_of ON events (kind, key, id);

CREATE TABLE engines (
  name TEXT PRIMARY KEY, endpoint TEXT NOT NULL, source TEXT NOT NULL, version TEXT NOT NULL, identity TEXT NOT NULL,
  problem TEXT NOT NULL, hint TEXT NOT NULL, checked TEXT NOT NULL, {_ACTOR});

CREATE TABLE environments (
  name TEXT PRIMARY KEY, engine TEXT NOT NULL, engine_reason TEXT NOT NULL, revision TEXT NOT NULL DEFAULT '',
  fingerprint TEXT NOT NULL DEFAULT '', chosen TEXT NOT NULL, {_ACTOR});
CREATE TABLE revisions (
  id TEXT NOT NULL, environment TEXT NOT NULL, fingerprint TEXT NOT NULL, body TEXT NOT NULL, created TEXT NOT NULL,
  build INTEGER, {_ACTOR}, PRIMARY KEY (environment, id));
CREATE TABLE builds (
  id INTEGER PRIMARY KEY AUTOINCREMENT, environment TEXT NOT NULL, fingerprint TEXT NOT NULL,
  engine TEXT NOT NULL DEFAULT '', revision TEXT NOT NULL DEFAULT '', state TEXT NOT NULL, created TEXT NOT NULL,
  started TEXT, ended TEXT, reason TEXT NOT NULL DEFAULT '', hint TEXT NOT NULL DEFAULT '',
  progress TEXT NOT NULL DEFAULT '', cancel_asked INTEGER NOT NULL DEFAULT 0, force INTEGER NOT NULL DEFAULT 0, {_ACTOR});
CREATE INDEX builds_of ON builds (environment, id);
CREATE UNIQUE INDEX builds_open ON builds (environment, fingerprint) WHERE state IN ('queued', 'building');

CREATE TABLE sessions (
  id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, project TEXT NOT NULL, ide TEXT NOT NULL,
  environment TEXT NOT NULL, engine TEXT NOT NULL DEFAULT '', revision TEXT NOT NULL DEFAULT '',
  desired TEXT NOT NULL, generation INTEGER NOT NULL, state TEXT NOT NULL, reason TEXT NOT NULL DEFAULT '',
  hint TEXT NOT NULL DEFAULT '', port INTEGER NOT NULL DEFAULT 0, handle TEXT NOT NULL DEFAULT '',
  file TEXT NOT NULL DEFAULT '', shell TEXT NOT NULL DEFAULT '[]', removed TEXT, created TEXT NOT NULL, started TEXT,
  ended TEXT, {_ACTOR});
CREATE UNIQUE INDEX sessions_name ON sessions (name) WHERE removed IS NULL;
CREATE TABLE ports (name TEXT PRIMARY KEY, port INTEGER NOT NULL UNIQUE, {_ACTOR});

CREATE TABLE schedules (
  key TEXT PRIMARY KEY, project TEXT NOT NULL, name TEXT NOT NULL, digest TEXT NOT NULL, timing TEXT NOT NULL,
  evaluated_until TEXT NOT NULL, paused INTEGER NOT NULL DEFAULT 0, paused_by TEXT NOT NULL DEFAULT '',
  paused_account TEXT NOT NULL DEFAULT '', pause_reason TEXT NOT NULL DEFAULT '', present INTEGER NOT NULL DEFAULT 1,
  problem TEXT NOT NULL DEFAULT '', {_ACTOR});

CREATE TABLE runs (
  id INTEGER PRIMARY KEY AUTOINCREMENT, project TEXT NOT NULL, notebook TEXT NOT NULL, name TEXT NOT NULL,
  environment TEXT NOT NULL, fingerprint TEXT NOT NULL DEFAULT '', engine TEXT NOT NULL DEFAULT '',
  revision TEXT NOT NULL DEFAULT '', parameters TEXT NOT NULL, state TEXT NOT NULL, attempt INTEGER NOT NULL DEFAULT 0,
  reason TEXT NOT NULL DEFAULT '', hint TEXT NOT NULL DEFAULT '', failure TEXT, schedule TEXT, due TEXT, timeout REAL,
  retries INTEGER NOT NULL DEFAULT 0, cells INTEGER NOT NULL DEFAULT 0, cells_done INTEGER NOT NULL DEFAULT 0,
  output TEXT NOT NULL DEFAULT '', record TEXT NOT NULL DEFAULT '{{}}', cancel_asked INTEGER NOT NULL DEFAULT 0,
  not_before TEXT, created TEXT NOT NULL, started TEXT, ended TEXT, seconds REAL, {_ACTOR});
CREATE INDEX runs_state ON runs (state, id);
CREATE INDEX runs_project ON runs (project, id);
CREATE INDEX runs_notebook ON runs (project, notebook, id);
CREATE INDEX runs_schedule ON runs (schedule, id) WHERE schedule IS NOT NULL;
CREATE INDEX runs_created ON runs (created);
CREATE TABLE attempts (
  run INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE, number INTEGER NOT NULL, token TEXT NOT NULL,
  state TEXT NOT NULL, reason TEXT NOT NULL DEFAULT '', failure TEXT, revision TEXT NOT NULL DEFAULT '',
  started TEXT NOT NULL, ended TEXT, seconds REAL, {_ACTOR}, PRIMARY KEY (run, number));

CREATE TABLE due_times (
  schedule TEXT NOT NULL, due TEXT NOT NULL, state TEXT NOT NULL, reason TEXT NOT NULL DEFAULT '',
  run INTEGER REFERENCES runs (id) ON DELETE SET NULL, noticed TEXT NOT NULL, {_ACTOR}, PRIMARY KEY (schedule, due));
"""


def _first(connection: sqlite3.Connection) -> None:
    # Not executescript: that would commit the migration's transaction.
    for statement in _FIRST.split(";"):
        if statement.strip():
            connection.execute(statement)


def _life_of_sessions(connection: sqlite3.Connection) -> None:
    """Idle stop, memory that ran out inside, a port that was taken, and the boot of the machine they were started in."""
    for column in (
        "idle_asked REAL", "idle_stop REAL", "stops_at TEXT", "busy TEXT NOT NULL DEFAULT ''",
        "kept INTEGER NOT NULL DEFAULT 0", "oom_kills INTEGER NOT NULL DEFAULT 0", "oom_at TEXT",
        "moved_from INTEGER NOT NULL DEFAULT 0", "boot TEXT NOT NULL DEFAULT ''",
    ):  # fmt: skip
        connection.execute(f"ALTER TABLE sessions ADD COLUMN {column}")


def _held_revisions(connection: sqlite3.Connection) -> None:
    """An older revision may be made active again: held, asked for, or refused with a reason."""
    for column in (
        "held INTEGER NOT NULL DEFAULT 0", "wanted TEXT NOT NULL DEFAULT ''", "refusal TEXT NOT NULL DEFAULT ''",
    ):  # fmt: skip
        connection.execute(f"ALTER TABLE environments ADD COLUMN {column}")


def _disk_tasks(connection: sqlite3.Connection) -> None:
    """What is asked of the disk: measured, planned, pruned."""
    connection.execute(
        "CREATE TABLE disk_tasks (id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, policy TEXT NOT NULL,"
        " plan INTEGER, state TEXT NOT NULL, reason TEXT NOT NULL DEFAULT '', report TEXT NOT NULL DEFAULT '',"
        f" created TEXT NOT NULL, ended TEXT, {_ACTOR})"
    )


def _spares(connection: sqlite3.Connection) -> None:
    """Sessions that are started ahead, for projects with `warm: true`."""
    connection.execute("ALTER TABLE sessions ADD COLUMN spare TEXT NOT NULL DEFAULT ''")


def _pin_tasks(connection: sqlite3.Connection) -> None:
    """What is asked about exact versions: locks, what is outdated, exports."""
    connection.execute(
        "CREATE TABLE pin_tasks (id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, environment TEXT NOT NULL,"
        " folder TEXT NOT NULL DEFAULT '', state TEXT NOT NULL, reason TEXT NOT NULL DEFAULT '',"
        f" hint TEXT NOT NULL DEFAULT '', result TEXT NOT NULL DEFAULT '', created TEXT NOT NULL, {_ACTOR})"
    )


def _scalars(connection: sqlite3.Connection) -> None:
    """Numbers that runs track, and tags that people give them."""
    connection.execute(
        "CREATE TABLE scalars (run INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE, place INTEGER NOT NULL,"
        f" name TEXT NOT NULL, value NOT NULL, {_ACTOR}, PRIMARY KEY (run, name)) WITHOUT ROWID"
    )
    connection.execute("CREATE TABLE run_tags (run INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,"
                       f" tag TEXT NOT NULL, {_ACTOR}, PRIMARY KEY (run, tag)) WITHOUT ROWID")  # fmt: skip
    connection.execute("CREATE INDEX runs_name ON runs (project, name, id)")


def _schedules_in_full(connection: sqlite3.Connection) -> None:
    """Pauses as they were and will be, runs by hand, and what each schedule's file said when it last could be read."""
    connection.execute("ALTER TABLE schedules ADD COLUMN paused_until TEXT")
    connection.execute(
        "CREATE TABLE pauses (id INTEGER PRIMARY KEY AUTOINCREMENT, schedule TEXT NOT NULL, since TEXT NOT NULL, until TEXT,"
        f" reason TEXT NOT NULL DEFAULT '', ended TEXT, ended_by TEXT NOT NULL DEFAULT '', {_ACTOR})"
    )
    connection.execute("CREATE INDEX pauses_of ON pauses (schedule, since)")
    connection.execute(
        "INSERT INTO pauses (schedule, since, reason, by, account, origin)"
        " SELECT key, evaluated_until, pause_reason, paused_by, paused_account, origin FROM schedules WHERE paused = 1"
    )
    connection.execute(
        "CREATE TABLE by_hand (id INTEGER PRIMARY KEY AUTOINCREMENT, schedule TEXT NOT NULL, due TEXT NOT NULL,"
        " kind TEXT NOT NULL, run INTEGER REFERENCES runs (id) ON DELETE SET NULL, noticed TEXT NOT NULL,"
        f" reason TEXT NOT NULL DEFAULT '', {_ACTOR})"
    )
    connection.execute("CREATE INDEX by_hand_of ON by_hand (schedule, due)")
    connection.execute("CREATE INDEX by_hand_due ON by_hand (due)")
    connection.execute("CREATE INDEX by_hand_run ON by_hand (run)")
    connection.execute("CREATE INDEX due_times_due ON due_times (due)")
    connection.execute("CREATE INDEX due_times_run ON due_times (run)")
    connection.execute(
        "CREATE TABLE declared_schedules (key TEXT PRIMARY KEY, mark TEXT NOT NULL, digest TEXT NOT NULL,"
        f" spec TEXT NOT NULL, text TEXT NOT NULL, {_ACTOR})"
    )


def _contained(connection: sqlite3.Connection) -> None:
    """Which projects have had code in a container, and the environment they are settled on since."""
    connection.execute(
        f"CREATE TABLE contained (project TEXT PRIMARY KEY, environment TEXT NOT NULL, since TEXT NOT NULL, {_ACTOR})"
    )


def _notices(connection: sqlite3.Connection) -> None:
    """Letters to people about runs and due times, and how far the journal was read for them."""
    connection.execute(
        "CREATE TABLE notices (id INTEGER PRIMARY KEY AUTOINCREMENT, occasion TEXT NOT NULL, subject TEXT NOT NULL,"
        " target TEXT NOT NULL, text TEXT NOT NULL, run INTEGER, state TEXT NOT NULL, reason TEXT NOT NULL DEFAULT '',"
        " tries INTEGER NOT NULL DEFAULT 0, sender TEXT NOT NULL DEFAULT '', report INTEGER NOT NULL DEFAULT 0, created TEXT NOT NULL,"
        f" not_before TEXT NOT NULL, {_ACTOR}, UNIQUE (occasion, subject, target))"
    )
    connection.execute("CREATE INDEX notices_open ON notices (state, not_before) WHERE state IN ('pending', 'sending')")
    connection.execute("CREATE INDEX notices_run ON notices (run)")
    connection.execute(
        f"CREATE TABLE notice_marks (id INTEGER PRIMARY KEY, event INTEGER NOT NULL, due INTEGER NOT NULL, {_ACTOR})"
    )


def _groups(connection: sqlite3.Connection) -> None:
    """Runs of one sweep."""
    connection.execute(
        "CREATE TABLE run_groups (id INTEGER PRIMARY KEY AUTOINCREMENT, project TEXT NOT NULL, notebook TEXT NOT NULL,"
        " name TEXT NOT NULL, names TEXT NOT NULL, size INTEGER NOT NULL, schedule TEXT, due TEXT, created TEXT NOT NULL,"
        f" {_ACTOR})"
    )
    connection.execute("ALTER TABLE runs ADD COLUMN group_id INTEGER")
    connection.execute("CREATE INDEX runs_group ON runs (group_id, id) WHERE group_id IS NOT NULL")


def _queue(connection: sqlite3.Connection) -> None:
    """Priorities, limits of the parts of a run, how retries go, what runs took; indexes for every page of a long history."""
    for column in (
        "priority INTEGER NOT NULL DEFAULT 0", "terms TEXT NOT NULL DEFAULT '{}'", "begin_by TEXT",
        "peak_memory INTEGER", "cpu_seconds REAL",
    ):  # fmt: skip
        connection.execute(f"ALTER TABLE runs ADD COLUMN {column}")
    pending = "state IN ('queued', 'waiting', 'retrying')"
    connection.execute(f"CREATE INDEX runs_pending ON runs (priority DESC, id) WHERE {pending}")
    connection.execute(f"CREATE INDEX runs_begin_by ON runs (begin_by) WHERE begin_by IS NOT NULL AND {pending}")
    connection.execute("CREATE INDEX runs_project_state ON runs (project, state, id)")
    connection.execute("CREATE INDEX runs_notebook_state ON runs (project, notebook, state, id)")
    connection.execute("CREATE INDEX runs_name_state ON runs (project, name, state, id)")
    connection.execute("CREATE INDEX runs_schedule_state ON runs (schedule, state, id) WHERE schedule IS NOT NULL")


def _changed(connection: sqlite3.Connection) -> None:
    """What of a run's output is materially other than of the success before it."""
    connection.execute("ALTER TABLE runs ADD COLUMN changed TEXT NOT NULL DEFAULT ''")


def _exactly(connection: sqlite3.Connection) -> None:
    """Runs that repeat another as it was: its revision is theirs."""
    connection.execute("ALTER TABLE runs ADD COLUMN exactly INTEGER")


def _absences(connection: sqlite3.Connection) -> None:
    """Since when an engine does not answer."""
    connection.execute("ALTER TABLE engines ADD COLUMN since TEXT")


def _kept_kernels(connection: sqlite3.Connection) -> None:
    """Kernels of failed runs that are kept: until when, the cell to go on from, what they hold, and whether they are to be
    given back; and runs that go on in one, with the attempt that it was begun for."""
    for column in (
        "continues INTEGER", "kernel TEXT NOT NULL DEFAULT ''", "kept_until TEXT", "kept_cell INTEGER",
        "kept_memory INTEGER", "kept_released INTEGER NOT NULL DEFAULT 0",
    ):  # fmt: skip
        connection.execute(f"ALTER TABLE runs ADD COLUMN {column}")
    connection.execute("CREATE INDEX runs_kept ON runs (kept_until) WHERE kept_until IS NOT NULL")
    connection.execute("CREATE INDEX runs_continues ON runs (continues) WHERE continues IS NOT NULL")


def _forwards(connection: sqlite3.Connection) -> None:
    """Further ports of sessions, as they are shown."""
    connection.execute("ALTER TABLE sessions ADD COLUMN forwards TEXT NOT NULL DEFAULT '[]'")


def _attachments(connection: sqlite3.Connection) -> None:
    """Who was let into the kernel of a failed run, and who asks to be."""
    connection.execute(
        "CREATE TABLE attachments (id INTEGER PRIMARY KEY, run INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,"
        " way TEXT NOT NULL, state TEXT NOT NULL, session INTEGER NOT NULL DEFAULT 0, kernel TEXT NOT NULL DEFAULT '',"
        " file TEXT NOT NULL DEFAULT '', reason TEXT NOT NULL DEFAULT '', hint TEXT NOT NULL DEFAULT '', at TEXT NOT NULL,"
        f" {_ACTOR})"
    )
    connection.execute("CREATE INDEX attachments_run ON attachments (run)")
    connection.execute("CREATE INDEX attachments_asked ON attachments (id) WHERE state = 'asked'")


MIGRATIONS: tuple[Callable[[sqlite3.Connection], None], ...] = (
    _first,
    _life_of_sessions,
    _held_revisions,
    _disk_tasks,
    _spares,
    _pin_tasks,
    _scalars,
    _schedules_in_full,
    _contained,
    _notices,
    _groups,
    _queue,
    _changed,
    _exactly,
    _absences,
    _kept_kernels,
    _forwards,
    _attachments,
)
