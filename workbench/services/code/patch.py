"""What differs in a project's folder from its last commit, kept with the run that saw it: bounded, without known secrets."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from workbench.errors import Refused
from workbench.model.project import Project
from workbench.redaction import Redactor
from workbench.services.bench import Bench
from workbench.services.code import trees
from workbench.services.code.git import command, environment, git, without_filters
from workbench.text import one_line
from workbench.vault import Vault, values

MOST = 200_000  # bytes
MOST_NAMES = 50
MOST_MARKED = 10_000_000  # bytes that are read of files git does not know
PATIENCE = 10.0
_PLAIN = ("-c", "diff.noprefix=false", "-c", "diff.mnemonicPrefix=false", "-c", "diff.relative=false")
_PARTLY = re.compile(r"^(Binary files |\* Unmerged path )", re.MULTILINE)  # what git only says that it differs
_ELSEWHERE = ("--", ".", ":(exclude)runs", ":(exclude)data")
_MADE = (
    ":(exclude,glob)**/__pycache__/**",
    ":(exclude,glob)**/.ipynb_checkpoints/**",
)  # out of other files, by each run
_FILE = re.compile(r"^diff --git (?:a/(.+) b/\1|(.+))$", re.MULTILINE)


@dataclass(frozen=True)
class Patch:
    """As git tells it; `cut` where it was longer. Files that git does not know yet are only named, with a mark that tells
    each from another, empty where it is too large. `whole`: with it the commit becomes what was there, but for those."""

    text: str = ""
    cut: bool = False
    untracked: tuple[str, ...] = ()
    whole: bool = False
    marks: tuple[str, ...] = ()


def of(bench: Bench, project: Project, *, brief: bool = False) -> Patch:
    """The patch of a project that is not as it was committed; empty where git cannot say, or secrets cannot be left out.

    `brief`: others wait meanwhile, so that a keyring which does not answer is not waited for."""
    without = without_filters(project.path)
    secrets = _secrets(bench, brief) if without is not None else None
    if without is None or secrets is None:
        return Patch()
    redactor = Redactor(secrets)
    words = ["--no-color", "--no-ext-diff", "--no-textconv", "--no-renames", "--ignore-submodules=all", "HEAD"]
    answer = _bounded(project, [*without, *_PLAIN, "diff", *words, *_ELSEWHERE])
    said = answer or b""
    text = said[:MOST].decode("utf-8", "surrogateescape")
    new = git(project.path, ["ls-files", "-z", "--others", "--exclude-standard", *_ELSEWHERE, *_MADE]).lines
    # A secret that the end cuts through is not found any more: the last line goes.
    text = text.rpartition("\n")[0] + "\n" if len(said) > MOST else text
    names = tuple(redactor.redact(one_line(name, 200)) for name in new[:MOST_NAMES])
    shown, cut = redactor.redact(text), len(said) > MOST
    whole = answer is not None and not cut and shown == text and not _PARTLY.search(text) and len(new) <= MOST_NAMES
    return Patch(shown, cut, names, whole, tuple(_marks(project, new[:MOST_NAMES])))


def files_of(patch: str) -> dict[str, str]:
    """What differed, by file: a short hash of its part of a patch."""
    begins = list(_FILE.finditer(patch))
    ends = [*(one.start() for one in begins), len(patch)][1:]
    return {
        one[1] or one[2]: hashlib.sha256(patch[one.end() : end].encode(errors="surrogateescape")).hexdigest()[:10]
        for one, end in zip(begins, ends, strict=True)
    }


def _marks(project: Project, names: Sequence[str]) -> Iterator[str]:
    left = MOST_MARKED
    for name in names:
        found = trees.mark(project, name, left)
        left -= os.lstat(project.path / name).st_size if found not in ("", "gone") else 0
        yield found


def _secrets(bench: Bench, brief: bool) -> list[str] | None:
    """All values that are known; None where some cannot be read, and so not be left out."""
    vault = Vault(bench.home.secrets)
    try:
        return list(values({name: vault.path(name) for name in vault.names()}, brief=brief).values())
    except (OSError, UnicodeDecodeError, Refused):
        return None


def _bounded(project: Project, words: list[str]) -> bytes | None:
    """What git prints, no more of it than is kept and a byte; None where it fails or takes too long."""
    try:
        process = subprocess.Popen(
            command(project.path, words), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env=environment(),
        )  # fmt: skip
    except OSError:
        return None
    over = threading.Timer(PATIENCE, process.kill)
    over.start()
    with process:
        assert process.stdout
        said = process.stdout.read(MOST + 1)
        if len(said) > MOST:
            process.kill()
        code = process.wait()
    over.cancel()
    return said if code == 0 or len(said) > MOST else None


def written(patch: Patch) -> bytes:
    """As it goes into a file."""
    return os.fsencode(patch.text)
