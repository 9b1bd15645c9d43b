"""What a build takes from a project's folder: local packages, scripts that run in a copy of it, what starts in it."""

from __future__ import annotations

import shlex

from workbench.context import rules
from workbench.engines.docker.images.recipe.sheet import CA_BUNDLE, Dialect, Sheet, Tree
from workbench.model.environment import NamedFile

COPY = "/srv/project"  # where scripts of the build see the project
OURS = "/opt/workbench"
START, LEFT = f"{OURS}/start", f"{OURS}/home"
_SCRIPT = f"{OURS}/project-start"
# How programs other than uv are told of certificates and of the package index.
_TRUST = f"""\
# Read by steps that reach package registries: certificates and the index are there during the build alone.
if [ -r {CA_BUNDLE} ]; then
    export SSL_CERT_FILE={CA_BUNDLE} PIP_CERT={CA_BUNDLE} REQUESTS_CA_BUNDLE={CA_BUNDLE}
    export CURL_CA_BUNDLE={CA_BUNDLE} NODE_EXTRA_CA_CERTS={CA_BUNDLE} MAMBA_SSL_VERIFY={CA_BUNDLE}
fi
index="$(sed -n 's/^index-url = "\\(.*\\)"$/\\1/p' /etc/uv/uv.toml 2>/dev/null || :)"
if [ -n "$index" ]; then export PIP_INDEX_URL="$index"; fi
export PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore PIP_DISABLE_PIP_VERSION_CHECK=1
"""
_POST_BUILD = f"""\
# Runs the script $2 in the folder $1, a copy of the project; what it leaves in its home folder is kept for the person.
set -e
. /build/trust.sh
export HOME={LEFT} REPO_DIR="$1"
export PATH="$HOME/.local/bin:$PATH"
mkdir -p "$HOME"
cd "$1"
chmod +x "$2"
"$2"
rm -rf "$HOME/.cache"
chmod -R a+rX "$HOME"
"""
_START = f"""\
#!/bin/sh
# Starts what is started in this image: gives the home folder what the build left for it, then hands over to the
# project's own script where there is one.
if [ -d {LEFT} ] && [ -w "$HOME" ]; then cp -R -P -n {LEFT}/. "$HOME/" 2>/dev/null || :; fi
REPO_DIR="${{WORKBENCH_PROJECT:-$PWD}}"
PATH="$HOME/.local/bin:$REPO_DIR/.local/bin:$PATH"
export REPO_DIR PATH
@ACTIVATE@
[ ! -x {_SCRIPT} ] || exec {_SCRIPT} "$@"
exec "$@"
"""
_ACTIVATE = """\
export CONDA_PREFIX=@PREFIX@ CONDA_DEFAULT_ENV=@PREFIX@
for script in @PREFIX@/etc/conda/activate.d/*.sh; do [ ! -r "$script" ] || . "$script"; done"""


def copy(sheet: Sheet) -> list[str]:
    """Mounts (or a layer) with the copy of the project that scripts see at `COPY`; what they write there is dropped."""
    context = sheet.spec.context
    if context is None:
        return []
    source = sheet.tree("project", Tree(context.folder, rules(context.folder, place=_place(sheet))))
    if sheet.dialect is Dialect.CLASSIC:
        sheet.add(f"COPY {source} {COPY}")
        return []
    return [f"type=bind,source={source},target={COPY},rw"]


def script(sheet: Sheet, named: NamedFile, name: str) -> tuple[list[str], str]:
    """Mounts, and the path at which a script can be run: in the copy of the project, or alone."""
    if sheet.spec.context and named.path.is_relative_to(sheet.spec.context.folder):
        mounts = copy(sheet)
        return mounts, f"{COPY}/{named.path.relative_to(sheet.spec.context.folder).as_posix()}"
    sheet.files[name] = sheet.text(named)
    return [*copy(sheet), *sheet.shown(name)], f"/build/{name}"


def trust(sheet: Sheet) -> tuple[list[str], str]:
    """Mounts, and the command after which programs reach package registries; no passwords of the person's."""
    sheet.files["trust.sh"] = _TRUST
    secrets = [] if sheet.dialect is Dialect.CLASSIC else sheet.trust(passwords=False)
    return [*secrets, *sheet.shown("trust.sh")], ". /build/trust.sh"


def post_build(sheet: Sheet) -> None:
    """`postBuild`, as root in a copy of the project."""
    named = sheet.spec.post_build
    if named is None:
        return
    mounts, path = script(sheet, named, "post_build")
    more, _ = trust(sheet)
    sheet.files["post_build.sh"] = _POST_BUILD
    folder = COPY if sheet.spec.context else "/tmp"  # noqa: S108 - of the image
    # The script is made one that can be run, which a mount of it alone would not let happen.
    alone = path.startswith("/build/")
    commands = [f"cp {path} /tmp/post_build"] if alone else []
    where = "/tmp/post_build" if alone else path  # noqa: S108 - of the image
    commands.append(f"sh /build/post_build.sh {folder} {shlex.quote(where)}")
    sheet.run(
        [*mounts, *more, *sheet.shown("post_build.sh")],
        [*commands, *(["rm /tmp/post_build"] if alone else [])],
        "The project's own postBuild",
    )


def start(sheet: Sheet) -> None:
    """What everything in the image is started by, where the project or the build has something to add."""
    spec = sheet.spec
    if not (spec.start or spec.post_build or spec.conda):
        return
    activate = _ACTIVATE.replace("@PREFIX@", "/opt/venv") if spec.conda else ""
    sheet.files["start"] = (
        "\n".join(line for line in _START.replace("@ACTIVATE@", activate).splitlines() if line) + "\n"
    )
    names = ["start"]
    if spec.start:
        sheet.files["project-start"] = sheet.text(spec.start)
        names.append("project-start")
    sheet.add(f"COPY {' '.join(names)} {OURS}/", "What kernels and tools are started by")
    sheet.add(f"RUN chmod -R a+rX {OURS} && chmod a+x {' '.join(f'{OURS}/{name}' for name in names)}")
    sheet.add(f'ENTRYPOINT ["{START}"]')


def _place(sheet: Sheet) -> str:
    """The folder of the project that has its `.dockerignore`: that of its standard files."""
    spec = sheet.spec
    if spec.context is None or spec.source is None:
        return ""
    try:
        inner = spec.source.relative_to(spec.context.folder).parent.as_posix()
    except ValueError:
        return ""
    return "" if inner == "." else inner
