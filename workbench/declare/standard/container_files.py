"""A project's own image: its `Dockerfile`, or the image or build of its `devcontainer.json`."""

from __future__ import annotations

import os
import re
from pathlib import Path

from pydantic_core import PydanticCustomError

from workbench.declare import packages, sources
from workbench.declare.problem import DeclarationError, Problem, Reading
from workbench.declare.standard import devcontainer
from workbench.declare.standard.draft import Draft
from workbench.declare.standard.folder import LEADING
from workbench.model import dockerfile as text_of
from workbench.model.environment import DockerfilePart, EnvironmentSpec

# What repo2docker passes to a Dockerfile that asks for it.
ARGUMENTS = {"NB_USER": "jovyan", "NB_UID": "1000"}


def from_dockerfile(draft: Draft, path: Path, name: str) -> Reading[EnvironmentSpec]:
    """The image that a Dockerfile makes with the project as its context; no other file has a say."""
    others = [other for other in LEADING if other != path.name and draft.folder.file(other)]
    if others:
        draft.notice(path, f"not read: {', '.join(others)}", "a Dockerfile has the say alone, as with repo2docker")
    text = draft.text(path)
    args = {word: value for word, value in ARGUMENTS.items() if text and re.search(rf"(?m)^\s*ARG\s+{word}\s*$", text)}
    part = _part(draft, path, draft.folder.root, args=args)
    if draft.problems or part is None:
        return Reading(None, tuple(draft.problems))
    draft.gave(path, "the image")
    spec = EnvironmentSpec(name=name, source=path, dockerfile=part, title=f"From {path.name}")
    return Reading(spec, notices=tuple(draft.notices))


def from_devcontainer(draft: Draft, path: Path, name: str) -> Reading[EnvironmentSpec]:
    """The image or build of a `devcontainer.json`; every key that is not taken is named."""
    text = draft.text(path)
    if text is None:
        return Reading(None, tuple(draft.problems))
    found = devcontainer.parse(text)
    if isinstance(found, str):
        return Reading(None, (Problem(path, 0, 0, found),))
    for key in found.ignored:
        draft.notice(path, f"{key} is not read", _WHY.get(re.split("[. ]", key)[0], ""))
    part = _build(draft, path, found)
    if found.image:
        try:
            packages.image(found.image)
        except PydanticCustomError as error:
            context = error.context or {}
            draft.problem(path, context["said"], context["hint"])
    if draft.problems:
        return Reading(None, tuple(draft.problems))
    draft.gave(path, "the image")
    spec = EnvironmentSpec(
        name=name,
        source=path,
        dockerfile=part,
        image=found.image,
        env=found.env,
        ports=found.ports,
        title=f"From {path.name}",
    )
    return Reading(spec, notices=tuple(draft.notices))


# Why the best known keys are not taken.
_WHY = {
    "initializeCommand": "it would run on this machine",
    "onCreateCommand": "write postBuild instead",
    "updateContentCommand": "write postBuild instead",
    "postCreateCommand": "write postBuild instead",
    "postStartCommand": "write start instead",
    "postAttachCommand": "write start instead",
    "privileged": "no container gets more rights than its work needs",
    "capAdd": "no container gets more rights than its work needs",
    "securityOpt": "no container gets more rights than its work needs",
    "runArgs": "no container gets more rights than its work needs",
    "mounts": "folders from outside are `data:` in project.yaml",
    "workspaceMount": "the project is shown at its own path",
    "workspaceFolder": "the project is shown at its own path",
    "remoteUser": "what is written belongs to you in any case",
    "containerUser": "what is written belongs to you in any case",
    "remoteEnv": "write containerEnv",
    "features": "install what they bring in the Dockerfile",
    "forwardPorts": "a port of the one container that there is can be shown; no other service is started",
    "appPort": "write forwardPorts",
    "otherPortsAttributes": "only the ports in forwardPorts are shown",
    "dockerComposeFile": "name an image or a Dockerfile",
}


def _build(draft: Draft, path: Path, found: devcontainer.Devcontainer) -> DockerfilePart | None:
    """What the Dockerfile of a `devcontainer.json` makes; its places are relative to that file."""
    if not found.dockerfile:
        return None
    file = path.parent / found.dockerfile
    folder = path.parent / (found.context or ".")
    if not os.path.isfile(file):
        draft.problem(path, f"its Dockerfile {found.dockerfile} is not there")
    elif not os.path.isdir(folder) or not draft.folder.safe(folder):
        draft.problem(path, f"its context {found.context} is no folder of the project")
    else:
        return _part(draft, file, folder, args=found.args, target=found.target)
    return None


def _part(
    draft: Draft, path: Path, folder: Path, *, args: dict[str, str], target: str | None = None
) -> DockerfilePart | None:
    """The Dockerfile with the digest of what it copies out of its context."""
    text, named = draft.text(path), draft.named(path)
    if text is None or named is None:
        return None
    for secret in text_of.secrets(text):
        draft.notice(path, f"the build secret {secret} is not given", "a build has no secrets of yours")
    try:
        return DockerfilePart(named, folder, target, args, sources.copied(path, text, folder))
    except DeclarationError as error:
        draft.problems += error.problems
        return None
