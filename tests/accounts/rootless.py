"""An ordinary account that may have a rootless engine, made by root and gone again."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path

import psutil
from accounts.machine import install, living, made, unmade

# Distributions give these to everybody; where this machine does not, the account sees nodes of its own, and nobody else.
DEVICES = """\
mount --make-rshared /
for device in net/tun:10:200 fuse:10:229; do
    name=${device%%:*} number=${device#*:}
    [ -e /dev/$name ] || continue
    mknod -m 666 "$0/${name##*/}" c ${number%:*} ${number#*:}
    mount --bind "$0/${name##*/}" /dev/$name
done
exec "$@"
"""
KEPT = ("PATH", "LANG", "CI", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "UV_DEFAULT_INDEX",
        "WORKBENCH_TEST_REGISTRY")  # fmt: skip


def run_as_an_account(script: str, *words: str) -> int:
    """Run a script of this checkout with its Python as a new ordinary account, in a copy that it may read; its exit code."""
    place = Path(tempfile.mkdtemp(prefix="wb-", dir="/var/tmp"))
    place.chmod(0o755)
    account = None
    try:
        install(place)
        source, python = place / "checkout", place / "venv" / "bin" / "python"
        account = made(place)
        (place / "devices").mkdir()
        (place / "tests").mkdir()
        os.chown(place / "tests", account.uid, account.gid)
        env = {name: os.environ[name] for name in KEPT if name in os.environ}
        env |= {
            "HOME": str(account.home),
            "USER": account.name,
            "LOGNAME": account.name,
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        env |= {"PYTEST_ADDOPTS": f"-p no:cacheprovider --basetemp={place}/tests/t"}
        env |= {"WORKBENCH_TEST_PLACE": str(place / "tests")}  # root takes away what of it the account cannot
        own = ["unshare", "--mount", "--propagation", "private", "sh", "-ec", DEVICES, place / "devices"]
        become = ["setpriv", f"--reuid={account.uid}", f"--regid={account.gid}", "--init-groups"]
        argv = [str(part) for part in (*own, *become, python, source / script, *words)]
        return subprocess.run(
            argv, env=env, cwd=account.home, stdin=subprocess.DEVNULL, umask=0o022, check=False
        ).returncode
    finally:
        if account:
            for process in living(account.uid):
                with suppress(psutil.Error):
                    process.terminate()
            unmade(account)
        shutil.rmtree(place, ignore_errors=True)
