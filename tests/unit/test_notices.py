"""Telling people: whom, once each, together what fails together, by a real SMTP server."""

from __future__ import annotations

import http.server
import threading
from datetime import UTC, datetime, timedelta
from mailbox import unused_port
from pathlib import Path

import pytest
from letters import Letters, letters

from workbench.declare.schedule import load_schedule
from workbench.model.delivery import BARE, NOTEBOOK, REPORT
from workbench.model.notice import NoticeState, Occasion, masked
from workbench.model.run import RunState
from workbench.model.schedule import DueState
from workbench.notices import __main__ as sending
from workbench.notices.__main__ import Sender
from workbench.services import notices
from workbench.services.scheduling.text import from_json, to_json
from workbench.store import notices as rows
from workbench.store import runs as run_rows
from workbench.store import schedules as schedule_rows
from workbench.supervisor import notices as reading

__all__ = ["letters"]


def test_what_fails_together_is_told_together(letters: Letters) -> None:
    """Three runs and a missed time at one moment are one mail; the recovery of the next night is another."""
    now = letters.bench.now()
    for name in ("a", "b", "c"):
        letters.run(RunState.INTERRUPTED, name, "the machine was restarted while it ran")
    with letters.bench.store.write() as connection:
        schedule_rows.add_due(
            connection,
            "p/d",
            now,
            DueState.MISSED,
            at=now,
            actor=letters.bench.actor,
            reason="workbench did not run then",
        )
    letters.send()
    (mail,) = letters.box.mails
    assert mail["Subject"] == "[workbench] 3 failed, 1 late"
    assert "p/d missed" in mail.get_content()
    letters.run(RunState.CANCELLED, "b")
    letters.run(RunState.SUCCEEDED, "a")
    letters.run(RunState.SUCCEEDED, "a")
    letters.send()
    assert len(letters.box.mails) == 2
    assert "a succeeds again" in letters.box.mails[1]["Subject"]


def test_what_the_first_supervisor_of_a_home_made_is_told_by_the_next(letters: Letters) -> None:
    """A supervisor that ended before it could look at what it had just written down leaves that to be told."""
    with letters.bench.store.write() as connection:
        connection.execute("DELETE FROM notice_marks")
    letters.notices.begin()
    now = letters.bench.now()
    with letters.bench.store.write() as connection:
        schedule_rows.add_due(connection, "p/d", now, DueState.MISSED, at=now, actor=letters.bench.actor, reason="away")
    letters.notices = reading.Notices(letters.desk, letters.notices.schedules)
    letters.notices.look()
    assert letters.told() == [(Occasion.LATE, NoticeState.PENDING)]


def test_where_nobody_is_to_be_told_nothing_is_written(letters: Letters) -> None:
    """An end that concerns nobody costs no transaction; how far the journal was read is noted now and then."""

    def noted() -> tuple[int, int] | None:
        with letters.bench.store.read() as connection:
            return rows.read_up_to(connection)

    file = letters.bench.home.projects / "p" / "project.yaml"
    file.write_text("notify: {recovery: []}\n")
    before = noted()
    letters.notices._note = float("inf")
    letters.run(RunState.CANCELLED, "b")
    letters.run(RunState.SUCCEEDED, "a")
    letters.notices.look()
    assert noted() == before
    letters.notices._note = 0.0
    letters.notices.look()
    assert noted() != before
    assert letters.told() == []


def test_the_most_special_place_decides(letters: Letters) -> None:
    """A project that names others tells those, one that names nobody tells nobody; the rest is the home's."""
    file = letters.bench.home.projects / "p" / "project.yaml"
    file.write_text("notify: {failure: []}\n")
    letters.run(RunState.FAILED)
    letters.send()
    assert letters.told() == []
    file.write_text("notify: {failure: [bob@acme.example, eve@acme.example]}\n")
    letters.run(RunState.FAILED)
    letters.run(RunState.SUCCEEDED)
    letters.send()
    assert [mail["To"] for mail in letters.box.mails] == ["bob@acme.example", "eve@acme.example", "ann@acme.example"]


