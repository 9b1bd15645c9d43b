"""Telling people: whom, once each, together what fails together, by a real SMTP server."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from mailbox import Mailbox, mailbox, unused_port
from pathlib import Path

import pytest

from workbench.declare.schedule import load_schedule
from workbench.model.notice import NoticeState, Occasion, masked
from workbench.model.run import RunState
from workbench.model.schedule import DueState
from workbench.notices import __main__ as sending
from workbench.notices.__main__ import Sender
from workbench.services import projects, telling
from workbench.services.bench import Bench, open_bench
from workbench.services.schedule_text import from_json, to_json
from workbench.store import notices as rows
from workbench.store import runs as run_rows
from workbench.store import schedules as schedule_rows
from workbench.supervisor import notices as reading
from workbench.supervisor.desk import Desk
from workbench.supervisor.notices import Notices


class Files:
    """What the supervisor knows of schedule files: none here."""

    known: dict[str, object] = {}  # noqa: RUF012


class World:
    """A home whose supervisor reads the journal when told to; the sender is run by hand."""

    def __init__(self, bench: Bench, box: Mailbox) -> None:
        self.bench, self.box = bench, box
        self.desk = Desk(bench, lambda: None, Path("/nowhere"))
        self.notices = Notices(self.desk, Files())  # type: ignore[arg-type]
        self.notices._send = lambda now: 60.0  # type: ignore[method-assign]
        self.settings("failure: [ann@acme.example], recovery: [ann@acme.example], late: [ann@acme.example]")
        self.notices.look()

    def settings(self, notify: str, port: int = 0) -> None:
        """Write workbench.yaml."""
        mail = f"{{server: 127.0.0.1, port: {port or self.box.port}, security: none, from: workbench@acme.example}}"
        self.bench.home.settings_file.write_text(f"mail: {mail}\nnotify: {{{notify}}}\n")

    def run(self, state: RunState, name: str = "nightly", reason: str = "") -> int:
        """A run that ends."""
        now = self.bench.now()
        with self.bench.store.write() as connection:
            run = run_rows.insert(
                connection, project="p", notebook="n.ipynb", name=name, environment="python", parameters={}, cells=1,
                created=now, actor=self.bench.actor, schedule=f"p/{name}",
            )  # fmt: skip
            row = run_rows.get(connection, run)
            assert row
            run_rows.begin_attempt(connection, row, token="t", revision="r", engine="process", at=now, actor=self.bench.actor)  # fmt: skip
            run_rows.change(
                connection, run, RunState.STARTING, state, attempt=1, at=now, actor=self.bench.actor, reason=reason
            )
        return run

    def send(self) -> None:
        """What the supervisor's next look and a sender do."""
        self.notices.look()
        Sender(self.bench).work()

    def told(self) -> list[tuple[Occasion, NoticeState]]:
        """All notices, oldest first."""
        return [(one.occasion, one.state) for one in reversed(telling.recent(self.bench))]


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A home, a project, and a mailbox."""
    monkeypatch.setattr(sending, "SETTLE", 0.0)
    bench = open_bench(tmp_path / "home")
    projects.create(bench, "p")
    with mailbox() as box:
        yield World(bench, box)
    bench.close()


def test_github_jupyter_scheduler_91_notify(world: World) -> None:
    """jupyter-scheduler #91: who is named is told of a run that failed, once, with what to look at; looking again and
    another sender tell nobody twice."""
    run = world.run(RunState.FAILED, reason="KeyError: 'a' (cell 7)")
    for _ in range(3):
        world.send()
    assert world.told() == [(Occasion.FAILURE, NoticeState.SENT)]
    (mail,) = world.box.mails
    assert mail["To"] == "ann@acme.example"
    assert mail["From"] == "workbench@acme.example"
    assert mail["Subject"] == f"[workbench] run {run} nightly failed: KeyError: 'a' (cell 7)"
    assert f"runs show {run}" in mail.get_content()
    again = Notices(world.desk, Files())  # type: ignore[arg-type]  # a supervisor that is started anew
    again._send = lambda now: 60.0  # type: ignore[method-assign]
    again.look()
    world.send()
    assert len(world.box.mails) == 1


def test_what_fails_together_is_told_together(world: World) -> None:
    """Three runs and a missed time at one moment are one mail; the recovery of the next night is another."""
    now = world.bench.now()
    for name in ("a", "b", "c"):
        world.run(RunState.INTERRUPTED, name, "the machine was restarted while it ran")
    with world.bench.store.write() as connection:
        schedule_rows.add_due(
            connection,
            "p/d",
            now,
            DueState.MISSED,
            at=now,
            actor=world.bench.actor,
            reason="workbench did not run then",
        )
    world.send()
    (mail,) = world.box.mails
    assert mail["Subject"] == "[workbench] 3 failed, 1 late"
    assert "p/d missed" in mail.get_content()
    world.run(RunState.CANCELLED, "b")
    world.run(RunState.SUCCEEDED, "a")
    world.run(RunState.SUCCEEDED, "a")
    world.send()
    assert len(world.box.mails) == 2
    assert "a succeeds again" in world.box.mails[1]["Subject"]


def test_the_most_special_place_decides(world: World) -> None:
    """A project that names others tells those, one that names nobody tells nobody; the rest is the home's."""
    file = world.bench.home.projects / "p" / "project.yaml"
    file.write_text("notify: {failure: []}\n")
    world.run(RunState.FAILED)
    world.send()
    assert world.told() == []
    file.write_text("notify: {failure: [bob@acme.example, eve@acme.example]}\n")
    world.run(RunState.FAILED)
    world.run(RunState.SUCCEEDED)
    world.send()
    assert [mail["To"] for mail in world.box.mails] == ["bob@acme.example", "eve@acme.example", "ann@acme.example"]


