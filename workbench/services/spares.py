"""Spares of projects with `warm: true`: what one has to be like to be taken, and how it is shown."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from dataclasses import asdict, replace
from typing import Any

from workbench.model.environment import EnvironmentSpec
from workbench.model.ide import Ide
from workbench.model.project import Project
from workbench.model.session import ENDED, Desired, Session, SessionState
from workbench.services.bench import Bench
from workbench.services.supervision import control
from workbench.store import environments as environment_rows
from workbench.store import revisions, spares
from workbench.store import sessions as rows
from workbench.store.events import SUPERVISOR
from workbench.vault import Vault

NO_SHAPE = (
    "title",
    "description",
    "source",
    "shipped",
    "read",
)  # keys of an environment that change nothing in a session


def shape(bench: Bench, project: Project, spec: EnvironmentSpec, ide: Ide, file: str = "") -> str:
    """Everything declared that a session of it is started by; a spare of another shape is not what was asked for."""
    declared = {key: value for key, value in asdict(spec).items() if key not in NO_SHAPE}
    vault = Vault(bench.home.secrets)
    secrets = {name: vault.changed(name) for name in vault.names() & set(spec.secrets)}
    facts = [
        declared,
        str(project.path),
        [asdict(mount) for mount in project.data],
        [asdict(port) for port in project.ports],
        repr(ide),
        secrets,
        file if ide.takes_file else "",
    ]
    return hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode()).hexdigest()[:32]


def revision(connection: sqlite3.Connection, spec: EnvironmentSpec) -> str:
    """The revision that a session of an environment has now; empty where that has to be built."""
    chosen = environment_rows.chosen(connection, spec.name)
    if chosen and chosen.held:
        return chosen.revision
    found = revisions.of_declaration(connection, spec.name, spec.fingerprint)
    return found.id if chosen and found and spec.engine in (None, chosen.engine) else ""


def take(
    bench: Bench, connection: sqlite3.Connection, spare: Session, wanted: str, spec: EnvironmentSpec, **fields: Any
) -> bool:
    """Make a spare the person's; one that is not of the shape `wanted` is begun anew. False where it is none any more."""
    if fields["idle_asked"] != spare.idle_asked:
        fields["idle_stop"] = fields["idle_asked"] or None
    fits = spare.spare == wanted and spare.revision in ("", revision(connection, spec))
    return spares.take(connection, spare, warm=fits, at=bench.now(), actor=bench.actor, **fields)


def give_back(bench: Bench, session: Session) -> bool:
    """Want a spare down; False where it is on its way already."""
    return _give_back(bench, session, "by a person")


def remove(bench: Bench, session: Session) -> bool:
    """Take a stopped session whose spare is up from the lists, and give the spare back. False where it has none."""
    if not session.spare:
        return session.origin == SUPERVISOR  # it goes by itself
    with bench.store.write() as connection:
        spares.disown(connection, session, bench.actor)
    _give_back(bench, session, "removed")
    return True


def _give_back(bench: Bench, session: Session, why: str) -> bool:
    with bench.store.write() as connection:
        done = spares.give_back(connection, session.id, at=bench.now(), actor=bench.actor, why=why)
    control.tell(bench)
    return done


def shown(session: Session) -> Session:
    """A session as a person sees it: one that they stopped is stopped, also while a spare of it is up."""
    if not session.spare:
        return session
    reason = session.reason or "a warm spare comes up"
    if session.desired is Desired.DOWN:
        return replace(session, state=SessionState.STOPPED, reason="")
    if session.origin != SUPERVISOR:
        return replace(session, state=SessionState.STOPPED, desired=Desired.DOWN, reason=reason)
    return replace(session, state=SessionState.SPARE, reason=reason)


def known(connection: sqlite3.Connection, project: str = "") -> list[Session]:
    """Sessions of this home or of one project as a person sees them, newest first, then spares that were never
    anybody's; those that are going are left out."""
    found = map(shown, rows.listing(connection, project))
    there = [one for one in found if not (one.state is SessionState.STOPPED and one.origin == SUPERVISOR)]
    return sorted(there, key=lambda one: one.state is SessionState.SPARE)


def of_people(connection: sqlite3.Connection, project: str) -> list[Session]:
    """Sessions of a project that a person asked for and that are not stopped."""
    return [one for one in rows.listing(connection, project) if one.state not in ENDED and not one.spare]


def of_project_gone(bench: Bench, project: str) -> None:
    """Give back what was started ahead for a project that is removed."""
    with bench.store.write() as connection:
        for spare in spares.listing(connection):
            if spare.project == project:
                spares.give_back(connection, spare.id, at=bench.now(), actor=bench.actor, why="its project was removed")
    control.wake(bench)
