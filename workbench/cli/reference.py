"""docs/cli.md, written from the commands themselves: `python -m workbench.cli.reference > docs/cli.md`."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import click

from workbench.cli.grammar import Noun
from workbench.cli.program import ENTRIES, program
from workbench.cli.shapes.things import SHAPES

HEAD = """\
# Command line

Written by `python -m workbench.cli.reference`; a test holds it to the commands.

`workbench` and `dsw` are the same. Without a command it opens the terminal program, or where there is no terminal it
does `status`. Names of commands may be cut short while they are unique (`workbench env`), and a group without a command
lists. Ids are short: runs are `41`, sessions `s7` or their name, builds `b3`; `@last` is the newest.

| exit code | means |
|---|---|
| 0 | done |
| 1 | refused or failed; `status` found something that needs you, `check` and `doctor` a problem |
| 2 | the command line could not be read |
| 3 | a run that was waited for ended in anything but success |
| 130 | ctrl+c; what was waited for goes on |

These options may stand anywhere:

| option | |
|---|---|
"""
JSON = """\
# JSON

With `--json` an answer is one JSON value on stdout: an array for lists, else an object. Keys are only ever added. Times
are UTC in ISO 8601, lengths seconds, sizes bytes, ids the text that commands take. An error is one object on stderr,
`{"error": {"kind", "message", "title", "hint"}}`, and the exit code is as without `--json`.
"""
# What each command answers with --json; `run` and the like are the shapes of the last part.
ANSWERS = {
    "status": "`home at supervisor {alive, pid} engines {NAME: {problem, hint, endpoint, version, since}}`, `needs` (array of "
    "`kind key text command`), `active pending failed` (arrays of run), `sessions` (array of session), `kept` (array of run), "
    "`next` (array of `schedule due`)",
    "init": "`home state timezone`",
    "demo": "none: it is a show",
    "check": "array of `file line column message hint notice`",
    "doctor": "array of `area about level text remedy`; levels are ok, notice, problem",
    "completion": "none: the script",
    "open": "session, and `secret_url tunnel login password` (the last two empty but for tools with a form)",
    "run": "run, of a sweep group with `state counts runs` (array of `id state reason combination`); with --detach `id`",
    "logs": "of a run one event a line: `t kind` and what the kind has; else `text`",
    "stop": "`stopping` (array of ids)",
    "disk": "`entries` (array of `kind name id engine environment revision size own active created stays`), `freed` (bytes "
    "of those that may go, together), `folders` (bytes by what they are), `cache free problems`",
    "prune": "as disk, with what went; with --dry-run what would go",
    "edit": "as check; with --print `file`",
    "projects list": "array of project, each with `uses` (environment), `newest_run` (run or null) and `up` (names of sessions)",
    "projects new": "project",
    "projects add": "project, and `found {environment, given, notices, problems, not_read, asks}`: its standard files, and what it wants of this machine",
    "projects show": "project, and `uses` (environment), `notebooks` (array), `git {commit, branch, dirty}`, `sessions`",
    "projects remove": "`removed kept`",
    "environments list": "array of environment",
    "environments show": "environment, and `base` (what its image was made from), `rules` (whose rules a ready image "
    "follows), `lacks` (array of sentences), `packages` (array of `name==version`); with --resolved `name files values` (array "
    "of `key value kind from file line`; kinds are declared, extends, size, standard file, settings, chosen, built, default)",
    "environments build": "build; where nothing had to be built `id` null and `state` ready; with --detach `id`",
    "environments revisions": "array of revision",
    "environments activate": "`revision held`",
    "environments lock": "`environment lock`: the file that was written",
    "environments outdated": "array of `kind name installed available`",
    "environments export": "`environment folder`",
    "environments logs": "`text`",
    "environments import": "`name path folder given notices`: what was written, by file what it gave, what was not taken over",
    "environments remove": "`removed kept freed`",
    "ides list": "array of ide",
    "ides show": "ide",
    "sessions list": "array of session",
    "sessions start": "session",
    "sessions url": "`url` (with its secret), `tunnel` (the ssh line, or empty), `login` and `password` (of tools with a form, or empty)",
    "sessions show": "session, and `log`, `tunnel` (the ssh line, or empty)",
    "sessions top": "array of session, those that are up, with their `usage`",
    "sessions keep": "array of session",
    "sessions shell": "none: a shell",
    "sessions restart": "array of session",
    "sessions stop": "array of session",
    "sessions remove": "`removed` (array of ids)",
    "runs list": "array of run",
    "runs show": "of a group as `run` has it; else run, and `attempts` (array of attempt), `files {notebook, log, record}`, `scalars` (object), `tags` (array), `record` (object: git, code, inputs with hashes, image, lock, host, memory, processor, cells)",
    "runs output": "`notebook folder`; with --text `cells` (array of `cell text`)",
    "runs cancel": "`cancelling` (array of ids)",
    "runs again": "run; with --detach `id`",
    "runs continue": "run; with --detach `id`",
    "runs release": "`released` (array of ids)",
    "runs keep": "`kept_until`",
    "runs interrupt": "`interrupted` (an id)",
    "runs attach": "`argv kept_until`; with --lab as `open`, and `file kept_until`",
    "runs compare": "`runs facts cells outputs_differ`",
    "runs report": "`report` (path)",
    "runs scalars": "array of `run scalars`, those that tracked any",
    "runs tag": "tags by id",
    "runs prune": "`runs` (array of ids), `size` (null where there are very many), `problems` where they went",
    "runs priority": "`changed` (ids), `priority`",
    "runs remove": "`removed` (array of ids)",
    "schedules list": "array of schedule",
    "schedules add": "schedule, and `tonight` (array: whether it will really run)",
    "schedules show": "schedule, and `words coming warnings`, `ledger` (array of due time)",
    "schedules import": "array, one for each line that runs something: `line text schedule`, and `state` (proposed, written, there,"
    " refused) `why declares notes`, or `why hint` where `schedule` is null",
    "schedules next": "`words often times local remarks notes warnings changes overlap parameters`: `times` in UTC, `local` in its zone, `parameters` what references stand for at each",
    "schedules ledger": "array of due time",
    "schedules backfill": "`due left_out` (arrays of times), `runs` (array of ids)",
    "schedules now": "run; with --detach `id`",
    "schedules pause": "schedule",
    "schedules set": "schedule",
    "schedules resume": "schedule",
    "schedules remove": "`removed file`",
    "notify list": "array of notice",
    "notify test": "array of notice",
    "secrets list": "array of secret",
    "secrets set": "`name state`",
    "secrets remove": "`removed environments` (those that name it)",
    "service status": "`alive pid version outdated how since silent unit log`; `silent`: since when it does not answer",
    "service start": "as service status",
    "service stop": "as service status",
    "service restart": "as service status",
    "service logs": "`text`",
    "service install": "`done` (array)",
    "service uninstall": "`uninstalled`",
    "service run": "none: it is the supervisor",
}


def leaves() -> Iterator[tuple[str, click.Command]]:
    """Every command that does something, with its full name."""
    for name, entry in ENTRIES.items():
        command = entry.load()
        if isinstance(command, Noun):
            yield from ((f"{name} {sub}", command.commands[sub]) for sub in command.commands)
        else:
            yield name, command


def page() -> str:
    """The whole page."""
    root = program()
    context = click.Context(root, info_name="workbench")
    parts = [HEAD.rstrip("\n"), *_options(root, context, own=False)]
    heading = ""
    for name, command in leaves():
        group, _, single = name.partition(" ")
        if group != heading and single:
            parts += ["", f"## {group}", "", ENTRIES[group].help]
        heading = group
        parts += _command(name, command, level=3 if single else 2)
    parts += ["", JSON.rstrip("\n")]
    for shape in SHAPES:
        parts += ["", f"## {shape.name}", "", "| key | type | |", "|---|---|---|"]
        parts += [f"| `{key.name}` | {key.kind} | {_cell(key.says)} |" for key in shape.keys]
    return "\n".join(parts) + "\n"


def _command(name: str, command: click.Command, *, level: int) -> Iterator[str]:
    context = click.Context(command, info_name=f"workbench {name}")
    usage = " ".join(command.collect_usage_pieces(context))
    yield from ("", f"{'#' * level} {name}", "", f"```\nworkbench {name} {usage}\n```")
    for paragraph in inspect.cleandoc(command.help or "").split("\n\n"):
        # click's mark of a paragraph that keeps its lines
        yield from ("", f"```\n{paragraph[2:]}\n```" if paragraph.startswith("\b\n") else paragraph)
    table = list(_options(command, context, own=True))
    if table:
        yield from ("", "| option | |", "|---|---|", *table)
    yield from ("", f"JSON: {ANSWERS[name]}.")


def _options(command: click.Command, context: click.Context, *, own: bool) -> Iterator[str]:
    for parameter in command.get_params(context):
        common = not parameter.expose_value or parameter.name == "help"
        if (own and common) or isinstance(parameter, click.Argument):
            continue
        record = parameter.get_help_record(context)
        if record:
            yield f"| `{_cell(record[0])}` | {_cell(record[1])} |"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    click.echo(page(), nl=False)
