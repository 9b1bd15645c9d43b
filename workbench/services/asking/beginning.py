"""What a run begins with where neither it nor its schedule says: its project's limits, tries and priority, then the home's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from workbench.errors import WorkbenchError
from workbench.model.project import Project
from workbench.model.run import Request
from workbench.model.schedule import ScheduleSpec
from workbench.model.terms import Terms, priority_word
from workbench.services import projects
from workbench.services.bench import Bench
from workbench.text import duration

PROJECT, HOME = "project.yaml", "workbench.yaml"


@dataclass(frozen=True)
class Beginning:
    """The values, and which file gave those that were not said, by their key: `{"retries": "project.yaml"}`."""

    timeout: float | None
    retries: int
    priority: int
    terms: Terms
    given: Mapping[str, str]

    def facts(self) -> list[tuple[str, str | None]]:
        """Names and values as they are shown, each with the file that gave it."""
        limits = self.terms.limits(self.timeout, duration)
        said = {
            "priority": priority_word(self.priority) if self.priority else "",
            "timeout": limits,
            "retries": str(self.retries) if self.retries else "",
        }
        return [(name, self._with_file(name, text) if text else None) for name, text in said.items()]

    def _with_file(self, name: str, text: str) -> str:
        return f"{text} ({self.given[name]})" if name in self.given else text


def of(bench: Bench, project: Project, asked: Request | ScheduleSpec) -> Beginning:
    """What was asked for, and what holds where that says nothing."""
    home = bench.settings.run_timeout
    terms = asked.terms.within(project.terms).kept(project.keep_kernel, bench.settings.keep_kernel)
    given = {}
    if asked.retries is None and project.retries is not None:
        terms = terms.tried(project.terms)
        given["retries"] = PROJECT
    if asked.priority is None and project.priority is not None:
        given["priority"] = PROJECT
    if asked.timeout is None and (project.timeout is not None or home is not None):
        given["timeout"] = HOME if project.timeout is None else PROJECT
    elif asked.terms.within(project.terms) != asked.terms:
        given["timeout"] = PROJECT
    return Beginning(
        timeout=next((one for one in (asked.timeout, project.timeout, home) if one is not None), None),
        retries=next((one for one in (asked.retries, project.retries) if one is not None), 0),
        priority=next((one for one in (asked.priority, project.priority) if one is not None), 0),
        terms=terms,
        given=given,
    )


def facts(bench: Bench, spec: ScheduleSpec) -> list[tuple[str, str | None]]:
    """What runs of a schedule begin with, as it is shown; by itself where its project cannot be read."""
    try:
        project = projects.get(bench, spec.project)
    except WorkbenchError:
        project = Project(spec.project, bench.home.root)
    return of(bench, project, spec).facts()


def with_file(record: Mapping[str, Any], key: str, text: str) -> str:
    """A value of a run with the file that gave it, as its record says."""
    by = record.get("given_by", {}).get(key)
    return f"{text} ({by})" if text and by else text


def settled(bench: Bench, project: Project, request: Request) -> tuple[Request, dict[str, str]]:
    """The request with all of it, and which file gave what."""
    found = of(bench, project, request)
    whole = replace(
        request, timeout=found.timeout, retries=found.retries, priority=found.priority, terms=found.terms
    )  # fmt: skip
    return whole, dict(found.given)
