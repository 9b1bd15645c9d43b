"""Declarations written: new files with a line for editors at their top, changes that keep people's comments.

What is about to be written is read back by the strict reader first; a file that would not hold is never written.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
import tempfile
from collections.abc import Mapping
from io import StringIO
from pathlib import Path
from typing import Any, Literal

from workbench.declare.problem import DeclarationError, Problem
from workbench.declare.reader import read, read_text
from workbench.declare.schema import KINDS
from workbench.declare.schemas import install
from workbench.declare.validation import validate
from workbench.errors import Conflict, Refused

Kind = Literal["environment", "ide", "project", "schedule", "settings"]
# The key's path, as ("limits", "memory"); None takes the key away.
Changes = Mapping[tuple[str, ...], Any]
_SCHEMA_LINE = re.compile(r"# yaml-language-server: \$schema=.*(?:\r?\n|$)")
# What stands before the mapping and is kept as it is: ruamel drops comments above `---`.
_HEAD = re.compile(r"(?:[ ]*(?:#[^\n]*)?\n)*---[ ]*\n")
# Text that is the same without quotes wherever it stands.
_WORDS = re.compile(r"[\w./](?:[\w./+@%*~ -]*[\w./+@%*~-])?")
# Words that YAML 1.1, as other programs still read it, takes for true and false.
_OLD_TRUTH = re.compile(r"y|yes|n|no|on|off|true|false", re.IGNORECASE)


def digest(text: str) -> str:
    """SHA-256 of a declaration's text: what `ScheduleSpec.digest` has, to notice that a file changed."""
    return hashlib.sha256(text.encode()).hexdigest()


def create(path: Path, kind: Kind, data: Mapping[str, Any], *, home: Path, note: str = "") -> None:
    """Write a new declaration; `note` is put below it as comment lines.

    Raises `Conflict` where the file exists, `DeclarationError` where `data` is not what the kind may say.
    """
    text = schema_line(path, kind, home) + dump(data)
    if note:
        text += "".join(f"# {line}".rstrip() + "\n" for line in note.splitlines())
    create_text(path, kind, text, home=home)


def create_text(path: Path, kind: Kind, text: str, *, home: Path) -> None:
    """Write a new declaration that is there as text. Raises as `create` does."""
    _check(path, kind, text)
    install(home)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = _temporary(path, text, 0o666 & ~_umask())
    try:
        os.link(temporary, path)
    except FileExistsError:
        raise Conflict(f"{path} exists already", hint="Choose another name, or edit the file.") from None
    except OSError as error:
        raise Refused(f"{path} cannot be written: {error.strerror}") from error
    finally:
        temporary.unlink(missing_ok=True)


def changed(path: Path, kind: Kind, changes: Changes) -> str:
    """The text that `update` would write, checked as it is there; nothing is written."""
    text = _edited(read_text(path.resolve()), changes)
    _check(path, kind, text)
    return text


def update(path: Path, kind: Kind, changes: Changes, *, seen: str | None = None) -> None:
    """Change keys of a declaration and nothing else in it.

    `seen` is the digest of the text that the person saw. Raises `Conflict` where the file is another by now,
    `DeclarationError` where it is not readable or would not be afterwards.
    """
    real = path.resolve()
    text = read_text(real)
    if seen is not None and digest(text) != seen:
        raise _changed(path)
    before = read(real)
    if before.problems:
        raise DeclarationError(before.problems)
    edited = _edited(text, changes)
    _check(real, kind, edited)
    after = read(edited).data
    touched = {keys[0] for keys in changes}
    if any(after.get(key) != value for key, value in before.data.items() if key not in touched):
        raise Refused(f"{path} cannot be changed without changing its other lines", hint="Edit the file itself.")
    replace_text(real, edited, seen=digest(text))


def replace_text(path: Path, text: str, *, seen: str) -> None:
    """Put `text` in the place of a file, at once, with its mode and owner. Raises `Conflict` where it changed."""
    temporary: Path | None = None
    try:
        facts = path.stat()
        temporary = _temporary(path, text, stat.S_IMODE(facts.st_mode))
        if (facts.st_uid, facts.st_gid) != (os.geteuid(), os.getegid()) and os.geteuid() == 0:
            os.chown(temporary, facts.st_uid, facts.st_gid)
        if digest(read_text(path)) != seen:
            raise _changed(path)
        temporary.replace(path)
    except OSError as error:
        raise Refused(f"{path} cannot be written: {error.strerror}") from error
    finally:
        if temporary:
            temporary.unlink(missing_ok=True)


