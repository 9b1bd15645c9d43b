"""Sessions in containers in a real Chromium, led in by the one-shot link: they work, and are private, side by side."""

from __future__ import annotations

import http.client
import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import nbformat
import pytest
from chromium import SECONDS, TRIES, WEBSOCKET, browser, profile, stranger, visit
from containers import built, declare
from docker import APIClient
from images import rstudio
from playwright.sync_api import BrowserContext, Error, Page, expect
from playwright.sync_api import TimeoutError as TooLate
from waiting import until
from world import PROJECT, ended, notebook

from workbench.model.run import Request
from workbench.model.session import ENDED, Session, SessionState
from workbench.model.terms import Terms
from workbench.services import links as entrances
from workbench.services import projects, runs, sessions
from workbench.services.bench import Bench
from workbench.services.history import attaching, continuing

__all__ = ["browser", "profile", "stranger"]
pytestmark = [pytest.mark.docker, pytest.mark.chromium, pytest.mark.timeout(600)]
CELL = "import os\nopen('by-a-browser.txt', 'w').write('x')\nprint('six times seven is', 6 * 7, os.path.exists('/.dockerenv'))"
R_CELL = "writeLines('x', 'by-r.txt')\ncat('six times seven is', 6 * 7, file.exists('/.dockerenv'))"
R_APP = """\
library(shiny)
ui <- fluidPage(sliderInput("n", "a number", 0, 100, 20), textOutput("said"))
server <- function(input, output) output$said <- renderText(paste("twice is", 2 * input$n))
shinyApp(ui, server)
"""
PYTHON_APP = """\
from shiny import App, render, ui

def server(input, output, session):
    @render.text
    def said():
        return f"twice is {2 * input.n()}"

app = App(ui.page_fluid(ui.input_slider("n", "a number", 0, 100, 20), ui.output_text("said")), server)
"""


@pytest.fixture(scope="module")
def apps(lab: Bench) -> Bench:
    """The home with a project for each kind of app, and one for R, their environments built."""
    for name, environment, file, text in (
        ("rapp", "shiny", "app.R", R_APP),
        ("pyapp", "shiny-python", "app.py", PYTHON_APP),
        ("rlab", "r", "", ""),
    ):
        made = projects.create(lab, name, environment=environment)
        if file:
            (made.path / file).write_text(text)
        built(lab, environment)
    return lab


@pytest.fixture
def up(lab: Bench) -> Iterator[Callable[..., list[Session]]]:
    """Brings sessions up, each asked for as `sessions.start` takes it, side by side; they are stopped at the end."""
    numbers: list[int] = []

    def start(*wanted: dict[str, str]) -> list[Session]:
        numbers.extend(sessions.start(lab, **one) for one in wanted)
        settled = {SessionState.READY, *ENDED}
        until(lambda: all(sessions.get(lab, one).state in settled for one in numbers), "sessions", seconds=150)
        found = [sessions.get(lab, one) for one in numbers]
        assert not (wrong := [f"{one.name}: {one.reason}" for one in found if one.state in ENDED]), wrong
        return found

    yield start
    for number in numbers:
        sessions.stop(lab, number)
    until(lambda: all(sessions.get(lab, one).state in ENDED for one in numbers), "their end", seconds=90)


