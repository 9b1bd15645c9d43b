"""Images after the rules of others, made here on a Debian base: none of them is theirs, and their names say so.

`docker-stacks`: an account `jovyan` (1000:100), programs in /opt/conda, `start.sh` as the entrypoint, which refits that
account where it is root and runs the scripts of `before-notebook.d` in any case.
`rocker`: an account `rstudio` (1000), `/init` as the entrypoint, which is root's and runs the scripts of `cont-init.d`.
"""

from __future__ import annotations

import atexit
import hashlib
import io
import os
import tarfile
from collections.abc import Mapping
from contextlib import suppress

from docker import APIClient
from docker.errors import DockerException, ImageNotFound

_START = """#!/bin/bash
set -e
echo "stand-in for start.sh: $*" >&2
if [ "$(id -u)" = 0 ]; then
    if id jovyan >/dev/null 2>&1; then usermod --home "/home/$NB_USER" --login "$NB_USER" jovyan 2>&1 || true; fi
    if [ "$NB_UID" != "$(id -u "$NB_USER")" ] || [ "$NB_GID" != "$(id -g "$NB_USER")" ]; then
        userdel "$NB_USER"
        useradd --no-log-init --home "/home/$NB_USER" --uid "$NB_UID" --gid "$NB_GID" --groups 100 "$NB_USER"
    fi
    if [ "$NB_USER" = root ]; then sed -i 's|:/root:|:/home/root:|' /etc/passwd; fi
    if [ -n "$CHOWN_HOME" ]; then chown -R "$NB_UID:$NB_GID" "/home/$NB_USER"; fi
else
    jovyan="$(id -u jovyan 2>/dev/null)"
    if [ "$NB_UID" != "$jovyan" ] && [ "$NB_UID" != "$(id -u)" ]; then echo "NB_UID needs root" >&2; fi
    whoami >/dev/null
fi
for hook in /usr/local/bin/before-notebook.d/*.sh; do . "$hook"; done
if [ "$(id -u)" = 0 ] && [ "$NB_USER" != root ]; then echo "no sudo in this stand-in" >&2; exit 3; fi
if [ "$(id -u)" = 0 ]; then export HOME=/home/root; fi
exec "$@"
"""
_STACKS = """FROM {base}
USER root
ENV NB_USER=jovyan NB_UID=1000 NB_GID=100 CONDA_DIR=/opt/conda HOME=/home/jovyan \\
    PATH=/opt/conda/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
RUN ln -s venv /opt/conda && useradd --no-log-init --create-home --uid 1000 --no-user-group -g 100 jovyan \\
 && chgrp -R 100 /opt/venv/share && chmod -R g+w /opt/venv/share && mkdir /usr/local/bin/before-notebook.d
COPY start.sh /usr/local/bin/start.sh
COPY hook.sh /usr/local/bin/before-notebook.d/10-activate.sh
ENTRYPOINT ["start.sh"]
CMD ["start-notebook.py"]
WORKDIR /home/jovyan
USER 1000
"""
_INIT = """#!/bin/sh
set -e
[ "$(id -u)" = 0 ] || { echo "/init is for root" >&2; exit 4; }
for script in /etc/cont-init.d/*; do "$script"; done
exec "$@"
"""
_ROCKER = """FROM {base}
ENV DEFAULT_USER=rstudio
RUN useradd --create-home --uid 1000 rstudio && mkdir /etc/cont-init.d
COPY start.sh /init
COPY hook.sh /etc/cont-init.d/02_userconf
CMD ["/init"]
"""


def docker_stacks(engine: APIClient, base: str) -> str:
    """An image after jupyter/docker-stacks' rules with what `base` has; its name."""
    return _made(engine, "docker-stacks", _STACKS.format(base=base), _START, "export ACTIVATED=by-the-hook\n")


def rocker(engine: APIClient, base: str) -> str:
    """An image after rocker's rules with what `base` has; its name."""
    return _made(engine, "rocker", _ROCKER.format(base=base), _INIT, "#!/bin/sh\nchown -R rstudio /home/rstudio\n")


def _made(engine: APIClient, kind: str, dockerfile: str, start: str, hook: str) -> str:
    return made(engine, kind, {"Dockerfile": dockerfile, "start.sh": start, "hook.sh": hook})


def made(engine: APIClient, kind: str, texts: Mapping[str, str]) -> str:
    """An image out of a Dockerfile and the programs that it copies, where there is none of it yet; its name."""
    name = f"workbench-tests/{kind}-stand-in:{hashlib.sha256(repr(texts).encode()).hexdigest()[:12]}"
    try:
        engine.inspect_image(name)
    except ImageNotFound:
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w") as tar:
            for path, text in texts.items():
                entry = tarfile.TarInfo(path)
                entry.size, entry.mode = len(text), 0o755
                tar.addfile(entry, io.BytesIO(text.encode()))
        archive.seek(0)
        said = [*engine.build(fileobj=archive, custom_context=True, tag=name, rm=True, forcerm=True, decode=True)]
        assert not any("error" in line for line in said), said
        atexit.register(_forget, name)
    return name


def _forget(name: str) -> None:
    """Remove what these tests made, at their end."""
    with suppress(DockerException):
        client = APIClient(base_url=os.environ.get("WORKBENCH_TEST_DOCKER") or os.environ.get("DOCKER_HOST"))
        client.remove_image(name)
        client.close()
