"""Commits of a project's repository: found, fetched where asked, and written out as files.

git runs in a repository of our own in the state folder, with its settings and the person's; of the project's own only
names and objects are read. What is fetched stays there: the person's branches, index and files are never touched.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from workbench.errors import Refused
from workbench.locks import take
from workbench.model.code import Code
from workbench.model.project import Project
from workbench.redaction import Redactor
from workbench.services.bench import Bench
from workbench.services.code import cloning
from workbench.services.code.git import Answer, git, without_filters
from workbench.store import contained
from workbench.text import one_line

FETCHING = 45.0  # seconds that a remote may take: what is due shall not be late for it
WRITING = 120.0
FETCHED = "refs/fetched"
_RULES = {f"+refs/heads/*:{FETCHED}/heads/*", f"+refs/tags/*:{FETCHED}/tags/*"}


@dataclass(frozen=True)
class Commit:
    """A commit as it is seen from a project's folder. `problem`: why its remote could not be asked."""

    ref: str
    id: str
    folder: str  # of the project in the repository, empty at its top
    mirror: Path
    objects: Path | None  # of the project's repository, where it is from there
    problem: str = ""

    @property
    def tree(self) -> str:
        """What git calls the project's folder in it."""
        return f"{self.id}:{self.folder}"

    def git(self, *words: str, files: Path | None = None, given: bytes | None = None) -> Answer:
        """Ask our repository about it; with `files`, the folder to write into."""
        environ = {"GIT_DIR": str(self.mirror)}
        if self.objects:
            environ["GIT_ALTERNATE_OBJECT_DIRECTORIES"] = _quoted(self.objects)
        if files:
            environ |= {"GIT_WORK_TREE": str(files), "GIT_INDEX_FILE": str(files.parent / "index")}
        return git(self.mirror, words, environ=environ, patience=WRITING, given=given)

    def file(self, path: str) -> bytes | None:
        """A file of the project in it; None where there is none."""
        answer = self.git("cat-file", "blob", f"{self.tree}{'/' if self.folder else ''}{path}")
        return None if answer.problem else answer.output

    def sizes(self) -> dict[str, int]:
        """Its files by path, with their bytes; submodules are not among them."""
        answer = self.git("ls-tree", "-r", "-l", "-z", "--full-tree", self.tree)
        if answer.problem:
            raise Refused(f"{self.ref} has no folder {self.folder}: {answer.problem}", title="code")
        found = {}
        for line in answer.lines:
            facts, _, path = line.partition("\t")
            _, kind, _, length = facts.split()
            if kind == "blob":
                found[path] = int(length)
        return found

    def write(self, files: Path, paths: list[str]) -> None:
        """Write these files of it into the empty folder `files`. Raises `Refused`."""
        without = without_filters(self.mirror) or []
        names = b"".join(os.fsencode(path) + b"\0" for path in paths)
        for words, given in (
            (["read-tree", self.tree], None),
            ([*without, "checkout-index", "--quiet", "-z", "--stdin"], names),
        ):
            answer = self.git(*words, files=files, given=given)
            if answer.problem:
                raise Refused(f"the files of {self.ref} cannot be written: {answer.problem}", title="code")
        (files.parent / "index").unlink(missing_ok=True)

    def change(self, files: Path, patch: bytes) -> None:
        """Change its files in `files` as a patch of it says. Raises `Refused`."""
        deep = len(self.folder.split("/")) if self.folder else 0
        words = [*(without_filters(self.mirror) or []), "apply", "--whitespace=nowarn", f"-p{1 + deep}", "-"]
        environ = {"GIT_DIR": str(self.mirror), "GIT_WORK_TREE": str(files)}
        answer = git(files, words, environ=environ, patience=WRITING, given=patch)
        if answer.problem:
            raise Refused(f"its changes do not fit commit {self.id[:10]}: {answer.problem}", title="code")


