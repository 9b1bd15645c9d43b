"""R packages: Debian's builds first, unless a repository is named; the rest from that or CRAN."""

from __future__ import annotations

from collections.abc import Sequence

from workbench.engines.docker.images.base_image import base_image
from workbench.engines.docker.images.recipe import system
from workbench.engines.docker.images.recipe.locked import r_check
from workbench.engines.docker.images.recipe.sheet import CA_BUNDLE, Dialect, Sheet
from workbench.model.environment import EnvironmentSpec

CRAN = "https://cloud.r-project.org"
COMPILER = "apt-get update -q && apt-get install -q -y --no-install-recommends r-base-dev"
MAKERS = 'if (nzchar(Sys.which("make"))) 2L else 1L'  # R builds side by side by make, which not every image has


def packages(sheet: Sheet) -> None:
    """What is declared, and the kernel where the base has R without it."""
    r = sheet.spec.r
    if r is None:
        return
    bare = sheet.base.startswith("rocker/r-ver:")
    kernel = bare and not sheet.footing  # which is to be put in beside them
    names = sorted({*sheet.wanted.r, *(["IRkernel"] if kernel else [])})
    if not names:
        return
    if not r.repository and not bare and sheet.own:
        of_debian(sheet, names)
    sheet.files["packages.R"] = script(names, repository(sheet.spec)) + r_check(sheet)
    mounts = system.mounts(sheet)
    trust = f"export SSL_CERT_FILE={CA_BUNDLE} CURL_CA_BUNDLE={CA_BUNDLE}"
    place = "/build/packages.R"
    if sheet.dialect is Dialect.CLASSIC:
        sheet.add("COPY packages.R /opt/packages.R")
        place, trust = "/opt/packages.R", "true"
    else:
        mounts += [*sheet.trust(), "type=bind,source=packages.R,target=/build/packages.R"]
    missing = f"Rscript {place} || {{ {COMPILER} && Rscript {place} install; }}"
    if not sheet.own or bare:
        missing = f"Rscript {place} install"
    commands = [trust, missing]
    if kernel:
        commands.append("Rscript -e 'IRkernel::installspec(user = FALSE)'")
    sheet.run(mounts, commands, "R packages that are still missing")


def of_debian(sheet: Sheet, names: Sequence[str]) -> None:
    """Those of the packages that Debian has."""
    lock = sheet.spec.locked
    locked = {*lock.debian_names, *(f"r-cran-{name.lower()}" for name in lock.r_names)} if lock else set[str]()
    debian = " ".join(wanted for name in names if (wanted := f"r-cran-{name.lower()}") not in locked)
    if not debian:
        return
    pick = f"apt-cache -q show {debian} 2>/dev/null | sed -n 's/^Package: //p' | sort -u"
    install = f"{pick} | xargs -r apt-get install -q -y --no-install-recommends"
    commands = [*system.before(sheet), install, *system.after(sheet)]
    sheet.run(system.mounts(sheet), commands, "R packages that Debian has")


def script(names: Sequence[str], repository: str) -> str:
    """An R script that says what of `names` is missing, and with `install` gets it from `repository` (empty: R's own)."""
    repos = f", repos = {text(repository)}" if repository else ""
    return (
        f"wanted <- {vector(names)}\n"
        "missing <- function() setdiff(wanted, rownames(installed.packages()))\n"
        'if (length(missing()) && "install" %in% commandArgs(TRUE)) '
        f"install.packages(missing(){repos}, Ncpus = {MAKERS})\n"
        'if (length(missing())) stop("not installed: ", paste(missing(), collapse = ", "), call. = FALSE)\n'
    )


def repository(spec: EnvironmentSpec) -> str:
    """Where R packages of `spec` come from; empty: where the R of its image is set to get them."""
    if spec.r and spec.r.repository:
        return spec.r.repository
    return "" if spec.image or base_image(spec).startswith("rocker/") else CRAN


def vector(texts: Sequence[str]) -> str:
    """As R writes some texts."""
    return f"c({', '.join(map(text, texts))})"


def text(plain: str) -> str:
    """As R writes a text."""
    return '"' + plain.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "") + '"'
