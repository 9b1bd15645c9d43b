"""R packages in exactly the versions of a lock: what a repository has now, and what its archive keeps (CRAN's layout)."""

from __future__ import annotations

from collections.abc import Sequence

from workbench.engines.docker.images.recipe import system
from workbench.engines.docker.images.recipe.r import COMPILER, MAKERS, repository, text, vector
from workbench.engines.docker.images.recipe.sheet import CA_BUNDLE, Dialect, Sheet

EXACT = "R packages in exact versions"
TRUST = f"export SSL_CERT_FILE={CA_BUNDLE} CURL_CA_BUNDLE={CA_BUNDLE}"
LIST, SCRIPT = "r-locked.txt", "r-locked.R"
_FOLDER = "/tmp/r-locked"  # noqa: S108 - of the image, gone with the step


def locked(sheet: Sheet) -> None:
    """Those of our lock."""
    lock = sheet.spec.locked
    if lock is None or not lock.r or sheet.spec.r is None or sheet.footing:
        return
    found = repository(sheet.spec)
    exact(sheet, lock.r, [found] if found else [])


def exact(sheet: Sheet, lines: Sequence[str], repositories: Sequence[str]) -> None:
    """`name==version`, each with its `--hash=` where one is known, from these repositories; none: those R is set to.

    What is there in that version stays. R puts the rest in order, out of the folder that all of it was fetched to.
    """
    sheet.files[LIST] = "".join(f"{listed(line)}\n" for line in lines)
    sheet.files[SCRIPT] = _head(repositories, text(_FOLDER)) + _EXACT
    script = f"Rscript /build/{SCRIPT}"
    mounts = [*system.mounts(sheet), *sheet.shown(LIST, SCRIPT)]
    commands = [f"{script} fetch", script]
    if sheet.dialect is not Dialect.CLASSIC:
        mounts += sheet.trust(passwords=False)
        commands.insert(0, TRUST)
    if sheet.own and not sheet.base.startswith("rocker/"):
        known = f"[ ! -e {_FOLDER}/compiled ] || dpkg -s r-base-dev > /dev/null 2>&1"
        commands.insert(-1, f"{{ {known} || {{ {COMPILER}; }}; }}")
    sheet.run(mounts, commands, EXACT)


def sums(repositories: Sequence[str], lines: Sequence[str]) -> str:
    """R that prints each of `lines` with its checksum: the one of the index, else that of the file itself."""
    return _head(repositories, "tempdir()") + _wanted(lines) + _SUMS


def newer(repositories: Sequence[str], lines: Sequence[str]) -> str:
    """R that prints what of `lines` the repositories have in a later version, with that."""
    return _head(repositories, "tempdir()") + _wanted(lines) + _NEWER


def listed(line: str) -> str:
    """Name, version and checksum of a line of a lock; `-` for none."""
    pin, _, checksum = line.partition(" --hash=")
    name, _, version = pin.partition("==")
    return f"{name} {version} {checksum or '-'}"


def _head(repositories: Sequence[str], folder: str) -> str:
    return f"own <- {vector(repositories)}\nfolder <- {folder}\n{_FETCH}"


def _wanted(lines: Sequence[str]) -> str:
    return f"wanted <- read.table(text = {vector([*map(listed, lines)])}, col.names = columns, colClasses = kinds)\n"


_FETCH = f"""\
repos <- if (length(own)) own else getOption("repos")
repos <- sub("/$", "", ifelse(repos == "@CRAN@", "https://cloud.r-project.org", repos))
columns <- c("name", "version", "sum")
kinds <- "character"
options(warning.length = 8000L, timeout = 600)
digest <- function(file, kind) {{
  if (kind == "md5") unname(tools::md5sum(file)) else sub(" .*", "", system2("sha256sum", shQuote(file), stdout = TRUE))
}}
# Puts one package into the folder; what is wrong where it cannot.
fetch <- function(name, version, sum) {{
  file <- file.path(folder, paste0(name, "_", version, ".tar.gz"))
  said <- character()
  for (place in c(paste0(repos, "/src/contrib/"), paste0(repos, "/src/contrib/Archive/", name, "/"))) {{
    wrong <- tryCatch({{ download.file(paste0(place, basename(file)), file, quiet = TRUE, mode = "wb"); "" }},
                      warning = conditionMessage, error = conditionMessage)
    if (wrong == "") {{
      if (sum == "-" || digest(file, sub(":.*", "", sum)) == sub(".*:", "", sum)) return(character())
      return(paste(name, version, "is another file than was locked (its checksum)"))
    }}
    unlink(file)
    said <- c(said, sub("//[^/]*@", "//", wrong))
  }}
  said <- said[!grepl("404", said)]
  if (length(said)) paste0(name, " ", version, " could not be fetched: ", said[1])
  else paste(name, version, "is gone from the repository")
}}
makers <- {MAKERS}
"""
_EXACT = """\
wanted <- read.table("/build/r-locked.txt", col.names = columns, colClasses = kinds)
missing <- function() {
  there <- installed.packages()[, "Version"][wanted$name]
  is.na(there) | there != wanted$version
}
if ("fetch" %in% commandArgs(TRUE)) {
  dir.create(folder)
  said <- unlist(Map(fetch, wanted$name, wanted$version, wanted$sum)[missing()])
  if (length(said)) stop(paste(said, collapse = "; "), call. = FALSE)
  files <- list.files(folder, full.names = TRUE)
  if (length(files)) tools::write_PACKAGES(folder, type = "source")
  if (any(grepl("^[^/]+/src/", unlist(lapply(files, untar, list = TRUE))))) file.create(file.path(folder, "compiled"))
} else {
  if (any(missing())) {
    install.packages(wanted$name[missing()], contriburl = paste0("file://", folder), type = "source", Ncpus = makers)
  }
  unlink(folder, recursive = TRUE)
  if (any(missing())) stop("not installed: ", paste(wanted$name[missing()], collapse = ", "), call. = FALSE)
}
"""
_SUMS = """\
index <- available.packages(repos = repos, filters = list(), fields = "MD5sum")
for (one in seq_len(nrow(wanted))) {
  name <- wanted$name[one]; version <- wanted$version[one]
  sums <- index[index[, "Package"] == name & index[, "Version"] == version, "MD5sum"]
  sums <- sums[!is.na(sums)]
  wrong <- if (length(sums)) character() else fetch(name, version, "-")
  file <- file.path(folder, paste0(name, "_", version, ".tar.gz"))
  sum <- if (length(sums)) paste0("md5:", sums[[1]]) else if (!length(wrong)) paste0("sha256:", digest(file, "sha256"))
  cat(if (length(wrong)) paste("!", wrong) else paste0(name, "==", version, " --hash=", sum), "\\n", sep = "")
}
"""
_NEWER = """\
options(warn = 2L)
index <- available.packages(repos = repos)
for (one in seq_len(nrow(wanted))) {
  found <- index[index[, "Package"] == wanted$name[one], "Version"]
  if (length(found) && compareVersion(found[[1]], wanted$version[one]) > 0L) cat(wanted$name[one], found[[1]], "\\n")
}
"""
