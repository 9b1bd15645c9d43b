"""What a timing means before it is saved: in words, its next times, and what one would not expect of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from workbench.errors import Refused
from workbench.model import timetable
from workbench.model.cron import notes
from workbench.model.outlook import Lasting, clock_changes, lasting, often, overlaps
from workbench.model.schedule import Overlap, Schedule, ScheduleSpec
from workbench.services.bench import Bench
from workbench.services.scheduling.zones import machine_zone
from workbench.store import durations


@dataclass(frozen=True)
class Preview:
    """What a timing means: in words, its next times in its own zone (aware), and what one would not expect of it.

    `often` is how often that is, `notes` what its line means where that is not plain, `changes` what clock changes do to
    it, `remarks` the times of `times` that one of them moves or repeats, `overlap` whether its runs would overlap; empty
    where nothing is known.
    """

    words: str
    times: tuple[datetime, ...]
    warnings: tuple[str, ...]
    often: str = ""
    notes: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()
    remarks: Mapping[datetime, str] = field(default_factory=dict)
    overlap: str = ""

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
    start: str | None = None,
    end: str | None = None,
    n: int = 10,
    lasting: Lasting | None = None,
    overlap: Overlap = Overlap.SKIP,
    begin: datetime | None = None,
) -> Preview:
    """What a timing means, before it is saved: its times after `begin`, else from now on; with `lasting` whether runs of
    that length would overlap. Raises `Refused` or `NotFound` for what is none."""
    seconds = seconds_of(every) if every is not None else None
    zone = timezone or bench.settings.timezone or machine_zone()  # as `schedules.add` would take it
    table = timetable.timetable(zone, cron=cron, once=once, every=seconds, start=start, end=end)
    moment = begin or bench.now()
    times = tuple(table.next_times(n, moment))
    changes = clock_changes(table, moment)
    moved = {due: change.text for change in changes for due in change.due}
    return Preview(
        table.words(),
        times,
        tuple(table.warnings(moment)),
        often=often(table),
        notes=tuple(notes(cron)) if cron is not None else (),
        changes=tuple(change.text for change in changes),
        remarks={time: moved[time] for time in times if time in moved},
        overlap=overlaps(table, moment, lasting, overlap) if lasting else "",
    )


def of_schedule(
    bench: Bench, spec: ScheduleSpec, n: int = 10, *, lasts: float | None = None, row: Schedule | None = None
) -> Preview:
    """The same of a declared schedule, with the lengths of its runs as measured, or `lasts` seconds; by its `row` from the
    end of a pause on."""
    until = row.paused_until if row and row.paused else None
    known = Lasting(lasts, lasts, "as given") if lasts else measured(bench, spec.project, spec.notebook, spec.key)
    return preview(
        bench, cron=spec.cron, once=spec.once, every=spec.every, timezone=spec.timezone, start=spec.start, end=spec.end,
        n=n, lasting=known, overlap=spec.overlap, begin=until and max(until - timedelta(microseconds=1), bench.now()),
    )  # fmt: skip


def measured(bench: Bench, project: str, notebook: str, schedule: str = "") -> Lasting | None:
    """How long the newest successes took: those of the schedule, else those of the notebook; None before the first."""
    with bench.store.read() as connection:
        own = durations.of_schedule(connection, schedule) if schedule else []
        seconds = own or durations.of_notebook(connection, project, notebook)
    return lasting(seconds, f"median of the last {len(seconds)}" if len(seconds) > 1 else "of the last one")


def read_line(text: str) -> dict[str, str]:
    """A line as a person types it, as `preview` takes it: `every 2h`, `once 2026-01-02 06:30`, else a cron line."""
    line = text.strip()
    kind, _, rest = line.partition(" ")
    kind = kind.rstrip(":").lower()
    return {kind: rest.strip()} if kind in ("every", "once") else {"cron": line}


def seconds_of(span: str | float) -> float:
    """A span as people write it (`45m`, `2h`) in seconds; numbers are seconds. Raises `Refused`."""
    if not isinstance(span, str):
        return float(span)
    from workbench.declare import load_schedule, writer

    reading = load_schedule(writer.dump({"notebook": "preview.ipynb", "every": span}))
    if reading.value is None:  # told without the file that it was put into
        problem = reading.problems[0]
        raise Refused(problem.message.removeprefix("every: "), title="every", hint=problem.hint)
    return reading.value.every or 0.0


def span_text(value: str | float) -> str:
    """A span as the file has it."""
    if isinstance(value, str):
        return value
    whole = int(value)
    for unit, length in (("d", 86400), ("h", 3600), ("m", 60)):
        if whole and whole % length == 0:
            return f"{whole // length}{unit}"
    return f"{whole}s"
