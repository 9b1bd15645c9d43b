"""The keys of every kind of declaration: where a YAML key is defined, typed and described.

What stands here is the source of the JSON Schemas and of docs/yaml.md. Keys of later versions are refused by name.
"""

from __future__ import annotations

from typing import Literal

from workbench.declare.schema.base import POLICY, POLICY_HINT, Keys
from workbench.declare.schema.environment import EnvironmentKeys
from workbench.declare.schema.ide import IdeKeys
from workbench.declare.schema.parameters import ParameterKeys
from workbench.declare.schema.project import DataKeys, ProjectKeys
from workbench.declare.schema.schedule import ScheduleKeys
from workbench.declare.schema.settings import SettingsKeys

KINDS: dict[Literal["environment", "ide", "project", "schedule", "settings"], type[Keys]] = {
    "environment": EnvironmentKeys,
    "ide": IdeKeys,
    "project": ProjectKeys,
    "schedule": ScheduleKeys,
    "settings": SettingsKeys,
}

__all__ = [
    "KINDS",
    "POLICY",
    "POLICY_HINT",
    "DataKeys",
    "EnvironmentKeys",
    "IdeKeys",
    "Keys",
    "ParameterKeys",
    "ProjectKeys",
    "ScheduleKeys",
    "SettingsKeys",
]
