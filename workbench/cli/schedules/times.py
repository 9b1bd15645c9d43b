"""`schedules next`: what any line means before it is trusted, and when a schedule is due."""

from __future__ import annotations

import click

from workbench.cli import filters
from workbench.cli.grammar import options, subcommand
from workbench.cli.invocation import Invocation
from workbench.cli.names import schedule_names
from workbench.cli.schedules.commands import schedules
from workbench.cli.terminal.output import emit, iso, note, say
from workbench.errors import NotFound
from workbench.text import age

LINE = options(
    click.option("--cron", metavar="LINE", help="Instead of LINE: five fields, or @daily."),
    click.option("--once", metavar="TIME", help="Instead of LINE: a single time, as '2026-01-02 06:30'."),
    click.option("--every", type=filters.Span(), metavar="TIME", help="Instead of LINE: an interval, as 2h."),
    click.option(
        "--zone", "--timezone", "timezone", metavar="ZONE", help="The home's unless given, else the machine's."
    ),
    click.option("--start", metavar="DAY", help="Nothing is due before."),
    click.option("--end", metavar="DAY", help="Nothing is due after."),
)


@subcommand(schedules, "next")
@click.argument("line", metavar="[LINE|PROJECT/NAME]", required=False, shell_complete=schedule_names)
@LINE
@click.option(
    "-n",
    "--count",
    "--number",
    "count",
    type=click.IntRange(1, 1000),
    default=10,
    show_default=True,
    help="Times shown.",
)
@click.option(
    "--duration", type=filters.Span(), metavar="TIME", help="How long a run takes, instead of what was measured."
)
def next_times(
    call: Invocation,
    line: str | None,
    cron: str | None,
    once: str | None,
    every: float | None,
    timezone: str | None,
    start: str | None,
    end: str | None,
    count: int,
    duration: float | None,
) -> None:
    """Say what a line means: in words, its next times, what clock changes do to it, whether its runs would overlap.

    LINE is a cron line, 'every 2h' or 'once 2026-01-02 06:30'; or the name of a schedule. Nothing is changed.
    """
    from workbench.model.outlook import Lasting
    from workbench.services import schedules as service
    from workbench.services.scheduling import parameter_lines

    bench = call.reading()
    given = {name: value for name, value in (("cron", cron), ("once", once), ("every", every)) if value is not None}
    if (line is not None) + len(given) != 1:
        raise click.UsageError("Give a line or a schedule, or one of --cron, --once and --every.")
    written: list[dict[str, str]] = []
    lasting = Lasting(duration, duration, "as given") if duration else None
    if line is not None and _is_name(line):
        view = service.get(bench, line)
        if view.spec is None:
            raise NotFound("times of schedule", line, hint=view.problem)
        found = service.of_schedule(bench, view.spec, count, lasts=duration, row=view.row)
        written = [parameter_lines.coming(bench, view.spec, moment) for moment in found.times]
    else:
        times = given or dict(service.read_line(line or ""))
        found = service.preview(bench, **times, timezone=timezone, start=start, end=end, n=count, lasting=lasting)  # type: ignore[arg-type]
    if call.json:
        emit(
            {
                "words": found.words,
                "often": found.often,
                "times": [iso(moment) for moment in found.times],
                "local": [moment.isoformat() for moment in found.times],
                "remarks": {str(iso(moment)): text for moment, text in found.remarks.items()},
                "notes": found.notes,
                "warnings": found.warnings,
                "changes": found.changes,
                "overlap": found.overlap,
                "parameters": written,
            }
        )
        return
    say(call, f"{found.words}: {found.often}")
    for number, (moment, utc) in enumerate(zip(found.times, found.utc, strict=True)):
        remark = found.remarks.get(moment)
        values = ", ".join(f"{name} = {text}" for name, text in written[number].items()) if written else ""
        click.echo(
            f"{moment:%a %Y-%m-%d %H:%M %Z}  {utc:%Y-%m-%d %H:%M} UTC  {age(moment, bench.now())}"
            f"{f'  ({remark})' if remark else ''}{f'  {values}' if values else ''}"
        )
    told = [*found.warnings, *found.notes, *(text for text in found.changes if text not in found.remarks.values())]
    for text in (*told, found.overlap):
        if text:
            note(call, text)


def _is_name(line: str) -> bool:
    """Whether it is a schedule that is meant: names have no spaces, and begin with a letter or digit."""
    return " " not in line.strip() and line[:1].isalnum()
