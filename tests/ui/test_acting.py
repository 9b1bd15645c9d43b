"""Acting: questions, marks, doing a thing once, what read-only takes away, secrets."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from textual.widgets import Input
from ui.seeding import ANN, Seed, story
from ui.staging import SHIPPED, SMALL

from workbench.errors import Conflict
from workbench.model.forward import Forward
from workbench.model.run import RunState
from workbench.model.session import Desired, SessionState
from workbench.services import environments, notices, runs, schedules, sessions
from workbench.services.history import tags
from workbench.store import runs as rows
from workbench.store import sessions as session_rows
from workbench.ui import registry
from workbench.ui.modals.choice import Choice
from workbench.ui.modals.confirm import Confirm
from workbench.ui.modals.line import LineModal
from workbench.ui.modals.run import RunForm
from workbench.ui.modals.text import TextModal


async def test_a_question_names_the_thing_and_the_effect(seed: Seed, stage: Callable[..., Any]) -> None:
    """A dangerous act asks, names thing and effect and the command line; Cancel has the focus; n and esc leave it."""
    story(seed)
    async with stage() as on:
        await on.list("sessions", rows=2)
        for key in ("n", "escape", "enter"):
            await on.press("x")
            await on.modal(Confirm)
            await on.see(
                "Stop session sales-jupyter?", "Files in sales stay.", "$ workbench sessions stop sales-jupyter"
            )
            assert on.app.focused.id == "cancel"
            await on.press(key)
            await on.until(lambda: on.app.screen is on.screen, "the question to close")
        assert sessions.get(seed.bench, 1).desired is Desired.UP


async def test_y_does_it_and_the_row_says_so_at_once(seed: Seed, stage: Callable[..., Any], asked: list[str]) -> None:
    """y does it: what is wanted is written, the supervisor is woken, the row says stopping."""
    story(seed)
    async with stage() as on:
        await on.list("sessions", rows=2)
        await on.press("x")
        await on.modal(Confirm)
        await on.press("y")
        await on.see("◐ stopping")
        await on.until(lambda: sessions.get(seed.bench, 1).desired is Desired.DOWN, "the wish")
        assert "wake" in asked


async def test_a_running_thing_can_be_stopped_and_removed(seed: Seed, stage: Callable[..., Any]) -> None:
    """Removing what is up offers to stop it first instead of failing."""
    story(seed)
    async with stage() as on:
        await on.list("sessions", rows=2)
        await on.press("d")
        await on.see("Remove session sales-jupyter?", "must be stopped", "Stop and remove")
        await on.press("escape")
        await on.list("runs", rows=10)
        await on.press("d")
        await on.see("Remove run 9 elasticities? It is running.", "Cancel and remove")


async def test_files_go_only_after_the_name_was_typed(seed: Seed, stage: Callable[..., Any]) -> None:
    """Removing a project with its files needs its name; y alone does nothing."""
    folder = seed.project("sales")
    async with stage() as on:
        await on.select("sales")
        await on.press("d")
        question = await on.modal(Confirm)
        await on.press(*"sale")
        assert question.query("Button").last().disabled
        await on.press("s", "tab", "tab", "enter")
        await on.until(lambda: not folder.exists(), "the folder to be moved")


async def test_keys_that_do_not_apply_are_dimmed_and_inert(seed: Seed, stage: Callable[..., Any]) -> None:
    """x on a run that is over is dimmed in the footer and does nothing."""
    story(seed)
    async with stage() as on:
        await on.list("runs", rows=10)
        await on.select("7")
        assert on.screen.check_action("act", ("runs.cancel",)) is None
        word = next(word for word in on.screen.query_one("#keys").words if word.text == "x")
        assert word.style == "$faint"
        await on.press("x")
        assert on.app.screen is on.screen


async def test_twice_is_once(seed: Seed, stage: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """The same act asked for again while it is being done is done once, and the program answers meanwhile."""
    story(seed)
    entered, go_on, calls = threading.Event(), threading.Event(), []

    def slow(bench: Any, run: int) -> int:
        calls.append(run)
        entered.set()
        go_on.wait(5)
        return 9

    monkeypatch.setattr(runs, "again", slow)
    async with stage() as on:
        listing = await on.list("runs", rows=10)
        await on.press("r", "r", "r")
        await on.modal(Choice)
        await on.press("enter")
        await on.until(entered.is_set, "the act to begin")
        await on.press("down")
        assert listing.cursor == "8"
        await on.press("up", "r")
        go_on.set()
        await on.see("Queued again as run 9")
        assert calls == [9]


async def test_several_marked_things_are_asked_about_together(seed: Seed, stage: Callable[..., Any]) -> None:
    """space marks rows; the question counts them, and all are done."""
    numbers = [seed.run(RunState.QUEUED) for _ in range(3)]
    async with stage() as on:
        await on.list("runs", rows=3)
        await on.press("space", "space", "space")
        await on.see("3 marked")
        await on.press("x")
        await on.see("Cancel 3 runs?")
        await on.press("y")
        await on.until(lambda: all(runs.get(seed.bench, number).cancel_asked for number in numbers), "all three")


async def test_marks_are_never_passed_over(seed: Seed, stage: Callable[..., Any]) -> None:
    """While rows are marked, an act that can take one thing only does nothing and says so; esc takes the marks away."""
    folder = seed.project("sales")
    seed.project("weather")
    async with stage() as on:
        await on.select("sales")
        await on.press("space", "space")
        for key in ("d", "e", "r"):
            await on.press(key)
            assert on.app.screen is on.screen
        await on.see("2 rows are marked", "remove takes one")
        word = next(word for word in on.screen.query_one("#keys").words if word.text == "d")
        assert word.style == "$faint"
        await on.press("escape", "d")
        await on.modal(Confirm)
        await on.press("escape")
        assert folder.exists()


async def test_marked_schedules_are_removed_together(seed: Seed, stage: Callable[..., Any]) -> None:
    """d on marked schedules asks once for all of them, with the command lines, and removes all."""
    story(seed)
    async with stage() as on:
        await on.list("schedules", rows=2)
        await on.press("space", "space", "d")
        await on.see("Remove 2 schedules?", "workbench schedules remove sales/nightly; workbench schedules remove")
        await on.press("y")
        await on.until(lambda: schedules.listing(seed.bench) == [], "both to go")
        await on.until(lambda: not on.screen.listing.marked, "the marks to go")


async def test_marked_environments_are_built_and_removed_together(seed: Seed, stage: Callable[..., Any]) -> None:
    """r and d on marked environments of the home are for all of them."""
    for name in ("one", "two"):
        (seed.bench.home.environments / f"{name}.yaml").write_text("extends: python\n")
    async with stage() as on:
        await on.list("environments", rows=SHIPPED + 2)
        await on.select("one")
        await on.press("space")
        await on.select("two")
        await on.press("space", "r")
        await on.until(lambda: len(environments.builds(seed.bench)) == 2, "two builds")
        await on.see("Builds b1 of one, b2 of two are queued")
        await on.select("one")
        await on.press("space")
        await on.select("two")
        await on.press("space", "x")
        await on.see("Cancel 2 builds?", "$ workbench stop b1 b2")


async def test_a_busy_project_is_stopped_and_removed(seed: Seed, stage: Callable[..., Any]) -> None:
    """What goes on in a project is named before its name is typed, and stopping it is part of the answer."""
    folder = seed.project("sales")
    run = seed.run(RunState.QUEUED)
    session = seed.session()
    async with stage() as on:
        await on.select("sales")
        await on.press("d")
        await on.modal(Confirm)
        await on.see(f"Stopped first: run {run} (queued), sales-jupyter (ready).", "Stop and remove")
        await on.press(*"sales", "tab", "tab", "enter")
        await on.until(lambda: sessions.get(seed.bench, session).desired is Desired.DOWN, "the wish")
        assert runs.get(seed.bench, run).cancel_asked
        assert folder.exists()
        with seed.bench.store.write() as connection:
            facts: dict[str, Any] = {"at": seed.clock.now, "actor": ANN}
            rows.change(connection, run, RunState.QUEUED, RunState.CANCELLED, attempt=0, **facts)
            session_rows.change(connection, session, SessionState.READY, SessionState.STOPPED, **facts)
        await on.until(lambda: not folder.exists(), "the folder to be moved")


async def test_an_unchanged_copy_of_a_shipped_environment_goes_again(
    seed: Seed, stage: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """e on a shipped environment edits a copy in the home; left as it was, it is removed, and kept where it changed."""
    own = seed.bench.home.environments / "python.yaml"
    monkeypatch.setenv("EDITOR", "ed")
    opened: list[str] = []
    async with stage() as on:
        monkeypatch.setattr(on.app.desk, "run_over", lambda argv, cwd=None: opened.append(argv[-1]))
        await on.list("environments", rows=SHIPPED)
        await on.select("python")
        await on.press("e")
        await on.see("Left as it was: no copy was kept.")
        assert opened == [str(own)]
        assert not own.exists()
        monkeypatch.setattr(on.app.desk, "run_over", lambda argv, cwd=None: own.write_text("title: mine\nr: {}\n"))
        await on.press("e")
        await on.until(own.exists, "the changed copy")


async def test_read_only_takes_away_what_changes_anything(
    seed: Seed, stage: Callable[..., Any], asked: list[str]
) -> None:
    """--read-only shows itself, removes the keys of every act that changes something, and starts no supervisor."""
    story(seed)
    async with stage(read_only=True) as on:
        await on.see("READ-ONLY")
        for mode in ("projects", "environments", "sessions", "runs", "schedules"):
            await on.list(mode)
            await on.until(lambda: on.screen.current is not None, "a row")
            for action in registry.of(mode):
                if action.dangerous or action.changes:
                    assert on.screen.check_action("act", (action.id,)) is False
            await on.press("x", "d", "n", "r")
            assert on.app.screen is on.screen
        assert asked == []
        assert all(action.changes for action in registry.ACTIONS if action.dangerous)


async def test_the_token_is_copied_and_never_shown(seed: Seed, stage: Callable[..., Any]) -> None:
    """c copies the address with its token; no list, page, log or toast shows it."""
    story(seed)
    async with stage() as on:
        await on.list("sessions", rows=2)
        seen = ""
        for _ in on.screen.tabs():
            await on.press("right_square_bracket")
            await on.pilot.pause()
            seen += on.text
        await on.press("c")
        await on.see("Copied the address of sales-jupyter with its token")
        assert "s3cret" in on.app.clipboard
        assert "s3cret" not in seen + on.text


async def test_a_session_opens_only_when_it_answers(seed: Seed, stage: Callable[..., Any]) -> None:
    """o is inert before a session is ready; without a browser it shows the address to copy."""
    seed.session(SessionState.STARTING, name="early")
    seed.session(name="ready")
    async with stage(SMALL) as on:
        await on.list("sessions", rows=2)
        await on.select("1")
        assert on.screen.check_action("act", ("sessions.open",)) is None
        await on.select("2")
        await on.press("o")
        await on.modal(TextModal)
        await on.see("Open in a browser:", "/lab?token=")


async def test_what_listens_on_a_port_is_one_key_away(
    seed: Seed, stage: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """P asks which port of a session is meant where there are several, and opens it; the detail says which there are, and
    why one cannot be opened."""
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "SSH_CONNECTION", "BROWSER"):
        monkeypatch.delenv(name, raising=False)
    number = seed.session()
    shown = tuple(
        Forward(8000 + n, title, f"sales-jupyter-800{n}.localhost", 41000 + n) for n, title in ((0, ""), (1, "API"))
    )
    with seed.bench.store.write() as connection:
        session_rows.set_facts(connection, number, forwards=(*shown, Forward(8002, problem="no sockets")))
    async with stage((200, 50)) as on:
        await on.list("sessions", rows=1)
        await on.see("port 8001", "API  http://sales-jupyter-8001.localhost:41001", "not shown: no sockets")
        await on.press("P")
        await on.modal(Choice)
        await on.see("8001 API", "8000")
        await on.press("down", "enter")
        await on.modal(TextModal)
        await on.see("Port 8001 of sales-jupyter", "http://sales-jupyter-8001.localhost:41001/?token=")
        await on.press("escape")
        await on.see("P port")
        with seed.bench.store.write() as connection:
            session_rows.set_facts(connection, number, forwards=())
        await on.gone("P port")


async def test_over_ssh_the_tunnel_line_comes_first(
    seed: Seed, stage: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over SSH o shows the ssh -L line and the address, and starts no browser on the server."""
    seed.session()
    monkeypatch.setenv("SSH_CONNECTION", "10.0.0.9 50000 10.0.0.1 22")
    monkeypatch.setenv("DISPLAY", ":0")
    async with stage() as on:
        await on.list("sessions", rows=1)
        await on.press("o")
        await on.see("On your own machine, first:", "ssh -N -L 40001:127.0.0.1:40001")
        await on.press("escape", "t")
        await on.until(lambda: "ssh -N -L 40001:127.0.0.1:40001" in on.app.clipboard, "the copy")


