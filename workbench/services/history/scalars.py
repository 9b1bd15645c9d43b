"""Scalars: the numbers that runs tracked."""

from __future__ import annotations

from collections.abc import Iterable

from workbench.services.bench import Bench
from workbench.store import scalars as rows


def of(bench: Bench, run_ids: Iterable[int]) -> dict[int, dict[str, float]]:
    """By run, those that tracked any: name and number."""
    with bench.store.read() as connection:
        return rows.of_runs(connection, run_ids)


def text(value: float) -> str:
    """A number in at most seven digits, for lists."""
    return f"{value:.7g}"
