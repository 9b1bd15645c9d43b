"""`projects`: folders of work, made here or linked."""

from __future__ import annotations

from pathlib import Path

import click
from click.shell_completion import CompletionItem

from workbench.cli import filters
from workbench.cli.grammar import noun, subcommand
from workbench.cli.invocation import Invocation
from workbench.cli.names import environment_names, project_names
from workbench.cli.shapes.run import RUN
from workbench.cli.shapes.things import PROJECT, SESSION
from workbench.cli.terminal.output import Cell, answer, emit, note, record, table
from workbench.cli.terminal.progress import ProgressLine
from workbench.text import age

projects = noun("projects", "Folders of work.", also={"create": "new"})
NAME = click.argument("name", shell_complete=project_names)


def _folders(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    del context, parameter
    return [CompletionItem(incomplete, type="dir")]


@subcommand(projects, "list")
@filters.filtered
def list_projects(call: Invocation, wanted: filters.Wanted) -> None:
    """List projects with their newest run and what is up.

    --state and --since narrow by the newest run.
    """
    from workbench.cli.runs.commands import STATE_GROUPS
    from workbench.model.run import RunState
    from workbench.model.session import ALIVE
    from workbench.services import other_homes, runs, sessions
    from workbench.services import projects as service
    from workbench.services.declared import catalogue

    bench = call.reading()
    now = bench.now()
    states = filters.states(wanted.state, RunState, STATE_GROUPS)
    filters.check_project(bench, wanted.project)
    start = filters.since(wanted.since, now, bench.zone) if wanted.since else None
    up = [session for session in sessions.listing(bench) if session.state in ALIVE]
    uses = {}
    found = []
    for project in service.listing(bench):
        if wanted.project and project.name != wanted.project:
            continue
        newest = next(iter(runs.page(bench, runs.RunFilter(project=project.name), limit=1)), None)
        if (states and (newest is None or newest.state not in states)) or (
            start and (newest is None or newest.created < start)
        ):
            continue
        uses[project.name] = None if project.problem else catalogue.name_for(bench, project)
        found.append((project, newest, [session.name for session in up if session.project == project.name]))
    if call.json:
        emit(
            [
                {
                    **PROJECT.of(project),
                    "uses": uses[project.name],
                    "newest_run": RUN.of(newest) if newest else None,
                    "up": names,
                }
                for project, newest, names in found
            ]
        )
        return
    table(
        call,
        ("NAME", "ENVIRONMENT", "NEWEST RUN", "UP", "FOLDER"),
        [
            (
                project.name,
                uses[project.name] or Cell("declaration has a problem", "red"),
                f"{newest.id} {newest.state} {age(newest.created, now)}" if newest else "-",
                ", ".join(names) or "-",
                str(project.path),
            )
            for project, newest, names in found
        ],
        empty="Nothing matches." if wanted.narrowed else "No projects. Make one: workbench projects new NAME",
        give=("FOLDER",),
    )
    if not found and not wanted.narrowed:
        note(call, other_homes.with_schedules(bench))


@subcommand(projects, "new")
@click.argument("name")
@click.option("--environment", "-e", metavar="NAME", shell_complete=environment_names, help="What it works in.")
@click.option("--example", metavar="NAME", help="A copy of a shipped example.")
def new(call: Invocation, name: str, environment: str | None, example: str | None) -> None:
    """Make a project: a folder with notebooks/, data/, project.yaml, and a git repository."""
    from workbench.services import projects as service

    project = service.create(call.changing(), name, example=example, environment=environment)
    if call.quiet:
        click.echo(project.name)
    answer(call, f"Made {project.name} in {project.path}.\nOpen it: workbench open {project.name}", PROJECT.of(project))


@subcommand(projects, "add", short_help="Take in a folder that stays where it is, or clone one.")
@click.argument("folder", metavar="FOLDER|URL", shell_complete=_folders)
@click.option("--name", help="What to call it; the folder's or repository's name unless given.")
def add(call: Invocation, folder: str, name: str | None) -> None:
    """Take in a folder that stays where it is, or clone a repository into the home.

    Says which standard files were found; nothing of a repository is run. git's own logins are used, and no password is
    asked for.
    """
    from workbench.services import projects as service
    from workbench.services.code import cloning
    from workbench.services.declared import standard

    bench = call.changing()
    if cloning.is_address(folder):
        line = ProgressLine(wanted=not call.quiet and not call.json)
        try:
            project = service.clone(bench, folder, name, progress=line.show)
        finally:
            line.end()
    else:
        if not cloning.is_path(folder) and not Path(folder).exists():
            cloning.check(folder)
        project = service.add(bench, folder, name)
    found = standard.found(bench, project)
    if call.quiet:
        click.echo(project.name)
    lines = [f"Added {project.name}: {project.path}", *(f"  {line}" for line in found.lines)]
    if found.environment and not found.problems:
        lines.append(f"Build its environment: workbench environments build {found.environment}")
    answer(
        call,
        "\n".join(lines),
        {
            **PROJECT.of(project),
            "found": {
                "environment": found.environment,
                "given": dict(found.given),
                "notices": [str(one) for one in found.notices],
                "problems": [str(one) for one in found.problems],
                "not_read": list(found.left),
                "asks": list(found.asks),
            },
        },
    )


@subcommand(projects, "show")
@NAME
def show(call: Invocation, name: str) -> None:
    """Show a project: its notebooks, environment, data, repository and what is up."""
    from workbench.services import foresight, sessions, warmth
    from workbench.services import projects as service
    from workbench.services.declared import catalogue

    bench = call.reading()
    project = service.get(bench, name)
    notebooks = service.notebooks(bench, project)
    git = service.git_state(project)
    found = sessions.listing(bench, project.name)
    wrong = [] if project.problem else foresight.of_project(bench, project)
    problem = project.problem or "\n".join(str(one) for one in wrong)
    uses = None if problem else catalogue.name_for(bench, project)
    away = catalogue.unsettled(bench, project)
    notice = str(away.labelled(project.path)) if away and away.notice else ""
    if call.json:
        emit(
            {
                **PROJECT.of(project),
                "problem": problem,
                "notice": notice,
                "uses": uses,
                "notebooks": notebooks,
                "git": {"commit": git.commit, "branch": git.branch, "dirty": git.dirty},
                "sessions": [SESSION.of(session) for session in found],
            }
        )
        return
    record(
        [
            ("project", project.name),
            ("about", project.description),
            ("problem", Cell(problem, "red") if problem else None),
            ("folder", f"{project.path}{' (linked)' if project.linked else ''}"),
            ("environment", uses),
            ("notice", Cell(notice, "yellow") if notice else None),
            ("data", "\n".join(f"data/{m.target}  {m.path}{'  writable' if m.write else ''}" for m in project.data)),
            ("ports", ", ".join(map(str, project.ports))),
            ("git", f"{git.branch} {git.commit[:10]}{' with changes' if git.dirty else ''}" if git.commit else None),
            ("notebooks", "\n".join(notebooks) or "none"),
            ("kept warm", warmth.of_project(bench, project.name)),
            ("sessions", "\n".join(f"s{session.id} {session.name} {session.state}" for session in found)),
        ],
    )


@subcommand(projects, "remove")
@NAME
@click.option("--delete-files", is_flag=True, help="Needed for a folder of the home: its files are moved away.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
def remove(call: Invocation, name: str, delete_files: bool, yes: bool) -> None:
    """Take a project from the home. A linked folder stays where it is; an own one needs --delete-files."""
    from workbench.cli.terminal.asking import sure
    from workbench.services import projects as service

    bench = call.changing()
    project = service.get(bench, name)
    if project.linked or delete_files:
        effect = f"{project.path} stays." if project.linked else f"Its files are moved out of {project.path}."
        sure(call, f"Remove project {project.name}? {effect}", yes=yes)
    kept = service.remove(bench, project.name, delete_files=delete_files)
    where = f" Its files are kept in {kept}." if kept else ""
    answer(call, f"Removed {project.name}.{where}", {"removed": project.name, "kept": kept})