def dump(data: Mapping[str, Any]) -> str:
    """`data` (what JSON holds) as short block YAML that the strict reader reads back the same."""
    stream = StringIO()
    _yaml("").dump(_plain(data), stream)
    return stream.getvalue()


def schema_line(path: Path, kind: Kind, home: Path) -> str:
    """The comment by which editors find the JSON Schema: a path from the file to the home, so it works offline."""
    schema = home / ".workbench" / "schemas" / f"{kind}.schema.json"
    relative = os.path.relpath(schema.resolve(), path.parent.resolve())
    return f"# yaml-language-server: $schema={Path(relative).as_posix()}\n"


def with_schema_line(text: str, path: Path, kind: Kind, home: Path) -> str:
    """`text` with its first line naming the schema in this home."""
    return schema_line(path, kind, home) + _SCHEMA_LINE.sub("", text, count=1)


def _edited(text: str, changes: Changes) -> str:
    ends = "\r\n" if "\r\n" in text else "\n"
    text = text.replace("\r\n", "\n")
    head = _HEAD.match(text)
    start = head.end() if head else 0
    yaml = _yaml(text)
    document = yaml.load(text[start:])
    for keys, value in changes.items():
        *parents, last = keys
        node = document
        for key in parents:
            if not isinstance(node.get(key), dict):
                node[key] = {}
            node = node[key]
        if value is None:
            node.pop(last, None)
        else:
            node[last] = _plain(value)
    stream = StringIO()
    yaml.dump(document, stream)
    return (text[:start] + stream.getvalue()).replace("\n", ends)


def _yaml(text: str) -> Any:
    """A round-trip writer that indents lists as `text` does; two spaces below their key where it has none."""
    from ruamel.yaml import YAML

    yaml = YAML(typ="rt")
    yaml.preserve_quotes = True
    yaml.allow_unicode = True
    yaml.width = 1 << 20  # a long line of a person stays one
    found = re.search(r"^( *)[^\s#-][^\n#]*:[ \t]*(?:#[^\n]*)?\n(?:\s*\n)*( *)- ", text, re.MULTILINE)
    offset = max(0, len(found[2]) - len(found[1])) if found else 2
    yaml.indent(mapping=2, sequence=2 + offset, offset=offset)
    return yaml


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {_text(str(key)): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return _text(value) if isinstance(value, str) else value


def _text(value: str) -> str:
    """Text as it is, in quotes where the reader would take it for something else."""
    from ruamel.yaml.scalarstring import DoubleQuotedScalarString

    from workbench.declare.composer import Plain
    from workbench.declare.scalars import free

    if _WORDS.fullmatch(value) and not _OLD_TRUTH.fullmatch(value) and value != "null":
        try:
            if type(free(Plain(value))) is str:
                return value
        except ValueError:
            pass
    quoted: str = DoubleQuotedScalarString(value)
    return quoted


def _check(path: Path, kind: Kind, text: str) -> None:
    try:
        problems = validate(read(text), KINDS[kind]).problems
    except DeclarationError as error:
        problems = error.problems
    if problems:
        raise DeclarationError(
            Problem(path, p.line, p.column, p.message, p.hint, p.excerpt, p.notice, p.label) for p in problems
        )


def _temporary(path: Path, text: str, mode: int) -> Path:
    """A whole copy of `text` on disk beside `path`."""
    try:
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
        with open(descriptor, "w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
    except OSError as error:
        raise Refused(f"{path} cannot be written: {error.strerror}") from error
    return Path(name)


def _umask() -> int:
    # There is no other way to ask for it without setting it, which other threads would see.
    status = Path("/proc/self/status").read_text()
    found = re.search(r"^Umask:\s*(\d+)", status, re.MULTILINE)
    return int(found[1], 8) if found else 0o077


def _changed(path: Path) -> Conflict:
    return Conflict(f"{path} was changed meanwhile", hint="Look at it again; nothing was written.")
