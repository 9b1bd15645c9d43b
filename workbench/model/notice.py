"""Notices: who is told of what, and what became of each telling."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Occasion(StrEnum):
    """What people are told of. `recovery`: the first success after a run that did not succeed; `late`: a due time that
    was missed, or whose run has not begun ten minutes later; `changed`: a success
    whose output is materially other than that of the one before; `test`: somebody wanted to see whether it arrives."""

    FAILURE = "failure"
    RECOVERY = "recovery"
    LATE = "late"
    SUCCESS = "success"
    CHANGED = "changed"
    TEST = "test"
    HEARTBEAT = "heartbeat"
    DELIVERY = "delivery"


# Those that a declaration names people for.
TOLD = (Occasion.FAILURE, Occasion.RECOVERY, Occasion.LATE, Occasion.SUCCESS, Occasion.CHANGED)


class NoticeState(StrEnum):
    """`unknown`: it may have arrived, but nobody said so, as where who sent it died over it; so it is not sent again."""

    PENDING = "pending"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Notify:
    """Who is told of what: targets by occasion. One that is not named is decided by what is less special (a schedule's
    project, a project's home); one with no targets tells nobody. `heartbeat` is asked for after each success."""

    targets: Mapping[Occasion, tuple[str, ...]] = field(default_factory=dict)
    heartbeat: str = ""
    report: bool = False


@dataclass(frozen=True)
class Mail:
    """How mail leaves: by `server` (SMTP) where it is named, else by the machine's own `sendmail`.

    `security`: starttls, tls or none. `password` names a secret, `ca` a file of certificates to trust beside the
    machine's.
    """

    sender: str = ""
    server: str = ""
    port: int = 0
    security: str = "starttls"
    user: str = ""
    password: str = ""
    ca: str = ""


@dataclass(frozen=True)
class Beat:
    """An address that is asked for every `seconds` while the supervisor lives."""

    url: str
    seconds: float


@dataclass(frozen=True)
class Notice:
    """A row of `notices`. `subject` names what it is about once and for all (`run 41`): no two of an occasion, subject
    and target. `run` is None for a due time without one."""

    id: int
    occasion: Occasion
    subject: str
    target: str
    text: str
    run: int | None
    state: NoticeState
    reason: str
    tries: int
    created: datetime
    not_before: datetime
    report: bool = False


def special(*given: Notify | None) -> Notify:
    """What holds of several, the most special first."""
    targets: dict[Occasion, tuple[str, ...]] = {}
    heartbeat, report = "", False
    for one in reversed(given):
        if one:
            targets.update(one.targets)
            heartbeat = one.heartbeat or heartbeat
            report = one.report or report
    return Notify(targets, heartbeat, report)


def masked(target: str) -> str:
    """A target as lists show it: a mail address whole, of an address of a service its scheme and host alone."""
    if "://" not in target:
        return target
    scheme, _, rest = target.partition("://")
    host = rest.partition("/")[0].rpartition("@")[2]
    return f"{scheme}://{host if '.' in host else '…'}{'/…' if '/' in rest.rstrip('/') else ''}"
