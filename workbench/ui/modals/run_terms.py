"""The calm part of the form of a run: its limits, further tries, priority and kernel, as in that of a schedule."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from textual.widgets import Collapsible

from workbench.model.run import Request, Run
from workbench.model.terms import WORDS, Terms, priority_word
from workbench.services import projects
from workbench.services.asking import beginning
from workbench.services.bench import Bench
from workbench.services.scheduling.preview import span_text
from workbench.ui.modals import schedule_keys

TITLE = "more: limits, further tries, priority, its kernel"
KEYS = frozenset({("timeout", "run"), ("timeout", "cell"), ("retries", "count"), ("priority",), ("keep_kernel",)})
BASE = {"notebook": "a.ipynb", "every": "1d"}  # what makes a whole declaration of these keys


def folded(like: Run | None) -> Collapsible:
    """Its lines, with what a run that is like it was asked for with."""
    return schedule_keys.folded(_said(like), [row for row in schedule_keys.ROWS if row.key in KEYS], TITLE)


def read(values: Mapping[str, str], errors: dict[str, str]) -> dict[schedule_keys.Key, Any]:
    """What was written, by the keys of a declaration. Errors are added to `errors`."""
    keys = schedule_keys.changes(values, {}, errors)
    schedule_keys.check(BASE, keys, errors)
    return keys


def asked(keys: Mapping[schedule_keys.Key, Any], like: Run | None) -> dict[str, Any]:
    """The same as a request has it; what has no line is as of the run that it is like."""
    from workbench.declare import load_schedule, single_keys, writer

    spec = load_schedule(writer.dump(single_keys.merged(BASE, keys)), name="a").get()
    terms = like.terms if like else Terms()
    between = like.priority if like and _between(like) else None
    usual = 0 if like else None  # of a run again an empty line means none; else what the project says
    return {
        "timeout": spec.timeout,
        "retries": usual if spec.retries is None else spec.retries,
        "priority": next((one for one in (spec.priority, between, usual) if one is not None), None),
        "terms": replace(terms, cell=spec.terms.cell, keep=spec.terms.keep),
    }


def words(keys: Mapping[schedule_keys.Key, Any]) -> list[str]:
    """The same as options of `run`."""
    return ["--keep" if word == "--keep-kernel" else word for word in schedule_keys.words(keys)]


def by_project(bench: Bench, project: str, keys: Mapping[schedule_keys.Key, Any], like: Run | None) -> str:
    """What is not written here and its project or the home says: `retries 2 (project.yaml)`; empty for nothing."""
    found = beginning.of(bench, projects.get(bench, project), Request(project, "", **asked(keys, like)))
    return ", ".join(f"{name} {text}" for name, text in found.facts() if text and name in found.given)


def _said(like: Run | None) -> dict[str, Any]:
    if like is None:
        return {}
    spans = {"run": like.timeout, "cell": like.terms.cell}
    said: dict[str, Any] = {"timeout": {name: span_text(span) for name, span in spans.items() if span}}
    said |= {"retries": {"count": like.retries}} if like.retries else {}
    if like.terms.keep is not None:
        said |= {"keep_kernel": span_text(like.terms.keep) if like.terms.keep else "off"}
    return said | ({"priority": priority_word(like.priority)} if like.priority and not _between(like) else {})


def _between(run: Run) -> bool:
    """Whether its priority is a number that no word stands for; it stays where no word is chosen."""
    return run.priority not in WORDS.values()
