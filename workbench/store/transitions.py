"""A change of state in the store: one checked UPDATE with its event. What another was first to change stays, and is False."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Generic, TypeVar

from workbench.store.events import Actor, append
from workbench.store.rows import column, marks

State = TypeVar("State", bound=StrEnum)


@dataclass(frozen=True)
class Machine(Generic[State]):
    """The states of one kind of thing: `kind` as events name it, its table, what may become what, and the states of its end."""

    kind: str
    table: str
    allowed: Mapping[State, frozenset[State]]
    ended: frozenset[State]

    def change(
        self,
        connection: sqlite3.Connection,
        id: int,  # noqa: A002 - the column's name
        old: State,
        new: State,
        *,
        at: datetime,
        actor: Actor,
        fields: Mapping[str, Any],
        only: Mapping[str, Any] | None = None,
    ) -> bool:
        """Move it from `old` to `new` if it still is in `old` and has the columns `only`; False when another was first.

        `fields` are columns to set along; `ended` is `at` in the states of its end. Raises ValueError for a change that is
        not allowed: that is a bug of the caller.
        """
        if new not in self.allowed.get(old, frozenset()):
            raise ValueError(f"a {self.kind} may not go from {old} to {new}")
        columns: dict[str, Any] = {"state": str(new), **fields}
        if new in self.ended:
            columns.setdefault("ended", at)
        only = only or {}
        names = ", ".join(f"{name} = ?" for name in columns)
        further = "".join(f" AND {name} IS ?" for name in only)
        cursor = connection.execute(
            f"UPDATE {self.table} SET {names} WHERE id = ? AND state = ?{further}",  # noqa: S608 - our own column names
            (*(column(value) for value in columns.values()), id, old, *only.values()),
        )
        if cursor.rowcount != 1:
            return False
        append(connection, at, self.kind, id, new, actor, str(columns.get("reason", "")))
        return True

    def ask_cancel(self, connection: sqlite3.Connection, id: int, *, at: datetime, actor: Actor) -> bool:  # noqa: A002
        """Note that somebody wants it cancelled; False where it has ended or was asked before."""
        cursor = connection.execute(
            f"UPDATE {self.table} SET cancel_asked = 1"  # noqa: S608 - our own table
            f" WHERE id = ? AND cancel_asked = 0 AND state NOT IN ({marks(self.ended)})",
            (id, *self.ended),
        )
        if cursor.rowcount == 1:
            append(connection, at, self.kind, id, "cancel asked", actor)
        return cursor.rowcount == 1
