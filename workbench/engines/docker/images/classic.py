"""The Engine's own builder, for machines without BuildKit, as a program of its own: killing it cancels the build.

    python -m workbench.engines.docker.images.classic URL TAG FOLDER CONTEXT [--no-cache] [--label=…] [--build-arg=…] [--target=…]

CONTEXT is the folder in FOLDER that is sent, empty for all of it.

It prints what the Engine says in the form `transcript` reads. Proxies come as environment variables.
"""

from __future__ import annotations

import io
import re
import sys
import tarfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from docker import APIClient

from workbench.engines.docker.connection import Connection
from workbench.engines.docker.endpoint import Endpoint
from workbench.engines.docker.images.registries import proxies
from workbench.errors import WorkbenchError

_STEP = re.compile(r"step (\d+)/(\d+) ?: ?(.*)", re.IGNORECASE)


DOCKERFILE = ".workbench.Dockerfile"


def packed(folder: Path, dockerfile: Path) -> io.BytesIO:
    """The context as a tar archive, owned by root, without this machine's times."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for path, name in [
            *((path, str(path.relative_to(folder))) for path in sorted(folder.rglob("*"))),
            (dockerfile, DOCKERFILE),
        ]:
            entry = tar.gettarinfo(str(path), arcname=name)
            entry.uid = entry.gid = 0
            entry.uname = entry.gname = "root"
            entry.mtime = 0
            if not entry.isreg():
                tar.addfile(entry)
                continue
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


def build(api: APIClient, tag: str, folder: Path, inner: str, options: Sequence[str]) -> bool:
    """Build the context in `folder`; whether it succeeded."""
    good = True

    def given(option: str) -> dict[str, str]:
        found = (word.removeprefix(f"{option}=") for word in options if word.startswith(f"{option}="))
        return dict(text.partition("=")[::2] for text in found)

    stream = api.build(
        fileobj=packed(folder / inner, folder / "Dockerfile"),
        custom_context=True,
        dockerfile=DOCKERFILE,
        tag=tag,
        rm=True,
        nocache="--no-cache" in options,
        forcerm=True,
        decode=True,
        buildargs=proxies() | given("--build-arg"),
        labels=given("--label"),
        target=next((word.partition("=")[2] for word in options if word.startswith("--target=")), ""),
        timeout=None,
    )
    for line, failed in told(stream):
        print(line, flush=True)  # noqa: T201 - its output is what the builder reads
        good = good and not failed
    return good


def main(arguments: list[str]) -> int:
    """Build, and say by the exit code how it went."""
    url, tag, folder, inner, *options = arguments
    try:
        with Connection(Endpoint(url, "the builder")).api(timeout=None) as api:
            return 0 if build(api, tag, Path(folder), inner, options) else 1
    except WorkbenchError as error:
        print(f"#0 ERROR: {error.message}", flush=True)  # noqa: T201 - as above
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
