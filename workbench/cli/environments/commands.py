"""`environments`: what is declared, what is built, and building it."""

from __future__ import annotations

import click

from workbench.cli import filters
from workbench.cli.facts import environment as facts
from workbench.cli.facts.broken_build import broken
from workbench.cli.grammar import noun, subcommand
from workbench.cli.invocation import Invocation
from workbench.cli.names import environment_names
from workbench.cli.shapes.things import BUILD, ENVIRONMENT
from workbench.cli.terminal import failure, following
from workbench.cli.terminal.output import Cell, answer, emit, note, record, say, side_by_side, state, table
from workbench.cli.terminal.progress import ProgressLine
from workbench.model.build import BuildState
from workbench.text import age, duration, size

environments = noun("environments", "What notebooks and IDEs run in.")
NAME = click.argument("name", shell_complete=environment_names)
INDENT = len("after rules of  ")  # of what a page says, at the most


@subcommand(environments, "list")
@filters.filtered
def list_environments(call: Invocation, wanted: filters.Wanted) -> None:
    """List environments: those of the home, those that ship, those of projects.

    States are not built, queued, building, ready, held (at an older revision), failed, stale (the declaration changed)
    and invalid. --project shows the one it uses, --since those built since then.
    """
    from workbench.services import environments as service
    from workbench.services import projects

    bench = call.reading()
    found = service.listing(bench)
    now = bench.now()
    states = filters.states(wanted.state, service.STATES)
    filters.check_project(bench, wanted.project)
    if wanted.project:
        name = service.for_project(bench, projects.get(bench, wanted.project)).name
        found = [view for view in found if view.name == name]
    if states:
        found = [view for view in found if view.state in states]
    if wanted.since:
        start = filters.since(wanted.since, now, bench.zone)
        found = [view for view in found if view.build and view.build.ended and view.build.ended >= start]
    if call.json:
        emit([ENVIRONMENT.of(view) for view in found])
        return
    table(
        call,
        ("NAME", "STATE", "ENGINE", "BUILT", "SIZE", "FROM"),
        [
            (
                view.name,
                Cell(f"! {view.state}, old", "yellow") if view.behind else state(str(view.state)),
                f"{view.engine or '-'}{facts.unpinned(view)}",
                age(view.built, now) if view.built else "-",
                size(view.revision.size) if view.revision else "-",
                facts.source(view),
            )
            for view in found
        ],
        empty="Nothing matches." if wanted.narrowed else "No environments.",
        give=("FROM",),
    )
    for view in found:
        note(call, facts.behind(view, now))


@subcommand(environments, "show")
@NAME
@click.option("--resolved", is_flag=True, help="Print every value and where it comes from.")
def show(call: Invocation, name: str, resolved: bool) -> None:
    """Show an environment: its declaration, what is built of it, what is in it.

    With --resolved: every value, with the file and line, the size, setting or default it comes from.
    """
    from workbench.services import environments as service
    from workbench.services import warmth

    bench = call.reading()
    if resolved:
        from workbench.cli.environments.resolved import show as show_resolved

        show_resolved(call, bench, name)
        return
    view = service.view(bench, name)
    if call.json:
        made = view.revision
        more = {"base": made.base, "rules": made.rules} if made else {"base": "", "rules": ""}
        packages = list(made.packages) if made else []
        warm = [one.to_dict() for one in warmth.kernels(bench) if one.environment == view.name]
        emit({**ENVIRONMENT.of(view), **more, "lacks": list(view.lacks), "packages": packages, "warm": warm})
        return
    build, revision = view.build, view.revision
    record(
        [
            ("environment", view.name),
            ("about", view.spec.title if view.spec else None),
            ("state", state(str(view.state))),
            ("held", facts.held(view)),
            ("old", facts.behind(view, bench.now())),
            ("refused", view.refusal),
            ("problem", "\n".join(problem.described for problem in view.problems)),
            ("notice", "\n".join(str(remark) for remark in view.notices)),
            ("declared in", facts.source(view)),
            ("engine", f"{view.engine or 'chosen at the first build'}{facts.because(view)}"),
            ("revision", revision.id if revision else None),
            ("is", f"{revision.reference}{facts.unpinned(view)}" if revision else None),
            ("digest", revision.digest if revision else None),
            ("made from", revision.base if revision else None),
            ("locked", facts.locked(view)),
            ("after rules of", revision.rules if revision else None),
            ("lacks", "\n".join(view.lacks)),
            ("secrets", facts.secrets(view)),
            ("python", revision.python_version if revision else None),
            ("r", revision.r_version if revision else None),
            ("kernels", ", ".join(kernel.display_name for kernel in revision.kernels) if revision else None),
            ("kept warm", warmth.words(bench, view.name)),
            ("IDEs", ", ".join(revision.ides) if revision else None),
            ("ports", ", ".join(map(str, view.spec.ports)) if view.spec else None),
            ("size", size(revision.size) if revision and revision.size else None),
            (
                "build",
                f"b{build.id} {build.state} {age(build.ended or build.created, bench.now())} ago" if build else None,
            ),
            ("why", build.reason if build else None),
            ("do", build.hint if build else None),
            ("packages", side_by_side(revision.packages, INDENT) if revision else None),
        ],
    )


