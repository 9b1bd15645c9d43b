"""Runs uv, whose binary comes with its wheel: its output into the log and into progress, its errors into words."""

from __future__ import annotations

import configparser
import os
import re
import secrets
import select
import signal
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Event
from typing import Any, TextIO

from workbench.certificates import ca_bundle
from workbench.engines.base import Cancelled
from workbench.engines.complaints import failure
from workbench.engines.process import kept
from workbench.text import clean

UNITS = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
DOWNLOAD = re.compile(r"\s*(Downloading|Downloaded|Building|Built) (\S+)(?: \(([\d.]+)([KMG]?i?B)\))?")
TELLING = re.compile(r"\s*(Resolved|Prepared|Installed|Bytecode compiled|Using|Creating|Audited) ")
TAIL = 120  # lines of a failed step in which its reason is looked for


def binary() -> str:
    """The uv that our own distribution depends on."""
    from uv import find_uv_bin

    return str(find_uv_bin())


class Tool:
    """uv in one build: `say(text, done, total)` gets bytes where they are known."""

    def __init__(
        self,
        folder: Path,
        name: str,
        log: TextIO,
        cancelled: Event,
        say: Callable[[str, int, int], None],
        index: str | None,
    ) -> None:
        self.folder = folder
        self.name = name
        self.log = log
        self.cancelled = cancelled
        self.say = say
        self.env = settings(os.environ, index)
        self.sizes: dict[str, int] = {}
        self.fetched: set[str] = set()

    def run(self, step: str, arguments: list[str]) -> None:
        """Run uv. Raises `BuildFailed` named after `step`, or `Cancelled`; then nothing of it is left."""
        end, lines = self.call([binary(), *arguments])
        if end is None or end["code"] != 0:
            raise failure(step, lines[-TAIL:], end)

    def call(self, argv: list[str]) -> tuple[dict[str, Any] | None, list[str]]:
        """Run any program of a build; how it ended and its lines. Raises `Cancelled`."""
        self.log.write(f"$ {' '.join([Path(argv[0]).name, *argv[1:]])}\n")
        source, sink = os.pipe()
        try:
            line = kept.Line(
                kept.Job(
                    label=f"build of {self.name}",
                    mark=f"build-{secrets.token_hex(8)}",
                    argv=argv,
                    cwd="/",  # so that no uv.toml or pyproject.toml of a folder above joins in
                    env=self.env,
                    folder=str(self.folder),
                ),
                stdout=sink,
            )
        except BaseException:
            os.close(source)
            raise
        finally:
            os.close(sink)
        lines: list[str] = []
        try:
            self._read(source, line, lines)
            end = line.look(kept.GONE)
        except BaseException:
            line.kill()
            raise
        finally:
            os.close(source)
            line.close()
        return end, lines

    def _read(self, source: int, line: kept.Line, lines: list[str]) -> None:
        pending = b""
        while True:
            if self.cancelled.is_set():
                line.signal(signal.SIGTERM)
                line.look(2.0)
                raise Cancelled
            ready, _, _ = select.select([source], [], [], 0.1)
            if not ready:
                continue
            data = os.read(source, 65536)
            *parts, pending = (pending + data).split(b"\n")
            if not data and pending:
                parts.append(pending)
            for part in parts:
                text = clean(part.decode("utf-8", "replace"))
                lines.append(text)
                self.log.write(f"{text}\n")
                self._tell(text)
            self.log.flush()
            if not data:
                return

    def _tell(self, text: str) -> None:
        word = DOWNLOAD.match(text)
        if word:
            if word[3]:
                self.sizes[word[2]] = int(float(word[3]) * UNITS.get(word[4], 1))
            if word[1] == "Downloaded":
                self.fetched.add(word[2])
        elif not TELLING.match(text):
            return
        done = sum(self.sizes.get(name, 0) for name in self.fetched)
        self.say(text.strip(), done, sum(self.sizes.values()))


def settings(environ: Mapping[str, str], index: str | None) -> dict[str, str]:
    """Environment variables for uv: the machine's, with pip's index settings where uv has none of its own.

    `index`, the declared one, stands alone. Addresses stand here and not in argv, for they may hold a password.
    """
    env = {name: value for name, value in environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
    bundle = ca_bundle(environ)
    if bundle and not environ.get("SSL_CERT_FILE"):  # uv itself knows only the public ones
        env["SSL_CERT_FILE"] = str(bundle)
    env.update(UV_COMPILE_BYTECODE="0", UV_NO_PROGRESS="1", NO_COLOR="1", UV_PYTHON_DOWNLOADS=_downloads(environ))
    pip = {**_pip_settings(Path.home()), **_pip_variables(environ)}
    if index:
        env["UV_DEFAULT_INDEX"] = index
        return env
    if not any(environ.get(name) for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL")) and pip.get("index-url"):
        env["UV_DEFAULT_INDEX"] = pip["index-url"]
    if pip.get("extra-index-url") and not any(environ.get(name) for name in ("UV_INDEX", "UV_EXTRA_INDEX_URL")):
        env["UV_INDEX"] = " ".join(pip["extra-index-url"].split())
        env.setdefault("UV_INDEX_STRATEGY", "unsafe-best-match")  # pip takes the best of all its indexes
    if pip.get("find-links") and not environ.get("UV_FIND_LINKS"):
        env["UV_FIND_LINKS"] = ",".join(pip["find-links"].split())
    return env


def _downloads(environ: Mapping[str, str]) -> str:
    return "automatic" if environ.get("UV_PYTHON_DOWNLOADS") == "automatic" else "never"


def _pip_variables(environ: Mapping[str, str]) -> dict[str, str]:
    names = ("index-url", "extra-index-url", "find-links")
    values = {name: environ.get(f"PIP_{name.upper().replace('-', '_')}", "") for name in names}
    return {name: value for name, value in values.items() if value}


def _pip_settings(home: Path) -> dict[str, str]:
    """What pip's configuration files of the machine and the account say; the later file wins."""
    found: dict[str, str] = {}
    for path in (Path("/etc/pip.conf"), home / ".pip" / "pip.conf", home / ".config" / "pip" / "pip.conf"):
        parser = configparser.ConfigParser(interpolation=None, strict=False)
        try:
            parser.read(path, encoding="utf-8")
        except (configparser.Error, UnicodeDecodeError):
            continue
        if parser.has_section("global"):
            found.update({name: value for name, value in parser.items("global") if value})
    return found
