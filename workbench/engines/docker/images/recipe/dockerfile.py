"""A project's own Dockerfile, as it is: only its images come from the registries that are used here."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from workbench.context import rules
from workbench.engines.base import LABEL
from workbench.engines.docker.images.bases import Base
from workbench.engines.docker.images.recipe.sheet import TREES, Recipe, Tree, text_of
from workbench.model.dockerfile import images, replaced
from workbench.model.environment import DockerfilePart, EnvironmentSpec

CONTEXT = f"{TREES}/context"


def render(
    spec: EnvironmentSpec,
    part: DockerfilePart,
    revision: str,
    source: Callable[[str], str],
    bases: Mapping[str, Base],
) -> Recipe:
    """The recipe of a Dockerfile; `source` tells how an image is named here."""
    text = text_of(part.file, spec.name)
    last = images(text, part.args)[-1:]
    base = {f"{LABEL}base": bases[name].pinned for name in last if name in bases}
    return Recipe(
        dockerfile=replaced(text, source, part.args),
        trees={CONTEXT: Tree(part.context, rules(part.context, dockerfile=part.file.path))},
        context=CONTEXT,
        labels={f"{LABEL}revision": revision, f"{LABEL}environment": spec.slug, **base},
        args=part.args,
        target=part.target,
    )
