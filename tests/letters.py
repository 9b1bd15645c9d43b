"""A home that tells people by mail: its supervisor reads the journal when told to, and a real SMTP server takes the letters."""

from __future__ import annotations

from collections.abc import Iterator
from mailbox import Mailbox, mailbox
from pathlib import Path

import pytest

from workbench.model.notice import NoticeState, Occasion
from workbench.model.run import RunState
from workbench.notices import __main__ as sending
from workbench.notices.__main__ import Sender
from workbench.services import notices, projects
from workbench.services.bench import Bench, open_bench
from workbench.store import runs as run_rows
from workbench.supervisor.desk import Desk
from workbench.supervisor.notices import Notices


class Files:
    """What the supervisor knows of schedule files: none here."""

    known: dict[str, object] = {}  # noqa: RUF012


class Letters:
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
        return [(one.occasion, one.state) for one in reversed(notices.recent(self.bench))]


@pytest.fixture
def letters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Letters]:
    """A home, a project, and a mailbox."""
    monkeypatch.setattr(sending, "SETTLE", 0.0)
    bench = open_bench(tmp_path / "home")
    projects.create(bench, "p")
    with mailbox() as box:
        yield Letters(bench, box)
    bench.close()
