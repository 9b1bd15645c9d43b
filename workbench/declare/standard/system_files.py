"""What a project says of the system around its languages: `apt.txt`, `runtime.txt`, `postBuild`, `start`."""

from __future__ import annotations

import re
from pathlib import Path

from pydantic_core import PydanticCustomError

from workbench.declare import packages, sources
from workbench.declare.problem import DeclarationError
from workbench.declare.standard import apt, python_files, runtime
from workbench.declare.standard.draft import Draft
from workbench.model.environment import ContextPart

# What scripts call that repo2docker's images have, by the Debian package that brings it.
TOOLS = {
    "npm": "npm", "npx": "npm", "node": "nodejs", "git": "git", "wget": "wget", "curl": "curl", "unzip": "unzip",
    "make": "make", "gcc": "gcc", "g++": "g++", "cmake": "cmake", "envsubst": "gettext-base",
}  # fmt: skip
_CALLS = re.compile(rf"(?m)(?:^|[;&|(`]|\bdo|\bthen|\belse)[ \t]*({'|'.join(map(re.escape, TOOLS))})(?=[ \t;)]|$)")


def take_apt(draft: Draft, path: Path) -> None:
    """Debian packages."""
    text = draft.text(path)
    if text is not None:
        found, problems = apt.parse(path, text)
        draft.apt += found
        draft.problems += problems
        draft.gave(path, "Debian packages")


def take_runtime(draft: Draft, path: Path) -> None:
    """The language, its version, and for R the day whose packages it gets."""
    text = draft.text(path)
    if text is None:
        return
    found = runtime.parse(text)
    if isinstance(found, str):
        draft.problem(path, found, runtime.FORMS)
        return
    if found.language == "python":
        draft.python = True
        python_files.version(draft, path, found.version)
        draft.gave(path, f"Python {found.version}")
        return
    draft.r = True
    draft.r_version = found.version
    if found.day:
        try:
            draft.repository = packages.repository(found.day)
        except PydanticCustomError as error:
            said = error.context or {}
            draft.problem(path, said["said"], said["hint"])
    draft.gave(path, " ".join(["R", *filter(None, (found.version, found.day and f"with packages of {found.day}"))]))


def take_post_build(draft: Draft, path: Path) -> None:
    """A script that runs at the end of the build, in a copy of the project."""
    draft.post_build = draft.named(path)
    draft.gave(path, "a script that runs at the end of the build")
    called = {TOOLS[word] for word in _CALLS.findall(draft.text(path) or "")}
    more = sorted(called.difference(draft.apt))
    if more:
        draft.apt += more
        draft.notice(path, f"it calls what comes from Debian: {', '.join(more)}", "name what else it needs in apt.txt")
    draft.notice(
        path,
        "what postBuild writes into the project's folder is not seen in it",
        "it runs in a copy; what it installs, and what it writes into its home folder, is kept",
    )


def take_start(draft: Draft, path: Path) -> None:
    """A script that starts what is started."""
    draft.start = draft.named(path)
    draft.gave(path, "a script that starts kernels and tools")


def seen(draft: Draft) -> ContextPart | None:
    """The project as scripts of the build see it."""
    scripts = [one.path for one in (draft.post_build, draft.script) if one]
    if not scripts:
        return None
    texts = [(path, draft.text(path) or "") for path in scripts]
    try:
        return sources.for_scripts(draft.folder.root, texts, place=draft.folder.place)
    except DeclarationError as error:
        draft.problems += error.problems
        return None