def known(bench: Bench, project: Project, number: str) -> Commit:
    """A commit by its full number: of what was fetched, or of the project. Raises `Refused` where neither has it."""
    mirror = _mirror(bench, project)
    place = git(project.path, ["rev-parse", "--show-prefix"])
    there = git(mirror, ["cat-file", "-e", f"{number}^{{commit}}"], environ=_in(mirror))
    if place.problem or there.problem:
        return commit(bench, project, Code(number))
    return Commit(number, number, place.text.rstrip("\n").rstrip("/"), mirror, None)


def commit(bench: Bench, project: Project, code: Code) -> Commit:
    """The commit that `code.ref` names now, its remote asked before where that is wanted. Raises `Refused`."""
    place = git(project.path, ["rev-parse", "--show-prefix"])
    if place.problem:
        raise Refused(
            f"{project.name} is in no git repository that can be read, so there is no {code.ref}: {place.problem}",
            title="code",
            hint="code: frozen needs none.",
        )
    enclosed = _enclosed(bench, project)
    folder = place.text.rstrip("\n").rstrip("/")
    mirror = _mirror(bench, project)
    problem = ""
    if code.fetch:
        known = noted(mirror) if code.fetched else None
        problem = fetch(bench, project, enclosed=enclosed) if known is None else known
        for name in (f"{FETCHED}/heads/{code.ref}", f"{FETCHED}/tags/{code.ref}", code.ref):
            answer = git(mirror, ["rev-parse", "--verify", "--quiet", f"{name}^{{commit}}"], environ=_in(mirror))
            if not answer.problem:
                return Commit(code.ref, answer.text.strip(), folder, mirror, None, problem)
        if not problem:
            raise Refused(f"its remote has no branch, tag or commit {code.ref}", title=project.name)
    answer = git(project.path, ["rev-parse", "--verify", "--quiet", f"{code.ref}^{{commit}}"])
    if answer.problem:
        more = f"; {problem}" if problem else ""
        raise Refused(
            f"{project.name} has no branch, tag or commit {code.ref}{more}",
            title="code",
            hint=""
            if code.fetch
            else "Of a remote: --fetch, in a file code: {ref: …, fetch: true}; or name it as origin/main.",
        )
    objects = git(project.path, ["rev-parse", "--git-path", "objects"]).text.rstrip("\n")
    return Commit(code.ref, answer.text.strip(), folder, mirror, (project.path / objects).resolve(), problem)


def fetch(bench: Bench, project: Project, *, enclosed: bool | None = None) -> str:
    """Ask the project's remote for its branches and tags; why that could not be, empty where it was done."""
    mirror = _mirror(bench, project)
    if enclosed is None:
        enclosed = _enclosed(bench, project)
    held = take(mirror / "fetching", patience=FETCHING)
    if held is None:
        return "its remote is being asked already"
    try:
        try:
            problem = _fetch(project, mirror, enclosed)
        except Refused as error:
            problem = error.message
        (mirror / "fetched.json").write_text(json.dumps({"at": bench.now().isoformat(), "problem": problem}))
    except OSError as error:
        problem = f"what was fetched cannot be kept: {error.strerror}"
    finally:
        os.close(held)
    return problem


def noted(mirror: Path) -> str | None:
    """Why the last fetch failed, empty where it did not; None where there was none."""
    try:
        return str(json.loads((mirror / "fetched.json").read_text())["problem"])
    except (OSError, ValueError, LookupError):
        return None


def sweep(bench: Bench, projects: Iterable[Project]) -> None:
    """Remove what was fetched of projects that are not there any more; of one whose folder is away it stays."""
    folder = bench.home.code / "repositories"
    names = {project.name for project in projects}
    for mirror in folder.iterdir() if folder.is_dir() else ():
        if mirror.name.rpartition("-")[0] not in names:
            shutil.rmtree(mirror, ignore_errors=True)


