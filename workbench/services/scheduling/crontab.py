"""Lines of a crontab that run notebooks as schedules of this home: what would be written, and why others are not.

crontab ─▶ lines ─▶ shell words ─▶ papermill or nbconvert ─▶ project and notebook ─▶ Proposal | Left
"""

from __future__ import annotations

import os
import pwd
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workbench.errors import Refused, WorkbenchError
from workbench.model.crontab import Line, read
from workbench.services import projects
from workbench.services.asking import requests
from workbench.services.bench import Bench
from workbench.services.scheduling import adding, views
from workbench.services.scheduling.notebook_commands import Asked, nbconvert, papermill
from workbench.services.scheduling.shell_line import Command, Shell
from workbench.services.scheduling.wrapped import OWN, bare, set_for
from workbench.services.scheduling.zones import machine_zone
from workbench.text import one_line

_ENVIRONMENTS = {"source", ".", "conda", "mamba", "micromamba", "module", "pyenv"}
_QUIET = {"set", "umask", "echo", "date", "true", ":", "mkdir", "trap"}
_TESTS = ("test", "[", "[[")
_PLAIN = frozenset({"SHELL", "PATH", "HOME", "MAILTO", "MAILFROM", "CRON_TZ", "LOGNAME", "USER", "LANG", "LC_ALL", "TZ", "BASH_ENV"})  # fmt: skip
_MAIL = re.compile(r"[^\s@<>,;]+@[^\s@<>,;]+")


@dataclass(frozen=True)
class Proposal:
    """A schedule that a line becomes. `notes`: what of the line is left out, or is otherwise here. `there`: one that is
    the same already."""

    line: Line
    project: str
    name: str
    notebook: str
    zone: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    keys: Mapping[tuple[str, ...], Any] = field(default_factory=dict)
    notes: Sequence[str] = ()
    there: str = ""

    @property
    def key(self) -> str:
        """As commands take it."""
        return f"{self.project}/{self.name}"

    @property
    def data(self) -> dict[str, Any]:
        """What its file says."""
        from workbench.declare import single_keys

        times = {"notebook": self.notebook, "cron": self.line.cron, "timezone": self.zone}
        return single_keys.merged({**times, **({"parameters": self.parameters} if self.parameters else {})}, self.keys)


@dataclass(frozen=True)
class Left:
    """A line that becomes nothing, why, and what could be done."""

    line: Line
    why: str
    hint: str = ""


def proposals(bench: Bench, text: str, *, with_user: bool = False) -> Iterator[Proposal | Left]:
    """What each line of a crontab that runs something becomes."""
    taken = {view.key for view in views.listing(bench)}
    for line in read(text, with_user=with_user):
        try:
            found: list[Proposal | Left] = list(_of_line(bench, line, taken))
        except WorkbenchError as error:
            found = [Left(line, error.message, error.hint)]
        yield from found


def write(bench: Bench, proposal: Proposal) -> str:
    """Write one; its key. Raises as `schedules add` does."""
    return adding.add(
        bench, proposal.project, proposal.name, notebook=proposal.notebook, cron=proposal.line.cron,
        timezone=proposal.zone, parameters=proposal.parameters, keys=proposal.keys,
    ).key  # fmt: skip


def _of_line(bench: Bench, line: Line, taken: set[str]) -> Iterator[Proposal | Left]:
    if line.problem:
        yield Left(line, line.problem)
        return
    notes = _notes(line)
    found = list(_asked(line, notes))
    if not found:
        mentioned = re.search(r"papermill|nbconvert|\.sh\b", line.command)
        yield Left(line, "it runs no notebook that can be seen here" if mentioned else "it runs no notebook")
        return
    if len(found) > 1:
        notes.append("its notebooks ran one after the other; as schedules they are due together")
    for asked, folder in found:
        yield _proposal(bench, line, asked, folder, notes, taken)


def _asked(line: Line, notes: list[str]) -> Iterator[tuple[Asked, Path]]:
    """What its command runs, with the folder it is in then."""
    home = line.variables.get("HOME") or _home_of(line.user)
    shell = Shell({"HOME": home, "USER": line.user, "LOGNAME": line.user} | dict(line.variables))
    here = Path(home)
    before: Command | None = None
    for command in _flat(shell, shell.commands(line.command)):
        keys: dict[tuple[str, ...], Any] = {}
        words = bare(command.words, keys)
        if words[:1] == ["cd"]:
            here = here / shell.known(words[1]) if len(words) > 1 else Path(home)
        elif reader := _reader(words):
            _always(command, before)
            asked = reader[0](words[reader[1] :], shell.known)
            asked.keys = keys | asked.keys
            if own := next((word for word in map(os.path.basename, command.words) if word in OWN), ""):
                notes.append(f"`{own} run`: it runs in the project's environment, or in one that its file names")
            if given := [name for name in set_for(command.words, words) if name not in _PLAIN]:
                notes.append(f"{', '.join(given)}: set for the command; put it into `env:` of the environment")
            yield asked, here
        elif words and words[0] in _ENVIRONMENTS:
            notes.append(f"`{command.text}`: it runs in the project's environment, or in one that its file names")
        elif words and words[0] not in _QUIET:
            notes.append(f"left out: {command.text}")
        before = command
    if line.given is not None:
        notes.append("what follows the % was its input, and is left out")


def _always(command: Command, before: Command | None) -> None:
    """Raise `Refused` for a notebook that runs only where a test holds or what is before it fails: a schedule always would."""
    tested = before is not None and before.words[0] in _TESTS and not {"-e", "-f", "-r", "-x", "-d"} & set(before.words)
    if before is None or not (command.after == "||" or (command.after == "&&" and tested)):
        return
    raise Refused(
        f"it runs the notebook only where `{before.text}` {'fails' if command.after == '||' else 'holds'}",
        hint="Where the line's five fields can say so, write it by hand: workbench schedules add",
    )