def test_a_server_that_is_away_is_tried_again_and_one_that_refuses_is_told(letters: Letters) -> None:
    """Nothing is lost while a mail server is away; what it refuses for good is in `status`, not tried for ever."""
    letters.settings("failure: [ann@acme.example]", unused_port())
    letters.run(RunState.FAILED)
    letters.send()
    (one,) = notices.recent(letters.bench)
    assert (one.state, one.tries) == (NoticeState.PENDING, 1)
    assert one.not_before > letters.bench.now() + timedelta(seconds=30)
    assert "127.0.0.1" in one.reason
    letters.settings("failure: [ann@acme.example]")
    with letters.bench.store.write() as connection:
        connection.execute("UPDATE notices SET not_before = created")
    letters.box.answer = "451 later"
    letters.send()
    assert notices.recent(letters.bench)[0].state is NoticeState.PENDING
    with letters.bench.store.write() as connection:
        connection.execute("UPDATE notices SET not_before = created, tries = 5")
    letters.send()
    (one,) = notices.recent(letters.bench)
    assert one.state is NoticeState.FAILED
    assert letters.box.mails == []
    with letters.bench.store.read() as connection:
        assert len(rows.unsent(connection, letters.bench.now() - timedelta(hours=1))) == 1


def test_a_sender_that_died_over_a_letter_does_not_send_it_twice(letters: Letters) -> None:
    """It may have arrived: it counts as unknown and is not sent again."""
    letters.run(RunState.FAILED)
    letters.notices.look()
    now = letters.bench.now()
    with letters.bench.store.write() as connection:
        assert len(rows.claim(connection, now, now, "dead")) == 1
    Sender(letters.bench).work()
    assert letters.told() == [(Occasion.FAILURE, NoticeState.UNKNOWN)]
    assert letters.box.mails == []


def test_what_was_written_while_the_clock_was_ahead_is_not_sent_years_later(letters: Letters) -> None:
    """Once the clock is right again it goes out as any other; and due times that were taken back hide no later ones."""
    now = letters.bench.now()
    ahead = now + timedelta(days=700)
    with letters.bench.store.write() as connection:
        schedule_rows.add_due(
            connection, "p/d", ahead, DueState.MISSED, at=ahead, actor=letters.bench.actor, reason="x"
        )
        rows.add(connection, Occasion.FAILURE, "run 9", "ann@acme.example", "it", at=ahead, actor=letters.bench.actor)
        rows.note_read(connection, *letters.notices._read, letters.bench.actor)  # type: ignore[misc]
    letters.notices.look()
    with letters.bench.store.write() as connection:
        assert schedule_rows.take_back(connection, "p/d", now) == 1
    letters.notices.look()
    letters.notices.reset()
    with letters.bench.store.write() as connection:
        assert rows.next_due(connection)[0] <= letters.bench.now()  # type: ignore[operator]
        schedule_rows.add_due(connection, "p/d", now, DueState.MISSED, at=now, actor=letters.bench.actor, reason="y")
    letters.notices.look()
    assert [occasion for occasion, _ in letters.told()].count(Occasion.LATE) == 2


def test_news_of_the_last_moments_are_waited_for(letters: Letters) -> None:
    """A letter goes once no news have come for a while, and not much later than that while they go on."""
    letters.run(RunState.FAILED)
    letters.notices.look()
    with letters.bench.store.write() as connection:
        now = letters.bench.now()
        assert rows.claim(connection, now, now - timedelta(seconds=15), "one") == []
        later = now + timedelta(seconds=20)
        assert len(rows.claim(connection, later, later - timedelta(seconds=15), "one")) == 1


def test_a_run_that_has_not_begun_ten_minutes_after_its_time_is_late(letters: Letters) -> None:
    """Told once, with what it waits for."""
    past = letters.bench.now() - timedelta(minutes=20)
    with letters.bench.store.write() as connection:
        run = run_rows.insert(
            connection, project="p", notebook="n.ipynb", name="n", environment="python", parameters={}, cells=1,
            created=past, actor=letters.bench.actor, schedule="p/n", due=past,
        )  # fmt: skip
        run_rows.set_reason(connection, run, "Docker does not answer")
    for _ in range(2):
        letters.notices._late = 0.0
        letters.send()
    (mail,) = letters.box.mails
    assert "has not begun ten minutes after its time: Docker does not answer" in mail["Subject"]


def test_a_heartbeat_follows_each_success_and_the_supervisor_has_its_own(letters: Letters) -> None:
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
        letters.settings(f'heartbeat: "{place}/nightly"')
        letters.run(RunState.FAILED)
        letters.run(RunState.SUCCEEDED)
        letters.send()
        assert heard == ["/nightly"]
        reading._ask(reading.Beat(f"{place}/alive", 60.0))
        assert heard[-1] == "/alive"
        server.shutdown()


