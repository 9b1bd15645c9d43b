"""A run once more exactly as it was: its frozen notebook, values and code, in the revision of its environment.

What cannot be had as it was is refused; files below `data` are what they are now, and `differing` says which inputs changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

from workbench.errors import Refused, WorkbenchError
from workbench.model.code import LIVE
from workbench.model.environment import Revision
from workbench.model.project import Project
from workbench.model.run import Request, Run
from workbench.services import environments, projects, runs, secrets
from workbench.services.asking import frozen, queueing
from workbench.services.asking.requests import Checked
from workbench.services.bench import Bench
from workbench.services.code import commits, seen, trees
from workbench.services.history import comparison
from workbench.services.supervision import control
from workbench.store import revisions
from workbench.text import one_line

AGAIN = "again"  # of a run's record
_CARRIED = (
    "git_commit", "git_branch", "git_dirty", "git_patch", "git_patch_cut", "git_patch_whole", "git_untracked", "git_untracked_marks",
    "notebook_sha256", "references", "inputs_declared",
)  # fmt: skip
NAMED = 3  # files of those git did not know


def again(bench: Bench, run_id: int) -> int:
    """Queue the same once more and return its id. Raises `Refused` with what of it cannot be had."""
    checked = check(bench, runs.get(bench, run_id))
    with bench.store.write() as connection:
        made = queueing.insert(bench, connection, checked, bench.actor)
    control.tell(bench)
    return made


def check(bench: Bench, run: Run) -> Checked:
    """What asks for it, nothing read anew but whether all of it is there."""
    if run.continues is not None:
        _refuse(run, f"it went on in the kernel of run {run.continues}, which is not there any more")
    record = runs.noted(bench, run.id)
    revision = _revision(bench, run)
    content = _read(bench, run, frozen.FILE, "its frozen notebook is gone")
    project = projects.get(bench, run.project)
    secrets.check(bench, environments.spec(bench, run.environment))
    patch = _read(bench, run, frozen.PATCH, "the patch of its code is gone") if record.get("git_patch") else b""
    code = _code(bench, run, project, record, patch)
    request = Request(
        run.project, run.notebook, run.parameters, run.environment, run.name, run.timeout, run.retries,
        priority=run.priority, terms=run.terms, code=seen.again({seen.KEY: code}), exactly=run.id,
    )  # fmt: skip
    kept = {name: record[name] for name in _CARRIED if name in record}
    told = {**kept, seen.KEY: code, AGAIN: {"of": run.id, "exactly": True}}
    return Checked(request, run.environment, run.name, content, run.cells, told, patch=patch, revision=revision)


def differing(bench: Bench, run: Run) -> tuple[str, ...] | None:
    """Declared inputs that were not as they had been for the run that it repeats exactly; None where nothing tells."""
    if run.exactly is None:
        return None
    sides = [comparison.inputs_of(runs.noted(bench, number)) for number in (run.exactly, run.id)]
    if not all(sides):
        return None
    return tuple(path for path in dict.fromkeys((*sides[0], *sides[1])) if sides[0].get(path) != sides[1].get(path))


def told(bench: Bench, run: Run) -> str:
    """`of run 12, exactly`, and what of its inputs differs; empty for any other run."""
    if run.exactly is None:
        return ""
    names = differing(bench, run)
    said = f"of run {run.exactly}, exactly"
    return f"{said}, but other inputs: {one_line(', '.join(names), 300)}" if names else said


def _revision(bench: Bench, run: Run) -> Revision:
    """The one it ran in, where it is written down; whether it is still there its engine says later."""
    if not run.revision:
        _refuse(run, "it never began, so it has no revision of its environment")
    with bench.store.read() as connection:
        found = revisions.by_id(connection, run.environment, run.revision)
    if found is None:
        _refuse(run, f"revision {run.revision} of environment {run.environment} was removed")
    if found.borrowed:
        _refuse(run, f"environment {run.environment} is a Python of yours, and what was in it is written down nowhere")
    return found


def _code(bench: Bench, run: Run, project: Project, record: Mapping[str, Any], patch: bytes) -> dict[str, Any]:
    """The files that it saw, made again where they are not there any more."""
    found = record.get(seen.KEY)
    code: dict[str, Any] = dict(found) if isinstance(found, dict) else {"what": LIVE, "fetch": False}
    if trees.taken(bench, str(code.get("tree") or "")):
        return code
    number = str(record.get("git_commit") or "")
    if not number:
        gone = "the files kept for it are gone" if code.get("tree") else "the code it saw is not known"
        _refuse(run, f"{gone}, and its project was in no git repository with a commit")
    new: dict[str, str] = {}
    if record.get("git_dirty"):
        new = _new(run, record)
        if record.get("git_patch_cut"):
            _refuse(run, "what differed from its commit was too much to be kept whole")
        if not record.get("git_patch_whole"):
            _refuse(run, "what differed from its commit was not kept whole: binary files, secrets, or git did not say")
    try:
        tree = trees.of_changed(bench, project, commits.known(bench, project, number), patch, new)
    except WorkbenchError as error:
        _refuse(run, error.message)
    return {**code, "tree": tree, "commit": number}


def _new(run: Run, record: Mapping[str, Any]) -> dict[str, str]:
    """Files that git did not know, by the marks they had. The notebook is frozen in any case."""
    names = list(record.get("git_untracked") or ())
    marks = dict(zip(names, record.get("git_untracked_marks") or (), strict=False))
    new = {name: marks.get(name, "") for name in names if name != run.notebook}
    if lost := [name for name, told in new.items() if not told]:
        more = f" and {len(lost) - NAMED} more" if len(lost) > NAMED else ""
        _refuse(
            run, f"large files that git did not know were there, and were not kept: {', '.join(lost[:NAMED])}{more}"
        )
    return new


def _read(bench: Bench, run: Run, name: str, gone: str) -> bytes:
    try:
        return (bench.home.run_folder(run.id) / name).read_bytes()
    except OSError:
        _refuse(run, gone)


def _refuse(run: Run, why: str) -> NoReturn:
    raise Refused(
        f"run {run.id} cannot be repeated exactly: {why}",
        title="again",
        hint=f"As things are now: workbench runs again {run.id}",
    )
