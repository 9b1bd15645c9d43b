"""R packages: Debian's builds first, unless a repository is named; the rest from that or CRAN."""

from __future__ import annotations

from collections.abc import Sequence

from workbench.engines.docker.recipe import system
from workbench.engines.docker.recipe.locked import r_check
from workbench.engines.docker.recipe.sheet import CA_BUNDLE, Dialect, Sheet

CRAN = "https://cloud.r-project.org"


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
    repository = r.repository or (CRAN if sheet.own and not bare else "")
    sheet.files["packages.R"] = script(names, repository) + r_check(sheet)
    mounts = system.mounts(sheet)
    trust = f"export SSL_CERT_FILE={CA_BUNDLE} CURL_CA_BUNDLE={CA_BUNDLE}"
    compiler = "apt-get update -q && apt-get install -q -y --no-install-recommends r-base-dev"
    place = "/build/packages.R"
    if sheet.dialect is Dialect.CLASSIC:
        sheet.add("COPY packages.R /opt/packages.R")
        place, trust = "/opt/packages.R", "true"
    else:
        mounts += [*sheet.trust(), "type=bind,source=packages.R,target=/build/packages.R"]
    missing = f"Rscript {place} || {{ {compiler} && Rscript {place} install; }}"
    if not sheet.own or bare:
        missing = f"Rscript {place} install"
    commands = [trust, missing]
    if kernel:
        commands.append("Rscript -e 'IRkernel::installspec(user = FALSE)'")
    sheet.run(mounts, commands, "R packages that are still missing")


def of_debian(sheet: Sheet, names: Sequence[str]) -> None:
    """Those of the packages that Debian has."""
    locked = sheet.spec.locked.debian_names if sheet.spec.locked else frozenset[str]()
    debian = " ".join(wanted for name in names if (wanted := f"r-cran-{name.lower()}") not in locked)
    if not debian:
        return
    pick = f"apt-cache -q show {debian} 2>/dev/null | sed -n 's/^Package: //p' | sort -u"
    install = f"{pick} | xargs -r apt-get install -q -y --no-install-recommends"
    commands = [*system.before(sheet), install, *system.after(sheet)]
    sheet.run(system.mounts(sheet), commands, "R packages that Debian has")


def script(names: Sequence[str], repository: str) -> str:
    """An R script that says what of `names` is missing, and with `install` gets it from `repository` (empty: R's own)."""
    wanted = ", ".join(f'"{name}"' for name in names)
    repos = f", repos = {string(repository)}" if repository else ""
    return (
        f"wanted <- c({wanted})\n"
        "missing <- function() setdiff(wanted, rownames(installed.packages()))\n"
        'if (length(missing()) && "install" %in% commandArgs(TRUE)) '
        f"install.packages(missing(){repos}, Ncpus = 2L)\n"
        'if (length(missing())) stop("not installed: ", paste(missing(), collapse = ", "), call. = FALSE)\n'
    )


def string(text: str) -> str:
    """As R writes a text."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "") + '"'
