"""An image after Rocker's rules for RStudio Server, made here on a Debian base: a stand-in, and its name says so.

What is kept of the rules, as rocker-versioned2's own scripts have them: `/init` has to be the first process and root, keeps
the container's variables in /var/run/s6/container_environment and runs /etc/cont-init.d in order; those scripts write the
variables into Renviron.site, make up a password where PASSWORD is empty, and make the account `rstudio` by USERID and
GROUPID, or root where RUNROOTLESS is true; the server asks for name and password at /auth-sign-in and remembers them in
the cookie `user-id`, signed with its secure-cookie-key file. What people then run is theirs: `/run` writes a file as them.
"""

from __future__ import annotations

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
_RSERVER = '''#!/opt/venv/bin/python
"""Signs in as RStudio Server does, and does nothing else."""
import hashlib, hmac, os, pwd, secrets, signal, stat, subprocess
from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

signal.signal(signal.SIGTERM, lambda *_: os._exit(0))

def settings(path):
    lines = open(path).read().splitlines() if os.path.exists(path) else []
    return dict(line.partition("=")[::2] for line in lines if "=" in line)

conf, session = settings("/etc/rstudio/rserver.conf"), settings("/etc/rstudio/rsession.conf")
key_file = conf.get("secure-cookie-key-file", "/var/lib/rstudio-server/secure-cookie-key")
if not os.path.exists(key_file):
    os.makedirs(os.path.dirname(key_file), exist_ok=True)
    open(os.open(key_file, os.O_CREAT | os.O_WRONLY, 0o600), "w").write(secrets.token_hex(32))
assert stat.S_IMODE(os.stat(key_file).st_mode) == 0o600, "the key can be read by others"
KEY = open(key_file, "rb").read()

def knows(name, password):
    for line in open("/etc/shadow"):
        user, stored = line.split(":")[:2]
        if user == name and stored.startswith("$"):
            least = int(conf.get("auth-minimum-user-id", 1000))
            told = subprocess.run(["perl", "-e", "print crypt(<STDIN>, $ARGV[0])", stored], input=password, capture_output=True, text=True)
            return pwd.getpwnam(name).pw_uid >= least and hmac.compare_digest(told.stdout, stored)
    return False

def signed(name):
    return f"{name}|{hmac.new(KEY, name.encode(), hashlib.sha256).hexdigest()}"

class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def say(self, status, text="", **headers):
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(text.encode()))}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(text.encode())

    def who(self):
        cookie = SimpleCookie(self.headers.get("Cookie", "")).get("user-id")
        name = cookie.value.partition("|")[0] if cookie else ""
        return name if name and hmac.compare_digest(cookie.value, signed(name)) else ""

    def do_GET(self):
        if self.path.startswith("/auth-sign-in"):
            self.say(200, "<title>RStudio Sign In</title><form method=post action=/auth-do-sign-in>"
                "<input name=username><input name=password type=password><button>Sign In</button></form>", Content_Type="text/html")
        elif name := self.who():
            self.say(200, f"RStudio: signed in as {name}", Content_Type="text/html")
        else:
            self.say(302, Location="/auth-sign-in?appUri=%2F")

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        if self.path == "/auth-do-sign-in":
            form = {key: values[0] for key, values in parse_qs(body).items()}
            if knows(form.get("username", ""), form.get("password", "")):
                self.say(302, Location="/", Set_Cookie=f"user-id={signed(form['username'])}; path=/; HttpOnly")
            else:
                self.say(302, Location="/auth-sign-in?error=1")
        elif name := self.who():
            self.say(200, self.run(name, body))
        else:
            self.say(401)

    def run(self, name, command):
        """What a shell says that is the person's, where their R would begin."""
        user = pwd.getpwnam(name)
        done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, user=user.pw_uid, group=user.pw_gid,
            extra_groups=[], cwd=session.get("session-default-working-dir", user.pw_dir),
            env={"HOME": user.pw_dir, "USER": name, "PATH": os.environ["PATH"]})
        return done.stdout + done.stderr

ThreadingHTTPServer((conf.get("www-address", "0.0.0.0"), 8787), Handler).serve_forever()
'''
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
        "rserver": _RSERVER,
    }
    return made(engine, "rstudio", texts)
