"""The person's keyring, asked in a process of its own: a locked one may wait for somebody, and its libraries start threads.

    python -m workbench.keyrings       one question as JSON on stdin, one answer on stdout

The library `keyring` is an optional part (`dsw-lite[keyring]`), imported by that process alone. Values are never arguments.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from workbench.errors import Refused

if TYPE_CHECKING:
    from keyring.backend import KeyringBackend

PATIENCE = 10.0  # seconds: nobody may be there to unlock it
BRIEF = 1.0  # seconds, of who has no time to wait
SILENT = 60.0  # seconds for which one that did not answer is not asked again by those
INSTALL = (
    "Install it into workbench's own Python: pip install 'dsw-lite[keyring]'. Or keep secrets in files: secrets: file"
)
ELSE = "A desktop session has one, PYTHON_KEYRING_BACKEND names another. Or keep secrets in files: secrets: file"
LOCKED = "Unlock it, or keep secrets in files (secrets: file in workbench.yaml) and set them again."


_silent = -SILENT  # when it last did not answer


def get(service: str, names: Sequence[str], *, brief: bool = False) -> dict[str, str]:
    """Values by name; those that it does not have are missing. Raises `Refused` with the reason where it cannot be asked.

    `brief`: who asks has others that wait for it, so that one which does not answer is given up soon.
    """
    if brief and time.monotonic() - _silent < SILENT:
        raise _refused("it did not answer a moment ago", LOCKED)
    question = {"act": "get", "service": service, "names": list(names)}
    found: dict[str, str] = _ask(question, BRIEF if brief else PATIENCE)["values"]
    return found


def put(service: str, name: str, value: str) -> None:
    """Keep a value there, and see that it is there. Raises `Refused`."""
    _ask({"act": "set", "service": service, "names": [name], "value": value})


def remove(service: str, name: str) -> None:
    """Take a value out; nothing where there is none. Raises `Refused`."""
    _ask({"act": "remove", "service": service, "names": [name]})


def backend() -> str:
    """What keeps values here. Raises `Refused` where nothing can."""
    return str(_ask({"act": "name", "service": "", "names": []})["backend"])


def _ask(question: Mapping[str, Any], patience: float | None = None) -> dict[str, Any]:
    global _silent  # noqa: PLW0603 - of this process: there is one keyring
    patience = PATIENCE if patience is None else patience
    argv = [sys.executable, "-P", "-m", "workbench.keyrings"]
    try:
        done = subprocess.run(
            argv, input=json.dumps(question).encode(), capture_output=True, timeout=patience, check=False, cwd="/",
            start_new_session=True, env={**os.environ, "PYTHONWARNINGS": "ignore"},
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        _silent = time.monotonic()
        raise _refused(f"it did not answer within {patience:.0f} s", LOCKED) from None
    except OSError as error:
        raise _refused(f"it cannot be asked: {error.strerror}", LOCKED) from error
    try:
        answer: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        raise _refused(f"what asks it ended with {done.returncode}", LOCKED) from None
    if "problem" in answer:
        raise _refused(str(answer["problem"]), str(answer["hint"]))
    return answer


def _refused(why: str, hint: str) -> Refused:
    return Refused(f"the keyring cannot be used: {why}", title="secrets", hint=hint)


def _answer(question: Mapping[str, Any]) -> dict[str, Any]:
    try:
        import keyring
    except ImportError:
        return {"problem": "the library keyring is not installed", "hint": INSTALL}
    try:
        kept = keyring.get_keyring()
        if kept.priority <= 0:  # those that fail, and those that forget
            return {"problem": f"there is none here ({kept.name})", "hint": ELSE}
        return {"backend": kept.name, **_act(kept, question)}
    except Exception as error:  # noqa: BLE001 - the outermost of this process: a backend may be anybody's
        return {"problem": f"{type(error).__name__}: {error}".removesuffix(": "), "hint": LOCKED}


def _act(kept: KeyringBackend, question: Mapping[str, Any]) -> dict[str, Any]:
    from keyring.errors import PasswordDeleteError

    act, service, names = question["act"], question["service"], question["names"]
    if act == "get":
        values = {name: kept.get_password(service, name) for name in names}
        return {"values": {name: value for name, value in values.items() if value is not None}}
    if act == "set":
        kept.set_password(service, names[0], question["value"])
        if kept.get_password(service, names[0]) != question["value"]:
            return {"problem": f"{kept.name} did not keep the value", "hint": ELSE}
    if act == "remove":
        try:
            kept.delete_password(service, names[0])
        except PasswordDeleteError:
            if kept.get_password(service, names[0]) is not None:
                raise
    return {}


if __name__ == "__main__":
    out = os.dup(1)
    os.dup2(2, 1)  # what backends print is no answer
    told = json.dumps(_answer(json.load(sys.stdin)))
    with open(out, "w", encoding="utf-8") as answers:
        answers.write(told)
