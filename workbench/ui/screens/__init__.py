"""Full screens of the terminal program, one a noun."""

from __future__ import annotations

from workbench.ui import registry
from workbench.ui.nouns.environments import Environments
from workbench.ui.nouns.projects import Projects
from workbench.ui.nouns.runs import Runs
from workbench.ui.nouns.schedules import Schedules
from workbench.ui.nouns.sessions import Sessions
from workbench.ui.screens.noun import NounScreen


class ProjectsScreen(NounScreen):
    """Projects, below what needs somebody."""

    noun_class = Projects
    leads = True
    BINDINGS = registry.bindings(registry.of("projects"))


class EnvironmentsScreen(NounScreen):
    """Environments."""

    noun_class = Environments
    BINDINGS = registry.bindings(registry.of("environments"))


class SessionsScreen(NounScreen):
    """Sessions."""

    noun_class = Sessions
    BINDINGS = registry.bindings(registry.of("sessions"))


class RunsScreen(NounScreen):
    """Runs."""

    noun_class = Runs
    BINDINGS = registry.bindings(registry.of("runs"))


class SchedulesScreen(NounScreen):
    """Schedules."""

    noun_class = Schedules
    BINDINGS = registry.bindings(registry.of("schedules"))


SCREENS = {
    "projects": ProjectsScreen,
    "environments": EnvironmentsScreen,
    "sessions": SessionsScreen,
    "runs": RunsScreen,
    "schedules": SchedulesScreen,
}