def answers(link: str) -> bool:
    """Whether anything listens at the link's port any more."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", urlsplit(link).port or 0)) == 0


def status(session: Session, path: str = "/", **headers: str) -> int:
    """What a session answers to a program."""
    connection = http.client.HTTPConnection("127.0.0.1", session.port, timeout=30)
    connection.request("GET", path, headers={"Host": f"{session.host_name}:{session.port}", **headers})
    with connection.getresponse() as answer:
        found = answer.status
    connection.close()
    return found


def cookies(profile: BrowserContext, session: Session) -> dict[str, str]:
    """What a profile has kept of a session."""
    return {str(one["name"]): str(one["value"]) for one in profile.cookies(session.url)}


def header(kept: dict[str, str]) -> str:
    """Cookies as they are sent."""
    return "; ".join(f"{name}={value}" for name, value in kept.items())


def opened_by_command(bench: Bench, tmp_path: Path, *words: str, told: str = "") -> str:
    """What `workbench open` gives to the person's browser; `told` is something that it tells the person."""
    seen, program = tmp_path / "seen", tmp_path / "browser"
    program.write_text(f'#!/bin/sh\nprintf %s "$1" > {seen}\n')
    program.chmod(0o755)
    environ = {name: value for name, value in os.environ.items() if name != "SSH_CONNECTION"}
    line = [sys.executable, "-m", "workbench", "--home", str(bench.home.root), "open", *words]
    done = subprocess.run(
        line, env={**environ, "BROWSER": f"{program} %s", "DISPLAY": ":0"}, capture_output=True, text=True, timeout=150
    )
    assert done.returncode == 0, done.stderr
    assert told in done.stdout + done.stderr
    link = until(lambda: seen.exists() and seen.read_text(), "the browser")
    seen.unlink()
    assert re.match(r"http://(127\.0\.0\.1|[\w-]+\.localhost):\d+/[\w-]{32}$", link), link
    return link


def slid(page: Page) -> int:
    """Move the slider to the middle by the mouse; what it says now."""
    expect(page.get_by_text("twice is 40")).to_be_visible()
    page.locator(".irs-line").click()
    expect(page.locator(".irs-single")).not_to_have_text("20")
    return int(page.locator(".irs-single").inner_text())


def test_a_person_opens_a_notebook_and_runs_it(
    lab: Bench, up: Callable[..., list[Session]], profile: BrowserContext, stranger: Page
) -> None:
    """The link opens the notebook in JupyterLab once, at the session's own name; its cell runs; others are shown a sign-in."""
    (session,) = up({"project": PROJECT, "file": notebook(lab, "browsed.ipynb", CELL)})
    links: list[str] = []

    def link() -> str:
        links.append(entrances.make(lab, session.id).address)
        return links[-1]

    token = sessions.secret_url(lab, session.id).rpartition("token=")[2]
    page = profile.new_page()
    visit(page, link)
    assert token not in links[-1]
    assert page.url.startswith(f"http://{PROJECT}-jupyter.localhost:{session.port}/lab")
    run_first_cell(page)
    made = projects.get(lab, PROJECT).path / "notebooks" / "by-a-browser.txt"
    assert made.stat().st_uid == os.getuid()
    assert token not in page.url

    visit(stranger, lambda: session.url + "/lab")
    assert "/login" in stranger.url
    assert stranger.locator("input[type=password]").first.is_visible()
    assert stranger.locator(".jp-Notebook").count() == 0
    assert status(session, "/api/contents") == 403
    assert not answers(links[-1]), "after it was used"


def test_a_kernel_that_is_kept_is_seen_in_jupyterlab(
    lab: Bench, up: Callable[..., list[Session]], profile: BrowserContext
) -> None:
    """What a failed run's cells have made is there in JupyterLab, in another container: a copy of its output opens with its kernel."""
    path = notebook(
        lab, "kept.ipynb", "seen = 'again' if 'seen' in globals() else 'once'\nprint('seen', seen)", "1 / 0"
    )
    run = ended(lab, runs.submit(lab, Request(PROJECT, path, terms=Terms(keep=600.0))))
    assert run.kept_until, run.reason
    (session,) = up({"project": PROJECT})
    attached = attaching.to_jupyter(lab, run, session)
    assert attached.file.endswith(f"run-{run.id}.ipynb")
    session = attaching.shown(lab, attached)
    page = profile.new_page()
    visit(page, lambda: entrances.make(lab, session.id).address)
    run_first_cell(page, "seen again")
    after = ended(lab, continuing.go_on(lab, run.id, {2: "print(seen)\n1 / 0"}))
    assert (after.cells_done, after.kept_cell) == (1, 2), after.reason
    assert "after work by hand in it (JupyterLab)" in continuing.went_on(lab, after)
    continuing.release(lab, after.id)


