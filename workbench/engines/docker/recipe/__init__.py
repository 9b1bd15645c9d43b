"""The Dockerfile of an environment, as a person would have written it.

The order makes layers last: what all environments of a kind share comes first (base, language runtime, JupyterLab),
then what this one declares (system packages, Python packages, R packages). Build tools, package caches, certificates
and the package index are mounted, so that none of them stays in a layer.

    sheet      the Dockerfile being written, and what each kind of builder understands
    system     Debian packages: the languages, and what is declared
    python     the venv, our kernel and JupyterLab in it, and what is declared
    r          R packages, of Debian and of a repository
    conda      what micromamba makes in the venv's place
    exact      lock files by uv and renv; packages from folders of this machine
    install_r  a project's own install.R
    project    what scripts see of a project; its postBuild and start
    dockerfile a project's own Dockerfile, instead of all this
"""

from __future__ import annotations

from collections.abc import Mapping

from workbench.engines.base import LABEL
from workbench.engines.docker.bases import Base
from workbench.engines.docker.image_name import mirrored
from workbench.engines.docker.recipe import conda, dockerfile, exact, install_r, project, python, r, system
from workbench.engines.docker.recipe.sheet import TREES, Dialect, Recipe, Sheet
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
) -> Recipe:
    """The recipe of `spec`, checked before. Images are taken from `bases`; else as their names say, by `registries`."""

    def source(image: str) -> str:
        return bases[image].source if image in bases else mirrored(image, registries or {})

    if spec.dockerfile:
        return dockerfile.render(spec, spec.dockerfile, revision, source, bases)
    sheet = Sheet(spec, dialect, source)
    base = bases.get(sheet.base)
    staged = dialect is Dialect.CLASSIC and python.wanted(sheet) and not spec.conda
    sheet.begin(stage="runtime" if staged else "")
    if sheet.own:
        system.runtime(sheet, python=not spec.conda and bool(spec.python or python.tools(sheet)))
    added = not sheet.own and bool(spec.apt or spec.r or python.requirements(sheet) or spec.post_build or spec.start)
    if added:
        sheet.add("USER root")
    if spec.conda:
        system.packages(sheet)
        conda.environment(sheet)
    elif staged:
        system.packages(sheet)
        python.staged(sheet)
    else:
        python.venv(sheet)
        system.packages(sheet)
        exact.python_lock(sheet)
        python.packages(sheet)
    install_r.repository(sheet)
    r.packages(sheet)
    exact.r_lock(sheet)
    install_r.run(sheet)
    exact.python_local(sheet)
    exact.r_local(sheet)
    project.post_build(sheet)
    project.start(sheet)
    if added and base and base.user:
        sheet.add(f"USER {base.user}")
    labels = {"revision": revision, "environment": spec.slug, **({"base": base.pinned} if base else {})}
    sheet.add("LABEL " + " \\\n      ".join(f"{LABEL}{key}={value}" for key, value in labels.items()))
    return sheet.recipe()
