"""The log of a kept process: its output cleaned, secrets left out, bounded in size."""

from __future__ import annotations

import os

from workbench.redaction import Redactor
from workbench.text import clean

LINE = 64 * 1024  # bytes after which a line without an end is written as it is


class Spool:
    """Copies descriptor `source` to the file `path`, which holds at most `limit` bytes.

    A full file becomes `<path>.1` and a new one is begun. Lines of the files in `secrets` are never written.
    """

    def __init__(self, source: int, path: str, limit: int, secrets: list[str]) -> None:
        self.source = source
        self.path = path
        self.limit = limit
        self.open = True
        self.pending = b""
        values = []
        for name in secrets:
            with open(name, encoding="utf-8") as file:
                values.append(file.read())
        self.redactor = Redactor(values)
        self.file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self.size = os.fstat(self.file).st_size
        os.set_blocking(source, False)

    def take(self) -> None:
        """Copy what has come, whole lines only; an end of the stream closes it."""
        while self.open:
            try:
                data = os.read(self.source, LINE)
            except BlockingIOError:
                break
            if not data:
                self.open = False
                os.close(self.source)
            self.pending += data
            if len(self.pending) >= LINE or not data:
                break
        *lines, self.pending = self.pending.split(b"\n")
        if self.pending and (not self.open or len(self.pending) >= LINE):
            lines.append(self.pending)
            self.pending = b""
        if lines:
            self.write(b"\n".join(lines).decode("utf-8", "replace") + "\n")

    def write(self, text: str) -> None:
        """Append `text`; a full disk loses lines of a log, never the process."""
        data = self.redactor.redact(clean(text)).encode()
        try:
            if self.size + len(data) > self.limit:
                os.replace(self.path, f"{self.path}.1")
                os.close(self.file)
                self.file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
                self.size = 0
            self.size += os.write(self.file, data)
        except OSError:
            return

    def close(self) -> None:
        """Take what is left, and end."""
        self.take()
        if self.pending:
            self.write(self.pending.decode("utf-8", "replace") + "\n")
            self.pending = b""
        if self.open:
            self.open = False
            os.close(self.source)
        os.close(self.file)
