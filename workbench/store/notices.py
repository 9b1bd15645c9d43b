"""Rows of `notices`, the letters to be sent, and how far the journal was read for them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from datetime import datetime, timedelta

from workbench.model.notice import Notice, NoticeState, Occasion
from workbench.store.events import Actor
from workbench.store.rows import marks, moment, stamp

S = NoticeState
AHEAD = timedelta(minutes=1)  # of the clock, when something was written: it was set back since
SEVERAL = 3  # tries: a server that puts off whom it does not know takes the second or third


def add(
    connection: sqlite3.Connection,
    occasion: Occasion,
    subject: str,
    target: str,
    text: str,
    *,
    at: datetime,
    actor: Actor,
    run: int | None = None,
    report: bool = False,
) -> bool:
    """Have `target` be told; False where it is, was or could not be told of that before."""
    cursor = connection.execute(
        "INSERT OR IGNORE INTO notices (occasion, subject, target, text, run, state, report, created, not_before, by,"
        " account, origin) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (occasion, subject, target, text, run, S.PENDING, int(report), stamp(at), stamp(at), *actor.columns),
    )
    return cursor.rowcount == 1


def claim(connection: sqlite3.Connection, now: datetime, settle: datetime, sender: str) -> list[Notice]:
    """Take the notices of one target that are due, all that wait for it together: one letter.

    Those of the last moments (after `settle`) are waited for, at most while the oldest is young: what fails together is
    told together. Empty where nothing is due.
    """
    row = connection.execute(
        "SELECT target FROM notices WHERE state = ? AND not_before <= ? GROUP BY target"
        " HAVING max(created) <= ? OR min(created) <= ? OR max(occasion IN ('test', 'delivery')) ORDER BY min(id) LIMIT 1",
        (S.PENDING, stamp(now), stamp(settle), stamp(settle - 4 * (now - settle))),
    ).fetchone()
    if row is None:
        return []
    rows = connection.execute(
        "SELECT * FROM notices WHERE state = ? AND not_before <= ? AND target = ? ORDER BY id LIMIT 200",
        (S.PENDING, stamp(now), row["target"]),
    ).fetchall()
    found = [_notice(one) for one in rows]
    connection.execute(
        f"UPDATE notices SET state = ?, sender = ?, tries = tries + 1 WHERE id IN ({marks(found)})",  # noqa: S608
        (S.SENDING, sender, *(one.id for one in found)),
    )
    return found


def bring_forward(connection: sqlite3.Connection, now: datetime) -> None:
    """Have those that were written down or put off while the clock was ahead be sent now."""
    connection.execute(
        "UPDATE notices SET created = ?, not_before = ? WHERE state = ? AND created > ?",
        (stamp(now), stamp(now), S.PENDING, stamp(now + AHEAD)),
    )


def settle(
    connection: sqlite3.Connection,
    ids: Iterable[int],
    state: NoticeState,
    reason: str = "",
    not_before: datetime | None = None,
) -> None:
    """Write down what became of claimed notices; `not_before`: they are tried again then."""
    wanted = tuple(ids)
    connection.execute(
        f"UPDATE notices SET state = ?, reason = ?, not_before = coalesce(?, not_before)"  # noqa: S608
        f" WHERE state = ? AND id IN ({marks(wanted)})",
        (state, reason, stamp(not_before), S.SENDING, *wanted),
    )


def abandoned(connection: sqlite3.Connection, living: str) -> int:
    """Give up on those that a sender other than `living` was over when it died; how many."""
    cursor = connection.execute(
        "UPDATE notices SET state = ?, reason = 'its sender died over it: it may have arrived' WHERE state = ? AND sender != ?",
        (S.UNKNOWN, S.SENDING, living),
    )
    return cursor.rowcount


def next_due(connection: sqlite3.Connection) -> tuple[datetime | None, bool]:
    """When the next one may be sent, None where none waits; and whether somebody waits for it, as for a test, or that nothing is to come."""
    row = connection.execute(
        "SELECT min(not_before), max(occasion IN ('test', 'delivery') AND tries = 0) FROM notices WHERE state = ?",
        (S.PENDING,),
    ).fetchone()
    return moment(row[0]), bool(row[1])


def page(connection: sqlite3.Connection, *, run: int | None = None, limit: int = 50) -> list[Notice]:
    """The newest, or those of one run."""
    where, values = ("run = ?", [run]) if run is not None else ("1", [])
    rows = connection.execute(
        f"SELECT * FROM notices WHERE {where} ORDER BY id DESC LIMIT ?",  # noqa: S608 - two texts of ours
        (*values, limit),
    ).fetchall()
    return [_notice(row) for row in rows]


def unsent(connection: sqlite3.Connection, since: datetime) -> list[Notice]:
    """Those that could not be sent since then, and those that could not several times and are tried again."""
    rows = connection.execute(
        "SELECT * FROM notices WHERE (state IN (?, ?) OR state = ? AND tries >= ?) AND created >= ? ORDER BY id DESC LIMIT 20",
        (S.FAILED, S.UNKNOWN, S.PENDING, SEVERAL, stamp(since)),
    ).fetchall()
    return [_notice(row) for row in rows]


def read_up_to(connection: sqlite3.Connection) -> tuple[int, int] | None:
    """Ids of the last line of the journal and the last due time that were looked at; None before the first look."""
    row = connection.execute("SELECT event, due FROM notice_marks").fetchone()
    return (row["event"], row["due"]) if row else None


def note_read(connection: sqlite3.Connection, event: int, due: int, actor: Actor) -> None:
    """Write down how far it was looked."""
    connection.execute(
        "INSERT OR REPLACE INTO notice_marks (id, event, due, by, account, origin) VALUES (1, ?, ?, ?, ?, ?)",
        (event, due, *actor.columns),
    )


def missed_after(connection: sqlite3.Connection, last: int, limit: int = 500) -> list[tuple[int, str, datetime, str]]:
    """Due times that were missed, of those written after row `last`: row, schedule, due time, why."""
    rows = connection.execute(
        "SELECT rowid, schedule, due, reason FROM due_times WHERE rowid > ? AND state = 'missed' ORDER BY rowid LIMIT ?",
        (last, limit),
    ).fetchall()
    return [(row["rowid"], row["schedule"], datetime.fromisoformat(row["due"]), row["reason"]) for row in rows]


def newest_due(connection: sqlite3.Connection) -> int:
    """The row of the newest due time; 0 for none."""
    return int(connection.execute("SELECT coalesce(max(rowid), 0) FROM due_times").fetchone()[0])


def _notice(row: sqlite3.Row) -> Notice:
    created, not_before = moment(row["created"]), moment(row["not_before"])
    assert created
    assert not_before
    return Notice(
        row["id"], Occasion(row["occasion"]), row["subject"], row["target"], row["text"], row["run"], S(row["state"]),
        row["reason"], row["tries"], created, not_before, bool(row["report"]),
    )  # fmt: skip
