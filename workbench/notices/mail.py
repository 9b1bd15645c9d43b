"""Letters as mail: by an SMTP server where one is named, else by the machine's sendmail."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from email.message import EmailMessage
from email.utils import formatdate
from pathlib import Path

from workbench.model.notice import Mail
from workbench.notices import smtp
from workbench.notices.letter import Letter
from workbench.notices.unsent import Unheard, Unsent
from workbench.text import one_line

PATIENCE = 120.0  # seconds for sendmail
PLACES = ("/usr/sbin", "/usr/lib", "/usr/local/sbin")


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


def send(mail: EmailMessage, settings: Mail, password: str, ca: Path | None = None) -> None:
    """Give it to the server or to sendmail. Raises `Unsent`."""
    if settings.server:
        smtp.send(mail, settings, password, ca)
    else:
        _by_sendmail(mail)


def _by_sendmail(mail: EmailMessage) -> None:
    program = shutil.which("sendmail") or shutil.which("sendmail", path=":".join(PLACES))
    if program is None:
        raise Unsent("this machine has no sendmail; name a server: `mail: {server: …}` in workbench.yaml")
    try:
        done = subprocess.run(
            [program, "-t", "-oi"], check=False, input=mail.as_bytes(), capture_output=True, timeout=PATIENCE
        )
    except subprocess.TimeoutExpired as error:
        raise Unheard(f"{program} did not end within {PATIENCE:g} s: the letter may have arrived") from error
    except OSError as error:
        raise Unsent(f"{program}: {one_line(str(error), 200)}") from error
    if done.returncode:
        said = one_line(done.stderr.decode("utf-8", "replace"), 200)
        raise Unsent(f"{program} ended with {done.returncode}{f': {said}' if said else ''}")
