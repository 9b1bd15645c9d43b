"""An image after Rocker's rules for RStudio Server, made here on a Debian base: a stand-in, and its name says so.

What is kept of the rules, as rocker-versioned2's own scripts have them: `/init` has to be the first process and root, keeps
the container's variables in /var/run/s6/container_environment and runs /etc/cont-init.d in order; those scripts write the
variables into Renviron.site, make up a password where PASSWORD is empty, and make the account `rstudio` by USERID and
GROUPID, or root where RUNROOTLESS is true. The server is a stand-in too: `rserver.py`, which tells whose rules it keeps.
"""

from __future__ import annotations

from pathlib import Path

from docker import APIClient
from images.stand_ins import made

_INIT = """#!/bin/bash
set -e
[ $$ = 1 ] || { echo "init: can only run as the first process" >&2; exit 100; }
[ "$(id -u)" = 0 ] || { echo "init: can only run as root" >&2; exit 100; }
mkdir -p /var/run/s6/container_environment
while IFS= read -r -d '' line; do
    printf '%s' "${line#*=}" > "/var/run/s6/container_environment/${line%%=*}"
done < <(env -0)
for script in /etc/cont-init.d/*; do
    echo "[cont-init.d] $(basename "$script"): executing..."
    env -i PATH="$PATH" "$script" || echo "[cont-init.d] $(basename "$script"): exited $?"
done
exec env -i PATH="$PATH" /usr/local/bin/rserver
"""
_WITH_CONTENV = """#!/bin/bash
for file in /var/run/s6/container_environment/*; do export "$(basename "$file")=$(cat "$file")"; done
exec "$@"
"""
_SET_ENV = """#!/usr/bin/with-contenv bash
for file in /var/run/s6/container_environment/*; do
    case "$(basename "$file")" in HOME|PASSWORD) ;; *) echo "$(basename "$file")=$(cat "$file")" >> /etc/R/Renviron.site ;; esac
done
chmod 600 /var/run/s6/container_environment/*
"""
_USERCONF = """#!/usr/bin/with-contenv bash
set -e
user="${DEFAULT_USER:-rstudio}"
: "${USERID:=1000}" "${GROUPID:=1000}" "${RUNROOTLESS:=auto}"
if [ "$RUNROOTLESS" = auto ]; then
    RUNROOTLESS=true; if grep -q 4294967295 /proc/self/uid_map; then RUNROOTLESS=false; fi
fi
if [ -z "$PASSWORD" ]; then
    PASSWORD="$(od -An -N8 -tx1 /dev/urandom | tr -d ' \\n')"
    echo "The password is set to $PASSWORD"
fi
if [ "$RUNROOTLESS" = true ]; then
    user=root
    echo auth-minimum-user-id=0 >> /etc/rstudio/rserver.conf
else
    if [ "$USERID" -lt 1000 ]; then echo auth-minimum-user-id=499 >> /etc/rstudio/rserver.conf; fi
    if [ "$USERID" -ne 1000 ]; then
        userdel "$user"
        useradd -m "$user" -u "$USERID"
        chown -R "$user" "/home/$user"
    fi
    if [ "$GROUPID" -ne 1000 ]; then groupmod -o -g "$GROUPID" "$(id -gn "$user")"; fi
fi
echo "$user:$PASSWORD" | chpasswd
"""
_DOCKERFILE = """FROM {base}
ENV DEFAULT_USER=rstudio
RUN useradd --shell /bin/bash --create-home --uid 1000 rstudio && mkdir -p /etc/cont-init.d /etc/rstudio /etc/R /usr/local/bin \\
 && echo rsession-which-r=/usr/bin/R > /etc/rstudio/rserver.conf
COPY init /init
COPY with-contenv /usr/bin/with-contenv
COPY set_env /etc/cont-init.d/01_set_env
COPY userconf /etc/cont-init.d/02_userconf
COPY rserver /usr/local/bin/rserver
EXPOSE 8787
CMD ["/init"]
"""


def stand_in(engine: APIClient, base: str) -> str:
    """The image on `base`, which has Python in /opt/venv; its name."""
    texts = {
        "Dockerfile": _DOCKERFILE.format(base=base),
        "init": _INIT,
        "with-contenv": _WITH_CONTENV,
        "set_env": _SET_ENV,
        "userconf": _USERCONF,
        "rserver": "#!/opt/venv/bin/python\n" + Path(__file__).with_name("rserver.py").read_text(),
    }
    return made(engine, "rstudio", texts)