def _fetch(project: Project, mirror: Path, enclosed: bool) -> str:
    names = git(project.path, ["remote"]).text.split()
    if not names:
        return "its repository has no remote"
    name = "origin" if "origin" in names else names[0]
    address = git(project.path, ["config", "--get", f"remote.{name}.url"]).text.rstrip("\n")
    local = not cloning.is_address(address)
    if local:
        top = git(project.path, ["rev-parse", "--show-toplevel"]).text.rstrip("\n")
        address = str((Path(top) / address.removeprefix("file://")).resolve())
    before = mirror / "address"
    known = before.read_text() if before.exists() else ""
    if enclosed and (local or known not in ("", address)):
        # Code in a container can have written it: it would be shown another repository that only the person may read.
        return f"the address of its remote is {'a folder of this machine' if local else 'another than before'}"
    before.write_text(address)
    rules = "".join(f"\tfetch = {rule}\n" for rule in sorted(_RULES))
    # In a file and not among git's arguments, which every account of this machine sees.
    (mirror / "remote").write_text(f'[remote "origin"]\n\turl = {_quoted_value(address)}\n{rules}')
    protocols = "https:http:ssh:git" + (":file" if local else "")
    environ = {
        **_in(mirror),
        "GIT_ALLOW_PROTOCOL": protocols,
        "GIT_ASKPASS": "",
        "SSH_ASKPASS_REQUIRE": "never",
        "GIT_SSH_COMMAND": os.environ.get("GIT_SSH_COMMAND") or "ssh -o BatchMode=yes -o ConnectTimeout=20",
    }
    words = ["fetch", "--quiet", "--prune", "--no-tags", "--no-recurse-submodules", "--no-write-fetch-head", "origin"]
    answer = git(mirror, words, environ=environ, patience=FETCHING)
    parts = urlsplit(address) if not local and "://" in address else None
    hidden = Redactor([one for one in (parts.password, parts.username) if one] if parts else [])
    return one_line(hidden.redact(answer.problem), 200)


def _mirror(bench: Bench, project: Project) -> Path:
    """Our own repository beside the project's, made where it is missing."""
    mark = hashlib.sha256(str(project.path).encode(errors="surrogateescape")).hexdigest()[:8]
    mirror = bench.home.code / "repositories" / f"{project.name}-{mark}.git"
    if not (mirror / "remote").exists():
        mirror.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        said = git(project.path, ["rev-parse", "--show-object-format"]).text.strip() or "sha1"
        answer = git(
            mirror.parent, ["init", "--quiet", "--bare", "--template=", f"--object-format={said}", str(mirror)]
        )
        if not answer.problem:
            answer = git(mirror, ["config", "include.path", "remote"], environ=_in(mirror))
        if answer.problem:
            raise Refused(f"no repository can be made beside that of {project.name}: {answer.problem}", title="code")
        (mirror / "remote").touch()
    return mirror


def _in(mirror: Path) -> dict[str, str]:
    return {"GIT_DIR": str(mirror)}


def _enclosed(bench: Bench, project: Project) -> bool:
    """Whether code in containers writes in this project. Its repository may then not lead out of the project: another
    that only the person may read would be shown there. Raises `Refused` where it does."""
    with bench.store.read() as connection:
        if contained.environment_of(connection, project.name) is None:
            return False
    place = project.path / ".git"
    if not os.path.lexists(place):
        return True  # it lies above, out of their reach
    folders = [place, place / "objects", place / "refs"]
    leads = place.is_symlink() or not place.is_dir()
    leads = leads or any((place / name).exists() for name in ("commondir", "objects/info/alternates"))
    if not leads:
        inner = [Path(at, one) for at, names, files in os.walk(place / "refs") for one in (*names, *files)]
        looked = [*folders, *(entry for one in folders if one.is_dir() for entry in one.iterdir()), *inner]
        leads = any(path.is_symlink() for path in looked)
    if leads:
        raise Refused(
            f"the repository of {project.name} leads out of the project, where code in containers could have led it",
            title="code",
            hint="Use code: frozen, or keep a repository of its own in the project.",
        )
    return True


def _quoted(path: Path) -> str:
    """A path in a list of them, git(1), GIT_ALTERNATE_OBJECT_DIRECTORIES."""
    said = str(path)
    escaped = said.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"' if ":" in said or said.startswith('"') else said


def _quoted_value(said: str) -> str:
    """A value of a file of settings, git-config(1)."""
    if not said.isprintable():
        raise Refused("the address of its remote cannot be read")
    escaped = said.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
