"""The systemd unit of a home's supervisor: one of the account, or of the machine where root installs it."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from workbench.errors import Refused, WorkbenchError
from workbench.paths import Home, account_name
from workbench.text import one_line

# What reaches the machine's registries and its engine is in a person's shell, and a unit has none of it.
CARRIED = (
    *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "all_proxy", "no_proxy"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "PIP_CERT"),
    *("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_TRUSTED_HOST", "PIP_CONFIG_FILE", "PIP_FIND_LINKS"),
    *("UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_INDEX", "UV_EXTRA_INDEX_URL", "UV_INSECURE_HOST", "UV_PYTHON_DOWNLOADS"),
    *("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG", "NETRC"),
)
ALREADY = 3  # control.ALREADY: to start it again would not help


def name(home: Home) -> str:
    """The unit's name; each home has its own."""
    return f"workbench-{home.id}.service"


def path(home: Home) -> Path:
    """The unit's file: of the machine for root, else of the account."""
    if _of_machine():
        return Path("/etc/systemd/system") / name(home)
    base = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(base) / "systemd" / "user" / name(home)


def available() -> str:
    """Why there is no systemd to install it into; empty where there is one."""
    if shutil.which("systemctl") is None or not Path("/run/systemd/system").is_dir():
        return "this machine is not run by systemd"
    if _of_machine():
        return ""
    answer = _systemctl("show-environment")
    if answer.returncode:
        return f"no systemd of this account answers: {one_line(answer.stderr, 120)}"
    return ""


def check(home: Home) -> None:
    """Raise `Refused` where the unit cannot be installed."""
    if problem := available():
        raise Refused(
            problem,
            title=name(home),
            hint="Start it at boot by cron instead: crontab -e, then the line\n"
            f"@reboot workbench --home {home.root} service start",
        )


def enabled(home: Home) -> bool:
    """Whether it is installed and systemd starts it."""
    return path(home).exists() and _systemctl("is-enabled", "--quiet", name(home)).returncode == 0


def active(home: Home) -> bool:
    """Whether the supervisor that runs is systemd's."""
    return path(home).exists() and _systemctl("is-active", "--quiet", name(home)).returncode == 0


def state(home: Home) -> str:
    """`active`, `enabled`, or empty where it is not installed."""
    if not path(home).exists():
        return ""
    return "active" if active(home) else "enabled" if enabled(home) else "installed"


def lingers() -> bool:
    """Whether the account's units run without a login; always for root, whose unit is the machine's."""
    return _of_machine() or Path(f"/var/lib/systemd/linger/{account_name(os.getuid())}").exists()


def install(home: Home, command: Sequence[str], environment: Mapping[str, str]) -> list[str]:
    """Write, enable and start the unit; what was done and what is still to do, a line each."""
    check(home)
    file = path(home)
    file.parent.mkdir(parents=True, exist_ok=True)
    carried = _carry(home)
    file.write_text(text(home, command, environment))
    for act in (("daemon-reload",), ("enable", name(home)), ("restart", name(home))):
        _act(*act)
    kept = [f"with what is set here now: {', '.join(carried)}"] if carried else []
    lines = [f"installed {file}", *kept, "it starts with the machine" if lingers() else "it starts when you log in"]
    if not lingers():
        account = account_name(os.getuid())
        lines.append(f"To have it start with the machine and stay after logout: loginctl enable-linger {account}")
    return lines


def uninstall(home: Home) -> bool:
    """Stop, disable and remove the unit; False where there is none. Runs and sessions go on."""
    if not path(home).exists():
        return False
    _systemctl("disable", "--now", name(home))
    path(home).unlink(missing_ok=True)
    variables_file(home).unlink(missing_ok=True)
    _systemctl("daemon-reload")
    return True


def variables_file(home: Home) -> Path:
    """Variables that the unit is given: a file of its own, for a unit's own lines can be read by every account."""
    return home.state / "service.env"


def _carry(home: Home) -> list[str]:
    """Write down the variables that are set; their names."""
    found = {
        name: os.environ[name] for name in CARRIED if os.environ.get(name, "").isprintable() and name in os.environ
    }
    file = variables_file(home)
    file.unlink(missing_ok=True)
    if found:
        file.touch(mode=0o600)
        lines = (f'{name}="{_escaped(value)}"\n' for name, value in found.items())
        file.write_text("".join(lines), encoding="utf-8")
    return list(found)


def start(home: Home) -> None:
    """Start the installed unit."""
    _act("start", name(home))


def stop(home: Home) -> None:
    """Stop it; only the supervisor itself, KillMode=process."""
    _act("stop", name(home))


def text(home: Home, command: Sequence[str], environment: Mapping[str, str]) -> str:
    """The unit's file. Runs and sessions are processes of their own: systemd ends the supervisor alone."""
    variables = "".join(f"Environment={_quoted(f'{key}={value}')}\n" for key, value in sorted(environment.items()))
    return f"""[Unit]
Description=workbench supervisor of {_plain(str(home.root))}
After=network.target time-sync.target

[Service]
Type=exec
ExecStart={" ".join(_quoted(part).replace("$", "$$") for part in command)}
ExecReload=/bin/kill -HUP $MAINPID
EnvironmentFile=-{_plain(str(variables_file(home)))}
{variables}KillMode=process
Delegate=yes
Restart=on-failure
RestartSec=5
RestartPreventExitStatus={ALREADY}
TimeoutStopSec=15
UMask={_umask()}

[Install]
WantedBy={"multi-user.target" if _of_machine() else "default.target"}
"""


def _umask() -> str:
    """What this account gives others, umask(2), as its shell has it: systemd would take its own for what runs write."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("Umask:"):
            return line.split()[1]
    return "0022"


def _plain(value: str) -> str:
    return one_line(value).replace("%", "%%")


def _quoted(part: str) -> str:
    """A word of a unit file, systemd.syntax(7): specifiers and quotes kept as they are."""
    return f'"{_escaped(part).replace("%", "%%")}"'


def _escaped(part: str) -> str:
    return part.replace("\\", "\\\\").replace('"', '\\"')


def _of_machine() -> bool:
    return os.getuid() == 0


def _systemctl(*words: str) -> subprocess.CompletedProcess[str]:
    argv = ["systemctl", *(() if _of_machine() else ("--user",)), *words]
    try:
        return subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.TimeoutExpired) as error:
        return subprocess.CompletedProcess(argv, 1, "", str(error))


def _act(*words: str) -> None:
    answer = _systemctl(*words)
    if answer.returncode:
        raise WorkbenchError(
            f"systemctl {' '.join(words)} failed: {one_line(answer.stderr, 200)}",
            hint="See: journalctl --user -e" if not _of_machine() else "See: journalctl -e",
        )
