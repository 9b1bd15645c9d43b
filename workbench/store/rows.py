"""How values stand in rows: times as UTC text, failures as JSON, lists as question marks."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from workbench.model.run import Failure


def stamp(moment: datetime | None) -> str | None:
    """`moment` (aware) as the store keeps it: UTC, ISO 8601 with microseconds, so that text order is time order."""
    return None if moment is None else moment.astimezone(UTC).isoformat(timespec="microseconds")


def moment(text: str | None) -> datetime | None:
    """The reverse of `stamp`."""
    return None if text is None else datetime.fromisoformat(text)


def column(value: Any) -> Any:
    """`value` as a column holds it."""
    if isinstance(value, Failure):
        return value.to_json()
    if isinstance(value, tuple):
        return json.dumps([asdict(one) for one in value])
    return stamp(value) if isinstance(value, datetime) else value


def marks(values: Iterable[object]) -> str:
    """As many `?` as there are values."""
    return ", ".join("?" for _ in values)
