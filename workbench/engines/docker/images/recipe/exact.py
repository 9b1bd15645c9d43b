"""Lock files: exact versions by the tools that wrote them, uv and renv; and packages from folders of this machine."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping, Sequence

from workbench.context import rules
from workbench.engines.docker.images.recipe import cran, r, system
from workbench.engines.docker.images.recipe.ingredients import tools
from workbench.engines.docker.images.recipe.project import trust
from workbench.engines.docker.images.recipe.python import VENV
from workbench.engines.docker.images.recipe.sheet import CA_BUNDLE, Dialect, Sheet, Tree
from workbench.errors import Refused
from workbench.model.environment import LocalPackage
from workbench.model.lock import R_LINE
from workbench.text import one_line

LOCKED = "Python packages in exact versions"
LOCAL = "Packages of the project itself"


def python_lock(sheet: Sheet) -> None:
    """`uv.lock` by uv itself, or requirements with exact versions; then what we need, as far as it fits these."""
    python = sheet.spec.python
    if python is None or python.lock is None:
        return
    _no_classic(sheet, "a lock file of Python")
    described = python.lock.path.with_name("pyproject.toml")
    commands = []
    if python.lock.path.name == "uv.lock":
        sheet.files["uv.lock"] = sheet.text(python.lock)
        names = ["uv.lock"]
        if described.is_file():
            sheet.files["pyproject.toml"] = described.read_text(encoding="utf-8")
            names.append("pyproject.toml")
        export = "uv export -q --frozen --no-emit-local --no-header --no-annotate"
        commands += [f"{export} -o /tmp/locked.txt", f"{export} --no-hashes -o /tmp/pins.txt"]
    else:
        sheet.files["locked.txt"] = sheet.text(python.lock)
        names = ["locked.txt"]
        commands += ["cp locked.txt /tmp/locked.txt", "sed 's/ *\\\\\\?$//; /--hash/d' locked.txt > /tmp/pins.txt"]
    install = f"uv pip install --compile-bytecode --link-mode copy --python {VENV}"
    commands.append(f"{install} --no-deps -r /tmp/locked.txt")
    if names_of_ours := tools(sheet.spec):
        commands.append(f"{install} -c /tmp/pins.txt {' '.join(names_of_ours)}")
    mounts = _uv_mounts(sheet) + [f"type=bind,source={name},target=/build/{name}" for name in names]
    sheet.needs_uv = True
    sheet.run(mounts, [f"export SSL_CERT_FILE={CA_BUNDLE}", "cd /build", *commands, "rm /tmp/*.txt"], LOCKED)


def python_local(sheet: Sheet) -> None:
    """Packages in folders or archives of this machine, each from a copy."""
    python = sheet.spec.python
    if python is None or not python.local:
        return
    _no_classic(sheet, "a package of the project itself")
    mounts, words = _uv_mounts(sheet, passwords=False), []
    for number, package in enumerate(python.local):
        mount, place = _mounted(sheet, f"local-{number}", package)
        mounts.append(mount)
        words.append(shlex.quote(f"{place}{package.extras}"))
    sheet.needs_uv = True
    if sheet.spec.conda:
        install = f"{VENV}/bin/python -m pip install --no-cache-dir"
    else:
        install = f"uv pip install --compile-bytecode --link-mode copy --python {VENV}"
    commands = [f"export SSL_CERT_FILE={CA_BUNDLE} PIP_CERT={CA_BUNDLE}", f"{install} {' '.join(words)}"]
    sheet.run(mounts, commands, LOCAL)


def r_lock(sheet: Sheet) -> None:
    """`renv.lock`: what Debian has in that very version, what a repository or its archive has, the rest by renv."""
    spec = sheet.spec.r
    if spec is None or spec.lock is None:
        return
    _no_classic(sheet, "a lock file of renv")
    text = sheet.text(spec.lock)
    data = json.loads(text)
    packages: Mapping[str, Mapping[str, str]] = data["Packages"]
    lines = {name: f"{name}=={facts.get('Version', '')}" for name, facts in packages.items()}
    ours = {name for name, facts in packages.items() if facts.get("Source", "Repository") in ("Repository", "CRAN")}
    elsewhere = [name for name in packages if name not in ours or not R_LINE.fullmatch(lines[name])]
    if not sheet.base.startswith("rocker/"):
        _same_in_debian(sheet, packages, renv=bool(elsewhere))
    named = [spec.repository, *(entry.get("URL") for entry in data.get("R", {}).get("Repositories") or ())]
    repositories = [url for url in dict.fromkeys(named) if url]
    if fetched := [line for name, line in lines.items() if name not in elsewhere]:
        cran.exact(sheet, fetched, repositories or [r.CRAN])
    if elsewhere:
        _by_renv(sheet, text, elsewhere)


def _by_renv(sheet: Sheet, text: str, names: Sequence[str]) -> None:
    """What is in no repository of packages, as what is on GitHub."""
    spec = sheet.spec.r
    sheet.files["renv.lock"] = text
    repository = f"options(repos = c(CRAN = {r.text(spec.repository)}))" if spec and spec.repository else ""
    sheet.files["renv.R"] = _RENV.replace("@REPOSITORY@", repository).replace("@NAMES@", r.vector(names))
    mounts, exports = trust(sheet)
    mounts = [*system.mounts(sheet), *mounts, *sheet.shown("renv.lock", "renv.R")]
    restore = "Rscript --no-init-file /build/renv.R"
    bare = sheet.base.startswith("rocker/")
    commands = [exports, restore if bare else f"{{ {restore} || {{ {r.COMPILER} && {restore}; }}; }}"]
    sheet.run(mounts, commands, "R packages of no repository, by renv")


def _same_in_debian(sheet: Sheet, packages: Mapping[str, Mapping[str, str]], *, renv: bool) -> None:
    """What Debian has in the very version, and `renv` where it is needed."""
    wanted = [f"r-cran-{name.lower()} {facts.get('Version', '')}" for name, facts in packages.items()]
    sheet.files["renv.debian"] = "".join(f"{line}\n" for line in wanted)
    sheet.files["same.sh"] = _SAME + ("echo r-cran-renv\n" if renv else "")
    install = "sh /build/same.sh | xargs -r apt-get install -q -y --no-install-recommends"
    mounts = [*system.mounts(sheet), *sheet.shown("renv.debian", "same.sh")]
    commands = [*system.before(sheet), install, *system.after(sheet)]
    sheet.run(mounts, commands, "R packages that Debian has in the versions asked for")


def r_local(sheet: Sheet) -> None:
    """The R package that the project is; what it needs is there already."""
    spec = sheet.spec.r
    if spec is None or spec.local is None:
        return
    mount, place = _mounted(sheet, "package", spec.local)
    mounts = [*system.mounts(sheet), *([mount] if mount else [])]
    commands = [f"{{ [ ! -d {place}/src ] || command -v gcc > /dev/null || {{ {r.COMPILER}; }}; }}"]
    sheet.run(mounts, [*commands, f"R CMD INSTALL --no-docs {place}"], LOCAL)


_SAME = """\
# Names of Debian's packages that are in the version of the lock file.
apt-cache madison $(cut -d' ' -f1 /build/renv.debian) 2>/dev/null | awk '
    NR == FNR { wanted[$1] = $2; next }
    index($3, wanted[$1] "-") == 1 || index($3, wanted[$1] "+") == 1 { print $1 }
