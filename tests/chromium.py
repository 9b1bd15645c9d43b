"""The machine's own Chromium, for tests of what a person meets in a browser."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Error, Page, expect, sync_playwright

FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
SECONDS = 60_000  # milliseconds, as playwright counts
expect.set_options(timeout=SECONDS)
NETWORK_CHANGED, TRIES = "ERR_NETWORK_CHANGED", 8
# What comes back over a websocket of this page's own session, or how it failed.
WEBSOCKET = """path => new Promise(done => {
    const socket = new WebSocket('ws://' + location.host + path)
    socket.onopen = () => done('open')
    socket.onerror = () => done('refused')
})"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser; each context of it is a profile of its own."""
    program = next(filter(None, map(shutil.which, PROGRAMS)))
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield opened
        opened.close()


@pytest.fixture
def profile(browser: Browser) -> Iterator[BrowserContext]:
    """A profile that has never been anywhere."""
    made = browser.new_context()
    made.set_default_timeout(SECONDS)
    yield made
    made.close()


@pytest.fixture
def stranger(browser: Browser) -> Iterator[Page]:
    """A page of another profile, which knows no secret."""
    made = browser.new_context()
    made.set_default_timeout(SECONDS)
    yield made.new_page()
    made.close()


def visit(page: Page, address: Callable[[], str]) -> None:
    """Go to an address, made anew for each try: a browser gives up what it loads when the machine's network changes, as
    it does whenever a container comes or goes."""
    changed: list[str] = []
    page.on("requestfailed", lambda one: changed.append(one.url) if NETWORK_CHANGED in str(one.failure) else None)
    for _ in range(TRIES):
        changed.clear()
        try:
            page.goto(address())
        except Error as error:
            if NETWORK_CHANGED not in error.message:
                raise
            continue
        if not changed:
            return
    raise AssertionError(f"the network changed at each of {TRIES} tries")
