"""What a run sees of its project: which files, told in its record, and where they are once it starts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.errors import NotFound, Refused
from workbench.model.code import AS_IT_IS, FROZEN, LIVE, Code, code
from workbench.model.environment import EngineName
from workbench.model.project import Project
from workbench.notebooks.document import Document
from workbench.services.asking.memo import Memo
from workbench.services.bench import Bench
from workbench.services.code import commits, trees
from workbench.services.code.commits import Commit

KEY = "code"  # of a run's record


@dataclass(frozen=True)
class Place:
    """Where a run works. `cwd` is its folder, `root` that of the project as its code sees it; `tree` is what an engine
    shows there, None where that is the folder itself."""

    cwd: Path
    root: Path
    tree: Path | None = None


def commit_of(bench: Bench, project: Project, asked: Code, memo: Memo) -> Commit | None:
    """The commit that is meant; None where none is. Raises `Refused`."""
    if not asked.ref:
        return None
    return memo.of(("commit", project.path, asked), lambda: commits.commit(bench, project, asked))


def notebook_of(commit: Commit, project: Project, notebook: str) -> Document:
    """The notebook as it is in a commit. Raises `NotFound` and `Refused`."""
    from workbench.notebooks import document

    title = f"{project.name}/{notebook} of {commit.ref}"
    content = commit.file(notebook)
    if content is None:
        raise NotFound("notebook", title, hint=f"Commit {commit.id[:10]} does not hold it.")
    if len(content) > document.LARGEST:
        raise Refused("the notebook is too large", title=title)
    return document.of_file(content, notebook, title=title)


def keep(
    bench: Bench, project: Project, asked: Code, commit: Commit | None, memo: Memo, *, later: bool = False
) -> dict[str, Any]:
    """Keep the files that a run is to see, and what its record says of them; empty for live code. `later`: they are
    still to be `kept`, and the record names no tree."""
    if asked.live:
        return {}
    facts: dict[str, Any] = {"what": asked.what, "fetch": asked.fetch}
    tree = "" if later else _tree(bench, project, commit, memo)
    if commit is None:
        return {KEY: {**facts, "tree": tree}}
    return {
        KEY: {**facts, "tree": tree, "commit": commit.id, "problem": commit.problem},
        "git_commit": commit.id,
        "git_branch": commit.ref,
        "git_dirty": False,
    }


def kept(bench: Bench, project: Project, record: Mapping[str, Any], memo: Memo) -> str:
    """Keep the files that a record tells of: the name of their tree. Raises `Refused`."""
    number = str(record[KEY].get("commit") or "")
    return _tree(bench, project, commits.known(bench, project, number) if number else None, memo)


def _tree(bench: Bench, project: Project, commit: Commit | None, memo: Memo) -> str:
    if commit is None:
        return memo.of(("frozen", project.path), lambda: trees.of_folder(bench, project))
    return memo.of(("tree", commit.mirror, commit.id), lambda: trees.of_commit(bench, project, commit))


def tree_of(record: Mapping[str, Any]) -> str:
    """The name of the files that its record says were kept for it; empty for live code."""
    found = record.get(KEY)
    return str(found.get("tree") or "") if isinstance(found, dict) else ""


def again(record: Mapping[str, Any]) -> Code:
    """What a run that is asked for again is to see: what its record names."""
    found = record.get(KEY)
    return code(str(found["what"]), fetch=bool(found.get("fetch"))) if isinstance(found, dict) else AS_IT_IS


def words(record: Mapping[str, Any]) -> str:
    """What its record says of it, on a line; empty for live code."""
    found = record.get(KEY)
    if not isinstance(found, dict):
        return ""
    if found["what"] == FROZEN:
        return "frozen when it was asked for"
    if found["what"] == LIVE:
        return f"as it was at {str(found.get('commit'))[:10]}"
    said = f"{found['what']} at {str(found.get('commit'))[:10]}"
    return f"{said}, as last fetched: {found['problem']}" if found.get("problem") else said


def place(
    bench: Bench, project: Project, notebook: str, record: Mapping[str, Any], engine: EngineName, label: str
) -> Place:
    """Where an attempt works. Raises `Refused` where the files kept for it are not as they were."""
    inner = Path(notebook).parent
    found = record.get(KEY)
    if not isinstance(found, dict):
        return Place(project.path / inner, project.path)
    if engine is EngineName.DOCKER:
        return Place(project.path / inner, project.path, trees.shown(bench, found["tree"]))
    view = trees.view(bench, found["tree"], project, label)
    return Place(view / inner, view)
