"""Mail given to an SMTP server, RFC 5321: taken, refused, or handed over without an answer."""

from __future__ import annotations

import base64
import smtplib
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from workbench import certificates
from workbench.model.notice import Mail
from workbench.notices.unsent import TooLarge, Unheard, Unsent
from workbench.text import one_line

TIMEOUT = 30.0  # seconds for each answer of a server
TAKING = 120.0  # and for the one to a whole mail, which it may look through first
LEAVING = 3.0
TOO_LARGE = 552  # RFC 1870


class _Line:
    """What `smtplib` has not: it remembers that a whole mail was handed over."""

    handed_over = False
    sock: Any

    def send(self, s: Any) -> None:
        """Commands are text, mails are bytes that end with their last dot."""
        super().send(s)  # type: ignore[misc]
        if isinstance(s, bytes):
            self.handed_over = True
            self.sock.settimeout(TAKING)


class _Plain(_Line, smtplib.SMTP):
    pass


class _Tls(_Line, smtplib.SMTP_SSL):
    pass


def send(mail: EmailMessage, settings: Mail, password: str, ca: Path | None = None) -> None:
    """Give it to the server. Raises `Unsent`."""
    with _said(settings, password):
        server = _open(settings, ca)
        try:
            if settings.user:
                _sign_in(server, settings.user, password)
            server.send_message(mail)
        except smtplib.SMTPServerDisconnected as error:
            if not server.handed_over:
                raise
            why = "did not say whether it took the letter: it may have arrived, and is not sent again"
            raise Unheard(f"{settings.server}:{settings.port} {why}") from error
        finally:
            _leave(server)


def _open(settings: Mail, ca: Path | None) -> _Plain | _Tls:
    try:
        context = certificates.context(ca)
    except OSError as error:
        raise Unsent(f"mail.ca: {ca}: {error.strerror or 'no certificates in it'}") from error
    if settings.security == "tls":
        return _Tls(settings.server, settings.port, timeout=TIMEOUT, context=context)
    server = _Plain(settings.server, settings.port, timeout=TIMEOUT)
    try:
        if settings.security == "starttls":
            server.starttls(context=context)
    except BaseException:
        _leave(server)
        raise
    return server


def _sign_in(server: smtplib.SMTP, user: str, password: str) -> None:
    """`smtplib` signs in by ASCII alone; PLAIN takes more, RFC 4616."""
    if f"{user}{password}".isascii():
        server.login(user, password)
        return
    server.ehlo_or_helo_if_needed()
    if "PLAIN" not in server.esmtp_features.get("auth", "").split():
        raise smtplib.SMTPNotSupportedError("AUTH PLAIN, for a password that is not ASCII, is not offered")
    given = base64.b64encode(f"\0{user}\0{password}".encode()).decode("ascii")
    code, answer = server.docmd("AUTH", f"PLAIN {given}")
    if code != 235:
        raise smtplib.SMTPAuthenticationError(code, answer)


def _leave(server: smtplib.SMTP) -> None:
    """Say goodbye. What is answered changes nothing: a letter that was taken is sent."""
    with suppress(smtplib.SMTPException, OSError):
        if server.sock:
            server.sock.settimeout(LEAVING)
        server.quit()
    server.close()


def _refused(error: smtplib.SMTPException, place: str, settings: Mail, words: Callable[[bytes | str], str]) -> Unsent:
    """What the server answered. A letter or an address that it refuses for good, 5xx, is not tried again."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        answers = list(error.recipients.values())
        why = "; ".join(f"{code} {words(text)}" for code, text in answers)
        return Unsent(f"{place} refuses the address: {why}", final=all(code >= 500 for code, _ in answers))
    assert isinstance(error, smtplib.SMTPResponseException)
    why = f"{error.smtp_code} {words(error.smtp_error)}"
    if isinstance(error, smtplib.SMTPAuthenticationError):
        hint = f"workbench secrets set {settings.password}" if settings.password else "mail: {password: NAME}"
        return Unsent(f"{place} does not let {settings.user} in with this password: {why}. Put it right: {hint}")
    if error.smtp_code == TOO_LARGE:
        return TooLarge(f"{place}: {why}", final=True)
    if isinstance(error, smtplib.SMTPSenderRefused):
        return Unsent(f"{place} takes no mail from {error.sender}: {why}. Who it comes from: mail: {{from: …}}")
    return Unsent(f"{place}: {why}", final=isinstance(error, smtplib.SMTPDataError) and error.smtp_code >= 500)


def _broken(error: Exception, words: Callable[[bytes | str], str]) -> str:
    """Why there is no line to the server."""
    match error:
        case ssl.SSLCertVerificationError():
            trust = "Trust who signed it: mail: {ca: FILE}, or among this machine's certificates"
            return f"has a certificate that is not trusted: {words(error.verify_message)}. {trust}"
        case ssl.SSLError():
            return f"talks no TLS there: {words(error.reason or str(error))}"
        case smtplib.SMTPServerDisconnected() if not isinstance(error.__context__, TimeoutError):
            return "broke off"
        case smtplib.SMTPServerDisconnected() | TimeoutError():
            return f"does not answer within {TIMEOUT:g} s"
    return f"cannot be used: {words(str(error)) or type(error).__name__}"


@contextmanager
def _said(settings: Mail, password: str) -> Iterator[None]:
    """What goes wrong, in words, in which no password stands."""

    def words(answer: bytes | str) -> str:
        text = answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer
        return one_line(text.replace(password, "…") if password else text, 200)

    place = f"{settings.server}:{settings.port}"
    try:
        yield
    except (smtplib.SMTPResponseException, smtplib.SMTPRecipientsRefused) as error:
        raise _refused(error, place, settings, words) from error
    except (smtplib.SMTPException, OSError, ValueError) as error:
        said = f"said is mail: {{security: {settings.security}, port: {settings.port}}}; usual: starttls with 587, tls with 465"
        why = _broken(error, words)
        raise Unsent(f"{place} {why}" if "ca: FILE" in why else f"{place} {why}; {said}") from error
