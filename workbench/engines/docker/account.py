"""Who runs in a container, so that what is written there belongs to the person."""

from __future__ import annotations

import os
import pwd
import re
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from workbench.engines.base import Person
from workbench.engines.docker.daemon import Daemon
from workbench.engines.docker.images.contents import STACKS, STACKS_GROUP, Contents

_LOGIN = re.compile(r"[a-z_][a-z0-9_-]{0,31}", re.ASCII)


@dataclass(frozen=True)
class Account:
    """An account inside. `home` as seen there; `users` is the Engine's word for how accounts are numbered.

    `groups` are further groups of the person: folders that a team shares are written through them.
    """

    uid: int
    gid: int
    name: str
    home: PurePosixPath
    users: str | None = None
    groups: tuple[str, ...] = ()

    @property
    def user(self) -> str:
        """As the Engine wants it."""
        return f"{self.uid}:{self.gid}"

    def own(self, path: Path) -> None:
        """Give a file of ours to the account; only root has to, and only root can."""
        if self.uid and os.geteuid() == 0:
            os.lchown(path, self.uid, self.gid)

    def made(self, folder: Path) -> Path:
        """`folder` with its missing parents, owned by the account."""
        if not folder.exists():
            self.made(folder.parent)
            folder.mkdir(mode=0o700)
            self.own(folder)
        return folder


def account(daemon: Daemon, person: Person, image: Contents | None = None) -> Account:
    """The account whose files are the person's, as `image` wants it.

    Rootless Docker: root inside is the person outside. Rootless Podman: numbers are kept when asked for. An engine
    that shifts all numbers is asked not to. Images after docker-stacks' rules have a home of their own for root, and a
    group that may write what they have installed.
    """
    stacks = image is not None and image.rules == STACKS
    root = PurePosixPath("/home/root" if stacks else "/root")
    if daemon.rootless and not daemon.podman:
        return Account(0, 0, "root", root)
    keep = "keep-id" if daemon.rootless else None
    users = "host" if daemon.remapped else keep
    groups = () if daemon.rootless else _groups_of(person)
    if person.uid == 0:
        return Account(0, person.gid, "root", root, users, groups)
    if stacks and not daemon.rootless:
        groups = tuple(dict.fromkeys((*groups, str(STACKS_GROUP))))
    name = person.name if _LOGIN.fullmatch(person.name) and person.name != "root" else "person"
    return Account(person.uid, person.gid, name, PurePosixPath("/home") / name, users, groups)


def by_its_rules(who: Account, login: str) -> Account:
    """The account that an image makes of the person's numbers by its own rules: root, or `login`."""
    if who.uid == 0 or not login:
        return who
    return replace(who, name=login, home=PurePosixPath("/home") / login)


def passwd(image: Contents, who: Account) -> str:
    """The image's /etc/passwd with the person in it, first: an account of the same number has another name there."""
    lines = [line.split(":") for line in image.accounts.splitlines()]
    kept = [fields for fields in lines if len(fields) == 7 and fields[0] != who.name]
    kept.insert(0, [who.name, "x", str(who.uid), str(who.gid), who.name, str(who.home), image.shell])
    return "".join(":".join(fields) + "\n" for fields in kept)


def group(image: Contents, who: Account) -> str:
    """The image's /etc/group with the person's groups in it."""
    lines = image.groups.splitlines()
    known = {fields[2] for line in lines if len(fields := line.split(":")) > 2}
    lines += [f"{who.name}:x:{who.gid}:"] if str(who.gid) not in known else []
    lines += [f"group{number}:x:{number}:{who.name}" for number in who.groups if number not in known]
    return "\n".join(lines) + "\n"


def _groups_of(person: Person) -> tuple[str, ...]:
    """Further groups of a person of this machine, root's left out."""
    try:
        if pwd.getpwnam(person.name).pw_uid != person.uid:
            return ()
        numbers = os.getgrouplist(person.name, person.gid)
    except (KeyError, OSError):
        return ()
    return tuple(str(number) for number in sorted({*numbers} - {0, person.gid}))