async def test_a_password_is_copied_and_never_shown(seed: Seed, stage: Callable[..., Any]) -> None:
    """Of a tool with a form c copies the address without a secret and u its password; the page shows neither."""
    folder = seed.bench.home.ides
    folder.mkdir()
    (folder / "form.yaml").write_text(
        "title: Form\ncommand: [/init]\nprogram: x\nsign_in: {how: form, login: rstudio}\nuser: root\nengines: [docker]\n"
    )
    seed.session(name="with-form", ide="form")
    seed.session(name="with-token")
    async with stage() as on:
        await on.list("sessions", rows=2)
        assert on.screen.check_action("act", ("sessions.tunnel",)) is None, "nobody sits at another machine"
        await on.select("1")
        await on.see("u copies its password")
        await on.press("c")
        await on.until(lambda: on.app.clipboard == "http://with-form.localhost:40001/", "the address")
        await on.press("u")
        await on.until(lambda: on.app.clipboard == "s3cret-token-of-a-session", "the password")
        await on.see("sign in as rstudio")
        await on.select("2")
        await on.press("u")
        await on.see("with-token has no password")
        assert "s3cret" not in on.text


async def test_every_act_has_its_command_line(seed: Seed, stage: Callable[..., Any]) -> None:
    """Y lists the command lines of what can be done with the selected thing and copies the chosen one."""
    story(seed)
    async with stage() as on:
        await on.list("runs", rows=10)
        await on.press("Y")
        await on.modal(Choice)
        await on.see("workbench runs show 9", "workbench runs cancel 9", "workbench logs 9 -f")
        await on.press("down", "down", "enter")
        await on.until(lambda: on.app.clipboard == "workbench runs cancel 9", "the copy")


