"""What the keys of every kind of declaration share: the mapping itself, and how a text is checked and described."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, WithJsonSchema, model_validator

from workbench.declare.scalars import Duration, Whole, kind, text, wrong

# Refused for good in any file: rights that the person's own account does not have.
POLICY = frozenset(
    {
        "privileged", "cap_add", "capabilities", "devices", "security_opt", "network_mode", "pid_mode", "ipc_mode",
        "userns_mode", "host_network", "docker_socket", "runtime", "cgroup_parent", "sysctls",
    }
)  # fmt: skip
POLICY_HINT = "nothing here gets more rights than your own account; no file can allow it"


class Keys(BaseModel):
    """A mapping with known keys. A key with nothing behind it counts as not written."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    LATER: ClassVar[Mapping[str, str]] = {}  # keys that later versions bring, and what to do until then
    SHORT_FORMS: ClassVar[list[str]] = ["string", "number"]  # what JSON Schema calls that value
    SHORT: ClassVar[str] = ""  # the key that a single value instead of the mapping stands for

    @model_validator(mode="before")
    @classmethod
    def _written(cls, data: Any) -> Any:
        if cls.SHORT and isinstance(data, str):
            return {cls.SHORT: data}
        if not isinstance(data, dict):
            wrong(f"expected a mapping (`key: value` lines), found {kind(data)}")
        known = {field.alias or name for name, field in cls.model_fields.items()}
        return {key: value for key, value in data.items() if value is not None or key not in known}


def checked(rule: Callable[[str], str]) -> BeforeValidator:
    """A text for which `rule` gives what it stands for, or says what is wrong."""
    return BeforeValidator(lambda value: rule(text(value)))


def form(words: str, *examples: str) -> WithJsonSchema:
    """What the reference calls the form of a text, with examples of it."""
    return WithJsonSchema({"type": "string", "x-form": words, "examples": list(examples)})


def choice(*words: str) -> tuple[BeforeValidator, WithJsonSchema]:
    """One of a few words."""

    def rule(said: str) -> str:
        if said not in words:
            wrong(f"expected one of {', '.join(words)}, found {said[:60]!r}")
        return said

    return checked(rule), WithJsonSchema({"enum": list(words), "x-form": ", ".join(f"`{word}`" for word in words)})


def _idle(value: object) -> float:
    """Seconds; 0 for `off`, also as YAML's plain `no` would be written."""
    said = text(value)
    return 0.0 if said in ("off", "false", "no") else TypeAdapter(Duration).validate_python(said)


IdleStop = Annotated[
    float,
    BeforeValidator(_idle),
    WithJsonSchema({"type": ["string", "boolean"], "x-form": "duration or `off`", "examples": ["2h", "off"]}),
]
KeepKernel = Annotated[
    float,
    BeforeValidator(_idle),
    WithJsonSchema({"type": ["string", "boolean"], "x-form": "duration or `off`", "examples": ["30m", "off"]}),
]
Concurrency = Annotated[Whole, Field(ge=1, le=256)]
EngineWord = Annotated[str, *choice("auto", "docker", "process")]