@subcommand(environments, "build")
@NAME
@click.option("--force", is_flag=True, help="Build again although nothing changed.")
@click.option("-d", "--detach", is_flag=True, help="Print the build's id and do not wait.")
def build(call: Invocation, name: str, force: bool, detach: bool) -> int:
    """Build an environment and wait; where nothing changed that costs nothing. ctrl+c leaves the build alone.

    What was built is active then; one that was built anew stands beside the old, which stays for what uses it.
    """
    from workbench.services import environments as service

    bench = call.changing()
    held = service.view(bench, name).held
    number = service.build(bench, name, force=force)
    if number is None and held:
        answer(call, f"{name} follows its declaration again, which is built.", {"id": None, "state": "ready"})
        return 0
    if number is None:
        answer(call, f"{name} is ready; nothing changed since its last build.", {"id": None, "state": "ready"})
        return 0
    if detach:
        if call.json:
            emit({"id": f"b{number}"})
        else:
            click.echo(f"b{number}")
        return 0
    line = ProgressLine(wanted=not call.quiet and not call.json)
    try:
        ended = following.build_to_end(bench, number, line=line)
    except KeyboardInterrupt:
        line.end()
        note(call, f"build b{number} goes on. Follow: workbench logs b{number} -f   Cancel: workbench stop b{number}")
        return failure.INTERRUPTED
    if call.json:
        emit(BUILD.of(ended))
        return 0 if ended.state is BuildState.READY else failure.FAILED
    if ended.state is not BuildState.READY:
        raise broken(bench, ended)
    took = duration(ended.ended - ended.started) if ended.ended and ended.started else "-"
    say(call, f"{name} is ready after {took}: {ended.revision}")
    return 0


@subcommand(environments, "import", short_help="Write a declaration from a folder's standard files.")
@click.argument("source", metavar="PATH|URL")
@click.option("--name", help="What to call it; the folder's or repository's name unless given.")
def import_(call: Invocation, source: str, name: str | None) -> None:
    """Write a declaration from the standard files of a folder or repository. Nothing in it is run."""
    from workbench.services.declared import imports

    bench = call.changing()
    line = ProgressLine(wanted=not call.quiet and not call.json)
    try:
        made = imports.bring(bench, source, name=name, progress=line.show)
    finally:
        line.end()
    if call.quiet:
        click.echo(made.name)
    lines = [f"Wrote {made.path}", *(f"  {file}: {what}" for file, what in made.given.items())]
    if made.folder:
        lines.append(f"The files it names are in {made.folder}")
    if made.notices:
        lines += ["Not taken over:", *(f"  {notice}" for notice in made.notices)]
    lines.append(f"Build it: workbench environments build {made.name}")
    answer(
        call,
        "\n".join(lines),
        {
            "name": made.name,
            "path": made.path,
            "folder": made.folder,
            "given": dict(made.given),
            "notices": [str(notice) for notice in made.notices],
        },
    )


@subcommand(environments, "logs")
@NAME
@click.option("-f", "--follow", is_flag=True, help="Go on until the build has ended.")
def logs(call: Invocation, name: str, follow: bool) -> int:
    """Show the log of an environment's newest build."""
    from workbench.cli.logs import build_log
    from workbench.errors import NotFound
    from workbench.services import environments as service

    bench = call.reading()
    view = service.view(bench, name)
    if view.build is None:
        raise NotFound(
            "build", name, message=f"{name} was never built", hint=f"Build it: workbench environments build {name}"
        )
    line = ProgressLine(wanted=follow and not call.quiet and not call.json)
    return build_log(call, bench, view.build.id, follow=follow, line=line)


@subcommand(environments, "remove")
@NAME
@click.option("--prune", is_flag=True, help="Free the disk of what was built of it, as far as nothing else has that.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
def remove(call: Invocation, name: str, prune: bool, yes: bool) -> None:
    """Remove an environment of the home. Its file is kept aside; what was built of it is forgotten."""
    from workbench.cli.terminal.asking import sure
    from workbench.services import disk
    from workbench.services import environments as service
    from workbench.services.declared import environment_files

    bench = call.changing()
    view = service.view(bench, name)
    sure(call, f"Remove environment {view.name} and forget what was built of it?", yes=yes)
    built = disk.built_of(bench, view.name)
    kept = environment_files.remove(bench, view.name)
    freed = disk.free(bench, built).freed if prune and built else 0
    left = " What was built of it is still on the disk: workbench prune." if built else ""
    pruned = (
        f" {size(freed)} are free."
        if freed
        else " What was built of it is gone; others have all of it, so nothing is free."
    )
    more = (pruned if built else " Nothing was built of it.") if prune else left
    told = {"removed": view.name, "kept": kept, "freed": freed}
    answer(call, f"Removed {view.name}. Its file is kept in {kept}.{more}", told)
