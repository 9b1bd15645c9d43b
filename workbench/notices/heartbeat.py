"""An address is asked for, so that a monitor knows that all is well."""

from __future__ import annotations

import http.client
import urllib.request

from workbench import certificates
from workbench.notices.unsent import Unsent
from workbench.text import one_line

TIMEOUT = 20.0  # seconds


def ask(address: str) -> None:
    """Ask for it. Raises `Unsent`."""
    try:
        with urllib.request.urlopen(address, timeout=TIMEOUT, context=certificates.context()) as answer:  # noqa: S310 - http or https, by its declaration
            answer.read(1)
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise Unsent(f"the heartbeat was not heard: {one_line(str(error), 200) or type(error).__name__}") from error