def test_a_server_that_is_away_is_tried_again_and_one_that_refuses_is_told(world: World) -> None:
    """Nothing is lost while a mail server is away; what it refuses for good is in `status`, not tried for ever."""
    world.settings("failure: [ann@acme.example]", unused_port())
    world.run(RunState.FAILED)
    world.send()
    (one,) = telling.recent(world.bench)
    assert (one.state, one.tries) == (NoticeState.PENDING, 1)
    assert one.not_before > world.bench.now() + timedelta(seconds=30)
    assert "127.0.0.1" in one.reason
    world.settings("failure: [ann@acme.example]")
    with world.bench.store.write() as connection:
        connection.execute("UPDATE notices SET not_before = created")
    world.box.answer = "451 later"
    world.send()
    assert telling.recent(world.bench)[0].state is NoticeState.PENDING
    with world.bench.store.write() as connection:
        connection.execute("UPDATE notices SET not_before = created, tries = 5")
    world.send()
    (one,) = telling.recent(world.bench)
    assert one.state is NoticeState.FAILED
    assert world.box.mails == []
    with world.bench.store.read() as connection:
        assert len(rows.unsent(connection, world.bench.now() - timedelta(hours=1))) == 1


def test_a_sender_that_died_over_a_letter_does_not_send_it_twice(world: World) -> None:
    """It may have arrived: it counts as unknown and is not sent again."""
    world.run(RunState.FAILED)
    world.notices.look()
    now = world.bench.now()
    with world.bench.store.write() as connection:
        assert len(rows.claim(connection, now, now, "dead")) == 1
    Sender(world.bench).work()
    assert world.told() == [(Occasion.FAILURE, NoticeState.UNKNOWN)]
    assert world.box.mails == []


def test_news_of_the_last_moments_are_waited_for(world: World) -> None:
    """A letter goes once no news have come for a while, and not much later than that while they go on."""
    world.run(RunState.FAILED)
    world.notices.look()
    with world.bench.store.write() as connection:
        now = world.bench.now()
        assert rows.claim(connection, now, now - timedelta(seconds=15), "one") == []
        later = now + timedelta(seconds=20)
        assert len(rows.claim(connection, later, later - timedelta(seconds=15), "one")) == 1


def test_a_run_that_has_not_begun_ten_minutes_after_its_time_is_late(world: World) -> None:
    """Told once, with what it waits for."""
    past = world.bench.now() - timedelta(minutes=20)
    with world.bench.store.write() as connection:
        run = run_rows.insert(
            connection, project="p", notebook="n.ipynb", name="n", environment="python", parameters={}, cells=1,
            created=past, actor=world.bench.actor, schedule="p/n", due=past,
        )  # fmt: skip
        run_rows.set_reason(connection, run, "Docker does not answer")
    for _ in range(2):
        world.notices._late = 0.0
        world.send()
    (mail,) = world.box.mails
    assert "has not begun ten minutes after its time: Docker does not answer" in mail["Subject"]


