"""A command in a container that is thrown away after it: for what only the image itself can tell."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from threading import Event

from workbench.engines.base import LABEL, Cancelled
from workbench.engines.docker.connection import Connection, NoSuchThing, image_gone
from workbench.engines.docker.images.contents import ROLE
from workbench.engines.docker.images.registries import proxies_without_password
from workbench.text import clean

LONGEST = 120.0  # seconds
LOOK = 0.2


def say(
    connection: Connection,
    image: str,
    script: str,
    *,
    home: str,
    cancelled: Event,
    seconds: float = LONGEST,
    shown: Mapping[Path, str] | None = None,
) -> str | None:
    """What `script` prints as root in `image`, with network; None where it fails or takes too long.

    `shown` are files of this machine that it may read, each with its place there.
    """
    with connection.api() as api:
        host = api.create_host_config(
            binds={str(path): {"bind": place, "mode": "ro"} for path, place in (shown or {}).items()},
            security_opt=["label=disable"] if connection.daemon().selinux else None,
        )
        try:
            made = api.create_container(
                image,
                entrypoint=["/bin/sh", "-c", script],
                command=[],
                user="0:0",
                host_config=host,
                environment=proxies_without_password(),
                labels={f"{LABEL}home": home, f"{LABEL}owner": str(os.getuid()), f"{LABEL}role": ROLE},
            )
        except NoSuchThing as error:
            raise image_gone(image) from error
        handle = made["Id"]
        try:
            api.start(handle)
            deadline = time.monotonic() + seconds
            while (state := api.inspect_container(handle)["State"])["Running"]:
                if cancelled.wait(LOOK):
                    raise Cancelled
                if time.monotonic() > deadline:
                    return None
            said: bytes = api.logs(handle, stdout=True, stderr=False)
        finally:
            with suppress(NoSuchThing):
                api.remove_container(handle, force=True, v=True)
    return clean(said.decode("utf-8", "replace")) if state["ExitCode"] == 0 else None