def test_a_person_opens_a_notebook_of_r(apps: Bench, up: Callable[..., list[Session]], profile: BrowserContext) -> None:
    """The same for R: the cell runs in IRkernel, and what it writes belongs to the person."""
    folder = projects.get(apps, "rlab").path
    made = nbformat.v4.new_notebook(
        metadata={"kernelspec": {"name": "ir", "display_name": "R", "language": "R"}, "language_info": {"name": "R"}},
        cells=[nbformat.v4.new_code_cell(R_CELL)],
    )
    nbformat.write(made, folder / "with-r.ipynb")
    (session,) = up({"project": "rlab", "file": "with-r.ipynb"})
    page = profile.new_page()
    visit(page, lambda: entrances.make(apps, session.id).address)
    run_first_cell(page, "six times seven is 42 TRUE")
    assert (folder / "by-r.txt").stat().st_uid == os.getuid()


def test_apps_react_side_by_side_and_to_their_person_alone(
    apps: Bench, up: Callable[..., list[Session]], profile: BrowserContext, stranger: Page, tmp_path: Path
) -> None:
    """A Shiny app of R and one of Python react to a slider, opened by `workbench open`; with two JupyterLabs in the same
    profile all stay signed in. Another profile, another host name, and the cookies and keys of one on another get nothing."""
    known = up(
        {"project": PROJECT, "ide": "jupyter"},
        {"project": PROJECT, "ide": "jupyter", "name": "second"},
        {"project": "rapp", "ide": "shiny"},
        {"project": "pyapp", "ide": "shiny-python"},
    )
    labs, fronted = known[:2], known[2:]
    pages = {}
    for session, words in zip(fronted, (["rapp", "--ide", "shiny"], ["pyapp", "--ide", "shiny-python"]), strict=True):
        page = pages[session.id] = profile.new_page()
        visit(page, lambda said=words: opened_by_command(apps, tmp_path, *said))
        assert page.url == f"{session.url}/"
        number = slid(page)
        expect(page.get_by_text(f"twice is {2 * number}", exact=True)).to_be_visible()
    for session in labs:
        page = pages[session.id] = profile.new_page()
        visit(page, lambda one=session.id: entrances.make(apps, one).address)
        page.locator(":is(.jp-Launcher, .jp-Notebook):visible").first.wait_for()

    for session in known:  # each after all the others signed in
        visit(pages[session.id], lambda one=session: one.url + ("/lab" if one in labs else "/"))
        if session in labs:
            pages[session.id].locator(":is(.jp-Launcher, .jp-Notebook):visible").first.wait_for()
        else:
            expect(pages[session.id].get_by_text("twice is 40")).to_be_visible()
            assert pages[session.id].evaluate(WEBSOCKET, "/websocket/") == "open"
    kept = {session.id: cookies(profile, session) for session in known}
    tokens = {session.id: (apps.home.session_folder(session.id) / "token").read_text() for session in known}
    where = {session.id: "/api/status" if session in labs else "/" for session in known}
    for session in known:
        path = where[session.id]
        assert status(session, path, Cookie=header(kept[session.id])) == 200
        assert status(session, path, Cookie=header(kept[session.id]), Host="evil.example") == 403
        for other in known:
            if other is session:
                continue
            assert status(session, path, Cookie=header(kept[other.id])) == 403
            assert status(session, path, Authorization=f"token {tokens[other.id]}") == 403
            for value in kept[other.id].values():  # under its own names too
                forged = dict.fromkeys(kept[session.id], value)
                assert status(session, path, Cookie=header(forged)) == 403

        visit(stranger, lambda one=session: one.url)
        assert stranger.locator("input[type=password]").first.is_visible()
        assert stranger.get_by_text("twice is").count() == 0
        assert (
            stranger.evaluate(WEBSOCKET, "/websocket/" if session in fronted else "/api/events/subscribe") == "refused"
        )