async def test_an_error_that_needs_reading_is_shown_whole(
    seed: Seed, stage: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A refused act shows message and hint in a box whose text can be copied, brackets and all; the log has it too."""
    story(seed)

    def refuse(bench: Any, run: int) -> int:
        raise Conflict("report [/x] is gone", title="Run 9", hint="Look for [b it.")

    monkeypatch.setattr(runs, "again", refuse)
    async with stage() as on:
        await on.list("runs", rows=10)
        await on.press("r")
        await on.modal(Choice)
        await on.press("enter")
        await on.modal(TextModal)
        await on.see("report [/x] is gone", "Look for [b it.")
        await on.press("c")
        assert "report [/x] is gone" in on.app.clipboard
        assert "report [/x] is gone" in caplog.text
        await on.press("escape")
        assert on.app.is_running


async def test_a_run_again_is_as_now_exactly_or_with_changes(seed: Seed, stage: Callable[..., Any]) -> None:
    """r asks how: exactly is refused with the reason where it cannot be, with changes is the form; esc runs nothing."""
    story(seed)
    async with stage() as on:
        await on.list("runs", rows=10)
        await on.press("r")
        await on.modal(Choice)
        await on.see("as things are now", "exactly", "with changes")
        await on.press("escape")
        await on.until(lambda: on.app.screen is on.screen, "the list")
        await on.press("r")
        await on.modal(Choice)
        await on.press("down", "enter")
        await on.modal(TextModal)
        await on.see("cannot be repeated exactly", "workbench runs again")
        await on.press("escape")
        await on.until(lambda: on.app.screen is on.screen, "the list")
        await on.press("r")
        await on.modal(Choice)
        await on.press("down", "down", "enter")
        await on.modal(RunForm)
    assert len(runs.page(seed.bench)) == 10


async def test_tags_are_a_line_of_words(seed: Seed, stage: Callable[..., Any]) -> None:
    """T shows the tags there are; what is added to the line or taken from it is put on the run or taken off."""
    number = seed.run(RunState.SUCCEEDED)
    tags.change(seed.bench, [number], ["old", "gold"])
    async with stage() as on:
        await on.list("runs", rows=1)
        await on.press("T")
        box = (await on.modal(LineModal)).query_one(Input)
        assert box.value == "gold old"
        box.value = "gold, best"
        await on.press("enter")
        await on.see(f"Tags of run {number}: best, gold")
        assert tags.of(seed.bench, [number]) == {number: ["best", "gold"]}
        await on.press("slash", *"best")
        await on.see("Runs 1 of 1")


async def test_a_test_letter_is_sent_by_a_key(seed: Seed, stage: Callable[..., Any]) -> None:
    """M asks for addresses and has a letter go to each; where nobody is named anywhere it says so."""
    seed.run(RunState.SUCCEEDED)
    async with stage() as on:
        await on.list("runs", rows=1)
        await on.press("M")
        await on.modal(LineModal)
        await on.press("enter")
        await on.see("nobody is named")
        await on.press("escape", "M")
        (await on.modal(LineModal)).query_one(Input).value = "ann@acme.example, bob@acme.example"
        await on.press("enter")
        await on.see("Sending to ann@acme.example, bob@acme.example")
        assert [one.target for one in notices.recent(seed.bench)] == ["bob@acme.example", "ann@acme.example"]


async def test_old_runs_go_after_they_were_shown(seed: Seed, stage: Callable[..., Any]) -> None:
    """D tells how runs are let go where nothing says it; with `keep:` it names those that would go, and removes them."""
    numbers = [seed.run(RunState.SUCCEEDED, ago=3600) for _ in range(3)]
    async with stage() as on:
        await on.list("runs", rows=3)
        await on.press("D")
        await on.modal(TextModal)
        await on.see("No `keep:` is declared")
        await on.press("escape", "i")
        await on.see("Nobody was told anything yet", "workbench notify test")
        await on.press("escape")
        seed.bench.home.settings_file.write_text("keep: {last: 1}\n")
        await on.press("D")
        await on.modal(Confirm)
        await on.see("Remove 2 runs", f"{numbers[0]}  succeeded  sales/report", "$ workbench runs prune")
        await on.press("y")
        await on.see("Removed 2 runs")
        assert [run.id for run in runs.page(seed.bench)] == [numbers[2]]
