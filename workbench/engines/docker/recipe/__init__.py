"""The Dockerfile of an environment, as a person would have written it.

The order makes layers last: what all environments of a kind share comes first (base, language runtime, JupyterLab),
then what this one declares (system packages, Python packages, R packages). Build tools, package caches, certificates
and the package index are mounted, so that none of them stays in a layer.

    sheet      the Dockerfile being written, and what each kind of builder understands
    system     Debian packages: the languages, and what is declared
    python     the venv, our kernel and JupyterLab in it, and what is declared
    r          R packages, of Debian and of a repository
"""

from __future__ import annotations

from collections.abc import Mapping

from workbench.engines.base import LABEL
from workbench.engines.docker.bases import Base
from workbench.engines.docker.recipe import python, r, system
from workbench.engines.docker.recipe.sheet import Dialect, Recipe, Sheet
from workbench.model.environment import EnvironmentSpec

__all__ = ["RECIPE", "Dialect", "Recipe", "render"]

RECIPE = 1  # part of every revision: raised when the same declaration shall give another image


def render(
    spec: EnvironmentSpec,
    revision: str,
    *,
    dialect: Dialect,
    registries: Mapping[str, str] | None = None,
    base: Base | None = None,
) -> Recipe:
    """The recipe of `spec`, checked before. It starts from `base`; else from what its name says, by `registries`."""
    sheet = Sheet(spec, dialect, registries or {}, base.source if base else "")
    staged = dialect is Dialect.CLASSIC and python.wanted(sheet)
    sheet.begin(stage="runtime" if staged else "")
    if sheet.own:
        system.runtime(sheet, python=bool(spec.python or python.tools(sheet)))
    added = not sheet.own and bool(spec.apt or spec.r or python.requirements(sheet))
    if added:
        sheet.add("USER root")
    if staged:
        system.packages(sheet)
        python.staged(sheet)
    else:
        python.venv(sheet)
        system.packages(sheet)
        python.packages(sheet)
    r.packages(sheet)
    if added and base and base.user:
        sheet.add(f"USER {base.user}")
    labels = {"revision": revision, "environment": spec.slug, **({"base": base.pinned} if base else {})}
    sheet.add("LABEL " + " \\\n      ".join(f"{LABEL}{key}={value}" for key, value in labels.items()))
    return sheet.recipe()