def test_addresses_of_services_are_masked(letters: Letters) -> None:
    """Their tokens are in no list and no log; one that apprise does not know is refused for good."""
    assert masked("ann@acme.example") == "ann@acme.example"
    assert masked("slack://T0/B0/secret") == "slack://…/…"
    assert masked("mailtos://user:pw@mail.acme.example/x") == "mailtos://mail.acme.example/…"
    telling_to = "nosuch://token-of-mine"
    with letters.bench.store.write() as connection:
        rows.add(connection, Occasion.TEST, "test", telling_to, "x", at=datetime.now(UTC), actor=letters.bench.actor)
    Sender(letters.bench).work()
    (one,) = notices.recent(letters.bench)
    assert one.state is NoticeState.FAILED
    assert "token-of-mine" not in one.reason


def test_secrets_stand_in_addresses_by_name(letters: Letters) -> None:
    """`${secret:NAME}` is the secret's value when the letter goes; a missing one is named."""
    sender = Sender(letters.bench)
    letters.bench.home.secrets.mkdir(mode=0o700, exist_ok=True)
    sender.vault.set("HOOK", "abc")
    assert sender._expanded("json://host/${secret:HOOK}") == "json://host/abc"
    with pytest.raises(sending.Unsent, match="secret GONE is not set"):
        sender._expanded("json://host/${secret:GONE}")


def test_what_a_run_leaves_is_delivered_where_it_was_declared(letters: Letters, tmp_path: Path) -> None:
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
    letters.notices._spec = lambda key: spec  # type: ignore[method-assign]
    folder = letters.bench.home.projects / "p" / "runs" / "x"
    folder.mkdir(parents=True)
    (folder / "output.ipynb").write_text('{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}')

    def leave(state: RunState) -> None:
        run = letters.run(state)
        with letters.bench.store.write() as connection:
            due = "2026-03-02T06:00:00.000000+00:00"
            connection.execute("UPDATE runs SET output = ?, due = ? WHERE id = ?", (str(folder), due, run))
        letters.send()

    leave(RunState.SUCCEEDED)
    assert b"<title>nightly</title>" in (letters.bench.home.projects / "p/public/sales-2026-03.html").read_bytes()
    assert (tmp_path / "out" / "latest.ipynb").exists()
    lost = next(one for one in notices.recent(letters.bench) if one.target.endswith("gone/x.html"))
    assert (lost.state, lost.tries) == (NoticeState.PENDING, 1)
    assert lost.reason == f"report of run 1: there is no folder {tmp_path}/gone"
    before = len(notices.recent(letters.bench))
    leave(RunState.FAILED)
    new = notices.recent(letters.bench)[: len(notices.recent(letters.bench)) - before]
    assert sorted(one.occasion for one in new) == [Occasion.DELIVERY, Occasion.FAILURE]


@pytest.mark.parametrize("path", ["a/", "../a.html", "/home/ann/.bashrc", ".git/hooks/x"])
def test_nothing_is_delivered_into_what_is_hidden_or_outside_by_dots(path: str) -> None:
    """Refused when the schedule is read."""
    reading = load_schedule(f"notebook: n.ipynb\ncron: 0 6 * * *\ndeliver: {path}\n", project="p", name="n")
    assert reading.value is None
    assert reading.problems[0].line == 3


def test_a_delivery_is_what_its_name_ends_in_unless_it_says_so() -> None:
    """A name in .ipynb is the notebook, any other the report; a reference without its $ is refused, for it would be the name."""
    begin = "notebook: n.ipynb\ncron: 0 6 * * *\ndeliver: "
    files = "[a.ipynb, b.html, {to: c.html, code: false}, {to: d.ipynb, code: false}, {to: e.ipynb, what: report}]"
    made = load_schedule(f"{begin}{files}\n", project="p", name="n").value
    assert made is not None
    assert [one.what for one in made.deliver] == [NOTEBOOK, REPORT, BARE, NOTEBOOK, REPORT]
    slip = load_schedule(begin + "'out/x-{due:%Y}.html'\n", project="p", name="n")
    assert slip.value is None
    assert "references begin with $" in str(slip.problems[0])
