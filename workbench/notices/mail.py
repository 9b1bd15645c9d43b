"""Letters as mail: by an SMTP server where one is named, else by the machine's sendmail."""

from __future__ import annotations

import hashlib
import shutil
import smtplib
import ssl
import subprocess
from email.message import EmailMessage
from email.utils import formatdate

from workbench.model.notice import Mail
from workbench.notices.letter import Letter
from workbench.text import one_line

TIMEOUT = 30.0  # seconds for each answer of a server
PLACES = ("/usr/sbin", "/usr/lib", "/usr/local/sbin")


class Unsent(Exception):  # noqa: N818 - a condition that the sender writes down
    """It was not taken; the message says why. `final`: trying again cannot help."""

    def __init__(self, why: str, *, final: bool = False) -> None:
        super().__init__(why)
        self.final = final


def message(letter: Letter, sender: str, target: str, key: str) -> EmailMessage:
    """The mail. `key` names what it is about, so that a mail server or reader that gets it twice can tell."""
    mail = EmailMessage()
    mail["From"] = sender
    mail["To"] = target
    mail["Subject"] = one_line(letter.title, 200)
    mail["Date"] = formatdate(localtime=True)
    mail["Message-ID"] = f"<{hashlib.sha256(f'{target} {key}'.encode()).hexdigest()[:32]}@{sender.rpartition('@')[2]}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(letter.text)
    for name, content in letter.files:
        mail.add_attachment(content, maintype="text", subtype="html", filename=name)
    return mail


def send(mail: EmailMessage, settings: Mail, password: str) -> None:
    """Give it to the server or to sendmail. Raises `Unsent`."""
    if settings.server:
        _by_server(mail, settings, password)
    else:
        _by_sendmail(mail)


def _by_server(mail: EmailMessage, settings: Mail, password: str) -> None:
    context = ssl.create_default_context()
    try:
        place = (settings.server, settings.port)
        tls = settings.security == "tls"
        server = (
            smtplib.SMTP_SSL(*place, timeout=TIMEOUT, context=context) if tls else smtplib.SMTP(*place, timeout=TIMEOUT)
        )
        with server:
            if settings.security == "starttls":
                server.starttls(context=context)
            if settings.user:
                server.login(settings.user, password)
            server.send_message(mail)
    except smtplib.SMTPAuthenticationError as error:
        raise Unsent(f"{settings.server} does not take the name and password", final=True) from error
    except smtplib.SMTPRecipientsRefused as error:
        codes = [code for code, _ in error.recipients.values()]
        why = "; ".join(one_line(text.decode("utf-8", "replace"), 200) for _, text in error.recipients.values())
        raise Unsent(
            f"{settings.server} refuses the address: {why}", final=all(code >= 500 for code in codes)
        ) from error
    except (smtplib.SMTPException, OSError) as error:
        raise Unsent(
            f"{settings.server}:{settings.port}: {one_line(str(error), 200) or type(error).__name__}"
        ) from error


def _by_sendmail(mail: EmailMessage) -> None:
    program = shutil.which("sendmail") or shutil.which("sendmail", path=":".join(PLACES))
    if program is None:
        hint = "this machine has no sendmail; name a server: `mail: {server: …}` in workbench.yaml"
        raise Unsent(hint, final=True)
    try:
        done = subprocess.run(
            [program, "-t", "-oi"], check=False, input=mail.as_bytes(), capture_output=True, timeout=120
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unsent(f"{program}: {one_line(str(error), 200)}") from error
    if done.returncode:
        said = one_line(done.stderr.decode("utf-8", "replace"), 200)
        raise Unsent(f"{program} ended with {done.returncode}{f': {said}' if said else ''}")