def _flat(shell: Shell, commands: Sequence[Command]) -> Iterator[Command]:
    """With what `sh -c '…'` has in it."""
    for command in commands:
        words = bare(command.words, {})
        if (
            words
            and re.fullmatch(r"(.*/)?(ba|da|z)?sh", words[0])
            and len(words) > 2
            and re.fullmatch(r"-l?c", words[1])
        ):
            yield from _flat(shell, shell.commands(shell.known(words[2])))
        else:
            yield command


def _reader(words: Sequence[str]) -> tuple[Callable[..., Asked], int] | None:
    """Who reads a command, and how many words come before what he reads."""
    names = [os.path.basename(word) for word in words[:4]]
    if names[:1] == ["papermill"]:
        return papermill, 1
    if names and re.fullmatch(r"python[\d.]*", names[0]) and names[1:3] == ["-m", "papermill"]:
        return papermill, 3
    if names[:1] == ["jupyter-nbconvert"]:
        return nbconvert, 1
    if names[:2] == ["jupyter", "nbconvert"]:
        return nbconvert, 2
    if names and re.fullmatch(r"python[\d.]*", names[0]) and names[1:3] in (["-m", "nbconvert"], ["-m", "jupyter"]):
        return nbconvert, 3 if names[2] == "nbconvert" else 4
    return None


def _proposal(bench: Bench, line: Line, asked: Asked, folder: Path, notes: Sequence[str], taken: set[str]) -> Proposal:
    from workbench.declare.parameters import read_parameters
    from workbench.model.placeholder import escaped
    from workbench.notebooks.parameters import decode_base64, gather

    project, notebook = projects.locate(bench, folder / asked.notebook)
    takes = requests.parameters_of(bench, project.name, notebook)
    files = {name: (folder / name) for name in asked.files}
    parameters = gather(
        base64_mappings=[read_parameters(decode_base64(text), title="-b") for text in asked.base64],
        file_mappings=[escaped(read_parameters(path.read_text(), title=name)) for name, path in _there(files)],
        yaml_mappings=[read_parameters(text, title="-y") for text in asked.yaml],
        values=asked.values, raw=asked.raw, takes=takes,
    )  # fmt: skip
    strange = [name for name in parameters if takes.known and takes.get(name) is None]
    if strange:
        raise Refused(
            f"{notebook} has no parameter {', '.join(strange)}", hint="Give it one, in its cell tagged `parameters`."
        )
    more = [*notes, *asked.notes, *(f"{name}: its values as they are now are written down" for name in asked.files)]
    keys = dict(asked.keys)
    if asked.output and asked.output not in ("-", "/dev/null"):
        _deliver(keys, more, asked, folder, project.path)
    people = [one for one in re.split(r"[,\s]+", line.variables.get("MAILTO", "")) if one]
    if mails := [one for one in people if _MAIL.fullmatch(one)]:
        keys["notify", "failure"] = mails
    more += [f"MAILTO={one} is no mail address" for one in people if one not in mails]
    zone = line.zone or machine_zone()
    there = _same(bench, project.name, notebook, line.cron, zone, parameters)
    name = there.partition("/")[2] if there else _name(project.name, Path(notebook).stem, taken)
    taken.add(f"{project.name}/{name}")
    return Proposal(line, project.name, name, notebook, zone, parameters, keys, tuple(more), there)


def _there(files: Mapping[str, Path]) -> Iterator[tuple[str, Path]]:
    for name, path in files.items():
        if not path.is_file():
            raise Refused(f"its file of parameters is not there: {one_line(str(path))}")
        yield name, path


def _deliver(keys: dict[tuple[str, ...], Any], notes: list[str], asked: Asked, folder: Path, project: Path) -> None:
    """A copy of each output where the command wrote it."""
    place = Path(os.path.normpath(folder / asked.output))
    inside = place.relative_to(project).as_posix() if place.is_relative_to(project) else str(place)
    if any(part.startswith(".") for part in Path(inside).parts) or "://" in asked.output:
        notes.append(f"its output {asked.output} is left out: each run keeps its own")
        return
    keys["deliver",] = [{"to": inside, "what": asked.what, **({"code": False} if asked.bare else {})}]


def _same(bench: Bench, project: str, notebook: str, cron: str, zone: str, parameters: Mapping[str, Any]) -> str:
    from workbench.model.cron import parse_cron

    for view in views.listing(bench):
        spec = view.spec
        if spec is None or spec.cron is None or parse_cron(spec.cron) != cron or spec.parameters != parameters:
            continue
        if (spec.project, spec.notebook, spec.timezone) == (project, notebook, zone):
            return view.key
    return ""


def _name(project: str, stem: str, taken: set[str]) -> str:
    """A name out of the notebook's, with a number where it is taken."""
    plain = re.sub(r"[^a-z0-9]+", "-", stem.lower()).strip("-")[:50] or "notebook"
    number, name = 1, plain
    while f"{project}/{name}" in taken:
        number += 1
        name = f"{plain}-{number}"
    return name


def _notes(line: Line) -> list[str]:
    """What holds for the line and has no place in a schedule."""
    own = [f"it ran as {line.user}; its runs are yours"] if line.user else []
    set_ = [name for name in line.variables if name not in _PLAIN]
    return own + ([f"{', '.join(set_)}: set in the crontab; put it into `env:` of the environment"] if set_ else [])


def _home_of(user: str) -> str:
    try:
        return pwd.getpwnam(user).pw_dir if user else str(Path.home())
    except KeyError:
        return str(Path.home())
