"""Letters by servers as there are: private certificates, sign-in, delays, refusals, lines that break; and by services.

A letter that was taken is never sent again, one that was not is tried again, and what is not known is said.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import timedelta
from email.message import EmailMessage
from mailbox import unused_port
from pathlib import Path

import pytest
import trustme
from letters import Letters, letters
from mail_servers import PASSWORD, USER, Post, authority_file, post_office, service

from workbench.model.notice import Mail, Notice, NoticeState, Occasion
from workbench.model.run import RunState
from workbench.notices import smtp
from workbench.notices.__main__ import Sender
from workbench.notices.unsent import Unheard, Unsent
from workbench.services import notices
from workbench.store import notices as rows

__all__ = ["letters"]


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """A CA that nobody knows."""
    return trustme.CA()


@pytest.fixture
def ca(authority: trustme.CA, tmp_path: Path) -> Path:
    """Its certificate."""
    return authority_file(authority, tmp_path)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is silent for a second is silent."""
    monkeypatch.setattr(smtp, "TIMEOUT", 5.0)
    monkeypatch.setattr(smtp, "TAKING", 5.0)


def mail() -> EmailMessage:
    """A mail."""
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = "workbench@acme.example", "eve@acme.example", "nightly failed"
    made.set_content("run 41\n.\nof many\n")
    return made


def settings(port: int, security: str = "starttls", *, user: str = USER) -> Mail:
    """How it leaves."""
    return Mail("", "127.0.0.1", port, security, user, "MAIL" if user else "")


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_private_certificate_and_a_sign_in(authority: trustme.CA, ca: Path, security: str) -> None:
    """Both kinds of TLS, with a password that is no ASCII, where the CA is named; nothing leaves where it is not trusted."""
    with post_office(authority, Post(), security=security) as post:
        smtp.send(mail(), settings(post.port, security), PASSWORD, ca)
        assert [one.get_content().split() for one in post.mails] == [["run", "41", ".", "of", "many"]]
        assert post.signed_in
        with pytest.raises(
            Unsent, match=r"has a certificate that is not trusted: unable to get local issuer.*mail: \{ca: FILE\}"
        ):
            smtp.send(mail(), settings(post.port, security), PASSWORD)
        assert post.asked == len(post.mails) == 1


