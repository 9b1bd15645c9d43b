"""Sessions: what the list says of each, and the pages of one."""

from __future__ import annotations

import shlex
from datetime import datetime, timedelta

from workbench.errors import WorkbenchError
from workbench.model.session import ALIVE, ENDED, Desired, Session, SessionState
from workbench.services.bench import Bench
from workbench.text import memory
from workbench.ui.commands import line, words
from workbench.ui.nouns.base import Column, Noun, since
from workbench.ui.page import Page, cell_of
from workbench.ui.sources import FileSource, Source
from workbench.ui.tone import Cell, Mark, Tone, of_session

NEAR = timedelta(minutes=15)  # before its idle stop the list says so


class Sessions(Noun[Session]):
    """IDEs that are up, coming up, or were up."""

    mode = "sessions"
    title = "Sessions"
    tabs = ("Summary", "Logs", "Command")
    loading = "Looking for sessions..."
    empty = "No sessions. Press n to launch one."
    columns = (
        Column("State", 11, sort=lambda session: str(session.state)),
        Column("Session", 18, grow=3, sort=lambda session: session.name),
        Column("Project", 8, grow=1, drop=2, sort=lambda session: session.project),
        Column("IDE", 7, drop=3, sort=lambda session: session.ide),
        Column("Use", 13, drop=4, right=True, sort=lambda session: session.usage.cpu or 0 if session.usage else 0),
        Column("Age", 4, drop=1, right=True, sort=lambda session: session.created, reverse=True),
    )

    def load(self, bench: Bench) -> list[Session]:
        """All that were not removed."""
        from workbench.services import sessions, usage

        usage.watch(bench)
        return usage.seen(bench, sessions.listing(bench))

    def key(self, item: Session) -> str:
        """Its number."""
        return str(item.id)

    def name(self, item: Session) -> str:
        """Its name."""
        return item.name

    def mark(self, item: Session) -> Mark:
        """Its state; one that was asked to stop says so at once."""
        if item.desired is Desired.DOWN and item.state not in ENDED:
            return of_session(SessionState.STOPPING)
        return of_session(item.state)

    def rank(self, item: Session) -> int:
        """What is up first."""
        return 0 if item.state in ALIVE else 2 if item.state in ENDED else 1

    def live(self, item: Session) -> bool:
        """While it comes up or goes down, and while it is up, for what it takes."""
        return item.state not in ENDED

    def words(self, item: Session) -> str:
        """Name, project, IDE, state."""
        return f"{item.name} {item.project} {item.ide} {self.mark(item).word}"

    def cells(self, item: Session, now: datetime) -> tuple[Cell, ...]:
        """State, name, project, IDE, use, age."""
        moment = item.ended if item.state in ENDED else item.started if item.state is SessionState.READY else None
        return (
            cell_of(self.mark(item)),
            Cell(item.name),
            Cell(item.project, Tone.MUTED),
            Cell(item.ide, Tone.MUTED),
            use(item, now),
            Cell(since(moment, now), Tone.MUTED),
        )

    def show_command(self, item: Session) -> str:
        """By its name."""
        return words("sessions", "show", item.name)

    def page(self, bench: Bench, item: Session, tab: str) -> Page | Source:
        """The pages of a session."""
        from workbench.services import sessions

        if tab == "Logs":
            return FileSource(f"session-{item.id}-log", sessions.log_path(bench, item.id))
        if tab == "Command":
            return command_page(bench, item)
        return summary(bench, item)


def use(session: Session, now: datetime) -> Cell:
    """What it takes; once its idle stop is near, when that is."""
    if session.state is SessionState.READY and session.stops_at and session.stops_at - now < NEAR:
        return Cell(f"stops {since(session.stops_at, now)}", Tone.WARN)
    taken = session.usage
    if taken is None:
        return Cell("")
    share = f"{taken.cpu * 100:.0f}% " if taken.cpu is not None else ""
    return Cell(f"{share}{memory(taken.memory)}" if taken.memory is not None else share, Tone.MUTED)


def summary(bench: Bench, session: Session) -> Page:
    """State and reason, how to get in, then the facts."""
    from workbench.services import sessions, usage

    taken = usage.of(bench, session)
    zone, page = bench.zone, Page()
    page.state(of_session(session.state), session.reason)
    page.hint(session.hint, bench.home.root)
    page.gap()
    ready = session.state is SessionState.READY
    form = ready and sessions.has_form(bench, session)
    keys = "o opens it, u copies its password" if form else "o opens it, c copies it with its token"
    tunnel = sessions.tunnel_line(session) if session.state in ALIVE else ""
    page.facts(
        ("address", f"{session.url}/?token=••••••••" if session.url and ready and not form else session.url or None),
        ("", Cell(keys, Tone.MUTED) if ready else None),
        *((f"port {one.inside}", one.told) for one in session.forwards),
        ("", Cell("P opens it", Tone.MUTED) if ready and any(one.url for one in session.forwards) else None),
        ("tunnel", tunnel or None),
        ("", Cell("t copies it, for a terminal of your own machine", Tone.MUTED) if tunnel else None),
        ("project", session.project),
        ("file", session.file),
        ("environment", f"{session.environment}{f' on {session.engine}' if session.engine else ''}"),
        ("use", usage.words(taken) or ("measuring..." if ready else None)),
        ("disk", usage.disk(taken)),
        ("idle stop", usage.countdown(session, bench.now())),
        ("asked", f"{session.created.astimezone(zone):%Y-%m-%d %H:%M:%S %Z} by {session.by} ({session.origin})"),
        ("started", f"{session.started.astimezone(zone):%Y-%m-%d %H:%M:%S %Z}" if session.started else None),
        ("ended", f"{session.ended.astimezone(zone):%Y-%m-%d %H:%M:%S %Z}" if session.ended else None),
    )
    return page


def command_page(bench: Bench, session: Session) -> Page:
    """The same by command line, and the command that gives a shell in it."""
    from workbench.services import sessions

    start = words("sessions", "start", session.project, *session.options)
    page = Page().heading("Start it from a terminal").text(line(bench.home, start), indent=2)
    page.heading("Shell in it").text(line(bench.home, words("sessions", "shell", session.name)), indent=2)
    try:
        argv = sessions.shell(bench, session.id)
    except WorkbenchError as error:
        page.text(error.message, Tone.MUTED, indent=2)
    else:
        page.text(shlex.join(argv), Tone.MUTED, indent=2)
    page.heading("What the engine calls it").text(session.handle or "nothing yet", Tone.MUTED, indent=2)
    return page
