"""Repositories of others, cloned with git's own credentials; nothing in them is run."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from workbench.errors import NotFound, Refused
from workbench.text import clean, one_line

Progress = Callable[[str], None]
_URL = re.compile(r"(?:https?|ssh|git)://[^\s/-][^\s]*", re.IGNORECASE)
_SCP = re.compile(r"(?:[\w.-]+@)?[\w][\w.-]*\.[\w.-]+:(?!//)[^\s-][^\s]*", re.ASCII)  # git@host.example:team/x.git
_OTHER = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*::?(?://)?.*", re.DOTALL)
# No hook of a template, no password asked of nobody, no program that a protocol names, no file of this machine.
_OPTIONS = ("-c", f"core.hooksPath={os.devnull}", "-c", "core.fsmonitor=false", "-c", "protocol.ext.allow=never")
_ALONE = {
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ASKPASS": "",
    "SSH_ASKPASS_REQUIRE": "never",
    "GIT_ALLOW_PROTOCOL": "https:http:ssh:git",
    "LC_ALL": "C",
}
_HINTS = (
    (r"could not read (Username|Password)|Authentication failed|terminal prompts disabled", "git has no login for it: `git credential approve`, or clone by ssh."),
    (r"Permission denied \(publickey|Host key verification failed", "Try `ssh -T` to that host once by hand: its key or yours is missing."),
    (r"not found|does not exist|Repository not found", "Is the address right, and may this account read it?"),
    (r"Could not resolve host|Connection|timed out|unable to access", "Is the network there, and the address right?"),
    (r"No space left", "Make room, then try again."),
)  # fmt: skip


def is_address(said: str) -> bool:
    """Whether a word names a repository elsewhere rather than a folder here."""
    return bool(_URL.fullmatch(said) or _SCP.fullmatch(said))


def is_path(said: str) -> bool:
    """Whether a word can only be meant as a folder or file here."""
    return not is_address(said) and not said.startswith("-") and not _OTHER.match(said)


def check(said: str) -> str:
    """An address that may be cloned. Raises `Refused` for what else git would take."""
    shown = one_line(said, 200)
    if not is_address(said):
        kind = "is no address of a repository"
        hint = "As https://host.example/team/project.git or git@host.example:team/project.git"
        if said.startswith("-"):
            kind = "begins like an option of git"
        elif _OTHER.match(said):
            kind = "names a protocol that is not used here"
        if said.startswith("file:"):
            hint = "Of this machine name the folder itself; or `git clone` it, and add the clone."
        raise Refused(f"{shown} {kind}", hint=hint)
    parts = urlsplit(said) if "://" in said else None
    if parts and parts.password:
        raise Refused(
            "the address holds a password, which others on this machine would see",
            hint=f"Keep it with `git credential approve`, and give the address without it: {parts.scheme}://{parts.hostname}…",
        )
    return said


def name_of(address: str) -> str:
    """What a repository is called: the last part of its address."""
    return re.split(r"[/:]", address.rstrip("/").removesuffix("/.git").removesuffix(".git"))[-1]


def clone(address: str, folder: Path, *, progress: Progress = lambda _: None, whole: bool = True) -> None:
    """Clone into the new `folder`; nothing of it is left where that fails. `whole`: with all its history.

    Raises `Refused` with git's own words.
    """
    check(address)
    git = shutil.which("git")
    if git is None:
        raise NotFound(
            "program", "git", message="git is not installed", hint="Install it, or add a folder that is here."
        )
    environ = {name: value for name, value in os.environ.items() if not name.startswith("GIT_") or "CONFIG" in name}
    environ |= _ALONE
    if not os.environ.get("GIT_SSH_COMMAND"):
        environ["GIT_SSH_COMMAND"] = "ssh -o BatchMode=yes -o ConnectTimeout=20"
    else:
        environ["GIT_SSH_COMMAND"] = os.environ["GIT_SSH_COMMAND"]
    depth = [] if whole else ["--depth=1", "--single-branch"]
    argv = [git, *_OPTIONS, "clone", "--progress", "--no-recurse-submodules", *depth, "--", address, str(folder)]
    lines: list[str] = []
    with subprocess.Popen(
        argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environ,
        start_new_session=True,
    ) as process:  # fmt: skip
        try:
            assert process.stderr
            _follow(process.stderr.fileno(), progress, lines)
            code = process.wait()
        except BaseException:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait()
            shutil.rmtree(folder, ignore_errors=True)
            raise
    if code:
        shutil.rmtree(folder, ignore_errors=True)
        words = "\n".join(lines[-5:])
        if depth and "does not support shallow" in words:  # a plain web server
            clone(address, folder, progress=progress)
            return
        hint = next((hint for pattern, hint in _HINTS if re.search(pattern, words)), "")
        last = next(
            (line for line in reversed(lines) if line.startswith(("fatal:", "error:"))), lines[-1] if lines else ""
        )
        raise Refused(
            one_line(last, 300) or f"git ended with {code}", title=f"git clone {one_line(address, 120)}", hint=hint
        )


def commit_of(folder: Path) -> str:
    """The commit that a clone has checked out; empty where it has none."""
    try:
        done = subprocess.run(
            ["git", *_OPTIONS, "-C", str(folder), "rev-parse", "--verify", "HEAD"],
            capture_output=True, text=True, timeout=20, check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _follow(descriptor: int, progress: Progress, lines: list[str]) -> None:
    """Pass on what git says; progress comes as one line that is written over."""
    rest = b""
    while chunk := os.read(descriptor, 65536):
        *parts, rest = re.split(rb"[\r\n]", rest + chunk)
        for part in parts:
            text = one_line(clean(part.decode("utf-8", "replace")), 200).strip()
            if text:
                lines.append(text)
                progress(text.removeprefix("remote: "))
        del lines[:-200]
    if rest.strip():
        lines.append(one_line(clean(rest.decode("utf-8", "replace")), 200))
