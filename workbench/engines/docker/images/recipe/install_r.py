"""`install.R`: what Debian has of the packages it names comes from there, then it runs; what is missing after it fails."""

from __future__ import annotations

import re
import shlex

from workbench.engines.docker.images.recipe import project, r, system
from workbench.engines.docker.images.recipe.sheet import Sheet

# install.packages("digest"), install.packages(c("dplyr", 'tidyr')), also over several lines.
_INSTALL = re.compile(r"install\.packages\(\s*(?:c\(([^()]*)\)|([\"'][^\"']*[\"']))")
_QUOTED = re.compile(r"[\"']([A-Za-z][A-Za-z0-9.]*)[\"']")
_RSCRIPT = "Rscript --no-save --no-restore --no-init-file --no-environ"


def run(sheet: Sheet) -> None:
    """The script, in a copy of the project."""
    spec = sheet.spec.r
    if spec is None or spec.script is None:
        return
    bare = sheet.base.startswith("rocker/")
    if not spec.repository and not bare and sheet.own and (names := named(sheet.text(spec.script))):
        r.of_debian(sheet, names)
    sheet.files["prelude.R"] = _PRELUDE
    mounts, path = project.script(sheet, spec.script, "install.R")
    more, exports = project.trust(sheet)
    command = f"{_RSCRIPT} /build/prelude.R {shlex.quote(path)}"
    place = [f"cd {project.COPY}"] if sheet.spec.context else []
    commands = [exports, *place, command if bare else f"{{ {command} || {{ {r.COMPILER} && {command}; }}; }}"]
    mounts = [*system.mounts(sheet), *mounts, *more, *sheet.shown("prelude.R")]
    sheet.run(mounts, commands, "The project's own install.R")


def repository(sheet: Sheet) -> None:
    """The repository that is declared is also that of whoever installs something in the image."""
    spec = sheet.spec.r
    if spec is None or not spec.repository:
        return
    line = f"options(repos = c(CRAN = {r.text(spec.repository)}))"
    sheet.files["repository.R"] = f"{line}\n"
    sheet.add("COPY repository.R /opt/workbench/repository.R", "Where R gets its packages")
    sheet.add('RUN cat /opt/workbench/repository.R >> "$(R RHOME)/etc/Rprofile.site"')


def named(text: str) -> list[str]:
    """Packages that a script installs by their plain names."""
    plain = re.sub(r"(?m)^\s*#.*$", "", text)
    found = [name for several, single in _INSTALL.findall(plain) for name in _QUOTED.findall(several or single)]
    return list(dict.fromkeys(found))


_PRELUDE = """\
# install.packages as a build wants it: what is there already is passed over, and what is missing afterwards fails.
options(repos = local({ known <- getOption("repos"); known[known == "@CRAN@"] <- "@PUBLIC@"; known }))
install.packages <- function(pkgs, ...) {
  from_files <- any(grepl("[/\\\\\\\\]", pkgs)) || ("repos" %in% ...names() && is.null(list(...)$repos))
  if (from_files) return(utils::install.packages(pkgs, ...))
  absent <- function(names) setdiff(names, rownames(installed.packages()))
  wanted <- absent(pkgs)
  if (length(wanted)) utils::install.packages(wanted, ...)
  left <- absent(wanted)
  if (length(left)) stop("not installed: ", paste(left, collapse = ", "), call. = FALSE)
}
source(commandArgs(TRUE)[[1]])
""".replace("@PUBLIC@", r.CRAN)
