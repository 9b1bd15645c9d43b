"""Projects: what the list says of each, and the pages of one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from workbench.errors import WorkbenchError
from workbench.model.project import Project
from workbench.model.run import Run
from workbench.model.session import ALIVE, Session
from workbench.services.bench import Bench
from workbench.text import age, duration, size
from workbench.ui.files import tree
from workbench.ui.nouns.base import MOST, Column, Noun, since
from workbench.ui.nouns.runs import took
from workbench.ui.page import Page, cell_of
from workbench.ui.sources import Source
from workbench.ui.tone import Cell, Mark, Tone, of_run, of_session


@dataclass(frozen=True)
class ProjectRow:
    """A project with what goes on in it."""

    project: Project
    newest: Run | None
    up: tuple[Session, ...]


class Projects(Noun[ProjectRow]):
    """Folders of work."""

    mode = "projects"
    title = "Projects"
    tabs = ("Summary", "Files", "Runs", "Schedules")
    state_column = 1
    loading = "Looking for projects..."
    empty = "No projects yet. Press n to make one, or to add a folder you have.\n \nThen o opens it in its IDE and r runs a notebook."
    columns = (
        Column("Project", 10, grow=3, sort=lambda row: row.project.name),
        Column("Last run", 15, sort=lambda row: row.newest and str(row.newest.state)),
        Column("Age", 4, drop=1, right=True, sort=lambda row: row.newest and row.newest.created, reverse=True),
        Column("Up", 4, drop=2, right=True, sort=lambda row: len(row.up), reverse=True),
    )

    def __init__(self) -> None:
        self._elsewhere = ""

    def nothing(self) -> str:
        """Also in which other homes the person has something that runs by itself."""
        return f"{self.empty}\n \n{self._elsewhere}" if self._elsewhere else self.empty

    def load(self, bench: Bench) -> list[ProjectRow]:
        """All projects, with the newest run and the sessions of each."""
        from workbench.services import other_homes, projects, runs, sessions

        newest: dict[str, Run] = {}
        for run in runs.page(bench, limit=MOST):
            newest.setdefault(run.project, run)
        up = [session for session in sessions.listing(bench) if session.state in ALIVE]
        known = projects.listing(bench)[:MOST]
        self._elsewhere = "" if known else other_homes.with_schedules(bench)
        return [
            ProjectRow(
                project,
                newest.get(project.name),
                tuple(session for session in up if session.project == project.name),
            )
            for project in known
        ]

    def key(self, item: ProjectRow) -> str:
        """Its name."""
        return item.project.name

    def name(self, item: ProjectRow) -> str:
        """Its name."""
        return item.project.name

    def mark(self, item: ProjectRow) -> Mark:
        """Its newest run, or that its declaration cannot be read."""
        if item.project.problem:
            return Mark("✗", "invalid", Tone.BAD)
        return of_run(item.newest.state) if item.newest else Mark(" ", "", Tone.MUTED)

    def words(self, item: ProjectRow) -> str:
        """Name, environment, description, state."""
        return f"{item.project.name} {item.project.environment or ''} {item.project.description} {self.mark(item).word}"

    def cells(self, item: ProjectRow, now: datetime) -> tuple[Cell, ...]:
        """Name, newest run, its age, sessions that are up."""
        newest = item.newest
        return (
            Cell(item.project.name),
            cell_of(self.mark(item)),
            Cell(since(newest.ended or newest.created, now) if newest else "", Tone.MUTED),
            Cell(str(len(item.up)) if item.up else "", Tone.GOOD),
        )

    def page(self, bench: Bench, item: ProjectRow, tab: str) -> Page | Source:
        """The pages of a project."""
        if tab == "Files":
            return files_page(item.project)
        if tab == "Runs":
            return runs_page(bench, item.project)
        if tab == "Schedules":
            return schedules_page(bench, item.project)
        return summary(bench, item)


def summary(bench: Bench, row: ProjectRow) -> Page:
    """What it is, where it is, what it works in, what goes on."""
    from workbench.services import environments, projects, warmth
    from workbench.services.declared import catalogue

    project, page = row.project, Page()
    away = catalogue.unsettled(bench, project)
    if project.problem:
        page.text(project.problem, Tone.BAD).text("e opens the file", Tone.MUTED).gap()
    try:
        environment: str | Cell = environments.for_project(bench, project).name
    except WorkbenchError as error:
        environment = Cell(error.message, Tone.BAD)
    git = projects.git_state(project)
    notebooks = projects.notebooks(bench, project)
    commit = f"{git.commit[:10]}{' with changes' if git.dirty else ''}" if git.commit else "no commit yet"
    page.facts(
        ("about", project.description),
        ("folder", f"{project.path}{' (linked)' if project.linked else ''}"),
        ("environment", environment),
        ("notice", Cell(str(away.labelled(project.path)), Tone.WARN) if away and away.notice else None),
        ("git", f"{git.branch} {commit}" if git.branch else Cell("no repository", Tone.MUTED)),
        ("data", "\n".join(f"data/{m.target}  {m.path}{'  writable' if m.write else ''}" for m in project.data)),
        ("ports", ", ".join(map(str, project.ports))),
        ("kept warm", warmth.of_project(bench, project.name)),
        ("newest run", f"#{row.newest.id} {row.newest.name} {of_run(row.newest.state)}" if row.newest else None),
    )
    if row.up:
        page.heading("Up")
        page.table([Cell("  " + session.name), cell_of(of_session(session.state))] for session in row.up)
    page.heading("Notebooks")
    if notebooks:
        for name in notebooks[:30]:
            page.text(name, indent=2)
        if len(notebooks) > 30:
            page.text(f"and {len(notebooks) - 30} more", Tone.MUTED, indent=2)
    else:
        page.text("none yet; o opens its IDE to write one", Tone.MUTED, indent=2)
    return page


def files_page(project: Project) -> Page:
    """Its files, as a tree."""
    found, more = tree(project.path)
    if not found:
        return Page().text("No files.", Tone.MUTED)
    page = Page()
    page.table(
        [
            Cell("  " * entry.depth + entry.name, Tone.PLAIN if entry.size is not None else Tone.BUSY),
            Cell(f"{size(entry.size):>8}" if entry.size is not None else "", Tone.MUTED),
        ]
        for entry in found
    )
    if more:
        page.text(f"… and more below {project.path}", Tone.MUTED)
    return page


def runs_page(bench: Bench, project: Project) -> Page:
    """Its newest runs."""
    from workbench.services import runs

    now = bench.now()
    found = runs.page(bench, runs.RunFilter(project=project.name), limit=100)
    if not found:
        return Page().text("Nothing was run yet. Press r to run a notebook.", Tone.MUTED)
    return Page().table(
        [
            Cell(f"#{run.id}", Tone.MUTED),
            cell_of(of_run(run.state)),
            Cell(run.name),
            Cell(duration(took(run, now)), Tone.MUTED),
            Cell(age(run.ended or run.created, now), Tone.MUTED),
        ]
        for run in found
    )


def schedules_page(bench: Bench, project: Project) -> Page:
    """Its schedules and when they fire next."""
    from workbench.ui.nouns.schedules import Schedules

    noun, now = Schedules(), bench.now()
    found = [view for view in noun.load(bench) if noun.project(view) == project.name]
    if not found:
        return Page().text("No schedules. Press t to add one.", Tone.MUTED)
    return Page().table(noun.cells(view, now) for view in found)
