"""What a timing means before it is saved: in words, its next times, and what one would not expect of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from workbench.model import timetable
from workbench.services.bench import Bench
from workbench.services.zones import machine_zone


@dataclass(frozen=True)
class Preview:
    """What a timing means: in words, its next times in its own zone (aware), and what one would not expect of it."""

    words: str
    times: tuple[datetime, ...]
    warnings: tuple[str, ...]

    @property
    def utc(self) -> tuple[datetime, ...]:
        """The same times in UTC."""
        return tuple(moment.astimezone(UTC) for moment in self.times)


def preview(
    bench: Bench,
    *,
    cron: str | None = None,
    once: str | None = None,
    every: str | float | None = None,
    timezone: str | None = None,
    n: int = 10,
) -> Preview:
    """What a timing means, before it is saved. Raises `Refused` or `NotFound` for what is none."""
    seconds = seconds_of(every) if every is not None else None
    zone = timezone or bench.settings.timezone or machine_zone()  # as `schedules.add` would take it
    table = timetable.timetable(zone, cron=cron, once=once, every=seconds)
    moment = bench.now()
    return Preview(table.words(), tuple(table.next_times(n, moment)), tuple(table.warnings(moment)))


def seconds_of(span: str | float) -> float:
    """A span as people write it (`45m`, `2h`) in seconds; numbers are seconds. Raises `Refused`."""
    if not isinstance(span, str):
        return float(span)
    from workbench.declare import load_schedule, writer

    text = writer.dump({"notebook": "preview.ipynb", "every": span})
    return load_schedule(text).get().every or 0.0


def span_text(value: str | float) -> str:
    """A span as the file has it."""
    if isinstance(value, str):
        return value
    whole = int(value)
    for unit, length in (("d", 86400), ("h", 3600), ("m", 60)):
        if whole and whole % length == 0:
            return f"{whole // length}{unit}"
    return f"{whole}s"
