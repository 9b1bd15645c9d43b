"""The keys of `notify:`, alike in settings, projects and schedules, and of `mail:`."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema

from workbench.declare.scalars import Duration, Line, Truth, Url, Whole, wrong
from workbench.declare.schema.base import Keys, checked, choice, form
from workbench.model.notice import TOLD, Beat, Mail, Notify, Occasion

_ADDRESS = re.compile(r"[^\s@<>,;]+@[^\s@<>,;]+")
_SERVICE = re.compile(r"[a-z][a-z0-9+.\-]*://\S+", re.ASCII)


def _target(said: str) -> str:
    if not _ADDRESS.fullmatch(said) and not _SERVICE.fullmatch(said):
        wrong(f"{said[:60]!r} is nobody to tell", "a mail address, or an address as apprise has them: slack://…")
    return said


Target = Annotated[
    str, checked(_target), form("mail address, or apprise address", "ann@acme.example", "ntfy://acme-nights")
]
Targets = Annotated[
    list[Target],
    BeforeValidator(lambda value: [value] if isinstance(value, str) else value),
    WithJsonSchema({"type": ["string", "array"], "items": {"type": "string"}, "x-form": "address, or list of them"}),
]
SecretName = Annotated[str, checked(lambda said: said), form("name of a secret", "MAIL_PASSWORD")]


class NotifyKeys(Keys):
    """Who is told of what. In an address `${secret:NAME}` stands for a secret of the home."""

    failure: Targets | None = Field(
        None, description="Runs that did not succeed; who cancelled one knows.", examples=["ann@acme.example"]
    )
    recovery: Targets | None = Field(None, description="The first success after one that did not succeed.")
    late: Targets | None = Field(
        None, description="Due times that were missed, and runs that have not begun ten minutes after theirs."
    )
    success: Targets | None = Field(None, description="Every run that succeeded.")
    changed: Targets | None = Field(
        None, description="Successes whose output is materially other than that of the one before."
    )
    heartbeat: Url | None = Field(
        None, description="Asked for after each success, for a monitor that notices when nothing comes any more."
    )
    report: Truth = Field(False, description="true: mail brings the run's HTML report.")


class BeatKeys(Keys):
    """An address that a monitor watches. An address alone is short for `{url: …}`."""

    SHORT = "url"

    url: Url = Field(description="Asked for while the supervisor lives: who is dead tells nobody.")
    every: Duration = Field(300.0, description="How often.", json_schema_extra={"default": "5m"})


class MailKeys(Keys):
    """How mail leaves. Without `server` the machine's own `sendmail` is asked."""

    sender: Target | None = Field(
        None, alias="from", description="Who it comes from; your account on this machine, where absent."
    )
    server: Line | None = Field(None, description="SMTP server.", examples=["mail.acme.example"])
    port: Annotated[Whole, Field(ge=1, le=65535)] | None = Field(
        None, description="587 with starttls, 465 with tls, 25 without, where absent."
    )
    security: Annotated[str, *choice("starttls", "tls", "none")] = Field(
        "starttls", description="How the line is kept private."
    )
    user: Line | None = Field(None, description="Name to sign in with.")
    password: SecretName | None = Field(None, description="The secret that holds its password.")
    ca: Line | None = Field(
        None,
        description="File of certificates (PEM) that its own may be signed by, beside those that this machine trusts.",
        examples=["acme-ca.pem"],
    )


def notify_of(keys: NotifyKeys | None) -> Notify | None:
    """What was declared; None for nothing."""
    if keys is None:
        return None
    said: dict[Occasion, Any] = {one: getattr(keys, str(one), None) for one in TOLD}
    return Notify(
        {one: tuple(list_) for one, list_ in said.items() if list_ is not None}, keys.heartbeat or "", keys.report
    )


def mail_of(keys: MailKeys | None) -> Mail:
    """How mail leaves."""
    if keys is None:
        return Mail()
    usual = {"starttls": 587, "tls": 465, "none": 25}[keys.security]
    return Mail(
        keys.sender or "",
        keys.server or "",
        keys.port or usual,
        keys.security,
        keys.user or "",
        keys.password or "",
        keys.ca or "",
    )


def beat_of(keys: BeatKeys | None) -> Beat | None:
    """The home's heartbeat; None for none."""
    return Beat(keys.url, max(keys.every, 1.0)) if keys else None
