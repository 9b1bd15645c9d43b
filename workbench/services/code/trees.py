"""Files of a project as a run sees them in its place: kept in the state folder, read-only, shared by who sees the same.

code/trees/<project>-<mark>/files            what a container is shown in the project's place
code/trees/<project>-<mark>/views/<41.1>     the same files for a local process: `data` and `runs` link to the project's
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path

from workbench import context, enclosure
from workbench.errors import Refused
from workbench.model.code import OUTSIDE
from workbench.model.project import Project
from workbench.services.bench import Bench
from workbench.services.code.commits import Commit
from workbench.services.code.git import git
from workbench.text import one_line, size

MOST_FILES = 20_000
MOST_BYTES = 500_000_000
FILES, VIEWS, MARK = "files", "views", "mark"
YOUNG = 900.0  # seconds for which one of no run is left: it may be that of a run that is being asked for


def of_commit(bench: Bench, project: Project, commit: Commit) -> str:
    """The tree of a commit, made where it is not there: its name."""
    sizes = {path: length for path, length in commit.sizes().items() if not _outside(path)}
    _check(len(sizes), sum(sizes.values()), commit.ref)
    told = f"{commit.id} {commit.folder}"
    return _kept(bench, project, told, lambda files: commit.write(files, sorted(sizes)))


def of_changed(bench: Bench, project: Project, commit: Commit, patch: bytes, new: Mapping[str, str]) -> str:
    """The tree of a commit with a patch on it and the `new` files of the project by their marks: its name. Raises `Refused`
    where the patch does not fit, or a file has another mark now."""
    if not patch and not new:
        return of_commit(bench, project, commit)
    paths = sorted(path for path in commit.sizes() if not _outside(path))

    def write(files: Path) -> None:
        commit.write(files, paths)
        if patch:
            commit.change(files, patch)
        for path, told in new.items():
            if _copied(project.path, path, files)[1] != told:
                raise Refused(f"{one_line(path)}, which git did not know, is not as it was", title="code")

    told = f"{commit.id} {commit.folder} {hashlib.sha256(patch).hexdigest()} {json.dumps(sorted(new.items()))}"
    return _kept(bench, project, told, write)


def mark(project: Project, path: str, most: int) -> str:
    """What tells a file or link of it from another; empty for one that cannot be read, or is larger than `most`."""
    try:
        return "" if os.lstat(project.path / path).st_size > most else _copied(project.path, path, None)[1]
    except (OSError, Refused):
        return ""


def of_folder(bench: Bench, project: Project) -> str:
    """The tree of a project's files as they are at this moment: its name. What git ignores is not in it."""
    known = hashlib.sha256()

    def write(files: Path) -> None:
        count = total = 0
        for path in _visible(project):
            length, told = _copied(project.path, path, files)
            count, total = count + 1, total + length
            _check(count, total, project.name)
            known.update(f"{path}\0{told}\0".encode(errors="surrogateescape"))

    return _kept(bench, project, "", write, known.hexdigest)


def intact(bench: Bench, tree: str) -> bool:
    """Whether it is there, and nothing in it was changed since it was made."""
    folder = bench.home.code / "trees" / tree
    try:
        return (folder / MARK).read_text() == _facts(folder / FILES)
    except OSError:
        return False


def taken(bench: Bench, tree: str) -> bool:
    """Whether it is as it was made; then it stays for a while, also where no run has it yet."""
    if tree and intact(bench, tree):
        os.utime(bench.home.code / "trees" / tree)
        return True
    return False


def shown(bench: Bench, tree: str) -> Path:
    """The folder that a container is shown. Raises `Refused` where it is not as it was made."""
    if not intact(bench, tree):
        raise Refused(
            "the files that were kept for it are gone or were changed",
            title="code",
            hint="Code of an account that may write anywhere can do that. Ask for the run again.",
        )
    return bench.home.code / "trees" / tree / FILES


def view(bench: Bench, tree: str, project: Project, label: str) -> Path:
    """A folder of the same files for the local processes of one attempt."""
    files = shown(bench, tree)
    place = files.parent / VIEWS / label
    remove(place)
    place.parent.mkdir(mode=0o700, exist_ok=True)
    top = str(files)
    shutil.copytree(
        files, place, symlinks=True, copy_function=os.link,
        ignore=lambda folder, names: set(OUTSIDE) & set(names) if folder == top else set(),
    )  # fmt: skip
    place.chmod(0o755)
    for name in OUTSIDE:
        (place / name).symlink_to(project.path / name)
    place.chmod(0o555)
    return place


def sweep(bench: Bench, used: Collection[str], labels: Collection[str]) -> int:
    """Remove trees that are of no run in `used` and not new, and views of no attempt in `labels`; how many trees."""
    count = 0
    for tree in _entries(bench.home.code / "trees"):
        if tree.name not in used and not young(tree):
            remove(tree)
            count += 1
            continue
        for one in _entries(tree / VIEWS):
            if one.name not in labels:
                remove(one)
    return count


def young(tree: Path) -> bool:
    """Whether it may be that of a run that is being asked for."""
    try:
        return time.time() - tree.stat().st_mtime < YOUNG
    except OSError:
        return False


