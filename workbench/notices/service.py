"""Letters to services, as apprise knows them."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager

from workbench import certificates
from workbench.model.notice import masked
from workbench.notices.letter import Letter
from workbench.notices.unsent import Unheard, Unsent
from workbench.text import one_line

TIMEOUT = 30.0  # seconds for an answer, where the address does not say
# What `requests` says of a line on which the letter may have left, and of one on which it did not. Its own words hold addresses.
LEFT = ("Read timed out", "Connection aborted", "Connection broken")
NEVER_LEFT = {
    "CERTIFICATE_VERIFY_FAILED": "its certificate is not trusted: trust who signed it on this machine, or SSL_CERT_FILE",
    "WRONG_VERSION_NUMBER": "it talks no TLS there",
    "Connection refused": "nobody listens there",
    "Failed to resolve": "its name is not known",
    "timed out": "it does not answer",
}


def tell(target: str, letter: Letter) -> None:
    """Send it. Raises `Unsent`."""
    import apprise

    if bundle := certificates.ca_bundle():
        os.environ.setdefault("REQUESTS_CA_BUNDLE", str(bundle))  # else it trusts those of certifi alone
    name = masked(target)
    with _heard() as said:
        service = apprise.Apprise()
        if not service.add(target):
            raise Unsent(f"{name} is no address that apprise knows", final=True)
        for one in service:
            if "rto=" not in target:
                one.socket_read_timeout = TIMEOUT
        if service.notify(title=letter.title, body=letter.text):
            return
    line = "\n".join(text for level, text in said if level < logging.WARNING)
    if any(words in line for words in LEFT):
        raise Unheard("it did not say whether it took the letter: it may have arrived, and is not sent again")
    told = [text for level, text in said if level >= logging.WARNING]
    why = next((words for cause, words in NEVER_LEFT.items() if cause in line), "") or (told[-1] if told else "")
    raise Unsent(one_line(why.replace(target, name), 200) or "it was not taken")


@contextmanager
def _heard() -> Iterator[list[tuple[int, str]]]:
    """What apprise says meanwhile, with its level. Addresses stand in it: it goes no further."""
    said: list[tuple[int, str]] = []
    handler, logger = logging.Handler(), logging.getLogger("apprise")
    handler.emit = lambda record: said.append((record.levelno, record.getMessage()))  # type: ignore[method-assign]
    before = logger.level, logger.propagate
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    try:
        yield said
    finally:
        logger.removeHandler(handler)
        logger.level, logger.propagate = before
