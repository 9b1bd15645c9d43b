"""An IDE out of its YAML file, and the folders in which IDEs are looked up by name."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path

from workbench.declare.problem import DeclarationError, Problem, Reading
from workbench.declare.reader import TEXT, Document, read
from workbench.declare.schema.ide import IdeKeys, NeedsKeys, SignInKeys
from workbench.declare.validation import validate
from workbench.model.environment import EnvironmentSpec
from workbench.model.ide import PLACEHOLDER, Ide, Idle, Needs, OwnFile, SignIn, UserRule
from workbench.model.names import SLUG_RULE, is_slug

SUFFIX = ".yaml"
_known: dict[Path, tuple[tuple[int, int], Reading[Ide]]] = {}  # files that were read, as long as they stay as they are


@dataclass(frozen=True)
class Ides:
    """Folders of IDEs by name; a file of the same name in an earlier one wins."""

    folders: tuple[Path, ...] = ()

    def files(self) -> dict[str, Path]:
        """All declared names with their files, in order of name."""
        found: dict[str, Path] = {}
        for folder in reversed(self.folders):
            found.update((path.stem, path) for path in sorted(folder.glob(f"*{SUFFIX}")) if path.name[0] != ".")
        return dict(sorted(found.items()))

    def reading(self, name: str) -> Reading[Ide] | None:
        """The IDE of that name as it could be read; None where there is none."""
        path = next((place for folder in self.folders if os.path.lexists(place := folder / f"{name}{SUFFIX}")), None)
        return _read_once(path) if path else None

    def find(self, name: str) -> Ide | None:
        """The IDE of that name; None where there is none that can be read."""
        reading = self.reading(name)
        return reading.value if reading else None

    def equip(self, spec: EnvironmentSpec) -> EnvironmentSpec:
        """`spec` with the tools that it names; those that cannot be read are left out."""
        found = [self.find(name) for name in spec.ides]
        return replace(spec, tools=tuple(tool for tool in found if tool))

    def problems(self, names: tuple[str, ...]) -> Iterator[tuple[int, str, str]]:
        """What is wrong with each name that an environment lists: its number, a sentence, and what to do."""
        for number, name in enumerate(names):
            reading = self.reading(name)
            if reading is None:
                known = self.files()
                close = get_close_matches(name, known, 1)
                hint = f"did you mean {close[0]!r}?" if close else f"there are: {', '.join(known)}"
                yield number, f"unknown IDE {name!r}", hint
            elif reading.value is None:
                yield number, f"IDE {name} cannot be read", str(reading.problems[0])


def load_ide(source: Path | str, *, name: str | None = None) -> Reading[Ide]:
    """An IDE out of a file or text; `name` is the file's where it is not given."""
    path = source if isinstance(source, Path) else TEXT
    slug = path.stem if name is None else name
    problems = [Problem(path, 0, 0, f"{slug!r} is no name for an IDE", SLUG_RULE)] if not is_slug(slug) else []
    try:
        document = read(source)
    except DeclarationError as error:
        return Reading(None, (*problems, *error.problems))
    reading = validate(document, IdeKeys)
    problems += reading.problems
    keys = reading.value
    if keys is None:
        return Reading(None, tuple(problems))
    problems += _conflicts(document, keys)
    return Reading(None, tuple(problems)) if problems else Reading(_ide(slug, keys))


def _ide(name: str, keys: IdeKeys) -> Ide:
    sign_in, needs = keys.sign_in or SignInKeys.model_validate({}), keys.needs or NeedsKeys()
    return Ide(
        name=name,
        title=keys.title,
        description=keys.description,
        command=tuple(keys.command),
        port=keys.port,
        program=keys.program or ("" if keys.package or PLACEHOLDER.search(keys.command[0]) else keys.command[0]),
        module=keys.module,
        package=keys.package,
        path=keys.path,
        file_path=keys.file_path or "",
        opens=tuple(keys.opens),
        finds=tuple(keys.finds),
        ready=keys.ready,
        websocket=keys.websocket or "",
        sign_in=SignIn(sign_in.how),
        scheme=sign_in.scheme,
        parameter=sign_in.parameter,
        login=sign_in.login,
        form=sign_in.protocol or "",
        user=UserRule(keys.user),
        idle=Idle(keys.idle),
        needs=Needs(tuple(needs.python), tuple(needs.r), tuple(needs.apt)),
        installable=keys.installable,
        engines=tuple(keys.engines),
        env=keys.env,
        files=tuple(OwnFile(file.path, file.text, file.executable) for file in keys.files),
        own=tuple(keys.own),
        stop_grace=keys.stop_grace,
    )


def _conflicts(document: Document, keys: IdeKeys) -> Iterator[Problem]:
    """Keys that cannot hold together."""
    sign_in = keys.sign_in or SignInKeys.model_validate({})
    said = set(PLACEHOLDER.findall(" ".join([*keys.command, *keys.env.values(), *(file.text for file in keys.files)])))
    if not keys.command:
        yield document.problem(("command",), "the command is empty")
    elif not said & {"port", "socket"} and keys.user != "root":
        hint = "it has to listen on {port} of {host}, or on {socket}"
        yield document.problem(("command",), "neither {port} nor {socket} is in the command", hint)
    elif "port" in said and "host" not in said and keys.user != "root":
        hint = "tools that listen on all addresses by themselves are open to the whole network"
        yield document.problem(("command",), "{port} without {host}", hint)
    if "socket" in said and sign_in.how != "front":
        yield document.problem(("sign_in",), "a tool on {socket} is reached through our front alone: sign_in: front")
    if sign_in.how == "token-file" and "token_file" not in said:
        yield document.problem(("sign_in",), "token-file, but {token_file} is nowhere in command, env or files")
    if sign_in.how == "form" and not sign_in.login:
        yield document.problem(("sign_in",), "a form needs to know its `login:`", "{how: form, login: rstudio}")
    if sign_in.protocol and sign_in.how != "form":
        yield document.problem(
            ("sign_in",), "`protocol:` is for a form", "{how: form, login: rstudio, protocol: rstudio}"
        )
    if keys.user == "root" and "process" in keys.engines:
        hint = "write engines: [docker]"
        yield document.problem(("user",), "`user: root` is for containers; a local process is always yours", hint)


def _read_once(path: Path) -> Reading[Ide]:
    """The file, read again only when it has changed: lists ask for it at each look."""
    try:
        facts = path.stat()
    except OSError:
        return load_ide(path)
    mark = (facts.st_mtime_ns, facts.st_size)
    if path not in _known or _known[path][0] != mark:
        _known[path] = (mark, load_ide(path))
    return _known[path][1]
