"""`workbench notify test`, whole: command, supervisor, sender, and servers that take what comes or do not."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import trustme
from cli_home import Shell, make_shell
from mail_servers import PASSWORD, USER, Post, authority_file, post_office, service

from workbench.services.supervision import control
from workbench.vault import Vault

WRONG = "wr0ng-wr0ng"


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str]) -> Iterator[Shell]:
    """The command, in a home whose supervisor ends with the test."""
    made = make_shell(capsys)
    yield made
    control.stop(made.bench)
    made.bench.close()


def test_a_test_letter_says_what_became_of_it(shell: Shell) -> None:
    """Whatever is wrong is said with what to do; once it is right the letter goes. Nowhere does a password stand."""
    authority = trustme.CA()
    authority_file(authority, shell.bench.home.root)
    home = shell.bench.home

    def said(*targets: str) -> str:
        shell("notify", "test", *targets)
        assert shell.code == 1
        return shell.err

    with post_office(authority, Post("451 4.7.1 come again later")) as post, service() as server:
        mail = f"server: 127.0.0.1, port: {post.port}, from: wb@acme.example, user: {USER}, password: MAIL, ca: acme-ca.pem"
        home.settings_file.write_text(f"mail: {{{mail}}}\nnotify: {{failure: [ann@acme.example]}}\n")
        vault = Vault(home.secrets)
        vault.set("MAIL", WRONG)
        assert "does not let ann in with this password: 535 5.7.8" in said()
        vault.set("MAIL", PASSWORD)
        assert "ann@acme.example: 127.0.0.1" in said()
        assert "refuses the address: 451 4.7.1 come again later; tried again " in shell.err
        server.answer = 500
        assert "error=500" in said(f"json://{server.place}/T0ken", "ann@acme.example")
        assert "ann@acme.example:" not in shell.err
        assert [mail["To"] for mail in post.mails] == ["ann@acme.example"]
    listed = shell.json("notify", "list")
    assert {one["state"] for one in listed} == {"pending", "sent"}
    for text in (str(listed), *(path.read_text() for path in home.state.glob("*.log"))):
        assert not any(word in text for word in (PASSWORD, WRONG, "T0ken"))
