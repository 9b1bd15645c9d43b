"""JupyterLab of a container in a real Chromium, led in by the one-shot link."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, sync_playwright
from waiting import until
from world import PROJECT, notebook

from workbench.model.session import ENDED, Session, SessionState
from workbench.services import projects, sessions
from workbench.services.bench import Bench

pytestmark = [pytest.mark.docker, pytest.mark.chromium, pytest.mark.timeout(300)]
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
CELL = "import os\nopen('by-a-browser.txt', 'w').write('x')\nprint('six times seven is', 6 * 7, os.path.exists('/.dockerenv'))"
SECONDS = 60_000  # milliseconds, as playwright counts


@pytest.fixture
def browser() -> Iterator[Browser]:
    """The machine's own Chromium; each context of it is a profile of its own."""
    program = next(filter(None, map(shutil.which, PROGRAMS)))
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield opened
        opened.close()


@pytest.fixture
def session(lab: Bench) -> Iterator[Session]:
    """A session that opens a notebook with one cell."""
    file = notebook(lab, "browsed.ipynb", CELL)
    number = sessions.start(lab, PROJECT, file=file)
    until(lambda: sessions.get(lab, number).state is SessionState.READY, "the session", seconds=90)
    yield sessions.get(lab, number)
    sessions.stop(lab, number)
    until(lambda: sessions.get(lab, number).state in ENDED, "its end", seconds=60)


def new_page(browser: Browser) -> Page:
    """A page in a profile that has never been here."""
    page = browser.new_context().new_page()
    page.set_default_timeout(SECONDS)
    return page


def answers(link: str) -> bool:
    """Whether anything listens at the link's port any more."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", urlsplit(link).port or 0)) == 0


def test_a_person_opens_a_notebook_and_runs_it(lab: Bench, session: Session, browser: Browser) -> None:
    """The link opens the notebook in JupyterLab once, at the session's own name; its cell runs; others are shown a sign-in."""
    link = sessions.link(lab, session.id)
    token = sessions.secret_url(lab, session.id).rpartition("token=")[2]
    assert token not in link
    page = new_page(browser)
    page.goto(link)
    assert page.url.startswith(f"http://{PROJECT}-jupyter.localhost:{session.port}/lab")
    editor = page.locator(".jp-Notebook .jp-CodeCell .cm-content").first
    editor.click()
    page.locator(".jp-Notebook-ExecutionIndicator[data-status='idle']").first.wait_for()
    page.keyboard.press("Control+Enter")
    page.locator(".jp-OutputArea-output", has_text="six times seven is 42 True").first.wait_for()
    made = projects.get(lab, PROJECT).path / "notebooks" / "by-a-browser.txt"
    assert made.stat().st_uid == os.getuid()
    assert token not in page.url

    stranger = new_page(browser)
    stranger.goto(session.url + "/lab")
    assert "/login" in stranger.url
    assert stranger.locator("input[type=password]").first.is_visible()
    assert stranger.locator(".jp-Notebook").count() == 0
    refused = stranger.goto(f"{session.url}/api/contents")
    assert refused
    assert refused.status == 403
    assert not answers(link)