def test_a_certificate_that_this_machine_trusts(
    authority: trustme.CA, ca: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The machine's store, or the variable that names one, is enough; one for another name is not trusted."""
    monkeypatch.setenv("SSL_CERT_FILE", str(ca))
    with post_office(authority, Post()) as post:
        smtp.send(mail(), settings(post.port), PASSWORD)
        assert len(post.mails) == 1
        with pytest.raises(Unsent, match="not trusted: Hostname mismatch"):
            smtp.send(mail(), Mail("", "localhost", post.port, "starttls", USER, "MAIL"), PASSWORD)


@pytest.mark.parametrize("wrong", ["hunter2-wrong", "fälsch-wrong"])
def test_a_wrong_password_is_said_and_never_shown(authority: trustme.CA, ca: Path, wrong: str) -> None:
    """It is named with what puts it right; the letter goes once it is right."""
    with post_office(authority, Post()) as post:
        with pytest.raises(
            Unsent, match=r"does not let ann in with this password: 535.*workbench secrets set MAIL"
        ) as refused:
            smtp.send(mail(), settings(post.port), wrong, ca)
        assert refused.value.state(0) is NoticeState.PENDING
        assert wrong not in str(refused.value)
        assert post.mails == []


def test_a_server_that_wants_otherwise_than_declared(authority: trustme.CA, ca: Path) -> None:
    """TLS where there is none, and none where there is; a sign-in that is missed or not offered: each is said with the settings."""
    said = r"said is mail: \{security: "
    with post_office(None, Post(), security="none", sign_in=False) as plain:
        with pytest.raises(Unsent, match=f"talks no TLS there.*{said}tls"):
            smtp.send(mail(), settings(plain.port, "tls"), PASSWORD, ca)
        with pytest.raises(Unsent, match=f"STARTTLS.*{said}starttls"):
            smtp.send(mail(), settings(plain.port), PASSWORD, ca)
        with pytest.raises(Unsent, match="AUTH"):
            smtp.send(mail(), settings(plain.port, "none"), PASSWORD)
        with pytest.raises(Unsent, match="No suitable authentication"):
            smtp.send(mail(), settings(plain.port, "none"), "ascii")
        smtp.send(mail(), settings(plain.port, "none", user=""), "", ca)
        assert len(plain.mails) == 1
    with post_office(authority, Post()) as post, pytest.raises(Unsent, match=r"530 .*STARTTLS"):
        smtp.send(mail(), settings(post.port, "none", user=""), "")
    with post_office(authority, Post()) as post, pytest.raises(Unsent, match=r"530 .*[Aa]uthentication required"):
        smtp.send(mail(), settings(post.port, user=""), "", ca)
    for file in (ca.with_name("gone.pem"), Path(__file__)):
        with pytest.raises(Unsent, match=rf"mail\.ca: .*{file.name}: "):
            smtp.send(mail(), settings(1), PASSWORD, file)


def test_a_recipient_that_is_put_off_and_one_that_is_refused(authority: trustme.CA, ca: Path) -> None:
    """4xx, as of greylisting, is tried again and taken; 5xx is for good."""
    with post_office(authority, Post("451 4.7.1 come again later", "250", "550 5.1.1 nobody of that name")) as post:
        with pytest.raises(Unsent, match=r"451 4.7.1 come again later") as put_off:
            smtp.send(mail(), settings(post.port), PASSWORD, ca)
        assert put_off.value.state(0) is NoticeState.PENDING
        post.answers.pop(0)
        with pytest.raises(Unsent, match=r"refuses the address: 550 5.1.1 nobody of that name") as refused:
            smtp.send(mail(), settings(post.port), PASSWORD, ca)
        assert refused.value.state(0) is NoticeState.FAILED
        smtp.send(mail(), settings(post.port), PASSWORD, ca)
        assert len(post.mails) == 1


def one(letters: Letters) -> Notice:
    """The only notice."""
    (found,) = notices.recent(letters.bench)
    return found


def again(letters: Letters) -> None:
    """The time to try it again has come."""
    with letters.bench.store.write() as connection:
        connection.execute("UPDATE notices SET not_before = created")
    letters.send()


def test_a_line_that_breaks_in_a_letter(letters: Letters) -> None:
    """Before it was handed over whole it is sent again; afterwards nobody knows, so that is said and it is not sent again."""
    letters.run(RunState.FAILED)
    letters.box.midway = True
    letters.send()
    assert one(letters).state is NoticeState.PENDING
    large = mail()
    large.set_payload("of many rows\n" * 700_000)
    letters.box.midway, letters.box.most = False, 1000
    with pytest.raises(Unsent, match="broke off"):
        smtp.send(large, settings(letters.box.port, "none", user=""), "")
    letters.box.most, letters.box.answer = 0, ""
    again(letters)
    assert one(letters).state is NoticeState.UNKNOWN
    assert "it may have arrived" in one(letters).reason
    letters.box.answer = "250 taken"
    again(letters)
    assert len(letters.box.mails) == 1


def test_a_server_that_says_goodbye_badly_has_taken_it(letters: Letters) -> None:
    """What is answered after a letter was taken does not have it sent again."""
    letters.run(RunState.FAILED)
    letters.box.bye = "421 too busy for that"
    letters.send()
    assert one(letters).state is NoticeState.SENT
    assert len(letters.box.mails) == 1


def test_a_server_that_is_silent_or_refuses_what_is_in_it(letters: Letters, monkeypatch: pytest.MonkeyPatch) -> None:
    """Silence is said and tried again, and `status` has it after some tries; what is refused for its content is not."""
    monkeypatch.setattr(smtp, "TIMEOUT", 0.2)
    letters.run(RunState.FAILED)
    letters.box.silent = True
    letters.send()
    assert (one(letters).state, one(letters).tries) == (NoticeState.PENDING, 1)
    assert "does not answer within 0.2 s" in one(letters).reason
    assert "; tried again " in notices.why(letters.bench, one(letters))

    def untold() -> int:
        with letters.bench.store.read() as connection:
            return len(rows.unsent(connection, letters.bench.now() - timedelta(hours=1)))

    assert untold() == 0
    again(letters)
    again(letters)
    assert untold() == 1
    letters.box.silent, letters.box.answer = False, "554 it looks like spam"
    again(letters)
    assert (one(letters).state, letters.box.mails) == (NoticeState.FAILED, [])


def test_a_report_that_is_too_large_is_left_out(letters: Letters, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that takes no letter of that size is given the letter without it, which says so."""
    post = Post()
    post.largest = 50_000
    monkeypatch.setattr(Sender, "_reports", lambda *_: (("report.html", b"<p>" * 50_000),))
    with post_office(None, post, security="none", sign_in=False):
        letters.settings("failure: [ann@acme.example]", post.port)
        letters.run(RunState.FAILED)
        letters.send()
        assert one(letters).state is NoticeState.SENT
    (mail,) = post.mails
    assert "report is larger than mail takes" in mail.get_content()


def test_what_workbench_itself_fails_at_holds_up_no_other(letters: Letters, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault over one letter is said of that one; its words, in which secrets may stand, are kept nowhere."""
    letters.settings("failure: [ann@acme.example, bob@acme.example]")
    letters.run(RunState.FAILED)
    real = smtp.send

    def harmed(message: EmailMessage, *rest: object) -> None:
        if message["To"] == "ann@acme.example":
            raise KeyError("s3cret")
        real(message, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(smtp, "send", harmed)
    letters.send()
    states = {found.target: found for found in notices.recent(letters.bench)}
    assert states["ann@acme.example"].state is NoticeState.UNKNOWN
    assert states["ann@acme.example"].reason == "workbench itself failed over it: KeyError"
    assert states["bob@acme.example"].state is NoticeState.SENT


@pytest.fixture
def told(letters: Letters, caplog: pytest.LogCaptureFixture) -> Callable[[str], Notice]:
    """Tells an address of a test; what became of it. Its token is in no log."""
    caplog.set_level(logging.INFO)
    count = 0

    def tell(target: str) -> Notice:
        nonlocal count
        count += 1
        with letters.bench.store.write() as connection:
            rows.add(
                connection,
                Occasion.TEST,
                f"test {count}",
                target,
                "x",
                at=letters.bench.now(),
                actor=letters.bench.actor,
            )
        letters.send()
        found = notices.recent(letters.bench)[0]
        assert "T0ken" not in found.reason + caplog.text
        return found

    return tell


def test_a_service(told: Callable[[str], Notice]) -> None:
    """What it takes is sent; 500 and a closed door are tried again; where it took it and said nothing, that is said."""
    with service() as server:
        address = f"json://{server.place}/T0ken"
        assert told(address).state is NoticeState.SENT
        assert b"workbench" in server.taken[0]
        server.answer = 500
        found = told(address)
        assert found.state is NoticeState.PENDING
        assert "500" in found.reason
        server.answer = 0
        assert told(address).state is NoticeState.UNKNOWN
        server.hold = threading.Event()
        found = told(f"{address}?rto=1")
        server.hold.set()
        assert found.state is NoticeState.UNKNOWN
        assert "it may have arrived" in found.reason
        assert len(server.taken) == 4
        found = told(f"jsons://{server.place}/T0ken")
        assert "it talks no TLS there" in found.reason
    found = told(f"json://127.0.0.1:{unused_port()}/T0ken")
    assert (found.state, "nobody listens there" in found.reason) == (NoticeState.PENDING, True)


def test_what_is_not_known_is_not_tried_again() -> None:
    """However often it was tried before."""
    assert Unheard("x").state(0) is NoticeState.UNKNOWN
