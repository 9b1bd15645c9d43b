"""Revisions of environments: what was built, which is active, and making an older one active again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from workbench.errors import Conflict, NotFound
from workbench.model.environment import Revision
from workbench.services import environments
from workbench.services.bench import Bench
from workbench.services.declared import catalogue
from workbench.services.supervision import control
from workbench.store import environments as environment_rows
from workbench.store import revisions as rows
from workbench.store.revisions import RevisionRow
from workbench.text import one_line

NEWEST = "newest"  # in place of an id: what the declaration says now


@dataclass(frozen=True)
class RevisionView:
    """A revision for lists. `declared`: it is what the declaration as it is now resolves to; `held`: active although it
    need not be."""

    row: RevisionRow
    environment: str
    active: bool
    held: bool
    declared: bool

    @property
    def id(self) -> str:
        """Its id."""
        return self.row.revision.id

    @property
    def revision(self) -> Revision:
        """What is in it."""
        return self.row.revision

    @property
    def created(self) -> datetime:
        """When it was built or found."""
        return self.row.created

    @property
    def state(self) -> str:
        """`held`, `active`, or empty."""
        return "held" if self.held else "active" if self.active else ""


def listing(bench: Bench, name: str) -> list[RevisionView]:
    """Revisions of an environment that were built and not removed, newest first. Raises `NotFound`."""
    fingerprint = _fingerprint(bench, name)
    with bench.store.read() as connection:
        found = rows.every(connection, name)
        chosen = environment_rows.chosen(connection, name)
        newest = rows.of_declaration(connection, name, fingerprint)
    active = chosen.revision if chosen and chosen.held else newest.id if newest else ""
    return [
        RevisionView(
            row,
            name,
            active=row.revision.id == active,
            held=row.revision.id == active and bool(chosen and chosen.held),
            declared=newest is not None and row.revision.id == newest.id,
        )
        for row in found
    ]


def find(bench: Bench, name: str, text: str) -> RevisionView:
    """The revision that an id, or the beginning of one, names. Raises `NotFound` with those there are, `Conflict`."""
    known = listing(bench, name)
    exact = [view for view in known if view.id == text]
    near = exact or [view for view in known if text and view.id.startswith(text)]
    if len(near) > 1:
        raise Conflict(f"{one_line(text, 40)} may be {' or '.join(view.id for view in near[:4])}", title=name)
    if not near:
        there = ", ".join(view.id for view in known[:6]) or "none, for it was not built yet"
        raise NotFound(
            "revision", one_line(text, 40), hint=f"There are: {there}. See: workbench environments revisions {name}"
        )
    return near[0]


def activate(bench: Bench, name: str, text: str) -> Revision:
    """Have runs and sessions use a revision from now on, whatever its declaration says, until a build makes another active.

    The supervisor looks first whether its engine still has it: `wish` tells what came of it.
    """
    view = find(bench, name, text)
    if view.declared:
        release(bench, name)
        return view.revision
    with bench.store.write() as connection:
        rows.wish(connection, name, view.id, at=bench.now(), actor=bench.actor)
    control.tell(bench)
    return view.revision


def release(bench: Bench, name: str) -> str:
    """Follow the declaration again; the id of the revision that is active then, empty where it has to be built first."""
    fingerprint = environments.spec(bench, name).fingerprint
    with bench.store.write() as connection:
        newest = rows.release(connection, name, fingerprint, at=bench.now(), actor=bench.actor)
    control.wake(bench)
    return newest


def wish(bench: Bench, name: str) -> tuple[bool, str]:
    """Whether a revision that was asked for is still to be looked for, and why the last that was is not active."""
    with bench.store.read() as connection:
        chosen = environment_rows.chosen(connection, name)
    return (bool(chosen.wanted), chosen.refusal) if chosen else (False, "")


def borrowed(bench: Bench, name: str, revision: str) -> bool:
    """Whether a revision is an existing Python that was used as it was: what was in it is written down nowhere."""
    with bench.store.read() as connection:
        found = rows.by_id(connection, name, revision) if revision else None
    return found is not None and found.borrowed


def _fingerprint(bench: Bench, name: str) -> str:
    """Of the declaration as it is now; empty where it cannot be read. Raises `NotFound`."""
    reading = catalogue.reading(bench, name)
    if reading is None:
        environments.view(bench, name)  # says which there are
    return reading.value.fingerprint if reading and reading.value else ""
