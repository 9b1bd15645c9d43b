"""The whole command line: its table of commands, and the outermost loop of a call."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from workbench import __version__
from workbench.cli.grammar import Entry, Late, common_options, program_name
from workbench.cli.invocation import Invocation
from workbench.cli.terminal import failure
from workbench.errors import WorkbenchError

START, WORK, THINGS = "Start", "Work", "Things (a bare group lists)"
ENTRIES = {
    "status": Entry("workbench.cli.status:status", "What runs, what is due, what needs you.", START),
    "init": Entry("workbench.cli.init:init", "Make a home and choose its time zone.", START),
    "demo": Entry("workbench.cli.demo:demo", "The whole product once, with the example project.", START),
    "check": Entry("workbench.cli.check:check", "Check every declaration.", START),
    "doctor": Entry("workbench.cli.doctor:doctor", "Check this machine and this home.", START),
    "completion": Entry("workbench.cli.completion:completion", "Print the shell's completion script.", START),
    "open": Entry("workbench.cli.open:open_session", "Open a project or file in its IDE.", WORK),
    "run": Entry("workbench.cli.runs.run:run", "Run a notebook, with parameters.", WORK),
    "logs": Entry("workbench.cli.logs:logs", "Show what a run, session or build said.", WORK),
    "stop": Entry("workbench.cli.stop:stop", "Stop runs, sessions and builds.", WORK),
    "disk": Entry("workbench.cli.disk:disk", "What all this takes on the disk.", WORK),
    "prune": Entry("workbench.cli.disk:prune", "Remove what nothing needs.", WORK),
    "edit": Entry("workbench.cli.edit:edit", "Edit a declaration, then check it.", WORK),
    "projects": Entry("workbench.cli.projects:projects", "Folders of work.", THINGS),
    "environments": Entry(
        "workbench.cli.environments.commands:environments",
        "What notebooks and IDEs run in.",
        THINGS,
        ("workbench.cli.environments.revisions", "workbench.cli.environments.locks"),
    ),
    "ides": Entry("workbench.cli.ides:ides", "Tools that sessions can hold.", THINGS),
    "sessions": Entry("workbench.cli.sessions:sessions", "IDEs that are open.", THINGS),
    "runs": Entry(
        "workbench.cli.runs.commands:runs",
        "Notebooks that ran, run or will.",
        THINGS,
        (
            "workbench.cli.runs.history",
            "workbench.cli.runs.reports",
            "workbench.cli.runs.scalars",
            "workbench.cli.runs.retention",
            "workbench.cli.runs.comparison",
            "workbench.cli.runs.continuing",
        ),
    ),
    "schedules": Entry(
        "workbench.cli.schedules.commands:schedules",
        "Notebooks that run by themselves.",
        THINGS,
        (
            "workbench.cli.schedules.times",
            "workbench.cli.schedules.ledger",
            "workbench.cli.schedules.changes",
            "workbench.cli.schedules.crontab",
        ),
    ),
    "secrets": Entry("workbench.cli.secrets:secrets", "Values that environments name and no file holds.", THINGS),
    "notify": Entry("workbench.cli.notify:notify", "Who is told of runs.", THINGS),
    "service": Entry("workbench.cli.service:service", "The supervisor of this home.", THINGS),
}


def _version(context: click.Context, _option: click.Parameter, value: bool) -> None:
    if value and not context.resilient_parsing:
        click.echo(f"workbench {__version__}")
        context.exit()


def _main(call: Invocation) -> int:
    context = click.get_current_context()
    if context.invoked_subcommand is not None:
        return 0
    if sys.stdin.isatty() and sys.stdout.isatty() and not call.json:
        from workbench.ui.app import run as run_program

        run_program(Path(call.home) if call.home else None, read_only=call.read_only)
        return 0
    return int(context.invoke(ENTRIES["status"].load()))


def program() -> Late:
    """All commands, as click has them."""
    return Late(
        "workbench",
        callback=click.pass_obj(_main),
        entries=ENTRIES,
        invoke_without_command=True,
        no_args_is_help=False,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
        params=[
            *common_options(all_shown=True),
            click.Option(
                ["--version"],
                is_flag=True,
                is_eager=True,
                expose_value=False,
                callback=_version,
                help="Print the version.",
            ),
        ],
        help="Projects, environments, IDE sessions, notebook runs and schedules. Without a command: the program.",
        epilog="Names of commands may be cut short while they are unique: workbench env, workbench sched add.",
    )


def run(args: Sequence[str]) -> int:
    """Do what `args` say; the exit code: 0 done, 1 refused or failed, 2 misused, 3 a run did not succeed."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            utf8 = (stream.encoding or "").lower() in ("utf-8", "utf8")
            stream.reconfigure(errors="backslashreplace" if utf8 else "replace")
    call = Invocation(json="--json" in args)  # errors before the option is read are told in its way too
    name = program_name(sys.argv)
    try:
        code = program().main(
            list(args), name, f"_{name.upper()}_COMPLETE", False, obj=call, color=False if _colorless() else None
        )
        return code if isinstance(code, int) else 0
    except click.exceptions.Exit as error:
        return error.exit_code
    except click.ClickException as error:
        return failure.misused(call, error)
    except WorkbenchError as error:
        return failure.refused(call, error)
    except (KeyboardInterrupt, click.Abort):
        click.echo("", err=True)
        return failure.INTERRUPTED
    except BrokenPipeError:
        # The reader has gone; keep the interpreter from failing once more when it flushes at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return failure.FAILED
    except Exception as error:  # noqa: BLE001 - the outermost loop of this process
        return failure.unexpected(call, error)
    finally:
        call.close()


def _colorless() -> bool:
    return bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"
