"""Pulling an image, as a program of its own: killing it cancels the pull.

    python -m workbench.engines.docker.images.pull URL IMAGE

It prints the Engine's messages, a JSON object a line; `{"notice": …}` is its own. The Engine answers 200 and says what
went wrong in its last message, so that is what counts.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from workbench.engines.docker.connection import Connection, NoSuchThing, explanation
from workbench.engines.docker.endpoint import Endpoint
from workbench.engines.docker.images.credentials import login
from workbench.engines.docker.images.names import ImageName
from workbench.errors import WorkbenchError


def pull(connection: Connection, image: str) -> bool:
    """Pull it and print what is said; whether it succeeded."""
    known = login(ImageName.parse(image).registry)
    if known.problem:
        _say({"notice": known.problem})
    good = True
    with connection.api(timeout=None) as api:
        # An empty login: docker-py shall not look for one itself, for it waits for helpers without end.
        for message in api.pull(image, stream=True, decode=True, auth_config=dict(known.header)):
            good = good and "error" not in message
            _say(message)
    return good


def _say(message: dict[str, Any]) -> None:
    print(json.dumps(message), flush=True)  # noqa: T201 - its output is what the caller reads


def main(arguments: list[str]) -> int:
    """Pull, and say by the exit code how it went."""
    url, image = arguments
    try:
        return 0 if pull(Connection(Endpoint(url, "the one who builds")), image) else 1
    except NoSuchThing as error:
        _say({"error": explanation(error)})
    except WorkbenchError as error:
        _say({"error": error.message})
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
