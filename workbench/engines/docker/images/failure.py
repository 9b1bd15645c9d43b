"""Why a build failed, in words for people: the telling line, and what to do."""

from __future__ import annotations

import re

from workbench.engines import complaints, missing
from workbench.errors import BuildFailed
from workbench.text import one_line

# Steps in which uv speaks.
VENV_STEP = "The kernel and JupyterLab"
PYTHON_STEP = "Python packages"
LAST = 20  # lines that are shown of a failed step
_TELLING = re.compile(r"error|failed|not found|unable|cannot|denied|no space|×|╰─▶|^E:|not installed", re.IGNORECASE)
# What was said, and what a person can do about it; the first that fits.
_HINTS: tuple[tuple[str, str], ...] = (
    (r"no space left on device", "The engine's disk is full: `docker system df` shows what takes it."),
    (
        r"407 Proxy|Proxy Authentication Required",
        "The proxy wants a name and a password: HTTPS_PROXY=http://name:password@host:port, then `workbench service restart`.",
    ),
    (
        r"\b401\b.*(?:Unauthorized|deb\.|apt)|(?:status|error).*\b40[13]\b",
        "It refused us: check the credentials of `index` or `repository`, or ~/.netrc.",
    ),
    (r"Release file .* is not valid yet", "The clock of this machine is wrong, or that of the mirror."),
    (r"Hash Sum mismatch|File has unexpected size", "The mirror is being renewed: build again in some minutes."),
    (
        r"Version '\S+' for '\S+' was not found",
        "That version is gone from the mirror: `workbench environments lock NAME --update` takes what there is.",
    ),
    (
        r"is gone from the repository",
        "`workbench environments lock NAME --update` takes what there is; a dated `repository:` keeps what was.",
    ),
    (
        r"is another file than was locked",
        "Somebody has put other files under the same versions: ask who keeps the repository before you lock again.",
    ),
    (
        r"toomanyrequests|429 Too Many",
        "The registry limits pulls: log in (`docker login`), or set `registries:` to a mirror.",
    ),
    (
        r"pull access denied|manifest unknown|source metadata|metadata for \S+:$|repository does not exist",
        "Is the image's name right? A private one needs `docker login`; a mirror is set with `registries:`.",
    ),
    (
        r"UnknownIssuer|CERTIFICATE_VERIFY|certificate (?:signed by|verif|is not|has expired|problem)|self-signed certificate",
        "The registry's certificate is not trusted here: set SSL_CERT_FILE to your organisation's bundle.",
    ),
    (
        r"Temporary failure (in name )?resolv|dns error|Could not resolve|Connection refused|timed out|tcp connect",
        "The build could not reach the network: check the proxy variables and the package index.",
    ),
    (r"Unable to locate package|has no installation candidate", "Debian trixie has no package of that name."),
    (
        r"Failed to build|error: command '?(gcc|cc|g\+\+)|ERROR: (?:compilation|configuration) failed",
        "It is built from source here, and the last lines say what that lacked: libraries go under `apt:`.",
    ),
    (r"not installed: |is not available for this version of R", "_R"),
    (
        r"buildah-cache\S*: permission denied",
        "Older Podman has one place for all accounts' caches of builds: start its service with a TMPDIR of your own.",
    ),
    (r"Killed|signal: killed|exit code: 137", "A step was killed, most likely for want of memory."),
)


def explain(name: str, step: str, error: str, tail: tuple[str, ...], loose: tuple[str, ...]) -> BuildFailed:
    """The error of environment `name`: `step` failed with `error`, having said `tail`; `loose` said the builder."""
    said = "\n".join([*tail, *loose, error])
    lacking = missing.debian(said)
    hint = f"Its build from source lacks something: add `apt: [{lacking}]`." if lacking else ""
    hint = hint or next(
        (hint for pattern, hint in _HINTS if re.search(pattern, said, re.IGNORECASE | re.MULTILINE)), ""
    )
    message = _telling(error, tail, loose)
    if hint == "_R":
        message, hint = _r_package(said, message)
    if step in {VENV_STEP, PYTHON_STEP} and tail:
        understood = complaints.failure(step, list(tail), None)
        message, hint = understood.message, hint or understood.hint
    return BuildFailed(
        one_line(message, 300) or "the builder ended without a word",
        title=f"environment {name}{f', {step}' if step else ''}",
        hint=hint or "The build's log has the whole story.",
        step=step,
        tail=tail[-LAST:] or loose,
    )


def _r_package(said: str, message: str) -> tuple[str, str]:
    """Message and hint where R packages are not to be had."""
    found = re.search(r"not installed: ([\w., ]+)", said)
    quoted = re.findall(r"packages? [‘']([\w.]+)['’]", said)
    names = [name.strip() for name in found[1].split(",")] if found else quoted
    meant = {name: other for name in names if (other := complaints.nearest_r(name)) and other != name}
    hints = [f"{name}: did you mean {other}?" for name, other in meant.items()]
    return (
        f"R packages that could not be had: {', '.join(names)}" if names else message,
        " ".join(hints) or "Neither Debian nor the R repository has it; check its name and `repository:`.",
    )


def _telling(error: str, tail: tuple[str, ...], loose: tuple[str, ...]) -> str:
    """The last line that sounds like a reason; else the builder's own word, unless that is only a number."""
    lines = [line for line in tail if _TELLING.search(line)]
    if not lines:
        number = re.search(r"exit (?:code|status)|non-zero code", error)
        lines = [*loose[-1:], error, *tail[-1:]] if number else [*tail[-1:], *loose[-1:], error]
    chosen = next((line for line in reversed(lines) if line.strip()), "")
    return re.sub(r"^(?:cause|[eE]rror|E): ", "", chosen.strip())
