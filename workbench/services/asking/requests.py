"""One run that is asked for, checked before it is queued: notebook, parameters, environment."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import NotFound, Refused
from workbench.model.code import AS_IT_IS, Code
from workbench.model.environment import EnvironmentSpec, Revision
from workbench.model.project import Project
from workbench.model.run import Request
from workbench.services import environments, projects, secrets
from workbench.services.asking import beginning, frozen, given
from workbench.services.asking.memo import Memo
from workbench.services.bench import Bench
from workbench.services.code import patch as patches
from workbench.services.code import seen
from workbench.services.code.commits import Commit
from workbench.services.code.patch import Patch
from workbench.services.code.repository import GitState, git_state
from workbench.text import one_line

if TYPE_CHECKING:
    from workbench.notebooks.document import Document
    from workbench.notebooks.parameters import Parameters


@dataclass(frozen=True)
class Checked:
    """A request that was checked: what its row and its frozen copy will hold."""

    request: Request
    environment: str
    name: str
    content: bytes
    cells: int
    record: Mapping[str, Any]
    group: tuple[Checked, ...] = ()  # of a sweep: one for each combination
    swept: tuple[str, ...] = ()  # the names that differ in it
    by_id: Callable[[int], dict[str, Any]] | None = None  # its parameters by its id, where they name it
    patch: bytes = b""  # what its project differs by from the commit
    revision: Revision | None = None  # of its environment, where it is to be that one


def check_one(
    bench: Bench, request: Request, *, ahead: bool = False, later: bool = False, memo: Memo | None = None
) -> Checked:
    """Everything that can be known before queueing: notebook, parameters, environment, state of the repository.

    Its sweep is not looked at; `checking.check` says what the rest is.
    """
    memo = memo or Memo()
    project = memo.of(("project", request.project), lambda: projects.get(bench, request.project))
    asked = request.code.after_fetch if ahead else request.code
    source = _source(bench, project, request.notebook, asked, memo)
    found, declared = source.document, source.takes
    values = given.of(bench, declared, request)
    spec = memo.of(
        ("environment", request.environment or project),
        lambda: (
            environments.spec(bench, request.environment)
            if request.environment
            else environments.for_project(bench, project)
        ),
    )
    _check_language(bench, found.language, spec)
    secrets.check(bench, spec)
    secrets.keep_out(bench, spec, values.parameters)
    git = GitState() if ahead or request.code.ref else memo.of(("git", project), lambda: git_state(project))
    changed = git.dirty and git.commit and not ahead
    patch = memo.of(("patch", project), lambda: patches.of(bench, project, brief=later)) if changed else Patch()
    begun, by_files = beginning.settled(bench, project, request)
    record = {
        "git_commit": git.commit,
        "git_branch": git.branch,
        "git_dirty": git.dirty,
        "notebook_sha256": memo.of(("sha256", source.key), lambda: found.sha256),
        "references": values.references,
        **_declared_inputs(project, request),
        **({"given_by": by_files} if by_files else {}),
        **({"tags": list(request.tags)} if request.tags else {}),
        **({"git_patch_whole": patch.whole} if changed else {}),
        **_told(patch),
        **({} if ahead else seen.keep(bench, project, request.code, source.commit, memo, later=later)),
    }
    name = _slug(request.name or (request.schedule or "").partition("/")[2] or Path(request.notebook).stem)
    code = sum(1 for cell in found.cells if cell.get("cell_type") == "code")
    return Checked(
        replace(begun, parameters=values.parameters), spec.name, name, found.content, code, record,
        by_id=values.by_id, patch=patches.written(patch),
    )  # fmt: skip


def _declared_inputs(project: Project, request: Request) -> dict[str, Any]:
    """Files that it reads by what its project and the request say."""
    declared = dict.fromkeys((*project.inputs, *request.inputs))
    return {"inputs_declared": list(declared)} if declared else {}


def _told(patch: Patch) -> dict[str, Any]:
    """What the record says of a patch that is kept."""
    if not (patch.text or patch.untracked):
        return {}
    kept = {"git_patch": frozen.PATCH, "git_patch_cut": patch.cut} if patch.text else {}
    return {**kept, "git_untracked": list(patch.untracked), "git_untracked_marks": list(patch.marks)}


def _check_language(bench: Bench, language: str, spec: EnvironmentSpec) -> None:
    """Refuse an R notebook where the declaration cannot bring R; other languages are known when the kernel is chosen."""
    if language.lower() != "r" or spec.r or spec.image or spec.use:
        return
    able = [one.name for one in environments.specs(bench) if one.r]
    raise Refused(
        f"the notebook is in R, which environment {spec.name} does not have",
        hint=f"Choose one that has: --environment {able[0]}" if able else "Declare one with `r: {}`.",
    )


def parameters_of(
    bench: Bench, project: str, notebook: str, *, memo: Memo | None = None, code: Code = AS_IT_IS
) -> Parameters:
    """What a notebook takes, as its project or its `parameters` cell declares it. Raises `NotFound` and `Refused`."""
    memo = memo or Memo()
    known = memo.of(("project", project), lambda: projects.get(bench, project))
    return _source(bench, known, notebook, code, memo).takes


@dataclass(frozen=True)
class _Source:
    """A notebook that was read, of a commit where one was named, and what it takes. `key` tells it from others."""

    document: Document
    takes: Parameters
    commit: Commit | None
    key: Hashable


def _source(bench: Bench, project: Project, notebook: str, code: Code, memo: Memo) -> _Source:
    from workbench.notebooks import document

    commit = seen.commit_of(bench, project, code, memo)
    if commit:
        key: Hashable = (project.path, notebook, commit.id)
        found = memo.of(("notebook", key), lambda: seen.notebook_of(commit, project, notebook))
    else:
        path = memo.of(("path", project, notebook), lambda: notebook_path(bench, project, notebook))
        key = (path, _facts(path))  # read again where it was written since: a memo may have been begun ahead
        title = f"{project.name}/{notebook}"
        found = memo.of(("notebook", key), lambda: document.read(path, title=title, root=project.path))
    return _Source(found, memo.of(("declared", key), lambda: taken(project, notebook, found)), commit, key)


def taken(project: Project, notebook: str, document: Document) -> Parameters:
    """What a notebook that was read takes: its own cell, and over it what its project declares."""
    from workbench.notebooks import agreement, parameters

    return agreement.merged(parameters.parameters_of(document), project.takes(notebook))


def notebook_path(bench: Bench, project: Project, notebook: str) -> Path:
    """The notebook's file. Raises `Refused` for a path that leaves the project, `NotFound` where there is none."""
    root = project.path.resolve()
    try:
        path = (root / notebook).resolve()
        is_file = path.is_file()
    except (OSError, RuntimeError, ValueError) as error:  # a link to itself, a name too long, a NUL
        raise Refused(
            f"{one_line(notebook, 200)} is no path: {one_line(str(error), 200)}", title=project.name
        ) from error
    if not path.is_relative_to(root):
        raise Refused(f"{notebook} is outside of {project.name}", hint="Copy it into the project, or link its folder.")
    if not is_file:
        asked = f"{project.name}/{notebook}"
        raise NotFound("notebook", asked, hint=projects.notebooks_hint(bench, project, asked))
    return path


def _facts(path: Path) -> tuple[int, int, int] | None:
    try:
        facts = path.stat()
    except OSError:
        return None
    return facts.st_mtime_ns, facts.st_size, facts.st_ino


def _slug(name: str) -> str:
    """`name` as it may stand in a folder's name."""
    return re.sub(r"[^\w.-]+", "-", name, flags=re.ASCII).strip("-.")[:60] or "run"
