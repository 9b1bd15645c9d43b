"""Environments: what the list says of each, and the pages of one."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from workbench.model.build import BuildProgress, BuildState
from workbench.services.bench import Bench
from workbench.text import age, duration, plural, size
from workbench.ui.nouns.base import Column, Noun, since
from workbench.ui.nouns.runs import bar
from workbench.ui.page import Page, cell_of
from workbench.ui.sources import FileSource, Source
from workbench.ui.tone import Cell, Mark, Tone, of_build, of_environment

if TYPE_CHECKING:
    from workbench.services.environments import EnvironmentView
    from workbench.services.revisions import RevisionView

BUILDING = ("queued", "building")


class Environments(Noun["EnvironmentView"]):
    """What notebooks and IDEs run in."""

    mode = "environments"
    title = "Environments"
    tabs = ("Summary", "Packages", "Log", "Revisions", "Declaration")
    loading = "Looking for environments..."
    empty = "No environments. Put a file into environments/ of this home."
    columns = (
        Column("State", 11, sort=lambda view: str(view.state)),
        Column("Environment", 11, grow=3, sort=lambda view: view.name),
        Column("Engine", 10, drop=2, sort=lambda view: str(view.engine or "")),
        Column("Built", 5, drop=1, right=True, sort=lambda view: view.built, reverse=True),
        Column("From", 7, drop=3),
    )

    def load(self, bench: Bench) -> list[EnvironmentView]:
        """Declared, shipped and found ones, unreadable ones too."""
        from workbench.services import environments

        return environments.listing(bench)

    def key(self, item: EnvironmentView) -> str:
        """Its name."""
        return item.name

    def name(self, item: EnvironmentView) -> str:
        """Its name."""
        return item.name

    def mark(self, item: EnvironmentView) -> Mark:
        """Its state; that it is an older one than asked for, after a build that failed."""
        mark = of_environment(str(item.state))
        return Mark("!", f"{mark.word}, old", Tone.WARN) if item.behind else mark

    def rank(self, item: EnvironmentView) -> int:
        """What is being built and what is wrong first."""
        word = str(item.state)
        return 0 if word in BUILDING else 1 if word in ("invalid", "failed") else 2

    def live(self, item: EnvironmentView) -> bool:
        """While it is built."""
        return str(item.state) in BUILDING

    def words(self, item: EnvironmentView) -> str:
        """Name, title, state, engine."""
        title = item.spec.title if item.spec else ""
        return f"{item.name} {title} {self.mark(item).word} {item.engine or ''}"

    def cells(self, item: EnvironmentView, now: datetime) -> tuple[Cell, ...]:
        """State, name, engine, age of the revision in use, where it comes from."""
        borrowed = item.revision.borrowed if item.revision else bool(item.spec and item.spec.use)
        shipped = "shipped" if item.spec and item.spec.shipped else "project" if "/" in item.name else "home"
        return (
            cell_of(self.mark(item)),
            Cell(item.name),
            Cell(", ".join(filter(None, (item.engine, "not pinned" if borrowed else ""))), Tone.MUTED),
            Cell(since(item.built, now), Tone.MUTED),
            Cell(shipped, Tone.MUTED),
        )

    def page(self, bench: Bench, item: EnvironmentView, tab: str) -> Page | Source:
        """The pages of an environment."""
        from workbench.services import environments

        if tab == "Packages":
            return packages_page(item)
        if tab == "Log":
            build = item.build.id if item.build else 0
            path = environments.build_log(bench, build) if build else None
            nothing = "Nothing was written yet." if build else "It was not built yet. Press r to build it."
            return FileSource(f"build-{build}-log", path, nothing=nothing)
        if tab == "Revisions":
            return revisions_page(bench, item)
        if tab == "Declaration":
            return resolved_page(bench, item, declaration_page(item))
        return summary(bench, item)


def summary(bench: Bench, view: EnvironmentView) -> Page:
    """What is wrong first; what a build does now; then the facts."""
    from workbench.services import environments, warmth

    now, page, revision, build = bench.now(), Page(), view.revision, view.build
    page.state(of_environment(str(view.state)), view.spec.title if view.spec else "")
    for problem in view.problems:
        page.text(problem.described, Tone.BAD)
    if view.problems:
        page.text("e opens the file at that line", Tone.MUTED)
    if build is not None and build.state in (BuildState.QUEUED, BuildState.BUILDING):
        usual = environments.usual_seconds(bench, view.name)
        progress_lines(page, environments.build_progress(bench, view.name))
        so_far = (now - build.started).total_seconds() if build.started else None
        page.line(Cell(f"{duration(so_far)}{f' of usually {duration(usual)}' if usual else ''}", Tone.MUTED))
    elif build is not None and build.reason:
        page.text(build.reason, Tone.BAD if build.state is BuildState.FAILED else Tone.PLAIN)
        page.hint(build.hint, bench.home.root)
    if view.held:
        moved = "What is declared now is another. " if view.moved_on else ""
        page.text(f"Held at this revision. {moved}v follows the declaration again.", Tone.WARN)
    if view.refusal:
        page.text(view.refusal, Tone.BAD)
    for sentence in view.lacks:
        page.text(f"It has {sentence}.", Tone.WARN)
    page.gap()
    page.facts(
        ("engine", str(view.engine or "chosen at the first build")),
        ("declared in", str(view.source or "")),
        ("secrets", _secrets(view)),
        ("IDEs", ", ".join(view.spec.ides) if view.spec else ""),
        ("ports", ", ".join(map(str, view.spec.ports)) if view.spec else ""),
        ("Python", revision.python_version if revision else None),
        ("R", revision.r_version if revision else None),
        ("kernels", ", ".join(kernel.display_name for kernel in revision.kernels) if revision else None),
        ("kept warm", warmth.words(bench, view.name)),
        ("packages", str(len(revision.packages)) if revision else None),
        ("size", size(revision.size) if revision and revision.size else None),
        ("disk", disk_words(bench, view.name)),
        ("revision", revision.id if revision else None),
        ("is", f"{revision.reference}{', not pinned' if revision.borrowed else ''}" if revision else None),
        ("digest", revision.digest if revision else None),
        ("made from", revision.base if revision else None),
        (
            "newest build",
            f"b{build.id} {of_build(build.state)}, {age(build.ended or build.created, now)} ago" if build else None,
        ),
    )
    if str(view.state) in ("not built", "stale"):
        page.gap().text("r builds it; starting a session or a run does so too", Tone.MUTED)
    return page


def _secrets(view: EnvironmentView) -> Cell | None:
    """Names, and which of them keep everything from starting."""
    if view.spec is None or not view.spec.secrets:
        return None
    names = (f"{name} (not set: s sets it)" if name in view.missing_secrets else name for name in view.spec.secrets)
    return Cell(", ".join(names), Tone.BAD if view.missing_secrets else Tone.PLAIN)


def disk_words(bench: Bench, name: str) -> str:
    """What it takes on the disk, as it was measured last."""
    from workbench.services import disk

    task = disk.newest(bench)
    if task is None or task.report is None:
        return ""
    held = [entry for entry in task.report.entries if entry.environment == name]
    if not held:
        return ""
    own = sum(entry.own for entry in held)
    whole = f"{plural(len(held), 'revision')}, the largest {size(max(entry.size for entry in held))}"
    return f"{whole}, {size(own)} of their own; {age(task.ended, bench.now())} ago"


def progress_lines(page: Page, progress: BuildProgress | None) -> None:
    """What a build does now, with bytes where they are known."""
    if progress is None:
        return
    steps = f"step {progress.step} of {progress.steps}" if progress.steps else ""
    if progress.total:
        done = f"{size(progress.done)} of {size(progress.total)}"
        page.line(Cell(bar(progress.done, progress.total), Tone.BUSY), Cell(f"  {done}"))
    elif progress.steps:
        page.line(Cell(bar(progress.step - 1, progress.steps), Tone.BUSY), Cell(f"  {steps}"))
    page.line(Cell(" ".join(part for part in (steps if progress.total else "", progress.text) if part)))


def packages_page(view: EnvironmentView) -> Page:
    """What is in it, as resolved."""
    if view.revision is None:
        return Page().text("It was not built yet, so what it resolves to is not known.", Tone.MUTED)
    rows = []
    for line in view.revision.packages:
        name, _, version = line.partition("==")
        rows.append([Cell(name), Cell(version, Tone.MUTED)])
    return Page().table(rows) if rows else Page().text("No packages are listed.", Tone.MUTED)


def revisions_page(bench: Bench, view: EnvironmentView) -> Page:
    """What was built and is there, and below it the builds, each newest first."""
    from workbench.services import environments, revisions

    now, page = bench.now(), Page()
    known = revisions.listing(bench, view.name)
    if known:
        page.table(revision_row(one, now) for one in known)
        page.gap().text("v makes one of them active, or follows the declaration again", Tone.MUTED)
    found = environments.builds(bench, view.name)
    if not found:
        return page.text("No builds yet.", Tone.MUTED)
    return page.heading("Builds").table(
        [
            Cell(f"b{build.id}", Tone.MUTED),
            cell_of(of_build(build.state)),
            Cell(duration(build.ended - build.started) if build.started and build.ended else "", Tone.MUTED),
            Cell(age(build.ended or build.created, now), Tone.MUTED),
            Cell(build.reason),
        ]
        for build in found
    )


def revision_row(view: RevisionView, now: datetime) -> list[Cell]:
    """A revision on a line: id, state, age, what is in it, who used it."""
    row = view.row
    used = f"{plural(row.runs, 'run')}, newest {row.last_run}" if row.runs else "no runs"
    borrowed = ", not pinned" if view.revision.borrowed else ""
    return [
        Cell(view.id),
        cell_of(of_environment(view.state)) if view.state else Cell(""),
        Cell(f"{age(view.created, now)} ago", Tone.MUTED),
        Cell(size(view.revision.size) if view.revision.size else "", Tone.MUTED),
        Cell(f"{plural(len(view.revision.packages), 'package')}{borrowed}", Tone.MUTED),
        Cell(used, Tone.MUTED),
    ]


def resolved_page(bench: Bench, view: EnvironmentView, page: Page) -> Page:
    """Below the file: every value with where it comes from."""
    from workbench.services.declared.resolved import DEFAULT, resolved

    if view.spec is None:
        return page
    page.heading("Resolved")
    return page.table(
        [
            Cell(value.key, Tone.MUTED),
            Cell(value.value),
            Cell(value.origin, Tone.MUTED if value.kind == DEFAULT else Tone.PLAIN),
        ]
        for value in resolved(bench, view.name).values
    )


def declaration_page(view: EnvironmentView) -> Page:
    """The file as it is."""
    source = view.source
    if source is None:
        return Page().text("It has no file of its own.", Tone.MUTED)
    try:
        text = source.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        return Page().text(f"{source} cannot be read: {error.strerror}", Tone.BAD)
    return Page().text(str(source), Tone.MUTED).gap().text(text)
