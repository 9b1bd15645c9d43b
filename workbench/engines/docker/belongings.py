"""What a container has beside folders: variables that all may see, and private files with those that they may not."""

from __future__ import annotations

import math
import os
import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from docker.types import Mount as Bind

from workbench.certificates import CERTIFICATE_VARIABLES, ca_bundle_asked_for
from workbench.engines import secrets
from workbench.engines.docker.account import Account, group, passwd
from workbench.engines.docker.images.contents import STACKS
from workbench.engines.docker.images.registries import proxies_without_password
from workbench.engines.docker.plan import Plan
from workbench.engines.warm import fits
from workbench.errors import Refused, WorkbenchError
from workbench.text import one_line

PRIVATE = PurePosixPath("/run/workbench")  # where files of a private folder are seen
SECRETS = str(PRIVATE / "secrets")
PROJECT = "WORKBENCH_PROJECT"  # tells where the project is
CERTIFICATES = "/run/workbench/ca-bundle.crt"
THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_MAX_THREADS",
    "RCPP_PARALLEL_NUM_THREADS",
)
# docker-stacks' script changes accounts and owners by these; the folders it would change are the person's on this machine.
REFITTING = ("NB_USER", "NB_UID", "NB_GID", "CHOWN_HOME", "CHOWN_EXTRA", "GRANT_SUDO")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)


@dataclass(frozen=True)
class Papers:
    """Files of one container: texts by name, where those that are shown are seen, and the values of its secrets."""

    texts: dict[str, str]
    targets: dict[str, str]
    secrets: dict[str, str]


def public(plan: Plan, who: Account) -> dict[str, str]:
    """Variables that may be seen by all who may use the engine."""
    limits = plan.workspace.limits
    found = {"HOME": str(who.home), "USER": who.name, "LOGNAME": who.name, "SHELL": plan.contents.shell}
    if plan.root:
        found = {}  # such an image makes the person's account by its own rules
    elif plan.contents.rules == STACKS:
        found |= {"NB_USER": who.name, "NB_UID": str(who.uid), "NB_GID": str(who.gid if who.uid else 0)}
    if limits.cpus:
        found |= dict.fromkeys(THREADS, str(max(1, math.ceil(limits.cpus))))
    if ca_bundle_asked_for():
        found |= dict.fromkeys(CERTIFICATE_VARIABLES, CERTIFICATES)
    if zone := _zone():
        found["TZ"] = zone
    return found | proxies_without_password()


def _zone(link: Path = Path("/etc/localtime")) -> str:
    """The time zone of this machine by name: a notebook's local time is the same inside and outside."""
    try:
        return os.environ.get("TZ") or str(link.readlink()).partition("/zoneinfo/")[2]
    except OSError:
        return ""


def bind(source: Path, target: str, *, write: bool) -> Bind:
    """Show `source` of this machine as `target`; it has to be there."""
    if not source.exists():
        raise WorkbenchError(f"{source} is not there", hint="Was it moved, or is a disk not mounted?")
    return Bind(target=target, source=str(source.resolve()), type="bind", read_only=not write)


def can_come_later(env: Mapping[str, str], secret: Iterable[str]) -> bool:
    """Whether variables of a run can be given to a process that has begun: nothing has read them, they have names that
    variables can have, and none is one of ours, of a secret, or of those that an image's own script minds."""
    ours = {*secret, *REFITTING, secrets.VARIABLE}
    return fits(env) and all(_VARIABLE.fullmatch(name) and name not in ours for name in env)


def papers(plan: Plan, who: Account) -> Papers:
    """What the files of a container will hold. Raises `Refused` for names that no variable can have."""
    given = secrets.values(plan.workspace.secrets)
    env = {**plan.env, **given, **({secrets.VARIABLE: SECRETS} if given else {})}
    wrong = [name for name in env if not _VARIABLE.fullmatch(name)]
    if wrong:
        raise Refused(f"{one_line(wrong[0])!r} cannot be the name of a variable")
    refitting = REFITTING if plan.contents.rules == STACKS else ()
    variables = {name: value for name, value in env.items() if name not in refitting}
    variables[PROJECT] = str(plan.workspace.project)
    texts = {
        "env": "".join(f"{name}={shlex.quote(value)}\n" for name, value in variables.items()),
        "passwd": passwd(plan.contents, who),
        "group": group(plan.contents, who),
    }
    targets = {"env": str(PRIVATE / "env"), "passwd": "/etc/passwd", "group": "/etc/group"}
    if plan.root or (plan.contents.rules == STACKS and who.uid == 0):
        targets = {"env": targets["env"]}  # its own script edits these
    return Papers(texts, targets, given)


def lay_out(plan: Plan, who: Account) -> list[Bind]:
    """Write the files into the private folder; they are shown one by one, read-only."""
    told = papers(plan, who)
    binds = []
    for name, target in told.targets.items():
        path = plan.private / name
        path.unlink(missing_ok=True)
        path.touch(mode=0o600 if name == "env" else 0o644)
        path.write_text(told.texts[name], encoding="utf-8")
        who.own(path)
        binds.append(bind(path, target, write=False))
    if told.secrets:
        folder = secrets.lay_out(plan.private, told.secrets)
        for path in (folder, *folder.iterdir()):
            who.own(path)
        binds.append(bind(folder, SECRETS, write=False))
    bundle = ca_bundle_asked_for()
    return [*binds, bind(bundle, CERTIFICATES, write=False)] if bundle else binds
