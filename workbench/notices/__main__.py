"""`python -m workbench.notices HOME`: send what is due, then end.

A letter is claimed before it is sent and marked afterwards, so one whose sender is killed in between is never sent
twice, nor is one of which the other end did not say whether it took it: it counts as unknown, and `status` says so.
"""

from __future__ import annotations

import getpass
import logging
import os
import platform
import re
import secrets
import sys
import time
import traceback
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from workbench import locks
from workbench.errors import Refused, WorkbenchError
from workbench.model.notice import Notice, NoticeState, Occasion, masked
from workbench.notices import heartbeat, mail, service
from workbench.notices.delivery import deliver
from workbench.notices.letter import SETTLE, letter
from workbench.notices.unsent import PAUSES, TooLarge, Unsent
from workbench.services import runs
from workbench.services.bench import Bench, open_bench
from workbench.services.history import reports
from workbench.store import notices as rows
from workbench.text import one_line
from workbench.vault import Vault, read

log = logging.getLogger("workbench.notices")
LOCK_FILE = "notices.lock"
LARGEST = 10_000_000  # bytes of reports that mail brings
_SECRET = re.compile(r"\$\{secret:([A-Za-z_][A-Za-z0-9_]*)\}")


class Sender:
    """Sends until nothing is due."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.name = secrets.token_hex(8)
        self.vault = Vault(bench.home.secrets)

    def work(self) -> None:
        """All that is due now; the supervisor asks again for the rest."""
        with self.bench.store.write() as connection:
            rows.abandoned(connection, self.name)
        while True:
            now = self.bench.now()
            with self.bench.store.write() as connection:
                found = rows.claim(connection, now, now - timedelta(seconds=SETTLE), self.name)
            if not found:
                return
            self._deliver(found)

    def _deliver(self, found: list[Notice]) -> None:
        target, ids = found[0].target, [one.id for one in found]
        state, reason, again = NoticeState.SENT, "", None
        try:
            if found[0].occasion is Occasion.DELIVERY:
                for one in found:
                    deliver(self.bench, one)
            else:
                self._send(found, self._expanded(target))
        except Unsent as error:
            tries = max(one.tries for one in found)
            state, reason = error.state(tries), one_line(str(error), 400)
            again = self.bench.now() + timedelta(seconds=PAUSES[tries]) if state is NoticeState.PENDING else None
        except Exception as error:  # noqa: BLE001 - the outermost of one letter: the others go
            state, reason = NoticeState.UNKNOWN, f"workbench itself failed over it: {type(error).__name__}"
            # Without its words, in which an address may stand.
            log.error("%s\n%s", reason, "".join(traceback.format_tb(error.__traceback__)))  # noqa: TRY400
        with self.bench.store.write() as connection:
            rows.settle(connection, ids, state, reason, again)
        log.info("%s: %s%s", masked(target), state, f", {reason}" if reason else "")

    def _send(self, found: list[Notice], target: str) -> None:
        if all(one.occasion is Occasion.HEARTBEAT for one in found):
            heartbeat.ask(target)
            return
        told = [one for one in found if one.occasion is not Occasion.HEARTBEAT]
        if "://" in target:
            service.tell(target, letter(told, self.bench.home.root, platform.node()))
            return
        settings = self.bench.settings.mail
        sender = settings.sender or f"{getpass.getuser()}@{platform.node()}"
        one = letter(told, self.bench.home.root, platform.node(), self._reports(told))
        key = ",".join(str(notice.id) for notice in told)
        password = self._secret(settings.password) if settings.password else ""
        ca = self.bench.home.root / Path(settings.ca).expanduser() if settings.ca else None
        if sum(len(content) for _, content in one.files) > LARGEST:
            one = one.bare
        try:
            mail.send(mail.message(one, sender, target, key), settings, password, ca)
        except TooLarge:
            if not one.files:
                raise
            mail.send(mail.message(one.bare, sender, target, key), settings, password, ca)

    def _reports(self, told: Sequence[Notice]) -> tuple[tuple[str, bytes], ...]:
        """The reports of its runs, where they are asked for."""
        files: list[tuple[str, bytes]] = []
        for number in dict.fromkeys(one.run for one in told if one.run is not None and one.report):
            try:
                run = runs.get(self.bench, number)
                files.append((f"{run.name}-{run.id}.html", reports.page(self.bench, number, code=False)))
            except WorkbenchError as error:  # a run without output has no report
                log.info("run %d: no report: %s", number, error.message)
        return tuple(files)

    def _expanded(self, target: str) -> str:
        return _SECRET.sub(lambda found: self._secret(found[1]), target)

    def _secret(self, name: str) -> str:
        try:
            return read(self.vault.path(name))
        except Refused as error:
            raise Unsent(f"the secret {name}: {error.message}") from error
        except (OSError, UnicodeDecodeError) as error:
            raise Unsent(f"the secret {name} is not set: workbench secrets set {name}") from error


def main() -> None:
    """Be the one sender of a home."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stderr)
    bench = open_bench(Path(sys.argv[1]), origin="supervisor", create=False)
    lock = locks.take(bench.home.state / LOCK_FILE)
    if lock is None:
        return
    try:
        Sender(bench).work()
    finally:
        bench.close()
        os.close(lock)


if __name__ == "__main__":
    began = time.monotonic()
    main()
    log.info("done after %.1f s", time.monotonic() - began)