' /build/renv.debian - | sort -u
"""
_RENV = """\
# Restores what a lock file has of no repository into R's own library; what is there in the right version stays.
@REPOSITORY@
options(renv.consent = TRUE, renv.config.cache.enabled = FALSE)
if (!requireNamespace("renv", quietly = TRUE)) install.packages("renv")
lock <- renv::lockfile_read("/build/renv.lock")
wanted <- vapply(lock$Packages[@NAMES@], function(one) one$Version, "")
there <- function() installed.packages()[, "Version"]
same <- function() { found <- there()[names(wanted)]; !is.na(found) & found == wanted }
if (!all(same())) {
  renv::restore(lockfile = "/build/renv.lock", library = .libPaths()[1], packages = names(wanted)[!same()],
                clean = FALSE, prompt = FALSE, project = tempdir())
}
if (!all(same())) stop("not restored: ", paste(names(wanted)[!same()], collapse = ", "), call. = FALSE)
"""


def _mounted(sheet: Sheet, name: str, package: LocalPackage) -> tuple[str, str]:
    """A mount of a folder or archive, and where it is seen; an archive keeps its name, which says what it is."""
    if not re.fullmatch(r"[\w.+-]+", package.path.name, re.ASCII) and not package.path.is_dir():
        raise Refused(
            f"{one_line(package.path.name)!r} is no name of a package archive", title=f"environment {sheet.spec.name}"
        )
    if package.path.is_dir():
        source = sheet.tree(name, Tree(package.path, rules(package.path)))
    else:
        source = sheet.tree(f"{name}/{package.path.name}", Tree(package.path))
    place = f"/build/{source}"
    if sheet.dialect is Dialect.CLASSIC:
        sheet.add(f"COPY {source} {place}")
        return "", place
    return f"type=bind,source={source},target={place},rw", place


def _uv_mounts(sheet: Sheet, *, passwords: bool = True) -> list[str]:
    trust = sheet.trust(passwords=passwords)
    return ["type=bind,source=uv,target=/usr/local/bin/uv", "type=cache,target=/root/.cache/uv", *trust]


def _no_classic(sheet: Sheet, what: str) -> None:
    if sheet.dialect is Dialect.CLASSIC:
        raise Refused(
            f"{what} needs BuildKit",
            title=f"environment {sheet.spec.name}",
            hint="Install the docker command with its buildx part (on Debian: docker-buildx).",
        )
