"""The Engine's own builder, for machines without BuildKit, as a program of its own: killing it cancels the build.

    python -m workbench.engines.docker.classic URL TAG FOLDER [--no-cache]

It prints what the Engine says in the form `transcript` reads. Proxies come as environment variables.
"""

from __future__ import annotations

import io
import re
import sys
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from docker import APIClient

from workbench.engines.docker.connection import Connection
from workbench.engines.docker.endpoint import Endpoint
from workbench.engines.docker.registries import proxies
from workbench.errors import WorkbenchError

_STEP = re.compile(r"step (\d+)/(\d+) ?: ?(.*)", re.IGNORECASE)


def packed(folder: Path) -> io.BytesIO:
    """The context as a tar archive, owned by root, without this machine's times."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for path in sorted(folder.iterdir()):
            entry = tar.gettarinfo(str(path), arcname=path.name)
            entry.uid = entry.gid = 0
            entry.uname = entry.gname = "root"
            entry.mtime = 0
            with path.open("rb") as content:
                tar.addfile(entry, content)
    archive.seek(0)
    return archive


def told(stream: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, bool]]:
    """The Engine's messages as lines, each with whether it is the failure."""
    number = 0
    for message in stream:
        if "error" in message:
            yield f"#{number} ERROR: {message['error']}", True
        detail = message.get("progressDetail") or {}
        if message.get("id") and detail.get("total"):
            yield f"#{number} {message['id']} {detail.get('current', 0)}B / {detail['total']}B", False
        for line in str(message.get("stream", "")).splitlines():
            if step := _STEP.match(line):
                number += 1
                yield f"#{number} [{step[1]}/{step[2]}] {step[3]}", False
            elif line.strip():
                yield f"#{number} 0 {line}", False


def build(api: APIClient, tag: str, folder: Path, *, fresh: bool) -> bool:
    """Build the context in `folder`; whether it succeeded."""
    good = True
    stream = api.build(
        fileobj=packed(folder),
        custom_context=True,
        tag=tag,
        rm=True,
        nocache=fresh,
        forcerm=True,
        decode=True,
        buildargs=proxies(),
        timeout=None,
    )
    for line, failed in told(stream):
        print(line, flush=True)  # noqa: T201 - its output is what the builder reads
        good = good and not failed
    return good


def main(arguments: list[str]) -> int:
    """Build, and say by the exit code how it went."""
    url, tag, folder, *anew = arguments
    try:
        with Connection(Endpoint(url, "the builder")).api(timeout=None) as api:
            return 0 if build(api, tag, Path(folder), fresh=bool(anew)) else 1
    except WorkbenchError as error:
        print(f"#0 ERROR: {error.message}", flush=True)  # noqa: T201 - as above
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