def test_two_of_rstudio_are_signed_in_side_by_side(
    lab: Bench,
    engine: APIClient,
    up: Callable[..., list[Session]],
    profile: BrowserContext,
    stranger: Page,
    tmp_path: Path,
) -> None:
    """The link signs in with nothing typed, by `workbench open` too, and works once; a second session in the same profile
    signs nobody out. Another profile gets the form, which takes the password that the program copies and nothing else.
    Neither the links nor the address has a secret in it, and the cookies of one are worth nothing on the other."""
    image = rstudio.stand_in(engine, built(lab, "python").reference)
    declare(lab, "studio", f"engine: docker\nimage: {image}\nides: [rstudio]\n")
    projects.create(lab, "studio", environment="studio")
    known = up({"project": "studio", "ide": "rstudio"}, {"project": "studio", "ide": "rstudio", "name": "studio-too"})
    login, secret = sessions.password(lab, known[0].id)
    made: list[str] = []

    def link() -> str:
        found = entrances.make(lab, known[0].id)
        assert (found.login, found.password, found.why) == ("", "", "")
        made.append(found.address)
        return found.address

    pages = [profile.new_page(), profile.new_page()]
    visit(pages[0], link)
    words = ("studio", "--ide", "rstudio", "--name", "studio-too")
    visit(pages[1], lambda: opened_by_command(lab, tmp_path, *words))
    for session, page in zip(known, pages, strict=True):
        assert sessions.secret_url(lab, session.id) == page.url == f"{session.url}/"
        visit(page, lambda one=session: one.url)
        expect(page.get_by_text(f"signed in as {login}")).to_be_visible()
    assert urlsplit(made[-1]).hostname == known[0].host_name
    assert not any(secret in one for one in made)
    assert not answers(made[-1]), "after it was used"
    first, second = (header(cookies(profile, session)) for session in known)
    assert [status(known[0], Cookie=one) for one in (first, second, "")] == [200, 302, 302]

    key = lab.home.session_folder(known[1].id) / "token"
    right = key.read_text()
    key.write_text("wrong")
    asked = "The link could not sign in (RStudio did not take name and password): its form asks."
    visit(stranger, lambda: opened_by_command(lab, tmp_path, *words, told=asked))
    key.write_text(right)
    assert stranger.url.startswith(f"{known[1].url}/auth-sign-in")

    def typed(password: str, shown: str) -> bool:
        """Whether `shown` is said to who types that; not where the network changed meanwhile (see `visit`)."""
        visit(stranger, lambda: known[0].url)
        if stranger.get_by_text(shown).count():
            return True
        stranger.locator("input[name=username]").fill(login)
        stranger.locator("input[name=password]").fill(password)
        try:
            with stranger.expect_navigation(timeout=10_000):
                stranger.get_by_role("button").click()
        except Error:
            return False
        return stranger.get_by_text(shown).count() == 1

    until(lambda: typed("wrong", "Incorrect or invalid"), "the form to say no", seconds=60)
    until(lambda: typed(secret, f"signed in as {login}"), "the form to take who was let in a moment ago", seconds=60)


def run_first_cell(page: Page, said: str = "six times seven is 42 True") -> None:
    """Run the first cell of the notebook that is open, by the keyboard; once more where the answer was lost with the network
    (see `visit`), as a person does who sees no output."""
    output = page.locator(".jp-OutputArea-output", has_text=said).first
    for wait in (*[SECONDS / 3] * (TRIES - 1), SECONDS):
        with suppress(TooLate):
            page.locator(".jp-Notebook .jp-CodeCell .cm-content").first.click()
            page.locator(".jp-Notebook-ExecutionIndicator[data-status='idle']").first.wait_for()
            page.keyboard.press("Control+Enter")
            output.wait_for(timeout=wait)
            return
        visit(page, lambda: page.url)
    raise AssertionError(f"no output in {TRIES} tries: {page.locator('.jp-Notebook').inner_text()}")
