"""The Dockerfile of an environment, as a person would have written it.

The order makes layers last: what all environments of a kind share comes first (base, language runtime, JupyterLab),
then what this one declares (system packages, Python packages, R packages). Build tools, package caches, certificates
and the package index are mounted, so that none of them stays in a layer.

    ingredients what an image was made of, and what a declaration adds to one
    sheet      the Dockerfile being written, and what each kind of builder understands
    system     Debian packages: the languages, and what is declared
    python     the venv, our kernel and JupyterLab in it, and what is declared
    r          R packages, of Debian and of a repository
    cran       R packages of a repository in exactly the versions of a lock
    conda      what micromamba makes in the venv's place
    locked     exact versions out of our own lock file
    exact      lock files by uv and renv; packages from folders of this machine
    install_r  a project's own install.R
    project    what scripts see of a project; its postBuild and start
    dockerfile a project's own Dockerfile, instead of all this
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from workbench.engines.base import LABEL
from workbench.engines.docker.images.bases import Base
from workbench.engines.docker.images.names import mirrored
from workbench.engines.docker.images.recipe import (
    conda,
    cran,
    dockerfile,
    exact,
    install_r,
    locked,
    project,
    python,
    r,
    system,
)
from workbench.engines.docker.images.recipe.ingredients import MADE_OF, Footing, ingredients
from workbench.engines.docker.images.recipe.sheet import TREES, Dialect, Recipe, Sheet
from workbench.model.environment import EnvironmentSpec

__all__ = ["RECIPE", "TREES", "Dialect", "Recipe", "render"]

RECIPE = 1  # part of every revision: raised when the same declaration shall give another image


def render(
    spec: EnvironmentSpec,
    revision: str,
    *,
    dialect: Dialect,
    registries: Mapping[str, str] | None = None,
    bases: Mapping[str, Base] = {},
    footing: Footing | None = None,
    pins: Sequence[str] = (),
    home: str = "",
) -> Recipe:
    """The recipe of `spec`, checked before: whole, or of what it adds to `footing`.

    Images are taken from `bases`; else as their names say, by `registries`. Where it is made whole, the versions in
    `pins` are kept as far as they still fit. `home` is the one that has it built.
    """

    def source(image: str) -> str:
        return bases[image].source if image in bases else mirrored(image, registries or {})

    if spec.dockerfile:
        written = dockerfile.render(spec, spec.dockerfile, revision, source, bases)
        return replace(written, labels={**written.labels, f"{LABEL}builder": home})
    sheet = Sheet(spec, dialect, source, footing, pins)
    base = bases.get(sheet.base)
    staged = dialect is Dialect.CLASSIC and python.wanted(sheet) and not spec.conda
    sheet.begin(stage="runtime" if staged else "")
    added = not sheet.own and bool(sheet.wanted.any or spec.post_build or spec.start)
    if added:
        sheet.add("USER root")
    if sheet.own and not footing:
        system.variables(sheet)
    locked.debian(sheet)
    if sheet.own and not footing:
        system.runtime(sheet, python=not spec.conda and bool(spec.python or sheet.wanted.python))
    if spec.conda:
        system.packages(sheet)
        conda.environment(sheet)
    elif staged:
        system.packages(sheet)
        python.staged(sheet)
    else:
        if not footing:
            python.venv(sheet)
        system.packages(sheet)
        exact.python_lock(sheet)
        python.packages(sheet)
    install_r.repository(sheet)
    cran.locked(sheet)
    r.packages(sheet)
    exact.r_lock(sheet)
    install_r.run(sheet)
    exact.python_local(sheet)
    exact.r_local(sheet)
    project.post_build(sheet)
    project.start(sheet)
    if added and base and base.user:
        sheet.add(f"USER {base.user}")
    made_of = ingredients(spec, RECIPE, bases, footing.layers + 1 if footing else 0)
    labels = {"revision": revision, "environment": spec.slug, "base": base.pinned if base else "", "builder": home}
    text = [*(f"{LABEL}{name}={value}" for name, value in labels.items() if value), f"{MADE_OF}='{made_of.label}'"]
    sheet.add("LABEL " + " \\\n      ".join(text))
    return sheet.recipe()
