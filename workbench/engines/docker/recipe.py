"""The Dockerfile of an environment, as a person would have written it.

The order makes layers last: what all environments of a kind share comes first (base, language runtime, JupyterLab),
then what this one declares (system packages, Python packages, R packages). Build tools, package caches, certificates
and the package index are mounted, so that none of them stays in a layer.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from workbench.engines.base import LABEL
from workbench.engines.docker.base_image import base_image, mirrored
from workbench.engines.docker.failure import PYTHON_STEP, VENV_STEP
from workbench.engines.docker.transcript import squeeze
from workbench.errors import Refused
from workbench.model.environment import EnvironmentSpec
from workbench.text import one_line

RECIPE = 1  # part of every revision: raised when the same declaration shall give another image
VENV = "/opt/venv"
PATH = f"{VENV}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
CA_BUNDLE = "/run/secrets/ca-bundle"
CRAN = "https://cloud.r-project.org"


class Dialect(StrEnum):
    """What the builder at hand understands."""

    BUILDKIT = "BuildKit"  # bind, cache and secret mounts
    PODMAN = "Podman"  # bind and cache mounts
    CLASSIC = "the Engine's own builder"  # none; what must not stay is left behind in an earlier stage


@dataclass(frozen=True)
class Recipe:
    """A Dockerfile, the small files it takes from its context, and whether it needs the uv program there.

    `titles` names its steps for people, by their commands as builders repeat them.
    """

    dockerfile: str
    files: Mapping[str, str] = field(default_factory=dict)
    needs_uv: bool = False
    titles: Mapping[str, str] = field(default_factory=dict)


def render(
    spec: EnvironmentSpec, revision: str, *, dialect: Dialect, registries: Mapping[str, str] | None = None
) -> Recipe:
    """The recipe of `spec`, checked before."""
    writer = _Writer(spec, dialect, registries or {})
    return writer.write(revision)


class _Writer:
    """Writes one recipe."""

    def __init__(self, spec: EnvironmentSpec, dialect: Dialect, registries: Mapping[str, str]) -> None:
        self.spec = spec
        self.dialect = dialect
        self.base = base_image(spec)
        self.image = mirrored(self.base, registries)
        self.files: dict[str, str] = {}
        self.titles: dict[str, str] = {squeeze(f"FROM {self.image}"): self.base}
        self.lines: list[str] = []
        self.needs_uv = False
        self.own = spec.image is None  # a base of ours: Debian with the venv in a known place

    def write(self, revision: str) -> Recipe:
        spec = self.spec
        self.lines.append(f"# {one_line(spec.name)}: written by workbench from its declaration; edit that, not this.")
        staged = self.dialect is Dialect.CLASSIC and self.own and bool(self._tools() or self._requirements())
        self.lines.append(f"FROM {self.image}{' AS runtime' if staged else ''}")
        if self.own:
            self._add(f"ENV LANG=C.UTF-8 \\\n    PATH={PATH}")
            self._runtime()
        elif spec.apt or spec.r or self._requirements():
            self._add("USER root")
        if staged:
            self._system_packages()
            self._staged_packages()
        else:
            self._venv()
            self._system_packages()
            self._python_packages()
        self._r_packages()
        self._add(f"LABEL {LABEL}revision={revision} \\\n      {LABEL}environment={spec.slug}")
        return Recipe("\n".join(self.lines) + "\n", self.files, self.needs_uv, self.titles)

    def _add(self, text: str, comment: str = "") -> None:
        self.lines += ["", *([f"# {comment}"] if comment else []), text]

    # -- system ----------------------------------------------------------------------------------------------------

    def _runtime(self) -> None:
        """The languages, from Debian where it has the version asked for."""
        packages = ["ca-certificates"]
        of_debian = not self.base.startswith("python:")
        if of_debian and (self.spec.python or self._tools()):
            packages.append("python3")
        if self.spec.r and not self.base.startswith("rocker/"):
            packages += ["r-base-core", "r-cran-irkernel"]
        self._apt(packages, "The languages")
        if not of_debian:
            self._add(
                "RUN python3 -m compileall -q -j 0 \"$(python3 -c 'import os; print(os.path.dirname(os.__file__))')\" || true",
                "The public image has no bytecode of the standard library, and starts slowly for it; what does not compile is no loss",
            )

    def _system_packages(self) -> None:
        if self.spec.apt:
            self._apt(sorted(self.spec.apt), "System packages")

    def _apt(self, packages: Sequence[str], comment: str) -> None:
        names = " \\\n        ".join(shlex.quote(name) for name in packages)
        self._run(
            self._apt_mounts(),
            [
                *self._apt_begin(),
                f"apt-get install -q -y --no-install-recommends \\\n        {names}",
                *self._apt_end(),
            ],
            comment,
        )

    def _apt_mounts(self) -> list[str]:
        if self.dialect is Dialect.CLASSIC:
            return []
        return [
            "type=cache,target=/var/cache/apt,sharing=locked",
            "type=cache,target=/var/lib/apt/lists,sharing=locked",
        ]

    def _apt_begin(self) -> list[str]:
        keep = [] if self.dialect is Dialect.CLASSIC else ["rm -f /etc/apt/apt.conf.d/docker-clean"]
        return ["export DEBIAN_FRONTEND=noninteractive", *keep, "apt-get update -q"]

    def _apt_end(self) -> list[str]:
        return ["apt-get clean", "rm -rf /var/lib/apt/lists/*"] if self.dialect is Dialect.CLASSIC else []

    # -- Python ----------------------------------------------------------------------------------------------------

    def _tools(self) -> list[str]:
        """What we need of Python ourselves: a kernel, and JupyterLab where sessions of it are wanted."""
        if not self.own:
            return []
        jupyter = ["jupyterlab"] if "jupyter" in self.spec.ides else []
        return ["ipykernel", *jupyter] if self.spec.python or jupyter else []

    def _requirements(self) -> tuple[str, ...]:
        return self.spec.python.packages if self.spec.python else ()

    def _venv(self) -> None:
        if tools := self._tools():
            self._uv([f"uv venv -q --python python3 {VENV}", self._install(tools)], VENV_STEP)

    def _python_packages(self) -> None:
        if self._requirements():
            self._write_requirements()
            self._uv([self._install([*self._tools(), "-r", "requirements.txt"])], PYTHON_STEP)

    def _staged_packages(self) -> None:
        """The venv is made in a stage of its own: uv, certificates and caches stay behind in it."""
        files = ["uv", "ca-bundle", "uv.toml"]
        wanted = self._tools()
        if self._requirements():
            self._write_requirements()
            files.append("requirements.txt")
            wanted += ["-r", "requirements.txt"]
        self.needs_uv = True
        self.lines += ["", "FROM runtime AS packages", f"COPY {' '.join(files)} /build/", "WORKDIR /build"]
        commands = ["mkdir -p /etc/uv", "mv uv.toml /etc/uv/uv.toml", "export SSL_CERT_FILE=/build/ca-bundle"]
        self._run([], [*commands, f"./uv venv -q --python python3 {VENV}", "./" + self._install(wanted)], PYTHON_STEP)
        self.lines += ["", "FROM runtime", f"COPY --from=packages {VENV} {VENV}"]

    def _write_requirements(self) -> None:
        self.files["requirements.txt"] = "\n".join(self._requirements()) + "\n"

    def _install(self, what: Sequence[str]) -> str:
        where = (
            f"--python {VENV}"
            if self.own
            else '--python "$(command -v python3 || command -v python)" --break-system-packages'
        )
        words = " ".join(word if word == "-r" else shlex.quote(word) for word in what)
        return f"uv pip install --compile-bytecode --link-mode copy {where} {words}"

    def _uv(self, commands: Sequence[str], comment: str) -> None:
        self.needs_uv = True
        if self.dialect is Dialect.CLASSIC:
            raise Refused(
                "Python packages on top of a ready image need BuildKit",
                title=f"environment {self.spec.name}",
                hint="Install the docker command with its buildx part (on Debian: docker-buildx).",
            )
        mounts = ["type=bind,source=uv,target=/usr/local/bin/uv", "type=cache,target=/root/.cache/uv", *self._trust()]
        if any("requirements.txt" in command for command in commands):
            mounts.append("type=bind,source=requirements.txt,target=/build/requirements.txt")
            commands = ["cd /build", *commands]
        self._run(mounts, [f"export SSL_CERT_FILE={CA_BUNDLE}", *commands], comment)

    def _trust(self) -> list[str]:
        if self.dialect is Dialect.PODMAN:
            return [
                f"type=bind,source=ca-bundle,target={CA_BUNDLE}",
                "type=bind,source=uv.toml,target=/etc/uv/uv.toml",
            ]
        return [
            "type=secret,id=ca-bundle,mode=0444",
            "type=secret,id=uv.toml,target=/etc/uv/uv.toml,mode=0444",
            "type=secret,id=netrc,target=/root/.netrc",
        ]

    # -- R ---------------------------------------------------------------------------------------------------------

    def _r_packages(self) -> None:
        """R packages: Debian's builds first, unless a repository is named; the rest from that or CRAN."""
        r = self.spec.r
        if r is None:
            return
        bare = self.base.startswith("rocker/r-ver:")
        packages = sorted({*r.packages, *(["IRkernel"] if bare else [])})
        if not packages:
            return
        if not r.repository and not bare and self.own:
            names = " ".join(f"r-cran-{name.lower()}" for name in packages)
            pick = f"apt-cache -q show {names} 2>/dev/null | sed -n 's/^Package: //p' | sort -u"
            install = f"{pick} | xargs -r apt-get install -q -y --no-install-recommends"
            self._run(self._apt_mounts(), [*self._apt_begin(), install, *self._apt_end()], "R packages that Debian has")
        self.files["packages.R"] = _r_script(packages, r.repository or (CRAN if self.own and not bare else ""))
        mounts = self._apt_mounts()
        trust = f"export SSL_CERT_FILE={CA_BUNDLE} CURL_CA_BUNDLE={CA_BUNDLE}"
        compiler = "apt-get update -q && apt-get install -q -y --no-install-recommends r-base-dev"
        script = "/build/packages.R"
        if self.dialect is Dialect.CLASSIC:
            self._add("COPY packages.R /opt/packages.R")
            script, trust = "/opt/packages.R", "true"
        else:
            mounts += [*self._trust(), "type=bind,source=packages.R,target=/build/packages.R"]
        missing = f"Rscript {script} || {{ {compiler} && Rscript {script} install; }}"
        if not self.own or bare:
            missing = f"Rscript {script} install"
        commands = [trust, missing]
        if bare:
            commands.append("Rscript -e 'IRkernel::installspec(user = FALSE)'")
        self._run(mounts, commands, "R packages that are still missing")

    def _run(self, mounts: Sequence[str], commands: Sequence[str], comment: str) -> None:
        head = "".join(f"--mount={mount} \\\n    " for mount in mounts)
        body = " \\\n && ".join(commands)
        self.titles[squeeze(body)] = comment
        self._add(f"RUN {head}{body}", comment)


def _r_script(packages: Sequence[str], repository: str) -> str:
    wanted = ", ".join(f'"{name}"' for name in packages)
    repos = f", repos = {_r_string(repository)}" if repository else ""
    return (
        f"wanted <- c({wanted})\n"
        "missing <- function() setdiff(wanted, rownames(installed.packages()))\n"
        'if (length(missing()) && "install" %in% commandArgs(TRUE)) '
        f"install.packages(missing(){repos}, Ncpus = 2L)\n"
        'if (length(missing())) stop("not installed: ", paste(missing(), collapse = ", "), call. = FALSE)\n'
    )


def _r_string(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "") + '"'