def remove(folder: Path) -> None:
    """Remove a folder whose own folders are read-only."""
    for at, _, _ in os.walk(folder):
        with contextlib.suppress(OSError):
            os.chmod(at, 0o700)
    shutil.rmtree(folder, ignore_errors=True)


def _kept(
    bench: Bench, project: Project, told: str, write: Callable[[Path], None], after: Callable[[], str] | None = None
) -> str:
    """Keep what `write` writes; its name is of what `told` says, or `after` once it is written."""
    trees = bench.home.code / "trees"
    trees.mkdir(mode=0o700, parents=True, exist_ok=True)
    name = "" if after else _name(project, told)
    if name and intact(bench, name):
        os.utime(trees / name)
        return name
    new = Path(tempfile.mkdtemp(prefix=".new-", dir=trees))
    try:
        files = new / FILES
        files.mkdir()
        write(files)
        for outside in OUTSIDE:
            (files / outside).mkdir(exist_ok=True)
        _lock(files)
        (new / MARK).write_text(_facts(files))
        name = name or _name(project, after() if after else told)
        for number in range(1, 100):
            free = name if number == 1 else f"{name}-{number}"
            if intact(bench, free):
                os.utime(trees / free)
                return free
            try:
                new.rename(trees / free)
            except OSError:  # one that was changed is there, and may be in use
                continue
            return free
    except OSError as error:
        raise Refused(f"its files cannot be kept: {error.strerror}", title=project.name) from error
    finally:
        remove(new)
    raise Refused("its files cannot be kept: too many like it were changed", title=project.name)


def _name(project: Project, told: str) -> str:
    return f"{project.name}-{hashlib.sha256(told.encode()).hexdigest()[:16]}"


def _outside(path: str) -> bool:
    return path.partition("/")[0] in OUTSIDE


def _check(count: int, total: int, what: str) -> None:
    if count > MOST_FILES or total > MOST_BYTES:
        limit = f"{MOST_FILES} files" if count > MOST_FILES else size(MOST_BYTES)
        raise Refused(
            f"more than {limit} would be kept of {what}",
            title="code",
            hint="Keep data in data/, or name it in .gitignore (in a project without git: .dockerignore).",
        )


def _visible(project: Project) -> Iterator[str]:
    """Files of a project that may be code: tracked or not ignored, without git all that builds see too."""
    answer = git(
        project.path, ["ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate"], patience=60.0
    )
    if answer.problem:
        yield from (path for path in context.visible(project.path, context.rules(project.path)) if not _outside(path))
        return
    for path in answer.lines:
        if _outside(path):
            continue
        place = project.path / path
        if place.is_dir() and not place.is_symlink():  # a repository in it
            yield from (f"{path.rstrip('/')}/{inner}" for inner in context.visible(place))
        elif os.path.lexists(place):
            yield path


def _copied(root: Path, path: str, files: Path | None) -> tuple[int, str]:
    """Copy one file or link into `files`, where that is not only looked for; its bytes, and what tells it from another."""
    place = files / path if files else Path(os.devnull)
    if files:
        place.parent.mkdir(parents=True, exist_ok=True)
    source = root / path
    if source.is_symlink():
        leads = Path(os.path.normpath(source.parent / os.readlink(source)))
        inside = leads.is_relative_to(root) and not _outside(leads.relative_to(root).as_posix())
        target = os.path.relpath(leads, source.parent) if inside else str(leads)
        if files:
            place.symlink_to(target)
        return 0, f"link {target}"
    try:
        descriptor = enclosure.opened(root, path)
    except FileNotFoundError:
        return 0, "gone"  # meanwhile
    except OSError as error:
        raise Refused(f"{one_line(path)} cannot be kept: {error.strerror}", title="code") from error
    digest = hashlib.sha256()
    with open(descriptor, "rb") as reader:
        facts = os.fstat(descriptor)
        if not stat.S_ISREG(facts.st_mode):
            return 0, "no file"
        _check(1, facts.st_size, path)
        with place.open("xb" if files else "wb") as writer:
            while block := reader.read(1 << 20):
                digest.update(block)
                writer.write(block)
        if files:
            place.chmod(0o555 if facts.st_mode & stat.S_IXUSR else 0o444)
    return facts.st_size, f"{digest.hexdigest()} {bool(facts.st_mode & stat.S_IXUSR)}"


def _lock(files: Path) -> None:
    for at, _, names in os.walk(files, topdown=False):
        for name in names:
            path = Path(at, name)
            if not path.is_symlink():
                path.chmod(0o555 if path.stat().st_mode & stat.S_IXUSR else 0o444)
        Path(at).chmod(0o555)


def _facts(files: Path) -> str:
    """What a change of any file in it would change. What Python writes beside its modules is not looked at."""
    known = hashlib.sha256()
    for at, folders, names in os.walk(files):
        folders[:] = sorted(name for name in folders if name != "__pycache__")
        for name in sorted(names):
            facts = os.lstat(os.path.join(at, name))
            told = json.dumps([os.path.relpath(at, files), name, facts.st_size, facts.st_mtime_ns, facts.st_ino])
            known.update(told.encode())
    return known.hexdigest()


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []
