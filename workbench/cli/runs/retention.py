"""`runs prune`: old runs go, by what is declared or by what is said."""

from __future__ import annotations

import click

from workbench.cli.filters import Span, check_project
from workbench.cli.grammar import subcommand
from workbench.cli.invocation import Invocation
from workbench.cli.names import project_names
from workbench.cli.runs.commands import runs
from workbench.cli.terminal.asking import sure
from workbench.cli.terminal.output import answer, note, state, table
from workbench.text import age, plural, size

SHOWN = 50  # rows of a plan on a terminal


@subcommand(runs, "prune")
@click.option("--last", type=click.IntRange(min=1), metavar="N", help="Keep the newest N of each name.")
@click.option("--for", "span", type=Span(), metavar="TIME", help="Keep those younger than that, as 90d.")
@click.option("--failed", is_flag=True, help="Keep those that did not succeed.")
@click.option("--project", default="", metavar="NAME", help="Only runs of this one.", shell_complete=project_names)
@click.option("--dry-run", is_flag=True, help="Say what would go, and let nothing go.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
def prune(
    call: Invocation, last: int | None, span: float | None, failed: bool, project: str, dry_run: bool, yes: bool
) -> None:
    """Remove old runs with all that they left: rows, logs, published folders.

    Without --last and --for what `keep:` declares in workbench.yaml, project.yaml and schedules holds, which the
    supervisor applies once a day. Runs with a tag, the newest run and the newest success of each name stay.
    """  # fmt: skip
    from workbench.model.retention import Keep
    from workbench.services.history import retention

    bench = call.changing()
    check_project(bench, project)
    said = last is not None or span is not None
    if failed and not said:
        raise click.UsageError("--failed goes with --last or --for; else what is declared holds.")
    policies = retention.Policies(Keep(last, span, failed), {}, {}) if said else retention.declared(bench)
    if policies.none:
        answer(call, "No `keep:` is declared, so every run is kept. Say how much: --last 30, --for 90d", {"runs": []})
        return
    found = retention.going(bench, policies, project)
    taken = retention.size_of(bench, found)
    facts = {"runs": [str(old.run) for old in found], "size": taken}
    if not call.json:
        rows = [(str(old.run), state(str(old.state)), f"{old.project}/{old.name}", age(old.created, bench.now())) for old in found]  # fmt: skip
        table(call, ("ID", "STATE", "RUN", "AGE"), rows[:SHOWN], empty="")
        if len(rows) > SHOWN:
            note(call, f"and {len(rows) - SHOWN} more; all: --json")
    what = f"{plural(len(found), 'run')}{f', {size(taken)}' if taken is not None else ''}"
    if dry_run or not found:
        answer(call, f"{what} would go." if found else "Nothing to remove.", facts)
        return
    sure(call, f"Remove {what}, with their outputs?", yes=yes)
    problems = [problem for old in found if (problem := retention.remove(bench, old))]
    for problem in problems:
        note(call, problem)
    answer(call, f"Removed {plural(len(found) - len(problems), 'run')}.", {**facts, "problems": problems})
