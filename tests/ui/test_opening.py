"""Opening what asks for name and password by a form of its own: nothing to type, or what to type on the clipboard."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from images.rserver import RServer
from ui.seeding import Seed

SECRET = "s3cret-token-of-a-session"


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
        """As a browser does: ask for it once, and go where it leads, with the cookies that it gives."""
        seen.append(address)
        where = urlsplit(address)
        connection = http.client.HTTPConnection("127.0.0.1", where.port or 0, timeout=20)
        connection.request("GET", where.path, headers={"Host": where.netloc})
        with connection.getresponse() as answer:
            led.append((answer.getheader("Location") or "", "user-id=" in (answer.getheader("Set-Cookie") or "")))
        connection.close()
        return True

    monkeypatch.delenv("SSH_CONNECTION", raising=False)
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr("workbench.ui.desk._browse", browse)
    number = seed.session(name="churn-rstudio", ide="rstudio")
    with seed.bench.store.write() as connection:
        connection.execute("UPDATE sessions SET port = ? WHERE id = ?", (studio, number))
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
