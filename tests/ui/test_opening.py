"""Opening what asks for name and password by a form of its own: nothing to type, or what to type on the clipboard."""

from __future__ import annotations

import http.client
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from images.rserver import RServer
from ui.seeding import Seed

from workbench.services import links

SECRET = "s3cret-token-of-a-session"


def browsed(address: str) -> tuple[str, bool]:
    """Ask for a link once, as a browser does: where it leads, and whether it signs in."""
    where = urlsplit(address)
    connection = http.client.HTTPConnection("127.0.0.1", where.port or 0, timeout=20)
    connection.request("GET", where.path, headers={"Host": where.netloc})
    with connection.getresponse() as answer:
        found = answer.getheader("Location") or "", "user-id=" in (answer.getheader("Set-Cookie") or "")
    connection.close()
    return found


def opened(seed: Seed, port: int) -> int:
    """A session of RStudio that is said to be ready at `port`."""
    number = seed.session(name="churn-rstudio", ide="rstudio")
    with seed.bench.store.write() as connection:
        connection.execute("UPDATE sessions SET port = ? WHERE id = ?", (port, number))
    return number


@pytest.fixture
def studio() -> Iterator[int]:
    """The port of a stand-in for RStudio Server that knows the seeded session's password."""
    with RServer(("127.0.0.1", 0), knows=lambda *said: said == ("rstudio", SECRET), throttle=0) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


async def test_o_signs_in_to_rstudio_and_else_copies_the_password(
    seed: Seed, stage: Callable[..., Any], studio: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The browser gets a link at the session's own name and the clipboard nothing; where the password is not taken, the
    browser is led to the form, why is said in a sentence, and the password is on the clipboard."""
    seen: list[str] = []
    led: list[tuple[str, bool]] = []

    def browse(address: str) -> bool:
        seen.append(address)
        led.append(browsed(address))
        return True

    monkeypatch.delenv("SSH_CONNECTION", raising=False)
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr("workbench.ui.desk._browse", browse)
    number = opened(seed, studio)
    async with stage() as on:
        await on.list("sessions", rows=1)
        await on.press("o")
        await on.see("churn-rstudio is open in the browser")
        assert urlsplit(seen[0]).hostname == "churn-rstudio.localhost"
        assert on.app.clipboard == ""
        (seed.bench.home.session_folder(number) / "token").write_text("another")
        await on.press("o")
        await on.see("The link could not sign in", "sign in as rstudio")
        await on.until(lambda: on.app.clipboard == "another", "the password")
        assert urlsplit(seen[1]).hostname == "127.0.0.1"
        target = f"http://churn-rstudio.localhost:{studio}/"
        assert led == [(target, True), (target, False)]
        assert SECRET not in " ".join(seen) + on.text


def test_who_does_not_answer_is_not_waited_for(seed: Seed, monkeypatch: pytest.MonkeyPatch) -> None:
    """An RStudio that takes a connection and says nothing: the link is made all the same, and leads to the form."""
    monkeypatch.setattr(links, "SIGNING_IN", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        link = links.make(seed.bench, opened(seed, port))
        assert (link.login, link.password) == ("rstudio", SECRET)
        assert link.asks == "The link could not sign in (RStudio took too long): its form asks."
        assert browsed(link.address) == (f"http://churn-rstudio.localhost:{port}/", False)