def test_a_heartbeat_follows_each_success_and_the_supervisor_has_its_own(world: World) -> None:
    """A monitor hears of successes, and of nothing else; the home's is asked for while the supervisor lives."""
    heard: list[str] = []

    class Monitor(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            heard.append(self.path)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Monitor) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        place = f"http://127.0.0.1:{server.server_address[1]}"
        world.settings(f'heartbeat: "{place}/nightly"')
        world.run(RunState.FAILED)
        world.run(RunState.SUCCEEDED)
        world.send()
        assert heard == ["/nightly"]
        reading._ask(reading.Beat(f"{place}/alive", 60.0))
        assert heard[-1] == "/alive"
        server.shutdown()


def test_addresses_of_services_are_masked(world: World) -> None:
    """Their tokens are in no list and no log; one that apprise does not know is refused for good."""
    assert masked("ann@acme.example") == "ann@acme.example"
    assert masked("slack://T0/B0/secret") == "slack://…/…"
    assert masked("mailtos://user:pw@mail.acme.example/x") == "mailtos://mail.acme.example/…"
    telling_to = "nosuch://token-of-mine"
    with world.bench.store.write() as connection:
        rows.add(connection, Occasion.TEST, "test", telling_to, "x", at=datetime.now(UTC), actor=world.bench.actor)
    Sender(world.bench).work()
    (one,) = telling.recent(world.bench)
    assert one.state is NoticeState.FAILED
    assert "token-of-mine" not in one.reason


def test_secrets_stand_in_addresses_by_name(world: World) -> None:
    """`${secret:NAME}` is the secret's value when the letter goes; a missing one is named."""
    sender = Sender(world.bench)
    world.bench.home.secrets.mkdir(mode=0o700, exist_ok=True)
    sender.vault.set("HOOK", "abc")
    assert sender._expanded("json://host/${secret:HOOK}") == "json://host/abc"
    with pytest.raises(sending.Unsent, match="secret GONE is not set"):
        sender._expanded("json://host/${secret:GONE}")


def test_what_a_run_leaves_is_delivered_where_it_was_declared(world: World, tmp_path: Path) -> None:
    """The report of a success, named by its time, in a folder of the project that is made; one that cannot be written
    is told with why and tried again, and nothing is delivered of a failure unless asked for."""
    (tmp_path / "out").mkdir()
    text = (
        "notebook: n.ipynb\ncron: 0 6 * * *\ndeliver:\n- 'public/sales-${due:%Y-%m}.html'\n"
        f"- {{to: {tmp_path}/out/latest.ipynb, what: notebook, failed: true}}\n- {tmp_path}/gone/x.html\n"
    )
    spec = load_schedule(text, project="p", name="nightly").value
    assert spec
    assert from_json(to_json(spec), "p", "nightly", spec.source, spec.digest) == spec
    world.notices._spec = lambda key: spec  # type: ignore[method-assign]
    folder = world.bench.home.projects / "p" / "runs" / "x"
    folder.mkdir(parents=True)
    (folder / "output.ipynb").write_text('{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}')

    def leave(state: RunState) -> None:
        run = world.run(state)
        with world.bench.store.write() as connection:
            due = "2026-03-02T06:00:00.000000+00:00"
            connection.execute("UPDATE runs SET output = ?, due = ? WHERE id = ?", (str(folder), due, run))
        world.send()

    leave(RunState.SUCCEEDED)
    assert b"<title>nightly</title>" in (world.bench.home.projects / "p/public/sales-2026-03.html").read_bytes()
    assert (tmp_path / "out" / "latest.ipynb").exists()
    lost = next(one for one in telling.recent(world.bench) if one.target.endswith("gone/x.html"))
    assert (lost.state, lost.tries) == (NoticeState.PENDING, 1)
    assert lost.reason == "report of run 1: No such file or directory"
    before = len(telling.recent(world.bench))
    leave(RunState.FAILED)
    new = telling.recent(world.bench)[: len(telling.recent(world.bench)) - before]
    assert sorted(one.occasion for one in new) == [Occasion.DELIVERY, Occasion.FAILURE]


@pytest.mark.parametrize("path", ["a/", "../a.html", "/home/ann/.bashrc", ".git/hooks/x"])
def test_nothing_is_delivered_into_what_is_hidden_or_outside_by_dots(path: str) -> None:
    """Refused when the schedule is read."""
    reading = load_schedule(f"notebook: n.ipynb\ncron: 0 6 * * *\ndeliver: {path}\n", project="p", name="n")
    assert reading.value is None
    assert reading.problems[0].line == 3
